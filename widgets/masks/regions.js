import { unpacked } from "@nbpipes/kit/bytes.js";

/**
 * A picture of which each byte tells the region that the pixel belongs to, packed by zlib; 0 for none.
 *
 * @typedef {{width: number, height: number, data: import("@nbpipes/kit/bytes.js").Data}} Plane
 */

/** @typedef {{index: number, plane: number, value: number}} Owner a region, and what stands for it in which plane */
/** @typedef {{alpha: number, fill: string, line: string}} Paint */

/**
 * The regions of a picture, as planes of bytes.
 *
 * @param {Plane[]} planes
 * @param {Owner[]} owners
 */
export async function regions(planes, owners) {
  const maps = await Promise.all(planes.map(async ({ data }) => new Uint8Array(await unpacked(data))));
  const at = planes.map(() => /** @type {number[]} */ ([]));
  for (const { index, plane, value } of owners) at[plane][value] = index;

  /** @param {number} x @param {number} y from 0 to 1 @returns {number[]} regions at a point, the last one on top */
  function find(x, y) {
    return planes.flatMap(({ width, height }, plane) => {
      const [column, row] = [Math.floor(x * width), Math.floor(y * height)];
      if (column < 0 || row < 0 || column >= width || row >= height) return [];
      return at[plane][maps[plane][row * width + column]] ?? [];
    });
  }

  /**
   * Paints the regions; those of later planes are on top.
   *
   * @param {ImageData} sheet of the size of the planes, all of it transparent
   * @param {(index: number) => Paint | null} paint null for a region that is hidden
   */
  function fill({ data, width }, paint) {
    for (const [plane, map] of maps.entries()) {
      const paints = at[plane].map((index) => {
        const found = paint(index);
        return found && { edge: [...rgb(found.line), 255], inner: [...rgb(found.fill), 255 * found.alpha] };
      });
      for (let pixel = 0; pixel < map.length; pixel++) {
        const value = map[pixel];
        const own = value ? paints[value] : null;
        if (!own) continue;
        const edge =
          map[pixel - 1] !== value ||
          map[pixel + 1] !== value ||
          map[pixel - width] !== value ||
          map[pixel + width] !== value;
        const colour = edge ? own.edge : own.inner;
        for (let part = 0; part < 4; part++) data[4 * pixel + part] = colour[part];
      }
    }
  }

  return { find, fill };
}

/** @param {string} hex */
const rgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
