import { h } from "@nbpipes/kit/dom.js";
import { number } from "@nbpipes/kit/numbers.js";
import { offsets } from "@nbpipes/kit/offsets.js";

/** @typedef {import("./view.js").Entity & {index: number}} Placed */
/** @typedef {Map<string, import("@nbpipes/kit/palette.js").Colour>} Palette */

const LANE = 5; // px from one lane to the next

/**
 * The text with its entities: one alone is a mark, those that overlap are lines in lanes below the text.
 * Each has one element with data-entity, its index: the mark, or the tag at its end.
 *
 * @param {string} text
 * @param {Placed[]} entities
 * @param {Palette} palette
 */
export function marked(text, entities, palette) {
  const unit = offsets(text);
  const placed = entities
    .flatMap((entity) =>
      entity.start === null || entity.end === null
        ? []
        : [{ ...entity, from: unit(entity.start), to: unit(entity.end) }],
    )
    .filter(({ from, to }) => 0 <= from && from < to && to <= text.length)
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const fragment = document.createDocumentFragment();
  let position = 0;
  for (const cluster of clusters(placed)) {
    fragment.append(text.slice(position, cluster[0].from));
    fragment.append(...(cluster.length === 1 ? [mark(text, cluster[0], palette)] : lanes(text, cluster, palette)));
    position = Math.max(...cluster.map(({ to }) => to));
  }
  fragment.append(text.slice(position));
  return fragment;
}

/**
 * Groups of spans that overlap with one another.
 *
 * @template {{from: number, to: number}} T
 * @param {T[]} spans sorted by their beginning
 */
export function clusters(spans) {
  /** @type {T[][]} */
  const found = [];
  let end = -1;
  for (const span of spans) {
    if (span.from < end) found[found.length - 1].push(span);
    else found.push([span]);
    end = Math.max(end, span.to);
  }
  return found;
}

/** @typedef {Placed & {from: number, to: number}} Span */

/** @param {string} text @param {Span} span @param {Palette} palette */
function mark(text, span, palette) {
  const { fill, line } = palette.get(span.group) ?? { fill: "", line: "" };
  return h(
    "mark",
    { ...handle(span), class: weak(span), style: { background: fill, "border-color": line } },
    text.slice(span.from, span.to),
    note(span),
  );
}

/** @param {string} text @param {Span[]} cluster @param {Palette} palette */
function lanes(text, cluster, palette) {
  /** @type {number[]} where each lane is free again */
  const free = [];
  const lane = new Map();
  for (const span of cluster) {
    let found = free.findIndex((end) => end <= span.from);
    if (found < 0) found = free.length;
    free[found] = span.to;
    lane.set(span, found);
  }
  const stops = [...new Set(cluster.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const across = (/** @type {number} */ at) => cluster.filter(({ from, to }) => from < at && to > at);
  const ruled = (/** @type {(Node | string)[]} */ content, /** @type {Span[]} */ spans) =>
    piece(content, spans, lane, free.length, palette);
  return stops.flatMap((start, i) => {
    const tags = cluster.filter(({ to }) => to === start).map((span) => tag(span, palette));
    const before = tags.length ? [ruled(tags, across(start))] : [];
    if (i === stops.length - 1) return before;
    const inside = cluster.filter(({ from, to }) => from <= start && to > start);
    return [...before, ruled([text.slice(start, stops[i + 1])], inside)];
  });
}

/**
 * Text or tags with a line per span: backgrounds go on over line breaks, elements below the text would not.
 *
 * @param {(Node | string)[]} content @param {Span[]} spans @param {Map<Span, number>} lane @param {number} count
 * @param {Palette} palette
 */
function piece(content, spans, lane, count, palette) {
  const lines = spans.map((span) => {
    const { line } = palette.get(span.group) ?? { line: "" };
    const below = (count - 1 - (lane.get(span) ?? 0)) * LANE;
    return `linear-gradient(${line},${line}) 0 calc(100% - ${below}px) / 100% 3px no-repeat`;
  });
  const style = { background: lines.join(",") || "none", "padding-bottom": `${count * LANE}px` };
  const inside = spans.map(({ index }) => index).join(" ");
  return h("span", { class: "nbp-lanes", "data-in": inside, style }, ...content);
}

/** @param {Span} span @param {Palette} palette */
function tag(span, palette) {
  const { fill, line } = palette.get(span.group) ?? { fill: "", line: "" };
  const name = `${span.word}, ${span.label} ${number(span.score, 2)}`;
  const props = {
    ...handle(span),
    "aria-label": name,
    class: `nbp-tag ${weak(span)}`,
    style: { background: fill, "border-color": line },
  };
  return h("span", props, note(span));
}

/** @param {Span} span */
function handle({ index, label, score }) {
  const title = `${label}${score === null ? "" : ` · score ${number(score, 4)}`}`;
  return { role: "button", tabindex: -1, "data-entity": index, "aria-pressed": "false", title };
}

/** @param {Span} span */
const weak = ({ score }) => (score !== null && score < 0.5 ? "nbp-weak" : "");

/** @param {Span} span */
function note({ label, score }) {
  return h("sub", { class: "nbp-badge" }, h("bdi", {}, label || "–", score === null ? "" : ` ${number(score, 2)}`));
}
