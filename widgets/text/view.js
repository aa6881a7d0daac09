import { menu } from "@nbpipes/kit/actions.js";
import { button, quote } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { pieces } from "@nbpipes/kit/pieces.js";
import { copied, marked } from "./copied.js";

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
  else {
    const source = h("div", { class: "nbp-source" }, quote(spec.text, spec.more));
    body.append(h("div", { class: "nbp-beside" }, source, page));
    if (answers.length === 1 && !answers[0].pieces.length) top.children[0].after(takenOver(spec, source, page));
  }

  /** @param {number} index */
  function choose(index) {
    at = index;
    context.select([index]);
  }
}

/**
 * Marks what an answer took over from its source word by word, on both sides; gives a button that shows it or not.
 *
 * @param {Spec} spec
 * @param {HTMLElement} source
 * @param {HTMLElement} page
 */
function takenOver({ text, answers }, source, page) {
  const whole = text ?? "";
  const [{ text: answer }] = answers;
  const { inText, inSource, count, of } = copied(whole, answer);
  /** @type {[Element | null, string, import("./copied.js").Range[]][]} */
  const sides = [
    [source.querySelector(".nbp-text"), whole, inSource],
    [page.querySelector(".nbp-text > span"), answer, inText],
  ];
  // What stands behind the text, that characters were left out, stays.
  const rests = sides.map(([node]) => [...(node?.childNodes ?? [])].slice(1));
  const toggle = button(
    `${count.toLocaleString("en")} of ${counted(of, "word")} taken over`,
    () => show(toggle.getAttribute("aria-pressed") === "false"),
    { hidden: count === 0, title: "Three words in a row or more, marked on both sides" },
  );

  /** @param {boolean} on */
  function show(on) {
    toggle.setAttribute("aria-pressed", String(on));
    for (const [side, [node, words, ranges]] of sides.entries())
      node?.replaceChildren(...marked(words, on ? ranges : []), ...rests[side]);
  }
  if (count) show(true);
  return toggle;
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
