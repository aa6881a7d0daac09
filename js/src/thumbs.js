import { bytes } from "@nbpipes/kit/bytes.js";
import { h } from "@nbpipes/kit/dom.js";

const KEPT = 600; // small copies that are kept; the oldest one goes
const WAIT = 60; // ms: rows that one scrolls past are not asked for

/**
 * Small copies of the pictures of rows, which are fetched as the rows come into sight.
 *
 * @param {import("@nbpipes/kit/widget.js").Context} context
 * @param {() => void} arrived
 */
export function thumbs({ request, signal }, arrived) {
  /** @type {Map<number, string | null>} addresses; null for those that there are none of, or not yet */
  const known = new Map();
  /** @type {Set<number>} */
  let wanted = new Set();
  let timer = 0;

  async function ask() {
    const indices = [...wanted];
    wanted = new Set();
    timer = 0;
    for (const index of indices) known.set(index, null);
    try {
      const got = await request("thumbs", { indices });
      if (signal.aborted) return;
      for (const [at, index] of indices.entries()) {
        if (got[at]) known.set(index, URL.createObjectURL(new Blob([bytes(got[at].data)], { type: got[at].type })));
      }
      for (const index of [...known.keys()].slice(0, Math.max(known.size - KEPT, 0))) forget(index);
      arrived();
    } catch {
      for (const index of indices) known.delete(index); // asked for again when one scrolls
    }
  }

  /** @param {number} index */
  function forget(index) {
    const url = known.get(index);
    if (url) URL.revokeObjectURL(url);
    known.delete(index);
  }

  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    for (const index of [...known.keys()]) forget(index);
  });

  return {
    /** @param {number} index */
    of(index) {
      const url = known.get(index);
      if (url === undefined) {
        wanted.add(index);
        timer ||= window.setTimeout(() => void ask(), WAIT);
      }
      return h("span", { class: "nbp-thumb" }, url ? h("img", { src: url, alt: "" }) : "");
    },
  };
}
