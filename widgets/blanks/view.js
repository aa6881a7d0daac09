import { menu } from "@nbpipes/kit/actions.js";
import { bar, quote } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";
import { roving } from "@nbpipes/kit/keys.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { number, share } from "@nbpipes/kit/numbers.js";
import { colour } from "@nbpipes/kit/palette.js";

/** @typedef {{word: string, score: number | null}} Candidate */

/**
 * pieces: the text between the blanks, one more than there are blanks; null where they cannot be found in the text.
 *
 * @typedef {{pieces: string[] | null, text: string | null, more: number, blanks: Candidate[][]}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { blanks, pieces } = spec;
  const chosen = blanks.map(() => 0);
  const first = blanks.map((_, blank) => blanks.slice(0, blank).reduce((sum, { length }) => sum + length, 0));
  let at = 0;

  const slots = blanks.map((_, blank) => {
    const { fill, line } = colour(blank);
    const go = () => {
      at = blank;
      list.node.querySelector("[role=option]") && show();
    };
    return h("button", {
      type: "button",
      class: "nbp-slot",
      onclick: go,
      style: { background: fill, "border-color": line },
    });
  });
  const list = listbox({ label: "Candidates", class: "nbp-candidates" }, (index) => {
    chosen[at] = index;
    show();
    context.select(chosen.map((candidate, blank) => first[blank] + candidate));
    context.say(words().join(", "));
  });
  const words = () => chosen.map((index, blank) => blanks[blank][index]?.word ?? "");

  function show() {
    for (const [blank, slot] of slots.entries()) {
      const { word, score } = blanks[blank][chosen[blank]];
      slot.replaceChildren(h("bdi", {}, word || "␣"), h("sub", { class: "nbp-badge" }, number(score, 2)));
      slot.setAttribute("aria-pressed", String(blank === at));
    }
    list.node.setAttribute("aria-label", slots.length > 1 ? `Candidates for blank ${at + 1}` : "Candidates");
    list.fill(
      blanks[at].map(({ word, score }, index) => ({
        index,
        cells: [
          h("bdi", {}, word || "␣"),
          bar(share(score), colour(at)),
          h("span", { class: "nbp-number" }, number(score)),
        ],
      })),
    );
    list.mark((index) => index === chosen[at]);
  }

  const text =
    pieces &&
    h("div", { class: "nbp-text nbp-sentence", dir: "auto" }, ...pieces.flatMap((piece, i) => [piece, slots[i]]));
  if (text) roving(text, "button");
  const top = h("div", { class: "nbp-bar-top" }, text ?? h("span", {}, ...slots), menu(exported(spec, words), context));
  body.append(text ? "" : (quote(spec.text, spec.more) ?? ""), top, list.node);
  if (blanks.length) show();
}

/** @param {Spec} spec @param {() => string[]} words @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ blanks, pieces }, words) {
  const sentence = () => (pieces ?? []).map((piece, i) => piece + (words()[i] ?? "")).join("");
  return {
    name: "candidates",
    json: () => blanks,
    rows: () => [
      ["blank", "word", "score"],
      ...blanks.flatMap((candidates, blank) => candidates.map(({ word, score }) => [blank, word, score])),
    ],
    text: pieces ? sentence : undefined,
  };
}
