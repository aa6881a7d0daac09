import { menu } from "@nbpipes/kit/actions.js";
import { unpacked } from "@nbpipes/kit/bytes.js";
import { button } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { scene, stage } from "@nbpipes/kit/stage.js";

/** Of the least to the largest value. Viridis and cividis are even in grey and for colour-blind eyes too. */
const RAMPS = {
  viridis: ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"],
  cividis: ["#00224e", "#2a3f6d", "#575d6d", "#7d7c78", "#a59c74", "#d2c060", "#fee838"],
  grey: ["#000000", "#ffffff"],
};
const LEVELS = 65_535; // of 16 bits: the least value is 0, the largest the last

/**
 * A map of depths. data: 16 bits for a pixel, the lower byte first, packed by zlib.
 *
 * @typedef {{width: number, height: number, least: number, largest: number,
 *   data: import("@nbpipes/kit/bytes.js").Data}} Depths
 * @typedef {{about: string, picture: import("@nbpipes/kit/stage.js").Picture, depths: Depths}} Spec
 * @typedef {{x: number, y: number, depth: number}} Point
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { depths, picture } = spec;
  const style = { opacity: 1, ramp: /** @type {keyof typeof RAMPS} */ ("viridis") };
  const sheet = h("canvas", { width: depths.width, height: depths.height });
  const strip = h("canvas", {
    width: 256,
    height: 1,
    role: "img",
    "aria-label": "Colours of the depths, the least first",
  });
  /** @type {Uint16Array | null} */
  let levels = null;
  /** @type {Point[]} */
  let points = [];

  const readout = h("div", { class: "nbp-readout" });
  const hint = "Point at the picture, or use the arrow keys in it, to read a depth; click to keep it";
  const show = stage({
    picture,
    label: `${spec.about}, ${picture.name}`,
    signal: context.signal,
    paint(pen, { scale, left, top, unit }) {
      pen.globalAlpha = style.opacity;
      if (levels) pen.drawImage(sheet, left, top, picture.width * scale, picture.height * scale);
      pen.globalAlpha = 1;
      for (const { x, y, depth } of points) mark(pen, x * scale + left, y * scale + top, value(depth), unit);
    },
    point(x, y, spoken) {
      const depth = read(x, y);
      readout.textContent = depth === null ? hint : `depth ${value(depth)} at ${Math.floor(x)}, ${Math.floor(y)}`;
      if (spoken && depth !== null) context.say(`depth ${value(depth)}`);
    },
    press(x, y) {
      const depth = read(x, y);
      if (depth === null) return;
      const near = points.findIndex((other) => Math.hypot(other.x - x, other.y - y) < picture.width / 60);
      if (near >= 0) points.splice(near, 1);
      else points.push({ x: Math.floor(x) + 0.5, y: Math.floor(y) + 0.5, depth });
      kept();
    },
  });
  const clear = button("Forget the points", () => {
    points = [];
    kept();
  });

  function kept() {
    clear.hidden = points.length === 0;
    show.repaint();
    const places = points.map(({ x, y }) => [Math.floor(x), Math.floor(y)]);
    context.request("select", { points: places }).catch((error) => context.say(String(error.message)));
    context.say(points.length ? `${counted(points.length, "depth")} selected` : "Nothing is selected");
  }

  /** The depth at a point of the picture, null outside of it. @param {number} x @param {number} y */
  function read(x, y) {
    const column = Math.floor((x / picture.width) * depths.width);
    const row = Math.floor((y / picture.height) * depths.height);
    if (!levels || !(column >= 0 && row >= 0 && column < depths.width && row < depths.height)) return null;
    return depths.least + (levels[row * depths.width + column] / LEVELS) * (depths.largest - depths.least);
  }

  function colour() {
    const table = ramp(RAMPS[style.ramp]);
    paint(strip, (pixel) => table[pixel]);
    if (levels) {
      const all = levels;
      paint(sheet, (pixel) => table[all[pixel] >> 8]);
    }
    show.repaint();
  }

  const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: style.opacity });
  slider.addEventListener("input", () => {
    style.opacity = slider.valueAsNumber;
    show.repaint();
  });
  const names = /** @type {(keyof typeof RAMPS)[]} */ (Object.keys(RAMPS));
  const choice = h(
    "select",
    { class: "nbp-depth-colours" },
    ...names.map((name) => h("option", { value: name }, name)),
  );
  choice.addEventListener("change", () => {
    style.ramp = names[choice.selectedIndex];
    colour();
  });
  const { least, largest } = depths;
  const marks = [least, (least + largest) / 2, largest].map((depth) => h("span", { class: "nbp-muted" }, value(depth)));
  const top = h(
    "div",
    { class: "nbp-bar-top" },
    h("label", { class: "nbp-slider" }, "colours ", choice),
    picture.data ? h("label", { class: "nbp-slider" }, "picture ", slider, " depth") : "",
    clear,
    menu(exported(), context),
  );
  body.append(
    top,
    scene(
      picture,
      h(
        "div",
        {},
        show.node,
        h("div", { class: "nbp-ramp" }, strip, ...marks),
        h("div", { class: "nbp-under" }, readout, show.zooms),
      ),
    ),
  );
  clear.hidden = true;
  readout.textContent = hint;
  colour();
  unpacked(depths.data).then(
    (buffer) => {
      levels = new Uint16Array(buffer);
      colour();
    },
    (error) => context.say(`The depths cannot be read: ${error}`),
  );

  /** @returns {import("@nbpipes/kit/actions.js").Export} */
  function exported() {
    return {
      name: "depths",
      json: () => ({ least, largest, points }),
      rows: () => [["x", "y", "depth"], ...points.map(({ x, y, depth }) => [Math.floor(x), Math.floor(y), depth])],
      more: [["Download picture", show.save]],
    };
  }
}

/** @param {number} depth */
const value = (depth) => Number(depth.toPrecision(4)).toString();

/** A colour for each of 256 levels. @param {string[]} stops */
function ramp(stops) {
  return Array.from({ length: 256 }, (_, level) => {
    const at = (level / 255) * (stops.length - 1);
    const [from, to] = [stops[Math.floor(at)], stops[Math.ceil(at)]];
    return [1, 3, 5].map((digit) => {
      const [a, b] = [from, to].map((hex) => Number.parseInt(hex.slice(digit, digit + 2), 16));
      return a + (at % 1) * (b - a);
    });
  });
}

/** @param {HTMLCanvasElement} canvas @param {(pixel: number) => number[]} colour */
function paint(canvas, colour) {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const sheet = pen.createImageData(canvas.width, canvas.height);
  for (let pixel = 0; pixel < canvas.width * canvas.height; pixel++) sheet.data.set([...colour(pixel), 255], 4 * pixel);
  pen.putImageData(sheet, 0, 0);
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {string} text @param {number} unit */
function mark(pen, x, y, text, unit) {
  pen.font = `${12 * unit}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  const width = pen.measureText(text).width + 8 * unit;
  const left = x + width + 8 * unit > pen.canvas.width ? x - width - 6 * unit : x + 6 * unit;
  pen.lineWidth = 2 * unit;
  pen.strokeStyle = "#111";
  pen.fillStyle = "#fff";
  pen.beginPath();
  pen.arc(x, y, 4 * unit, 0, 7);
  pen.fill();
  pen.stroke();
  pen.fillRect(left, y - 9 * unit, width, 18 * unit);
  pen.lineWidth = unit;
  pen.strokeRect(left, y - 9 * unit, width, 18 * unit);
  pen.fillStyle = "#111";
  pen.fillText(text, left + 4 * unit, y);
}
