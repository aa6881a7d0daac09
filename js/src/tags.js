/** @typedef {{left: number, top: number, right: number, bottom: number}} Rect */

/**
 * Where the tag of each rectangle goes, null where there is no room that other tags leave free; those that come first
 * choose first. Python has the same rule for pictures without a browser, in tags.py.
 *
 * @param {Rect[]} rects
 * @param {{width: number, height: number}[]} sizes of the tags
 * @param {number} width of the picture
 * @param {number} height
 * @returns {(Rect | null)[]}
 */
export function places(rects, sizes, width, height) {
  /** @type {Rect[]} */
  const taken = [];
  return rects.map((rect, index) => {
    const free = spots(rect, sizes[index], width, height).find((spot) => !taken.some((other) => meet(spot, other)));
    if (free) taken.push(free);
    return free ?? null;
  });
}

/**
 * The best place first: above the rectangle, inside it, below it; on the left, then on the right.
 *
 * @param {Rect} rect
 * @param {{width: number, height: number}} size
 * @param {number} width
 * @param {number} height
 */
function spots({ left, top, right, bottom }, size, width, height) {
  if (size.width > width || size.height > height) return [];
  const found = [];
  for (const y of [top - size.height, top, bottom - size.height, bottom]) {
    if (y < 0 || y > height - size.height) continue;
    for (const wanted of [left, right - size.width]) {
      const x = Math.min(Math.max(wanted, 0), width - size.width);
      found.push({ left: x, top: y, right: x + size.width, bottom: y + size.height });
    }
  }
  return found;
}

/** @param {Rect} one @param {Rect} other */
export function meet(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
