import { menu } from "@nbpipes/kit/actions.js";
import { bar } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { number, share } from "@nbpipes/kit/numbers.js";
import { offsets } from "@nbpipes/kit/offsets.js";
import { colour } from "@nbpipes/kit/palette.js";

/** @typedef {{answer: string, score: number | null, start: number | null, end: number | null}} Answer */
/** @typedef {{question: string | null, text: string | null, more: number, answers: Answer[]}} Spec */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { answers } = spec;
  const passage = h("div", {
    class: "nbp-text nbp-passage",
    dir: "auto",
    tabindex: 0,
    role: "region",
    "aria-label": "Context",
  });
  const list = listbox({ label: "Answers", class: "nbp-answers" }, (index) => {
    show(index);
    context.select([index]);
    context.say(`${answers[index].answer || "No answer"}, ${number(answers[index].score, 2)}`);
  });

  /** @param {number} index */
  function show(index) {
    list.mark((other) => other === index);
    const mark = spec.text === null ? null : highlight(passage, spec.text, spec.more, answers[index]);
    if (mark) requestAnimationFrame(() => reveal(mark, passage));
  }

  list.fill(
    answers.map(({ answer, score }, index) => ({
      index,
      cells: [
        answer ? h("bdi", {}, answer) : h("i", {}, "no answer in the text"),
        bar(share(score), colour(0)),
        h("span", { class: "nbp-number" }, number(score)),
      ],
    })),
  );
  const question = spec.question === null ? "" : h("strong", { dir: "auto" }, spec.question);
  const top = h("div", { class: "nbp-bar-top" }, question, menu(exported(spec), context));
  body.append(top, list.node);
  if (spec.text !== null) body.append(passage);
  if (answers.length) show(0);
}

/**
 * @param {HTMLElement} passage
 * @param {string} text
 * @param {number} more
 * @param {Answer} answer
 */
function highlight(passage, text, more, { start, end, score }) {
  const unit = offsets(text);
  const [from, to] = start === null || end === null ? [0, 0] : [unit(start), unit(end)];
  const { fill, line } = colour(0);
  const mark = h(
    "mark",
    { style: { background: fill, "border-color": line } },
    text.slice(from, to),
    h("sub", { class: "nbp-badge" }, number(score, 2)),
  );
  passage.replaceChildren(text.slice(0, from));
  if (to > from) passage.append(mark);
  passage.append(text.slice(to));
  if (more) passage.append(h("span", { class: "nbp-muted" }, ` … ${counted(more, "more character")}`));
  return to > from ? mark : null;
}

/** Scrolls the passage alone, never the notebook. @param {HTMLElement} mark @param {HTMLElement} passage */
function reveal(mark, passage) {
  const [inner, outer] = [mark.getBoundingClientRect(), passage.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom)
    passage.scrollTop += inner.top - outer.top - passage.clientHeight / 3;
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ answers, text }) {
  return {
    name: "answers",
    json: () => answers,
    rows: () => [
      ["answer", "score", "start", "end"],
      ...answers.map(({ answer, score, start, end }) => [answer, score, start, end]),
    ],
    text: text === null ? undefined : () => text,
  };
}
