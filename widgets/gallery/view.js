import { menu } from "@nbpipes/kit/actions.js";
import { search, stepper } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { nest } from "@nbpipes/kit/nested.js";
import { number } from "@nbpipes/kit/numbers.js";
import { colours, heat } from "@nbpipes/kit/palette.js";
import { thumbs } from "@nbpipes/kit/thumbs.js";
import { windowed } from "@nbpipes/kit/windowed.js";

const TALL = 56; // px of a row with a picture
const EXPORTED = 5_000; // rows of a copy or download

/** @typedef {{name: string, kind: "text" | "long" | "number" | "heat" | "chips"}} Column */
/** @typedef {string | number | null | [string, string][]} Cell */
/** @typedef {{index: number, name: string, text: string, cells: Cell[]}} Row name: its number, or its label in a table */
/**
 * @typedef {{count: number, columns: Column[], first: Row[], classes: string[],
 *   pictures: boolean, colours?: Record<string, import("@nbpipes/kit/palette.js").Colour>}} Spec pictures: rows show
 *   small copies of their items. colours: those that the user chose, by class
 */

const WIDTHS = {
  text: "minmax(4em, 1fr)",
  long: "minmax(5em, 3fr)",
  number: "4.8em",
  heat: "minmax(2.8em, 5.5em)",
  chips: "minmax(5em, 1.6fr)",
};

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const order = { by: -1, down: false, query: "" };
  /** @type {Set<number>} */
  const selected = new Set();
  let showing = new AbortController();
  const named = Math.max(...spec.first.map(({ name }) => name.length), 0);
  const grid = [
    `${Math.min(Math.max(0.6 * named + 0.6, 2.6), 9)}em`,
    ...(spec.pictures ? ["64px"] : []),
    "minmax(4.5em, 1.4fr)",
    ...spec.columns.map(({ kind }) => WIDTHS[kind]),
  ].join(" ");
  const palette = colours(spec.classes, spec.colours);
  const hint = h("span", { class: "nbp-muted" }, "Click a row, or move with the arrow keys, to see all of it");
  const detail = h("div", { class: "nbp-detail" }, hint);
  const steps = stepper((by) => list.step(by), "result");

  const small = thumbs(context, () => list.paint());
  const list = windowed({
    label: `${counted(spec.count, "result")}; the arrow keys open one, Enter selects it`,
    fetch: async (start, stop) => {
      const got = await context.request("rows", { start, stop, ...order });
      steps.show(list.place(), got.total);
      tally.textContent = order.query
        ? `${got.total.toLocaleString("en")} of ${counted(spec.count, "result")}`
        : counted(spec.count, "result");
      return got;
    },
    height: spec.pictures ? TALL : undefined,
    draw: (row) => {
      const node = drawn(row, spec.columns, grid, palette, row !== null && selected.has(row.index));
      if (row && spec.pictures) node.children[0].after(small.of(row.index));
      return node;
    },
    open: (row, place) => {
      steps.show(place, list.total());
      void open(row.index);
    },
    press: ({ index }) => {
      if (!selected.delete(index)) selected.add(index);
      list.paint();
      context.select([...selected].sort((a, b) => a - b));
      context.say(selected.size ? `${counted(selected.size, "result")} selected` : "Nothing is selected");
    },
  });

  /** @param {number} index */
  async function open(index) {
    showing.abort();
    showing = new AbortController();
    const { signal } = showing;
    try {
      const item = await context.request("item", { index });
      if (signal.aborted) return;
      const answer = (/** @type {string} */ op, /** @type {any} */ args) =>
        context.request(op === "select" ? "pick" : op, { ...args, index });
      const inside = detail.contains(document.activeElement); // the focus would be lost with what is there
      await nest(detail, item, context.model.get("code"), answer, signal);
      if (inside) list.node.focus();
    } catch (error) {
      if (!signal.aborted)
        detail.replaceChildren(
          h("div", { class: "nbp-error" }, error instanceof Error ? error.message : String(error)),
        );
    }
  }

  const heads = spec.columns.map(({ name, kind }, column) => {
    const falling = kind !== "text" && kind !== "long";
    const sort = () => {
      if (order.by === column && order.down !== falling) order.by = -1;
      else [order.by, order.down] = order.by === column ? [column, !order.down] : [column, falling];
      restart();
      heads.forEach((head, other) => {
        head.dataset.sort = other === order.by ? (order.down ? "down" : "up") : "";
      });
      context.say(
        order.by < 0 ? "In the order of the input" : `Sorted by ${name}, ${order.down ? "largest" : "smallest"} first`,
      );
    };
    return h("button", { type: "button", class: `nbp-by nbp-${kind}`, onclick: sort, title: `Sort by ${name}` }, name);
  });

  function restart() {
    list.reset();
    steps.show(-1, list.total());
  }

  const tally = h("span", { class: "nbp-muted" }, counted(spec.count, "result"));
  const find = search("Search", (query) => {
    order.query = query;
    restart();
  });
  const take = menu(exported(spec, context), context);
  const header = h(
    "div",
    { class: "nbp-heads", style: { "grid-template-columns": grid } },
    ...["", "", ...(spec.pictures ? [""] : [])].map(() => h("span", {})),
    ...heads,
  );
  body.append(h("div", { class: "nbp-bar-top" }, tally, find, steps.node, take), header, list.node, detail);
  list.reset(spec.first, spec.count);
  steps.show(-1, spec.count);
  const reveal = async () => {
    const index = context.model.get("revealed");
    if (index < 0) return;
    const place = await context.request("place", { index, ...order });
    if (place < 0) context.say("The row that Python shows is not among those found");
    else list.go(place);
  };
  context.model.on("change:revealed", reveal);
  context.signal.addEventListener("abort", () => context.model.off("change:revealed", reveal));
  void reveal().catch(() => {}); // without a kernel, nothing is revealed
  context.signal.addEventListener("abort", () => showing.abort());
}

