import { h, once } from "@nbpipes/kit/dom.js";

const PAGE = 100; // rows of one request
const HEIGHT = 30; // px of a row of text

/**
 * A list of any length of which only the rows in sight are in the page; they are fetched as one scrolls.
 *
 * @template T
 * @param {object} about
 * @param {string} about.label
 * @param {(start: number, stop: number) => Promise<{total: number, rows: T[]}>} about.fetch
 * @param {(row: T | null, place: number) => HTMLElement} about.draw null while the row is on its way
 * @param {(row: T, place: number) => void} about.open the row that the arrow keys reach, or a click
 * @param {(row: T, place: number) => void} about.press Enter, space or a second click
 * @param {number} [about.height] px of a row
 */
export function windowed({ label, fetch, draw, open, press, height = HEIGHT }) {
  /** @type {Map<number, T[] | null>} */
  let pages = new Map();
  let total = 0;
  let at = -1;
  let version = 0;
  const name = `nbp${Math.random().toString(36).slice(2)}`;
  const list = h("div", { class: "nbp-rows", role: "presentation" });
  const node = h(
    "div",
    {
      class: "nbp-scroll nbp-windowed",
      role: "listbox",
      tabindex: 0,
      "aria-label": label,
      "aria-multiselectable": "true",
      style: { "--nbp-row": `${height}px` },
    },
    list,
  );

  const row = (/** @type {number} */ place) => pages.get(Math.floor(place / PAGE))?.[place % PAGE] ?? null;

  function paint() {
    const first = Math.max(Math.floor(node.scrollTop / height) - 5, 0);
    const last = Math.min(first + Math.ceil((node.clientHeight || 360) / height) + 10, total);
    list.style.height = `${total * height}px`;
    const drawn = [];
    for (let place = first; place < last; place++) drawn.push(placed(place));
    list.replaceChildren(...drawn);
    const start = Math.floor(first / PAGE);
    for (let page = start; page === start || page * PAGE < last; page++) void load(page);
    node.toggleAttribute("data-empty", total === 0);
    if (at >= first && at < last) node.setAttribute("aria-activedescendant", `${name}-${at}`);
    else node.removeAttribute("aria-activedescendant");
  }

  /** @param {number} place */
  function placed(place) {
    const element = draw(row(place), place);
    element.id = `${name}-${place}`;
    element.setAttribute("role", "option");
    element.setAttribute("aria-setsize", String(total));
    element.setAttribute("aria-posinset", String(place + 1));
    element.toggleAttribute("data-at", place === at);
    element.style.top = `${place * height}px`;
    element.addEventListener("click", () => {
      const found = row(place);
      if (!found) return;
      if (place === at) press(found, place);
      else go(place);
    });
    return element;
  }

  /** @param {number} page */
  async function load(page) {
    if (pages.has(page)) return;
    pages.set(page, null);
    const asked = version;
    try {
      const got = await fetch(page * PAGE, (page + 1) * PAGE);
      if (asked !== version) return;
      pages.set(page, got.rows);
      total = got.total;
      later();
    } catch {
      if (asked === version) pages.delete(page); // asked for again when one scrolls
    }
  }

  /** @param {number} place */
  function go(place) {
    at = Math.min(Math.max(place, 0), total - 1);
    const top = at * height;
    if (top < node.scrollTop) node.scrollTop = top;
    else if (top + height > node.scrollTop + node.clientHeight) node.scrollTop = top + height - node.clientHeight;
    paint();
    const found = row(at);
    if (found) open(found, at);
    else void arrive(at);
  }

  /** @param {number} place */
  async function arrive(place) {
    await load(Math.floor(place / PAGE));
    for (let tries = 0; tries < 100 && place === at && !row(place); tries++)
      await new Promise((r) => setTimeout(r, 50));
    const found = row(place);
    if (found && place === at) open(found, place);
  }

  const later = once(paint);
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 };
  node.addEventListener("scroll", later, { passive: true });
  node.addEventListener("keydown", (event) => {
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    const found = at < 0 ? null : row(at);
    if (step !== undefined && total) go(at < 0 && step !== steps.End ? 0 : at + step);
    else if ((event.key === "Enter" || event.key === " ") && found) press(found, at);
    else return;
    event.preventDefault();
  });

  /** Starts anew. @param {T[]} [first] rows that are there already @param {number} [count] of all */
  function reset(first, count) {
    version++;
    pages = new Map();
    at = -1;
    node.scrollTop = 0;
    total = count ?? total;
    if (first && first.length === Math.min(total, PAGE)) pages.set(0, first);
    paint();
  }

  return {
    node,
    reset,
    go,
    paint,
    step: (/** @type {number} */ by) => go(at < 0 ? 0 : at + by),
    place: () => at,
    total: () => total,
  };
}
