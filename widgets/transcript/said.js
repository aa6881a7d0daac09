import { colour } from "@nbpipes/kit/palette.js";

const OVERLAP = 0.5; // seconds that lines of one lane may share
const LANES = 4;

/**
 * Pieces of a text, each kind of fact as a list: times in seconds, null where they are not known. repaired: numbers of
 * pieces to which the model gave times that could not be.
 *
 * @typedef {{texts: string[], starts: (number | null)[], ends: (number | null)[], languages: string[],
 *   repaired: number[]}} Pieces
 */
/** @typedef {{first: number, stop: number, from: number, to: number, text: string}} Line pieces, and seconds */
/**
 * from, to: when each piece is heard, as far as that can be told. inside: the line that each is in.
 *
 * @typedef {Pieces & {from: number[], to: number[], lines: Line[], cues: Line[], inside: number[]}} Said
 */

/**
 * What is said, with a time for every piece: one that is not known is taken from its neighbours.
 *
 * @param {Pieces} pieces
 * @param {number[]} lengths of the lines, in pieces
 * @param {number[]} shorter the same of subtitles
 * @param {number} seconds of the sound, 0 where that is not known
 * @returns {Said}
 */
export function timed(pieces, lengths, shorter, seconds) {
  const { texts, starts, ends } = pieces;
  /** @type {number[]} */
  const from = [];
  for (const [i, start] of starts.entries()) from.push(start ?? (i ? (ends[i - 1] ?? from[i - 1]) : 0));
  const to = ends.map((end, i) => Math.max(end ?? from[i + 1] ?? seconds, from[i]));
  const lined = (/** @type {number[]} */ counts) => {
    let first = 0;
    return counts.map((count) => {
      const stop = first + count;
      const text = texts.slice(first, stop).join("").trim();
      const line = { first, stop, from: from[first], to: Math.max(...to.slice(first, stop)), text };
      first = stop;
      return line;
    });
  };
  const lines = lined(lengths);
  const inside = lines.flatMap(({ first, stop }, number) => Array(stop - first).fill(number));
  return { ...pieces, from, to, lines, cues: lined(shorter), inside };
}

/**
 * The piece that is heard at a time: the last one that has begun, if it has not ended; -1 for none.
 *
 * @param {Said} said
 * @param {number} time
 */
export function spoken({ from, to }, time) {
  let [low, high] = [0, from.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (from[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time < to[low - 1] ? low - 1 : -1;
}

/** @typedef {import("@nbpipes/kit/wave.js").Band & {line: number}} Band */

/**
 * Lanes of lines below the sound: those that overlap are in lanes of their own.
 *
 * @param {Said} said
 */
export function lanes({ lines }) {
  /** @type {{name: string, bands: Band[]}[]} */
  const found = [];
  for (const [line, { from, to, text }] of lines.entries()) {
    if (to <= from) continue;
    let lane = found.find(({ bands }) => bands[bands.length - 1].to <= from + OVERLAP);
    const before = lane?.bands[lane.bands.length - 1];
    if (before) before.to = Math.min(before.to, from);
    if (!lane) {
      lane = { name: "", bands: [] };
      found.push(lane);
    }
    lane.bands.push({ from, to, label: text, colour: colour(0), line });
  }
  return found.slice(0, LANES);
}

/**
 * The pieces in which a text is found, from the first to the last one of each place.
 *
 * @param {string[]} texts
 * @param {string} query in lower case
 */
export function found(texts, query) {
  const whole = texts.join("");
  const low = whole.toLowerCase();
  const text = low.length === whole.length ? low : whole; // some letters have a lower case of two
  /** @type {number[]} */
  const starts = [];
  let length = 0;
  for (const piece of texts) {
    starts.push(length);
    length += piece.length;
  }
  /** @type {{first: number, last: number}[]} */
  const places = [];
  let piece = 0;
  for (let at = query ? text.indexOf(query) : -1; at >= 0; at = text.indexOf(query, at + query.length)) {
    while (piece + 1 < texts.length && starts[piece + 1] <= at) piece++;
    let last = piece;
    while (last + 1 < texts.length && starts[last + 1] < at + query.length) last++;
    places.push({ first: piece, last });
  }
  return places;
}
