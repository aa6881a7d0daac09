import { h } from "@nbpipes/kit/dom.js";
import { pressable, rove, roving } from "@nbpipes/kit/keys.js";
import { number } from "@nbpipes/kit/numbers.js";

const ROWS = 200; // in the page at once; the filters reach the others

/** @typedef {import("./view.js").Entity} Entity */

/** @type {[string, (entity: Entity) => string | number | null][]} */
const COLUMNS = [
  ["entity", ({ word }) => word],
  ["label", ({ label }) => label],
  ["score", ({ score }) => score],
  ["characters", ({ start }) => start],
];

/**
 * The entities as a table that the reader unfolds; its rows select what the text shows.
 *
 * @param {Entity[]} entities
 * @param {Map<string, import("@nbpipes/kit/palette.js").Colour>} palette
 * @param {{press: (index: number) => void}} on
 */
export function table(entities, palette, { press }) {
  let by = -1;
  let down = false;
  /** @type {[number[], Set<number>]} */
  let last = [[], new Set()];
  const rows = h("tbody", {});
  const heads = COLUMNS.map(([name], column) => {
    const sort = () => {
      [by, down] = by === column ? [column, !down] : [column, name === "score"];
      show(...last);
    };
    return h(
      "th",
      { scope: "col", class: column > 1 ? "nbp-number" : "" },
      h("button", { type: "button", class: "nbp-sort", onclick: sort }, name),
    );
  });
  const summary = h("summary", { class: "nbp-muted" }, "Table");
  const whole = h("table", { class: "nbp-table" }, h("thead", {}, h("tr", {}, ...heads)), rows);
  const node = h("details", { class: "nbp-entity-table" }, summary, h("div", { class: "nbp-scroll" }, whole));
  node.addEventListener("toggle", () => show(...last));
  roving(rows, "tr[data-row]");

  /** @param {number[]} indices @param {Set<number>} selected */
  function show(indices, selected) {
    last = [indices, selected];
    for (const [column, head] of heads.entries()) {
      head.setAttribute("aria-sort", by !== column ? "none" : down ? "descending" : "ascending");
    }
    if (!node.open) return;
    const focused = /** @type {HTMLElement | null} */ (rows.querySelector("tr:focus"))?.dataset.row;
    const sorted =
      by < 0
        ? indices
        : [...indices].sort(
            (a, b) => (down ? -1 : 1) * compare(COLUMNS[by][1](entities[a]), COLUMNS[by][1](entities[b])),
          );
    rows.replaceChildren(...sorted.slice(0, ROWS).map((index) => row(index, selected.has(index))));
    if (sorted.length > ROWS) {
      rows.append(
        h(
          "tr",
          {},
          h("td", { colspan: 4, class: "nbp-muted" }, `… ${(sorted.length - ROWS).toLocaleString("en")} more`),
        ),
      );
    }
    const again =
      focused === undefined ? null : /** @type {HTMLElement | null} */ (rows.querySelector(`[data-row="${focused}"]`));
    rove(/** @type {HTMLElement[]} */ ([...rows.querySelectorAll("tr[data-row]")]), again ?? undefined);
    again?.focus();
  }

  /** @param {number} index @param {boolean} selected */
  function row(index, selected) {
    const { word, label, group, score, start, end } = entities[index];
    const { fill, line } = palette.get(group) ?? { fill: "", line: "" };
    const chip = h("span", { class: "nbp-chip", style: { background: fill, "border-color": line } }, label || "–");
    const tr = h(
      "tr",
      { "data-row": index, "aria-selected": String(selected), tabindex: -1 },
      h("td", { dir: "auto" }, word),
      h("td", {}, chip),
      h("td", { class: "nbp-number" }, number(score, 4)),
      h("td", { class: "nbp-number nbp-muted" }, start === null ? "" : `${start}–${end}`),
    );
    pressable(tr, () => press(index));
    return tr;
  }

  return { node, show };
}

/** @param {string | number | null} a @param {string | number | null} b */
function compare(a, b) {
  if (typeof a === "string" && typeof b === "string") return a.localeCompare(b);
  return Number(a ?? -1) - Number(b ?? -1);
}
