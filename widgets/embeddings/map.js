import { heat } from "@nbpipes/kit/palette.js";

const SVG = "http://www.w3.org/2000/svg";
const SIZE = 240;
const LABELS = 14; // points that carry their number at all times

/**
 * Texts as points, near each other where their vectors are.
 *
 * @param {[number, number][]} points each coordinate from -1 to 1
 * @param {string[]} names
 * @param {(index: number) => void} pick
 */
export function map(points, names, pick) {
  const node = make("svg", {
    viewBox: `0 0 ${SIZE} ${SIZE}`,
    class: "nbp-map",
    role: "img",
    "aria-label": "Map of the texts; the list beside it holds the same",
  });
  const place = (/** @type {number} */ value) => SIZE / 2 + value * (SIZE / 2 - 14);
  const dots = points.map(([x, y], index) => {
    const dot = make("circle", { cx: place(x), cy: place(-y), r: 5 });
    const title = make("title", {});
    title.textContent = `${index}: ${names[index]}`;
    dot.append(title);
    dot.addEventListener("click", () => pick(index));
    return dot;
  });
  const numbers = points.map(([x, y], index) => {
    const label = make("text", { x: place(x) + 7, y: place(-y) + 4 });
    label.textContent = String(index);
    return label;
  });
  node.append(...dots, ...numbers);

  /** @param {number | null} at @param {(a: number, b: number) => number} cosine */
  function show(at, cosine) {
    for (const [index, dot] of dots.entries()) {
      dot.setAttribute("fill", at === null ? "#77AADD" : index === at ? "#111" : heat(cosine(at, index)));
      dot.setAttribute("r", index === at ? "7" : "5");
      const near = at === null ? points.length <= LABELS : index === at || cosine(at, index) > 0.5;
      numbers[index].toggleAttribute("data-hidden", !near);
    }
  }
  return { node, show };
}

/** @param {string} tag @param {Record<string, string | number>} props */
function make(tag, props) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(props)) node.setAttribute(key, String(value));
  return node;
}
