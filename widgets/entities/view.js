import { menu } from "@nbpipes/kit/actions.js";
import { search, stepper, threshold } from "@nbpipes/kit/controls.js";
import { counted, h, once } from "@nbpipes/kit/dom.js";
import { pressable, rove, roving } from "@nbpipes/kit/keys.js";
import { legend, passes } from "@nbpipes/kit/legend.js";
import { number, probabilities } from "@nbpipes/kit/numbers.js";
import { colours } from "@nbpipes/kit/palette.js";
import { marked } from "./marked.js";
import { table } from "./table.js";

/**
 * One entity. start, end: code points of the text, null where it has no place in it.
 *
 * @typedef {{label: string, group: string, score: number | null, word: string,
 *   start: number | null, end: number | null}} Entity
 */

/**
 * classes: those that have a colour, where it has to be the same as in other views beside this one. colours: those that
 * the user chose, by class.
 *
 * @typedef {{text: string | null, more: number, entities: Entity[], classes?: string[],
 *   colours?: Record<string, import("@nbpipes/kit/palette.js").Colour>}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { entities } = spec;
  const palette = colours(spec.classes ?? entities.map(({ group }) => group), spec.colours);
  const filter = { least: 0, query: "", pinned: new Set(), hovered: "" };
  const selected = new Set();
  let at = -1;

  const kept = (/** @type {Entity} */ { score }) => score === null || score >= filter.least;
  const clear = (/** @type {Entity} */ { group, word, label }) => {
    const fits = !filter.query || `${word}\n${label}`.toLowerCase().includes(filter.query);
    return fits && passes(filter, group);
  };
  /** Entities that are neither below the threshold nor dimmed, in the order of the text. */
  const reachable = () => order(entities).filter((index) => kept(entities[index]) && clear(entities[index]));

  const text = h("div", { class: "nbp-text nbp-marked", dir: "auto" });
  const groups = (/** @type {Entity[]} */ some) => some.map(({ group }) => group);
  const key = legend(groups(entities), ["entity", "entities"], palette, filter, () => shade());
  const steps = stepper(step, "entity");
  const list = table(entities, palette, { press: toggle });
  const handles = () => /** @type {HTMLElement[]} */ ([...text.querySelectorAll("[data-entity]")]);
  const handle = (/** @type {number} */ index) =>
    /** @type {HTMLElement | null} */ (text.querySelector(`[data-entity="${index}"]`));

  function rebuild() {
    const shown = entities.flatMap((entity, index) => (kept(entity) ? [{ ...entity, index }] : []));
    if (spec.text !== null) text.replaceChildren(marked(spec.text, shown, palette));
    if (spec.more) text.append(h("span", { class: "nbp-muted" }, ` … ${counted(spec.more, "more character")}`));
    for (const node of handles()) pressable(node, () => toggle(Number(node.dataset.entity)));
    rove(handles());
    key.count(groups(shown));
    shade();
  }

  function shade() {
    for (const node of /** @type {NodeListOf<HTMLElement>} */ (text.querySelectorAll("[data-in]"))) {
      const inside = (node.dataset.in ?? "").split(" ").map(Number);
      node.toggleAttribute("data-dim", !inside.some((index) => entities[index] && clear(entities[index])));
    }
    for (const node of handles()) {
      const index = Number(node.dataset.entity);
      node.setAttribute("aria-pressed", String(selected.has(index)));
      node.toggleAttribute("data-dim", !clear(entities[index]));
    }
    const found = reachable();
    list.show(found, selected);
    steps.show(found.indexOf(at), found.length);
  }

  /** @param {number} index */
  function toggle(index) {
    if (!selected.delete(index)) selected.add(index);
    at = index;
    changed();
  }

  /** @param {number} least */
  function raise(least) {
    filter.least = least;
    late();
  }

  /** @param {string} query */
  function find(query) {
    filter.query = query;
    shade();
  }

  function changed() {
    shade();
    context.select([...selected].sort((a, b) => a - b));
    context.say(selected.size ? `${counted(selected.size, "entity", "entities")} selected` : "Nothing is selected");
  }

  /** @param {1 | -1} by */
  function step(by) {
    const found = reachable();
    if (!found.length) return;
    const here = found.indexOf(at);
    at = found[here < 0 && by < 0 ? found.length - 1 : (here + by + found.length) % found.length];
    const node = handle(at);
    if (node) reveal(node, text);
    for (const other of handles()) other.toggleAttribute("data-at", other === node);
    const { word, label, score } = entities[at];
    context.say(`${word}, ${label} ${number(score, 2)}`);
    shade();
  }

  body.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !(selected.size || filter.pinned.size)) return;
    filter.pinned.clear();
    selected.clear();
    key.count(groups(entities.filter(kept)));
    changed();
  });
  roving(text, "[data-entity]");

  const late = once(rebuild);
  const scores = entities.map(({ score }) => score);
  const top = h("div", { class: "nbp-bar-top" }, key.node);
  if (entities.length > 1) {
    if (probabilities(scores)) top.append(threshold(raise));
    if (entities.length > 5) top.append(search("Find an entity", find));
    top.append(steps.node);
  }
  top.append(menu(exported(spec), context));
  body.append(top, spec.text === null ? "" : text, list.node);
  list.node.open = spec.text === null;
  list.node.hidden = entities.length === 0;
  rebuild();
}

/** @param {Entity[]} entities @returns {number[]} their indices by their place in the text */
function order(entities) {
  const place = (/** @type {number} */ index) => entities[index].start ?? Number.POSITIVE_INFINITY;
  return entities.map((_, index) => index).sort((a, b) => place(a) - place(b) || a - b);
}

/** Scrolls the text alone, never the notebook. @param {HTMLElement} node @param {HTMLElement} text */
function reveal(node, text) {
  const [inner, outer] = [node.getBoundingClientRect(), text.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) {
    text.scrollTop += inner.top - outer.top - text.clientHeight / 3;
  }
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ text, entities }) {
  return {
    name: "entities",
    json: () => entities.map(({ group: _, ...entity }) => entity),
    rows: () => [
      ["entity", "score", "word", "start", "end"],
      ...entities.map(({ label, score, word, start, end }) => [label, score, word, start, end]),
    ],
    text: text === null ? undefined : () => text,
  };
}
