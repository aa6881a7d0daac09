/**
 * Frames a part of a picture: a dark line below a light one can be seen on anything.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {import("@nbpipes/kit/tags.js").Rect} rect of the picture
 * @param {import("@nbpipes/kit/stage.js").Where} where
 * @param {import("@nbpipes/kit/palette.js").Colour} colour
 * @param {{filled?: number, dash?: number[], wide?: number}} look filled: how much of its colour lies on the part, from
 *   0 to 1. wide: of the light line, in pixels of a page
 */
export function outline(pen, rect, { scale, left, top, unit }, { fill }, look) {
  const { filled = 0, dash = [], wide = filled ? 3 : 2 } = look;
  const [x, y] = [rect.left * scale + left, rect.top * scale + top];
  const [width, height] = [(rect.right - rect.left) * scale, (rect.bottom - rect.top) * scale];
  if (filled) {
    pen.globalAlpha = filled;
    pen.fillStyle = fill;
    pen.fillRect(x, y, width, height);
    pen.globalAlpha = 1;
  }
  for (const [line, stroke, dashes] of /** @type {const} */ ([
    [2 * wide, "#111", []],
    [wide, fill, dash],
  ])) {
    pen.lineWidth = line * unit;
    pen.strokeStyle = stroke;
    pen.setLineDash(dashes.map((length) => length * unit));
    pen.strokeRect(x, y, width, height);
  }
  pen.setLineDash([]);
}
