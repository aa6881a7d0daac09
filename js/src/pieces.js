import { h } from "@nbpipes/kit/dom.js";

/** @typedef {[string, number][]} Pieces texts of tokens, and how likely each was */

const STEPS = 5;

/**
 * A text whose tokens are coloured by how likely they were, with a line that says what the colours mean.
 *
 * @param {Pieces} pieces
 */
export function pieces(pieces) {
  const shade = (/** @type {number} */ score) => ({
    background: `rgba(238, 136, 102, ${((0.6 * Math.round((1 - score) * STEPS)) / STEPS).toFixed(2)})`,
  });
  const text = pieces.map(([words, score]) =>
    h("span", { class: "nbp-piece", title: score.toFixed(3), style: shade(score) }, words),
  );
  const legend = h("div", { class: "nbp-muted" }, "likely ");
  for (const score of [1, 0.75, 0.5, 0.25, 0])
    legend.append(h("span", { class: "nbp-shade", style: shade(score) }, score.toFixed(2)), " ");
  legend.append("unlikely");
  return [h("span", {}, ...text), legend];
}
