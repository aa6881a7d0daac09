/** Paul Tol's "light" scheme: a fill for dark text, and a darker line of the same hue. The order is Python's. */
export const PALETTE = [
  ["#77AADD", "#3B73AB"],
  ["#EE8866", "#B9502C"],
  ["#44BB99", "#23785F"],
  ["#EEDD88", "#9B8524"],
  ["#FFAABB", "#C4566E"],
  ["#BBCC33", "#76831A"],
  ["#99DDFF", "#3A8DB8"],
  ["#AAAA00", "#6F6F00"],
  ["#DDDDDD", "#808080"],
].map(([fill, line]) => ({ fill, line }));

/** @typedef {{fill: string, line: string}} Colour */

/** @param {number} index @returns {Colour} */
export const colour = (index) => PALETTE[index % PALETTE.length];

/**
 * A colour for each label, the same whenever the set of labels is the same.
 *
 * @param {Iterable<string>} labels
 * @param {Record<string, Colour>} [chosen] by the user, by label
 * @returns {Map<string, Colour>}
 */
export function colours(labels, chosen = {}) {
  // By code points, as Python sorts.
  const sorted = [...new Set(labels)].sort((a, b) => compare([...a], [...b]));
  return new Map(sorted.map((label, index) => [label, chosen[label] ?? colour(index)]));
}

/** @param {string[]} a @param {string[]} b */
function compare(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i].codePointAt(0) ?? 0) - (b[i].codePointAt(0) ?? 0);
    if (difference) return difference;
  }
  return a.length - b.length;
}

/**
 * The colour between two, as rgb().
 *
 * @param {string} from #RRGGBB
 * @param {string} to #RRGGBB
 * @param {number} share 0 to 1
 */
export function mix(from, to, share) {
  const parts = [1, 3, 5].map((at) => {
    const [a, b] = [from, to].map((hex) => Number.parseInt(hex.slice(at, at + 2), 16));
    return Math.round(a + share * (b - a));
  });
  return `rgb(${parts.join(",")})`;
}

/** The colours of a score of 0 and of 1, and of a cosine of -1. */
export const HEAT = { zero: "#F7F9FC", one: "#77AADD", minus: "#EE8866" };

/** @param {number} value from -1 to 1 */
export function heat(value) {
  return mix(HEAT.zero, value < 0 ? HEAT.minus : HEAT.one, Math.min(Math.abs(value), 1));
}
