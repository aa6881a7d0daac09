import { h } from "@nbpipes/kit/dom.js";
import { heat } from "@nbpipes/kit/palette.js";

const SIZE = 240; // px of the canvas, at most

/**
 * The similarities of all pairs as a picture; pointing at a cell tells its number and its two texts.
 *
 * @param {number} count
 * @param {(a: number, b: number) => number} cosine
 * @param {string[]} names
 * @param {import("@nbpipes/kit/widget.js").Context} context
 */
export function matrix(count, cosine, names, context) {
  const cell = Math.max(1, Math.floor(SIZE / count));
  const canvas = h("canvas", {
    width: cell * count,
    height: cell * count,
    role: "img",
    "aria-label": `Cosine similarities of ${count} texts with each other`,
  });
  const told = h("div", { class: "nbp-muted nbp-told" }, "cosine similarity, −1 to 1");
  const node = h("div", { class: "nbp-matrix" }, canvas, told);

  /** @param {number | null} at */
  function show(at) {
    const pen = canvas.getContext("2d");
    if (!pen) return;
    for (let row = 0; row < count; row++) {
      for (let column = 0; column < count; column++) {
        pen.fillStyle = heat(cosine(row, column));
        pen.fillRect(column * cell, row * cell, cell, cell);
      }
    }
    if (at === null) return;
    pen.strokeStyle = "#111";
    pen.lineWidth = 2;
    pen.strokeRect(0, at * cell, cell * count, cell);
    pen.strokeRect(at * cell, 0, cell, cell * count);
  }

  canvas.addEventListener(
    "pointermove",
    (event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const index = (/** @type {number} */ share) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
      const [row, column] = [index((event.clientY - top) / height), index((event.clientX - left) / width)];
      told.textContent = `${cosine(row, column).toFixed(3)}: ${row} ${names[row]} ↔ ${column} ${names[column]}`;
    },
    { signal: context.signal },
  );
  return { node, show };
}
