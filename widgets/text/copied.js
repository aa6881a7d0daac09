import { h } from "@nbpipes/kit/dom.js";

const LEAST = 3; // words in a row that count as taken over

/** @typedef {[number, number]} Range where something begins and ends in a text */

/**
 * What a text took over from its source word by word: where that stands in both, and how many words it is of how many.
 *
 * @param {string} source
 * @param {string} text
 */
export function copied(source, text) {
  const [from, words] = [split(source), split(text)];
  /** @type {Map<string, number>} where in the source words in a row stand first */
  const runs = new Map();
  for (let at = from.length - LEAST; at >= 0; at--) runs.set(run(from, at), at);
  /** @type {Range[]} */
  const inText = [];
  /** @type {Range[]} */
  const inSource = [];
  let count = 0;
  for (let at = 0; at < words.length; ) {
    const start = at <= words.length - LEAST ? runs.get(run(words, at)) : undefined;
    let length = start === undefined ? 0 : LEAST;
    if (start !== undefined) {
      while (words[at + length] && words[at + length].word === from[start + length]?.word) length++;
      inText.push([words[at].start, words[at + length - 1].end]);
      inSource.push([from[start].start, from[start + length - 1].end]);
    }
    count += length;
    at += length || 1;
  }
  return { inText, inSource, count, of: words.length };
}

/** @param {{word: string}[]} words @param {number} at */
function run(words, at) {
  return words
    .slice(at, at + LEAST)
    .map(({ word }) => word)
    .join(" ");
}

/** @param {string} text */
function split(text) {
  return [...text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)].map((match) => ({
    word: match[0].toLowerCase(),
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/**
 * A text with parts of it marked; parts that overlap are one.
 *
 * @param {string} text
 * @param {Range[]} ranges
 */
export function marked(text, ranges) {
  const parts = [];
  let done = 0;
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (end <= done) continue;
    const from = Math.max(start, done);
    parts.push(text.slice(done, from), h("span", { class: "nbp-copied" }, text.slice(from, end)));
    done = end;
  }
  return [...parts, text.slice(done)];
}
