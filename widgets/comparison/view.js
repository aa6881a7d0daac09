import { menu } from "@nbpipes/kit/actions.js";
import { button } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";
import { nest } from "@nbpipes/kit/nested.js";
import { wording } from "./wording.js";

/**
 * rows: what the results say of the same thing: its name, and both answers, null where one has none. time: when they
 * say it in a sound, in seconds. summary: how much is the same, where that is not a number of rows. wording: both texts
 * as one, in pieces.
 *
 * @typedef {{what: string, left: string | null, right: string | null, same: boolean, time?: number | null}} Row
 * @typedef {{names: [string, string], head: string, rows: Row[], sides: [Side, Side], summary?: string,
 *   wording?: import("./wording.js").Wording}} Spec
 * @typedef {{picture?: {data: unknown} | null, labels?: unknown}} Side the spec of another view; beside bars for labels
 *   a picture is no stage
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { rows, names, sides } = spec;
  const same = rows.filter((row) => row.same).length;
  let all = same === rows.length;
  const lines = h("tbody", {});
  const toggle = button(
    "Show what agrees",
    () => {
      all = !all;
      show();
    },
    { hidden: same === 0 || same === rows.length },
  );

  function show() {
    toggle.setAttribute("aria-pressed", String(all));
    lines.replaceChildren(...rows.filter((row) => all || !row.same).map((row) => line(row, go)));
  }

  const head = h("thead", {}, h("tr", {}, ...["", spec.head, ...names].map((name) => h("th", { scope: "col" }, name))));
  const table = h("table", { class: "nbp-table nbp-differences" }, head, lines);
  const panes = names.map((name, side) => {
    const place = h("div", {});
    const answer = (/** @type {string} */ op, /** @type {any} */ args) => context.request(op, { ...args, side });
    void nest(place, sides[side], context.model.get("code"), answer, context.signal).catch((error) =>
      place.replaceChildren(String(error)),
    );
    return h(
      "section",
      { class: "nbp-side", "aria-label": name },
      h("div", { class: "nbp-name" }, h("bdi", {}, name)),
      place,
    );
  });
  /** Brings both sides to a time. @param {number} time */
  function go(time) {
    for (const node of beside.querySelectorAll(".nbp")) node.dispatchEvent(new CustomEvent("nbp-go", { detail: time }));
  }

  const beside = h("div", { class: "nbp-sides" }, ...panes);
  const agree = spec.summary ?? (rows.length ? `${same} of ${rows.length} agree` : "Neither found anything");
  body.append(
    h(
      "div",
      { class: "nbp-bar-top" },
      h("strong", {}, agree),
      toggle,
      together(beside, sides),
      menu(exported(spec), context),
    ),
    spec.wording ? wording(spec.wording, names) : "",
    rows.length
      ? h("div", { class: "nbp-scroll", tabindex: 0, role: "region", "aria-label": "Differences" }, table)
      : "",
    beside,
  );
  show();
}

/**
 * A button that lets two pictures be zoomed and moved as one; hidden where there are none.
 *
 * @param {HTMLElement} beside what holds both
 * @param {Side[]} sides
 */
function together(beside, sides) {
  let on = true;
  const node = button(
    "Zoom together",
    () => {
      on = !on;
      node.setAttribute("aria-pressed", String(on));
    },
    { "aria-pressed": "true", hidden: !sides.every(({ picture, labels }) => picture?.data && !labels) },
  );
  beside.addEventListener("nbp-moved", (event) => {
    if (!on) return;
    const { detail, target } = /** @type {CustomEvent<number[]>} */ (event);
    for (const stage of beside.querySelectorAll(".nbp-canvas"))
      if (stage !== target) stage.dispatchEvent(new CustomEvent("nbp-lead", { detail }));
  });
  return node;
}

/** @param {Row} row @param {(time: number) => void} go */
function line({ what, left, right, same, time }, go) {
  const cell = (/** @type {string | null} */ value) =>
    h("td", { class: value === null ? "nbp-muted" : "" }, h("bdi", {}, value ?? "—"));
  const sign = h("td", { title: same ? "they agree" : "they differ" }, same ? "=" : "≠");
  const name = typeof time === "number" ? button(what, () => go(time), { title: "Go there" }) : h("bdi", {}, what);
  return h("tr", { "data-same": same }, sign, h("th", { scope: "row" }, name), cell(left), cell(right));
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ names, rows, head }) {
  return {
    name: "comparison",
    json: () => rows,
    rows: () => [
      [head, ...names, "same"],
      ...rows.map(({ what, left, right, same }) => [what, left, right, String(same)]),
    ],
  };
}
