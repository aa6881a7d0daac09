import { menu } from "@nbpipes/kit/actions.js";
import { address } from "@nbpipes/kit/bytes.js";
import { bar, quote } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { number } from "@nbpipes/kit/numbers.js";
import { colour } from "@nbpipes/kit/palette.js";
import { thumbs } from "@nbpipes/kit/thumbs.js";
import { map } from "./map.js";
import { matrix } from "./matrix.js";

/**
 * names: the texts, or those of images. pictured: they are images, of which Python has small copies; picture: that of
 * a single one. cosines: of each pair i < j, row by row, in thousandths. points: a projection to two dimensions,
 * each from -1 to 1. facts: what there is to say of a single vector. values: of that vector, or its first ones.
 *
 * @typedef {{names: string[], pictured: boolean,
 *   picture: {data: import("@nbpipes/kit/bytes.js").Data, type: string} | null, cosines: number[], points: [number, number][], note: string,
 *   text: string | null, more: number, facts: [string, string][], values: number[]}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  if (spec.names.length < 2) one(body, spec, context);
  else many(body, spec, context);
}

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
function one(body, spec, context) {
  const { picture } = spec;
  const rows = spec.facts.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row", class: "nbp-muted" }, name), h("td", {}, value)),
  );
  const most = Math.max(...spec.values.map(Math.abs), 1e-12);
  const strip = h("div", {
    class: "nbp-strip",
    role: "img",
    "aria-label": `${spec.values.length} values, from ${number(Math.min(...spec.values), 3)} to ${number(Math.max(...spec.values), 3)}`,
  });
  for (const value of spec.values.slice(0, 400)) {
    const height = `${Math.max((50 * Math.abs(value)) / most, 0.5)}%`;
    const { line } = colour(value < 0 ? 1 : 0);
    strip.append(h("span", {}, h("i", { style: { height, background: line, [value < 0 ? "top" : "bottom"]: "50%" } })));
  }
  const top = h(
    "div",
    { class: "nbp-bar-top" },
    h("span", { class: "nbp-muted" }, spec.note),
    menu(exported(spec), context),
  );
  body.append(
    top,
    quote(spec.text, spec.more) ?? "",
    picture ? h("img", { alt: "", src: address(picture.data, picture.type, context.signal) }) : "",
    h("table", { class: "nbp-table" }, h("tbody", {}, ...rows)),
    strip,
  );
}

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
function many(body, spec, context) {
  const count = spec.names.length;
  const cosine = lookup(spec.cosines, count);
  /** @type {number | null} */
  let at = null;
  const pick = (/** @type {number} */ index) => {
    at = at === index ? null : index;
    show();
    context.select(at === null ? [] : [at]);
    context.say(at === null ? "Nothing is selected" : `${spec.names[index]}: the others by their similarity to it`);
  };
  const list = listbox({ label: spec.pictured ? "Images" : "Texts", class: "nbp-texts nbp-scroll" }, pick);
  list.node.toggleAttribute("data-pictured", spec.pictured);
  const small = thumbs(context, () => show());
  const cloud = map(spec.points, spec.names, pick);
  const grid = matrix(count, cosine, spec.names, context);

  function show() {
    const here = at;
    const order = spec.names.map((_, index) => index);
    if (here !== null) order.sort((a, b) => cosine(here, b) - cosine(here, a));
    list.fill(
      order.map((index) => {
        const name = h("bdi", {}, spec.names[index]);
        const place = h("span", { class: "nbp-muted nbp-number" }, index);
        const first = spec.pictured ? [place, small.of(index), name] : [place, name];
        if (here === null) return { index, cells: first };
        const value = cosine(here, index);
        const strip = bar(Math.abs(value), colour(value < 0 ? 1 : 0));
        return { index, cells: [...first, strip, h("span", { class: "nbp-number" }, value.toFixed(3))] };
      }),
    );
    list.node.toggleAttribute("data-near", here !== null);
    list.mark((index) => index === here);
    cloud.show(here, cosine);
    grid.show(here);
  }

  body.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && at !== null) pick(at);
  });
  const top = h(
    "div",
    { class: "nbp-bar-top" },
    h("span", { class: "nbp-muted" }, spec.note),
    menu(exported(spec), context),
  );
  body.append(top, h("div", { class: "nbp-columns" }, list.node, cloud.node, grid.node));
  show();
}

/**
 * @param {number[]} cosines the upper triangle, in thousandths
 * @param {number} count
 * @returns {(a: number, b: number) => number}
 */
export function lookup(cosines, count) {
  return (a, b) => {
    if (a === b) return 1;
    const [i, j] = a < b ? [a, b] : [b, a];
    return cosines[i * count - (i * (i + 1)) / 2 + (j - i - 1)] / 1000;
  };
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported(spec) {
  const { names, cosines, values } = spec;
  if (names.length < 2)
    return { name: "vector", json: () => values, rows: () => [["value"], ...values.map((value) => [value])] };
  const cosine = lookup(cosines, names.length);
  const table = () => names.map((name, a) => [name, ...names.map((_, b) => cosine(a, b))]);
  return { name: "similarities", json: () => table(), rows: () => [["text", ...names], ...table()] };
}
