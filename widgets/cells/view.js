import { menu } from "@nbpipes/kit/actions.js";
import { button, search } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { colour } from "@nbpipes/kit/palette.js";

/**
 * value and words: what the aggregator makes of the cells, and of how many; value is "" where it makes nothing.
 *
 * @typedef {{question: string | null, answer: string, aggregator: string, value: string, number: number | null,
 *   words: string, read: string, cells: [number, number][]}} Answer
 */
/**
 * rows and columns: numbers of those that are here, of `height` and `width` in all.
 *
 * @typedef {{answers: Answer[], names: string[], columns: number[], width: number, rows: number[], height: number,
 *   cells: string[][]}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { answers } = spec;
  const state = { chosen: 0, query: "", answering: false };
  const told = h("div", { class: "nbp-answered", dir: "auto" });
  const table = h("tbody", {});
  const head = ["", ...spec.names].map((name) => h("th", { scope: "col" }, h("bdi", {}, name)));
  const view = h(
    "div",
    { class: "nbp-scroll nbp-grid", tabindex: 0, role: "region", "aria-label": "Table" },
    h("table", {}, h("thead", {}, h("tr", {}, ...head)), table),
  );
  const list = listbox({ label: "Questions", class: "nbp-questions" }, (index) => {
    state.chosen = index;
    paint();
    context.select([index]);
    context.say(`${answers[index].value || answers[index].answer || "No cell of the table"}`);
  });
  list.fill(
    answers.map(({ question, value, words }, index) => ({
      index,
      cells: [h("bdi", {}, question ?? `Question ${index + 1}`), h("bdi", { class: "nbp-muted" }, value || words)],
    })),
  );
  const only = button("Only answers", () => {
    state.answering = !state.answering;
    only.setAttribute("aria-pressed", String(state.answering));
    paint();
  });
  only.setAttribute("aria-pressed", "false");
  const find = search("Search the table", (query) => {
    state.query = query;
    paint();
  });

  function paint() {
    list.mark((index) => index === state.chosen);
    const answer = answers[state.chosen];
    told.replaceChildren(...summary(answer, answers.length === 1));
    const marked = new Set(answer.cells.map(String));
    table.replaceChildren(...lines(spec, marked, state));
    const first = /** @type {HTMLElement | null} */ (table.querySelector("mark"));
    if (first) requestAnimationFrame(() => reveal(first, view));
  }

  body.append(h("div", { class: "nbp-bar-top" }, find, only, menu(exported(spec), context)));
  if (answers.length > 1) body.append(list.node);
  body.append(told, view);
  const more = spec.width - spec.names.length;
  if (more > 0) body.append(h("div", { class: "nbp-muted" }, `… ${counted(more, "more column")}`));
  paint();
}

/** The answer in words. @param {Answer} answer @param {boolean} asked whether the question is told too */
function summary({ question, aggregator, value, words, read }, asked) {
  const { fill, line } = colour(3);
  const chip = h("span", { class: "nbp-chip", style: { background: fill, "border-color": line } }, aggregator);
  return [
    asked && question !== null ? h("strong", {}, h("bdi", {}, question), h("br")) : "",
    ...(value
      ? [chip, " → ", h("strong", {}, value), h("span", { class: "nbp-muted" }, ` of ${words}`)]
      : [words ? h("bdi", {}, words) : h("i", {}, "no cell of the table")]),
    read ? h("div", { class: "nbp-muted" }, read) : "",
  ];
}

/**
 * @param {Spec} spec
 * @param {Set<string>} marked "row,column" of each cell that answers
 * @param {{query: string, answering: boolean}} filter
 */
function lines({ rows, cells, columns, height }, marked, { query, answering }) {
  const { fill, line } = colour(0);
  const drawn = [];
  let last = -1;
  const gap = (/** @type {number} */ row) => {
    if (row > last + 1) {
      const text = `⋮ ${counted(row - last - 1, query || answering ? "other row" : "more row")}`;
      drawn.push(h("tr", { class: "nbp-gap" }, h("td", { colspan: columns.length + 1 }, text)));
    }
    last = row;
  };
  for (const [place, row] of rows.entries()) {
    const has = columns.some((column) => marked.has(`${row},${column}`));
    if ((answering && !has) || !cells[place].some((cell) => cell.toLowerCase().includes(query))) continue;
    gap(row);
    const tds = cells[place].map((cell, index) => {
      if (!marked.has(`${row},${columns[index]}`)) return h("td", {}, h("bdi", {}, cell));
      const style = { background: fill, "border-color": line };
      return h("td", {}, h("mark", { style }, h("bdi", {}, cell || "(empty)")));
    });
    drawn.push(h("tr", { class: has ? "nbp-has" : null }, h("th", { scope: "row" }, String(row)), ...tds));
  }
  gap(height);
  return drawn;
}

/** Scrolls the table alone, never the notebook. @param {HTMLElement} mark @param {HTMLElement} view */
function reveal(mark, view) {
  const [inner, outer] = [mark.getBoundingClientRect(), view.getBoundingClientRect()];
  if (inner.top < outer.top + 40 || inner.bottom > outer.bottom)
    view.scrollTop += inner.top - outer.top - view.clientHeight / 3;
  if (inner.left < outer.left + 60 || inner.right > outer.right)
    view.scrollLeft += inner.left - outer.left - view.clientWidth / 3;
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ answers }) {
  return {
    name: "answers",
    json: () => answers.map(({ question, answer, number, cells }) => ({ question, answer, value: number, cells })),
    rows: () => [
      ["question", "answer", "value"],
      ...answers.map(({ question, answer, number }) => [question, answer, number]),
    ],
  };
}
