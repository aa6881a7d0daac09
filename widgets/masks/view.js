import { h } from "@nbpipes/kit/dom.js";
import { draw as drawScene } from "@nbpipes/kit/instances.js";
import { regions } from "./regions.js";

/**
 * One region. box: left, top, right and bottom, of the picture. middle: a point inside of it. plane, value: which bytes
 * stand for it. area: its share of the picture. All null where it has no mask, or an empty one.
 *
 * @typedef {{label: string, score: number | null, box: [number, number, number, number] | null,
 *   middle: [number, number] | null, plane: number | null, value: number | null, area: number | null}} Entry
 */

/** @typedef {import("@nbpipes/kit/instances.js").Spec<Entry> & {planes: import("./regions.js").Plane[]}} Spec */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { entries, planes, picture } = spec;
  const owners = entries.flatMap(({ plane, value }, index) =>
    plane === null || value === null ? [] : [{ index, plane, value }],
  );
  /** @type {Awaited<ReturnType<typeof regions>> | null} */
  let found = null;
  const [{ width, height }] = planes.length ? planes : [{ width: 1, height: 1 }];
  const sheet = h("canvas", { width, height });
  let opacity = 0.55;
  let painted = "";

  /** @param {import("@nbpipes/kit/instances.js").Look} look */
  function refill({ order, selected, at, colour }) {
    const now = JSON.stringify([order, [...selected], at, opacity, found !== null]);
    if (now === painted || !found) return;
    painted = now;
    const shown = new Set(order);
    const pen = sheet.getContext("2d");
    if (!pen) return;
    const data = pen.createImageData(width, height);
    found.fill(data, (index) => {
      if (!shown.has(index)) return null;
      const strong = index === at || selected.has(index);
      const { fill, line } = colour(index);
      return { alpha: Math.min(opacity + (strong ? 0.25 : 0), 1), fill, line: strong ? "#111111" : line };
    });
    pen.putImageData(data, 0, 0);
  }

  drawScene(body, spec, context, {
    names: ["region", "regions"],
    rect(index) {
      const { box } = entries[index];
      return box && { left: box[0], top: box[1], right: box[2], bottom: box[3] };
    },
    handle(index) {
      const { middle } = entries[index];
      return middle && { left: middle[0], top: middle[1], right: middle[0], bottom: middle[1] };
    },
    tell: (index) => `${((entries[index].area ?? 0) * 100).toFixed(1)} % of the picture`,
    pick(x, y, { order }) {
      const shown = new Set(order);
      const inside = found?.find(x / picture.width, y / picture.height) ?? [];
      return inside.filter((index) => shown.has(index)).at(-1) ?? -1;
    },
    paint(pen, { scale, left, top }, look) {
      refill(look);
      pen.drawImage(sheet, left, top, picture.width * scale, picture.height * scale);
    },
    cut(pen, index, { left, top, right, bottom }) {
      if (!found) return;
      const alone = h("canvas", { width, height });
      const own = alone.getContext("2d");
      if (!own) return;
      const data = own.createImageData(width, height);
      found.fill(data, (other) => (other === index ? { alpha: 1, fill: "#", line: "#" } : null));
      own.putImageData(data, 0, 0);
      const [x, y] = [width / picture.width, height / picture.height];
      const part = [left * x, top * y, (right - left) * x, (bottom - top) * y];
      pen.globalCompositeOperation = "destination-in";
      pen.drawImage(alone, part[0], part[1], part[2], part[3], 0, 0, pen.canvas.width, pen.canvas.height);
    },
    controls(repaint) {
      regions(planes, owners).then(
        (made) => {
          found = made;
          repaint();
        },
        (error) => context.say(`The regions cannot be read: ${error}`),
      );
      const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: opacity });
      slider.addEventListener("input", () => {
        opacity = slider.valueAsNumber;
        repaint();
      });
      return entries.length ? [h("label", { class: "nbp-slider" }, "opacity ", slider)] : [];
    },
    exported: {
      json: () => entries.map(({ label, score, area, box }) => ({ score, label, area, box })),
      rows: () => [
        ["label", "score", "area", "xmin", "ymin", "xmax", "ymax"],
        ...entries.map(({ label, score, area, box }) => [label, score, area, ...(box ?? [null, null, null, null])]),
      ],
    },
  });
}
