import { draw as drawScene } from "@nbpipes/kit/instances.js";
import { outline } from "@nbpipes/kit/outline.js";

const DASHES = [[], [10, 3], [4, 2], [14, 3, 3, 3]]; // one for a class, so that colours do not stand alone

/** box: left, top, right and bottom, in pixels of the picture; null where the entry has none. */
/** @typedef {{label: string, score: number | null, box: [number, number, number, number] | null}} Entry */
/** @typedef {import("@nbpipes/kit/instances.js").Spec<Entry>} Spec */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { entries } = spec;
  const rects = entries.map(({ box }) => box && { left: box[0], top: box[1], right: box[2], bottom: box[3] });
  const areas = rects.map((rect) => (rect ? (rect.right - rect.left) * (rect.bottom - rect.top) : 0));
  const classes = [...new Set(spec.classes ?? entries.map(({ label }) => label).sort())];
  const bySize = (/** @type {number[]} */ order) => [...order].sort((a, b) => areas[b] - areas[a]);

  drawScene(body, spec, context, {
    names: ["object", "objects"],
    rect: (index) => rects[index],
    handle: (index) => rects[index],
    tell(index) {
      const { box } = entries[index];
      return box ? `x ${box[0]}–${box[2]}, y ${box[1]}–${box[3]}` : "without a box";
    },
    pick(x, y, { order }) {
      // The smallest one: it is on top, and a larger one around it can be reached beside it.
      const inside = order.filter((index) => {
        const rect = rects[index];
        return rect && x >= rect.left && x <= rect.right && y >= rect.top && y <= rect.bottom;
      });
      return bySize(inside).at(-1) ?? -1;
    },
    paint(pen, where, { order, selected, at, colour }) {
      for (const index of bySize(order)) {
        const rect = rects[index];
        if (!rect) continue;
        const filled = selected.has(index) ? 0.35 : index === at ? 0.2 : 0;
        const dash = DASHES[classes.indexOf(entries[index].label) % DASHES.length];
        outline(pen, rect, where, colour(index), { filled, dash });
      }
    },
    exported: {
      json: () =>
        entries.map(({ label, score, box }) => ({
          score,
          label,
          box: box && { xmin: box[0], ymin: box[1], xmax: box[2], ymax: box[3] },
        })),
      rows: () => [
        ["label", "score", "xmin", "ymin", "xmax", "ymax"],
        ...entries.map(({ label, score, box }) => [label, score, ...(box ?? [null, null, null, null])]),
      ],
    },
  });
}
