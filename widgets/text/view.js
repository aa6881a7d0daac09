import { menu } from "@nbpipes/kit/actions.js";
import { quote, stepper } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";

/** @typedef {{role: string, content: string}} Turn */

/**
 * prompt: what a text goes on from. source: what it was made of. turns: of a chat, where the answer is one.
 *
 * @typedef {{prompt: string, text: string, more: number, turns: Turn[] | null}} Answer
 * @typedef {{text: string | null, more: number, answers: Answer[]}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { answers } = spec;
  const page = h("div", { class: "nbp-answer" });
  let at = 0;

  const steps = stepper((by) => {
    at = (at + by + answers.length) % answers.length;
    show();
    context.select([at]);
  }, "text");

  function show() {
    steps.show(at, answers.length);
    const answer = answers[at];
    page.replaceChildren(...(answer ? (answer.turns ? answer.turns.map(bubble) : [written(answer)]) : []));
  }

  const top = h("div", { class: "nbp-bar-top" });
  if (answers.length > 1) top.append(steps.node);
  const length = () => [...(answers[at]?.text ?? "")].length;
  if (answers.length === 1 && !answers[0].turns)
    top.append(h("span", { class: "nbp-muted" }, counted(length(), "character")));
  top.append(
    menu(
      exported(spec, () => at),
      context,
    ),
  );
  body.append(top, page);
  if (spec.text !== null) {
    const source = h(
      "details",
      {},
      h("summary", { class: "nbp-muted" }, `Source, ${counted([...spec.text].length + spec.more, "character")}`),
    );
    source.append(quote(spec.text, spec.more) ?? "");
    body.append(source);
  }
  show();
}

/** @param {Answer} answer */
function written({ prompt, text, more }) {
  const node = h("div", { class: "nbp-text", dir: "auto" });
  if (prompt) node.append(h("span", { class: "nbp-prompt" }, prompt));
  node.append(h("span", { class: prompt ? "nbp-new" : "" }, text));
  if (more) node.append(h("span", { class: "nbp-muted" }, ` … ${counted(more, "more character")}`));
  return node;
}

/** @param {Turn} turn */
function bubble({ role, content }) {
  const known = ["system", "user", "assistant"].includes(role) ? role : "other";
  return h(
    "div",
    { class: `nbp-turn nbp-${known}` },
    h("div", { class: "nbp-muted" }, role),
    h("div", { class: "nbp-text", dir: "auto" }, content),
  );
}

/** @param {Spec} spec @param {() => number} at @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ answers }, at) {
  const whole = (/** @type {Answer} */ { prompt, text }) => prompt + text;
  return {
    name: "text",
    json: () => answers.map((answer) => answer.turns ?? whole(answer)),
    rows: () => [["text"], ...answers.map((answer) => [whole(answer)])],
    text: () => (answers.length ? whole(answers[at()]) : ""),
  };
}
