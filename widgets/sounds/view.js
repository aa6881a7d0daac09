import { menu } from "@nbpipes/kit/actions.js";
import { bar, threshold } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { share as bounded, number, probabilities } from "@nbpipes/kit/numbers.js";
import { colours } from "@nbpipes/kit/palette.js";
import { clock, player } from "@nbpipes/kit/player.js";
import { wave } from "@nbpipes/kit/wave.js";

const LANES = 8; // labels that have a lane, the most certain ones
const FAINT = 0.05; // scores below are not drawn

/**
 * windows: from when to when each is; none where the labels are of the whole sound. entries: of each kind of fact a
 * list: the number of its label, its score, and the number of its window, or -1.
 *
 * @typedef {{about: string, sound: import("@nbpipes/kit/player.js").Sound, labels: string[],
 *   windows: [number, number][], left_out: number,
 *   entries: {labels: number[], scores: (number | null)[], windows: number[]},
 *   colours?: Record<string, import("@nbpipes/kit/palette.js").Colour>}} Spec colours: that the user chose
 */
/** Windows one after the other with the same best label. @typedef {{from: number, to: number, entries: number[]}} Run */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { entries, labels, windows } = spec;
  const palette = colours(labels, spec.colours);
  const tint = (/** @type {number} */ entry) =>
    /** @type {import("@nbpipes/kit/palette.js").Colour} */ (palette.get(labels[entries.labels[entry]]));
  const sure = probabilities(entries.scores);
  const most = Math.max(...entries.scores.map((score) => Math.abs(score ?? 0)), 1e-9);
  const strength = (/** @type {number | null} */ score) => (sure ? bounded(score) : Math.abs(score ?? 0) / most);
  /** @type {Set<number>} */
  const selected = new Set();
  const rows = runs(spec);
  const all = lanes(spec, tint, strength);
  const bands = all.map((lane) => ({ ...lane }));
  let least = 0;

  const play = player(spec.sound, context, (time) => {
    picture.follow(time);
    const now = windows.length ? rows.findIndex(({ from, to }) => from <= time && time < to) : -1;
    for (const option of list.node.children) {
      if (Number(/** @type {HTMLElement} */ (option).dataset.index) === now)
        option.setAttribute("aria-current", "true");
      else option.removeAttribute("aria-current");
    }
  });
  const picture = wave({
    sound: spec.sound,
    play,
    lanes: bands,
    context,
    mark(range) {
      choose(rows.flatMap((row) => (row.from < range.to && row.to > range.from ? row.entries : [])));
      picture.show(range);
    },
    press(lane, band) {
      const { entry, from } = bands[lane].bands[band];
      choose([entry]);
      void play.seek(from);
    },
  });
  const list = listbox(
    { label: windows.length ? "What is heard" : "Labels", several: true, class: "nbp-scroll nbp-heard" },
    (row) => {
      const { entries, from, to } = rows[row];
      const before = entries.every((entry) => selected.has(entry));
      choose(before ? [...selected].filter((entry) => !entries.includes(entry)) : [...selected, ...entries]);
      if (windows.length) {
        picture.show(before ? null : { from, to });
        void play.seek(from);
      }
    },
  );
  list.node.toggleAttribute("data-times", windows.length > 0);

  /** @param {number[]} chosen */
  function choose(chosen) {
    selected.clear();
    for (const entry of chosen) selected.add(entry);
    list.mark(marked);
    context.select([...selected].sort((a, b) => a - b));
    context.say(selected.size ? `${counted(selected.size, "label")} selected` : "Nothing is selected");
  }

  const marked = (/** @type {number} */ row) => rows[row].entries.some((entry) => selected.has(entry));

  function show() {
    const shown = rows.flatMap((row, index) => {
      const score = mean(row.entries.map((entry) => entries.scores[entry]));
      if (sure && (score ?? 0) < least) return [];
      const { fill, line } = tint(row.entries[0]);
      const chip = h(
        "span",
        { class: "nbp-chip", style: { background: fill, "border-color": line } },
        labels[entries.labels[row.entries[0]]],
      );
      const time = windows.length
        ? h("span", { class: "nbp-number nbp-muted" }, `${clock(row.from)} – ${clock(row.to)}`)
        : null;
      const cells = [
        time,
        chip,
        bar(strength(score), { fill, line }),
        h("span", { class: "nbp-number" }, number(score)),
      ];
      return [{ index, cells: cells.filter((cell) => cell !== null) }];
    });
    list.fill(shown);
    list.mark(marked);
    for (const [i, lane] of bands.entries()) lane.bands = all[i].bands.filter(({ share }) => share >= least);
    picture.paint();
  }

  const heard = play.seconds > 0;
  const slider = sure
    ? threshold((value) => {
        least = value;
        show();
      })
    : "";
  const take = menu(exported(spec), context);
  body.append(h("div", { class: "nbp-bar-top" }, play.node, heard ? picture.zooms : "", slider, take));
  if (heard) body.append(picture.node);
  if (all.length && labels.length > LANES) {
    const told = `Lanes: the ${LANES} labels of ${labels.length} that are heard most clearly`;
    body.append(h("div", { class: "nbp-muted" }, told));
  }
  body.append(rows.length ? list.node : h("div", { class: "nbp-muted" }, "(no labels)"));
  if (spec.left_out) body.append(h("div", { class: "nbp-muted" }, `… and ${counted(spec.left_out, "more label")}`));
  show();
}