/**
 * @param {Row | null} row
 * @param {Column[]} columns
 * @param {string} grid
 * @param {Map<string, import("@nbpipes/kit/palette.js").Colour>} palette
 * @param {boolean} selected
 */
function drawn(row, columns, grid, palette, selected) {
  const node = h("div", {
    class: "nbp-row",
    "aria-selected": String(selected),
    style: { "grid-template-columns": grid },
  });
  if (!row) {
    node.append(h("span", { class: "nbp-muted" }, "…"));
    return node;
  }
  node.append(
    h("span", { class: "nbp-number nbp-muted nbp-cut", title: row.name }, h("bdi", {}, row.name)),
    h("span", { dir: "auto", class: "nbp-cut" }, row.text || "—"),
  );
  for (const [at, { kind }] of columns.entries()) node.append(cell(row.cells[at], kind, palette));
  return node;
}

/** @param {Cell} value @param {Column["kind"]} kind @param {Map<string, import("@nbpipes/kit/palette.js").Colour>} palette */
function cell(value, kind, palette) {
  if (kind === "chips" && Array.isArray(value)) {
    const chips = value.map(([label, word]) => {
      const { fill, line } = palette.get(label) ?? { fill: "#DDDDDD", line: "#808080" };
      return h(
        "span",
        { class: "nbp-chip", style: { background: fill, "border-color": line } },
        h("bdi", {}, word),
        h("small", {}, ` ${label}`),
      );
    });
    return h("span", { class: "nbp-cut nbp-chips" }, ...chips);
  }
  const shown =
    typeof value === "number" && !(kind === "number" && Number.isInteger(value))
      ? number(value, kind === "heat" ? 2 : 4)
      : String(value ?? "");
  if (kind === "heat") {
    const colour = typeof value === "number" ? { background: heat(value), color: "#111" } : {};
    return h("span", { class: "nbp-heat", style: colour }, shown);
  }
  return h("span", { class: kind === "number" ? "nbp-number" : "nbp-cut", dir: "auto" }, shown);
}

/**
 * @param {Spec} spec
 * @param {import("@nbpipes/kit/widget.js").Context} context
 * @returns {import("@nbpipes/kit/actions.js").Export}
 */
function exported({ columns, count }, { request }) {
  const all = async () => {
    /** @type {Row[]} */
    const rows = [];
    while (rows.length < Math.min(count, EXPORTED)) {
      const got = await request("rows", {
        start: rows.length,
        stop: rows.length + 500,
        by: -1,
        down: false,
        query: "",
      });
      rows.push(...got.rows);
    }
    return rows;
  };
  const flat = (/** @type {Cell} */ value) =>
    Array.isArray(value) ? value.map(([label, word]) => `${word} ${label}`).join("; ") : value;
  return {
    name: "results",
    json: all,
    rows: async () => [
      ["row", "text", ...columns.map(({ name }) => name)],
      ...(await all()).map(({ name, text, cells }) => [name, text, ...cells.map(flat)]),
    ],
  };
}
