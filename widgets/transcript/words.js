import { h } from "@nbpipes/kit/dom.js";
import { clock } from "@nbpipes/kit/player.js";

const STILL = 4_000; // ms for which the list stays where the reader has scrolled it

/**
 * The lines of a transcript, whose pieces are options of one list: the arrow keys move by a piece, up and down by a
 * line.
 *
 * @param {import("./said.js").Said} said
 * @param {{select: (first: number, last: number) => void, seek: (piece: number, play: boolean) => void,
 *   toggle: () => void}} act
 */
export function words({ texts, lines, inside, languages, repaired }, act) {
  const name = `nbp${Math.random().toString(36).slice(2)}`;
  const odd = new Set(repaired);
  const nodes = texts.map((text, i) => {
    const props = { role: "option", id: `${name}-${i}`, "aria-selected": "false", "data-piece": i };
    const node = h("span", props, text.trimStart());
    if (odd.has(i)) {
      node.className = "nbp-repaired";
      node.title = "Its time was repaired";
    }
    return node;
  });
  const rows = lines.map(({ first, stop, from }) => {
    const language = languages[first] !== languages[first - 1] ? languages[first] : "";
    return h(
      "div",
      { role: "group", class: "nbp-line", "aria-label": clock(from) },
      h("span", { class: "nbp-time nbp-muted nbp-number", "aria-hidden": "true", "data-piece": first }, clock(from)),
      h(
        "span",
        { dir: "auto" },
        ...nodes.slice(first, stop).flatMap((node, i) => (i ? [/^\s*/.exec(texts[first + i])?.[0], node] : node)),
      ),
      language && h("small", { class: "nbp-muted", "aria-hidden": "true" }, language),
    );
  });
  const about = "Transcript: arrows move, Enter plays from there, Shift selects";
  const props = { role: "listbox", tabindex: 0, "aria-label": about, "aria-multiselectable": "true" };
  const list = h("div", { class: "nbp-scroll nbp-said", ...props }, ...rows);
  let [cursor, anchor, current] = [-1, -1, -1];
  /** @type {HTMLElement[]} */
  let chosen = [];
  let still = 0;

  /** @param {number} to @param {boolean} [extend] */
  function move(to, extend = false) {
    nodes[cursor]?.removeAttribute("data-at");
    cursor = Math.min(Math.max(to, 0), nodes.length - 1);
    nodes[cursor].setAttribute("data-at", "");
    list.setAttribute("aria-activedescendant", nodes[cursor].id);
    reveal(nodes[cursor]);
    if (!extend || anchor < 0) anchor = cursor;
    else act.select(Math.min(anchor, cursor), Math.max(anchor, cursor));
  }

  /** Scrolls the list alone, never the notebook. @param {HTMLElement} node */
  function reveal(node) {
    const [inner, outer] = [node.getBoundingClientRect(), list.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom)
      list.scrollTop += inner.top - outer.top - list.clientHeight / 3;
  }

  /** The piece that was clicked, and whether by its time. @param {Event} event */
  function clicked(event) {
    const node = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-piece]"));
    return { piece: Number(node?.dataset.piece ?? -1), line: node?.classList.contains("nbp-time") };
  }

  /** What is selected as text in the list by the mouse. */
  function dragged() {
    const selection = document.getSelection();
    const here = selection && !selection.isCollapsed && list.contains(selection.anchorNode);
    return here && selection.toString().trim() ? selection : null;
  }

  list.addEventListener("click", (event) => {
    const { piece, line } = clicked(event);
    if (piece < 0 || (dragged() && !event.shiftKey)) return;
    move(piece, event.shiftKey);
    if (event.shiftKey) return document.getSelection()?.removeAllRanges();
    act.select(piece, line ? lines[inside[piece]].stop - 1 : piece);
    act.seek(piece, false);
  });
  list.addEventListener("dblclick", (event) => {
    const { piece } = clicked(event);
    document.getSelection()?.removeAllRanges();
    if (piece < 0) return;
    act.select(piece, piece);
    act.seek(piece, true);
  });
  list.addEventListener("mouseup", (event) => {
    const selection = event.detail > 1 || event.shiftKey ? null : dragged();
    const touched = selection ? nodes.flatMap((node, i) => (selection.containsNode(node, true) ? [i] : [])) : [];
    if (touched.length) act.select(touched[0], touched[touched.length - 1]);
  });
  for (const kind of ["wheel", "touchmove"]) {
    list.addEventListener(kind, () => (still = performance.now() + STILL), { passive: true });
  }

  const near = (/** @type {number} */ by) => {
    const number = (inside[cursor] ?? 0) + by;
    return lines[Math.min(Math.max(number, 0), lines.length - 1)].first;
  };
  /** @type {Record<string, () => number>} */
  const moves = {
    ArrowRight: () => cursor + 1,
    ArrowLeft: () => cursor - 1,
    ArrowDown: () => near(1),
    ArrowUp: () => near(-1),
    PageDown: () => near(10),
    PageUp: () => near(-10),
    Home: () => 0,
    End: () => nodes.length - 1,
  };
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = moves[event.key];
    if (to) move(cursor < 0 && event.key !== "End" ? Math.max(current, 0) : to(), event.shiftKey);
    else if (event.key === "Enter" && cursor >= 0) {
      act.select(cursor, cursor);
      act.seek(cursor, true);
    } else if (event.key === " ") act.toggle();
    else if (event.key === "Escape") act.select(-1, -1);
    else return;
    event.preventDefault();
  });

  return {
    node: list,
    go: move,
    /** What is said now. @param {number} piece -1 for nothing @param {boolean} follow */
    now(piece, follow) {
      if (piece === current) return;
      if (current >= 0) {
        nodes[current].removeAttribute("aria-current");
        rows[inside[current]].removeAttribute("data-now");
      }
      current = piece;
      if (piece < 0) return;
      nodes[piece].setAttribute("aria-current", "true");
      rows[inside[piece]].setAttribute("data-now", "");
      if (follow && performance.now() > still) reveal(nodes[piece]);
    },
    /** @param {number} first -1 for nothing @param {number} last */
    select(first, last) {
      for (const node of chosen) node.setAttribute("aria-selected", "false");
      chosen = first < 0 ? [] : nodes.slice(first, last + 1);
      for (const node of chosen) node.setAttribute("aria-selected", "true");
    },
    /** @param {Set<number>} found */
    mark(found) {
      for (const [i, node] of nodes.entries()) node.toggleAttribute("data-found", found.has(i));
    },
  };
}
