import { h } from "@nbpipes/kit/dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [160, 34];

/** A curve of the last values, from 0 to the largest, with a line that says the last one. */
export function sparkline() {
  const curve = document.createElementNS(SVG, "polyline");
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(curve);
  const said = h("span", { class: "nbp-rate" });
  const node = h("span", { class: "nbp-sparkline" }, drawing, said);

  /** @param {number[]} values @param {string} text */
  function show(values, text) {
    const top = Math.max(...values, 1e-9);
    const step = WIDTH / Math.max(values.length - 1, 1);
    const points = values.map(
      (value, i) => `${(i * step).toFixed(1)},${(HEIGHT - 2 - ((HEIGHT - 4) * value) / top).toFixed(1)}`,
    );
    curve.setAttribute("points", points.join(" "));
    said.textContent = text;
  }
  return { node, show };
}