/**
 * The rows of the list: each label of a sound, or the times for which a label is the best one.
 *
 * @param {Spec} spec @returns {Run[]}
 */
function runs({ entries, windows }) {
  const { labels, scores } = entries;
  if (!windows.length) return labels.map((_, entry) => ({ from: 0, to: 0, entries: [entry] }));
  /** @type {number[]} */
  const best = [];
  for (const [entry, window] of entries.windows.entries()) {
    if (window < 0) continue;
    if (best[window] === undefined || (scores[entry] ?? 0) > (scores[best[window]] ?? 0)) best[window] = entry;
  }
  /** @type {Run[]} */
  const found = [];
  for (const [window, entry] of best.entries()) {
    const [from, to] = windows[window];
    const last = found[found.length - 1];
    if (last && labels[last.entries[0]] === labels[entry] && from <= last.to + 0.01) {
      last.to = to;
      last.entries.push(entry);
    } else {
      if (last) last.to = Math.min(last.to, from); // windows may overlap
      found.push({ from, to, entries: [entry] });
    }
  }
  return found;
}

/**
 * A lane for each of the labels that are heard most clearly. Windows that overlap end where the next one begins.
 *
 * @param {Spec} spec
 * @param {(entry: number) => import("@nbpipes/kit/palette.js").Colour} tint
 * @param {(score: number | null) => number} strength
 */
function lanes({ entries, labels, windows }, tint, strength) {
  const peaks = labels.map(() => 0);
  for (const [entry, label] of entries.labels.entries())
    peaks[label] = Math.max(peaks[label], strength(entries.scores[entry]));
  const order = windows.length ? labels.map((_, label) => label).sort((a, b) => peaks[b] - peaks[a]) : [];
  return order.slice(0, LANES).map((label) => {
    const own = entries.labels.flatMap((other, entry) =>
      other === label && entries.windows[entry] >= 0 ? [entry] : [],
    );
    own.sort((a, b) => entries.windows[a] - entries.windows[b]);
    const bands = own.flatMap((entry) => {
      const window = entries.windows[entry];
      const [from, to] = windows[window];
      const score = entries.scores[entry];
      const share = strength(score);
      const end = Math.min(to, windows[window + 1]?.[0] ?? to);
      if (share < FAINT || end <= from) return [];
      return [{ from, to: end, label: number(score, 2), colour: tint(entry), share, entry }];
    });
    return { name: labels[label], bands };
  });
}

/** @param {(number | null)[]} scores */
function mean(scores) {
  const known = scores.filter((score) => score !== null);
  return known.length ? known.reduce((sum, score) => sum + score, 0) / known.length : null;
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ entries, labels, windows }) {
  const all = entries.labels.map((label, entry) => {
    const [start, end] = windows[entries.windows[entry]] ?? [null, null];
    return { start, end, label: labels[label], score: entries.scores[entry] };
  });
  return {
    name: "sounds",
    json: () => all.map(({ start, end, ...entry }) => (start === null ? entry : { ...entry, timestamp: [start, end] })),
    rows: () => [
      ["start", "end", "label", "score"],
      ...all.map((entry) => [entry.start, entry.end, entry.label, entry.score]),
    ],
  };
}
