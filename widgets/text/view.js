import { menu } from "@nbpipes/kit/actions.js";
import { quote } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { pieces } from "@nbpipes/kit/pieces.js";

/**
 * prompt: what a text goes on from. pieces: the tokens of what is new, and how likely they were, if that is known.
 *
 * @typedef {{prompt: string, text: string, more: number, pieces: import("@nbpipes/kit/pieces.js").Pieces}} Answer
 * @typedef {{text: string | null, more: number, answers: Answer[]}} Spec text: what the answers were made of
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { answers } = spec;
  let at = 0;
  const top = h("div", { class: "nbp-bar-top" });
  const count =
    answers.length === 1 ? counted([...answers[0].text].length, "character") : counted(answers.length, "text");
  top.append(
    h("span", { class: "nbp-muted" }, count),
    menu(
      exported(spec, () => at),
      context,
    ),
  );
  const page = h("div", { class: "nbp-answer" });
  if (answers.length === 1) page.append(written(answers[0]));
  else if (answers.length) page.append(several(answers, choose));
  body.append(top);
  if (spec.text === null) body.append(page);
  else
    body.append(
      h("div", { class: "nbp-beside" }, h("div", { class: "nbp-source" }, quote(spec.text, spec.more)), page),
    );

  /** @param {number} index */
  function choose(index) {
    at = index;
    context.select([index]);
  }
}

/**
 * All answers, one below the other; one of them is chosen by mouse or keyboard.
 *
 * @param {Answer[]} answers
 * @param {(index: number) => void} choose
 */
function several(answers, choose) {
  const list = h("ol", { class: "nbp-several" });
  const marks = answers.map((answer, index) => {
    const mark = h("button", { type: "button", class: "nbp-mark", "aria-pressed": "false" }, String(index + 1));
    mark.setAttribute("aria-label", `Text ${index + 1}`);
    const row = h("li", {}, mark, written(answer));
    mark.addEventListener("click", () => {
      for (const other of marks) other.setAttribute("aria-pressed", String(other === mark));
      choose(index);
    });
    list.append(row);
    return mark;
  });
  return list;
}

/** @param {Answer} answer */
function written({ prompt, text, more, pieces: tokens }) {
  const node = h("div", { class: "nbp-text", dir: "auto" });
  if (prompt) node.append(h("span", { class: "nbp-prompt" }, prompt));
  if (tokens.length && tokens.map(([words]) => words).join("") === text) node.append(...pieces(tokens));
  else node.append(h("span", { class: prompt ? "nbp-new" : "" }, text));
  if (more) node.append(h("span", { class: "nbp-muted" }, ` … ${counted(more, "more character")}`));
  return node;
}

/** @param {Spec} spec @param {() => number} at @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ answers }, at) {
  const whole = (/** @type {Answer} */ { prompt, text }) => prompt + text;
  return {
    name: "text",
    json: () => answers.map(whole),
    rows: () => [["text"], ...answers.map((answer) => [whole(answer)])],
    text: () => (answers.length ? whole(answers[at()]) : ""),
  };
}
