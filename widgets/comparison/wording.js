import { h } from "@nbpipes/kit/dom.js";

/** Pieces of two texts: one string where they are the same, else the words of both. @typedef {string[][]} Wording */

/**
 * Two texts as one: what only the left one has is struck out, what only the right one has is underlined.
 *
 * @param {Wording} pieces
 * @param {[string, string]} names
 */
export function wording(pieces, [left, right]) {
  const nodes = pieces.flatMap(([one, other]) =>
    other === undefined
      ? [one, " "]
      : [one && h("del", {}, one), one && other && " ", other && h("ins", {}, other), " "],
  );
  const key = [h("del", {}, left), " has what is struck out, ", h("ins", {}, right), " what is underlined"];
  return h(
    "div",
    {},
    h("div", { class: "nbp-muted nbp-wording" }, ...(pieces.length ? key : [])),
    h(
      "div",
      { class: "nbp-text nbp-wording", dir: "auto", tabindex: 0, role: "region", "aria-label": "Both texts" },
      ...nodes,
    ),
  );
}
