import { menu } from "@nbpipes/kit/actions.js";
import { threshold } from "@nbpipes/kit/controls.js";
import { crops } from "@nbpipes/kit/crops.js";
import { counted, h, once } from "@nbpipes/kit/dom.js";
import { chip, legend, passes } from "@nbpipes/kit/legend.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { number, probabilities } from "@nbpipes/kit/numbers.js";
import { colours } from "@nbpipes/kit/palette.js";
import { scene, stage } from "@nbpipes/kit/stage.js";
import { places } from "@nbpipes/kit/tags.js";

const LISTED = 300; // options of the list; the filters reach the others
const TAGGED = 400; // things that get a tag

/** @typedef {import("@nbpipes/kit/tags.js").Rect} Rect */
/** @typedef {import("@nbpipes/kit/stage.js").Where} Where */
/** @typedef {{label: string, score: number | null}} Entry one thing in a picture */

/**
 * classes: those that have a colour, where it has to be the same as in other views beside this one.
 * colours: those that the user chose, by class. more: things that were left out.
 *
 * @template {Entry} E
 * @typedef {{about: string, picture: import("@nbpipes/kit/stage.js").Picture, entries: E[], more: number,
 *   classes?: string[], colours?: Record<string, import("@nbpipes/kit/palette.js").Colour>}} Spec
 */

/**
 * What is shown of the things in a picture. order: their numbers, the most important first. at: the one that is
 * pointed at, or -1.
 *
 * @typedef {{order: number[], selected: Set<number>, at: number,
 *   colour: (index: number) => import("@nbpipes/kit/palette.js").Colour}} Look
 */

/**
 * How the things of a kind are drawn into the picture and found in it.
 *
 * @typedef {object} Layer
 * @property {[string, string]} names of one thing, and of several
 * @property {(pen: CanvasRenderingContext2D, where: Where, look: Look) => void} paint
 * @property {(x: number, y: number, look: Look) => number} pick the thing at a point of the picture, -1 for none
 * @property {(index: number) => Rect | null} rect what it takes of the picture; null where it is in no place
 * @property {(index: number) => Rect | null} handle beside or in which its tag goes
 * @property {(index: number) => string} tell more about it, for the line below the picture
 * @property {(repaint: () => void) => HTMLElement[]} [controls]
 * @property {(pen: CanvasRenderingContext2D, index: number, rect: Rect) => void} [cut] leaves of a crop what belongs
 *   to the thing
 * @property {Pick<import("@nbpipes/kit/actions.js").Export, "json" | "rows">} exported
 */

/**
 * The view of things in a picture: their list, what is painted over the picture, and what filters both.
 *
 * @param {HTMLElement} body
 * @param {Spec<Entry>} spec
 * @param {import("@nbpipes/kit/widget.js").Context} context
 * @param {Layer} layer
 */
export function draw(body, spec, context, layer) {
  const { entries, picture } = spec;
  const labels = entries.map(({ label }) => label);
  const palette = colours(spec.classes ?? labels, spec.colours);
  const filter = { least: 0, pinned: new Set(), hovered: "" };
  const [one, several] = layer.names;
  const sorted = entries.map((_, index) => index).sort((a, b) => (entries[b].score ?? 1) - (entries[a].score ?? 1));
  /** @type {Look} */
  const look = {
    order: sorted,
    selected: new Set(),
    at: -1,
    colour: (index) => palette.get(labels[index]) ?? { fill: "#DDDDDD", line: "#808080" },
  };
  const words = (/** @type {number} */ index, label = labels[index]) =>
    `${label}${entries[index].score === null ? "" : ` ${number(entries[index].score, 2)}`}`;

  const readout = h("div", { class: "nbp-readout nbp-muted" });
  const hint = entries.length ? `Click ${one === "object" ? "an" : "a"} ${one} to select it` : "";
  const show = stage({
    picture,
    label: `${picture.name}, ${picture.width} × ${picture.height} pixels. ${spec.about}`,
    signal: context.signal,
    paint(pen, where) {
      layer.paint(pen, where, look);
      tags(pen, where);
    },
    point(x, y, spoken) {
      aim(Number.isNaN(x) ? -1 : layer.pick(x, y, look));
      if (spoken) context.say(look.at < 0 ? `nothing at ${Math.floor(x)}, ${Math.floor(y)}` : words(look.at));
    },
    press(x, y) {
      const found = layer.pick(x, y, look);
      if (found >= 0) toggle(found);
    },
  });
  const list = listbox({ label: several, several: true }, (index) => {
    toggle(index);
    const rect = layer.rect(index);
    if (rect) show.reveal(rect);
  });
  const cuts = crops({ ...layer, picture, words, image: show.image, signal: context.signal });
  const key = legend(labels, layer.names, palette, filter, () => late());

  /** Writes the tags that have room; those of what is selected or pointed at choose first. */
  function tags(/** @type {CanvasRenderingContext2D} */ pen, /** @type {Where} */ where) {
    const { scale, left, top, unit } = where;
    pen.font = `${12 * unit}px system-ui, sans-serif`;
    pen.textBaseline = "middle";
    const first = look.order.filter((index) => index === look.at || look.selected.has(index));
    const order = [...new Set([...first, ...look.order.slice(0, TAGGED)])].flatMap((index) => {
      const rect = layer.handle(index);
      if (!rect) return [];
      const text = words(index, cutOff(labels[index]));
      const size = { width: pen.measureText(text).width + 8 * unit, height: 17 * unit };
      const seen = {
        left: rect.left * scale + left,
        top: rect.top * scale + top,
        right: rect.right * scale + left,
        bottom: rect.bottom * scale + top,
      };
      const outside = seen.right < 0 || seen.bottom < 0 || seen.left > where.width || seen.top > where.height;
      if (outside) return [];
      return { index, text, size, seen: rect.left === rect.right ? around(seen, size) : within(seen, where) };
    });
    const found = places(
      order.map(({ seen }) => seen),
      order.map(({ size }) => size),
      where.width,
      where.height,
    );
    for (const [at, spot] of found.entries()) {
      if (!spot) continue;
      const { index, text, size } = order[at];
      const { fill } = look.colour(index);
      const strong = look.selected.has(index) || index === look.at;
      pen.fillStyle = fill;
      pen.strokeStyle = "#111";
      pen.lineWidth = (strong ? 2 : 1) * unit;
      pen.fillRect(spot.left, spot.top, size.width, size.height);
      pen.strokeRect(spot.left, spot.top, size.width, size.height);
      pen.fillStyle = "#111";
      pen.fillText(text, spot.left + 4 * unit, spot.top + 9 * unit);
    }
  }

  /** @param {number} index what is pointed at, -1 for nothing */
  function aim(index) {
    if (index === look.at) return;
    look.at = index;
    for (const option of list.node.children)
      option.toggleAttribute("data-at", /** @type {HTMLElement} */ (option).dataset.index === String(index));
    readout.textContent = index < 0 ? hint : `${words(index)} · ${layer.tell(index)}`;
    show.repaint();
  }

  /** @param {number} index */
  function toggle(index) {
    if (!look.selected.delete(index)) look.selected.add(index);
    selected();
  }

  function selected() {
    list.mark((index) => look.selected.has(index));
    show.repaint();
    context.select([...look.selected].sort((a, b) => a - b));
    context.say(look.selected.size ? `${counted(look.selected.size, one, several)} selected` : "Nothing is selected");
  }

  function filtered() {
    const { least } = filter;
    const kept = sorted.filter((index) => (entries[index].score ?? 1) >= least);
    look.order = kept.filter((index) => passes(filter, labels[index]));
    if (!look.order.includes(look.at)) aim(-1);
    key.count(kept.map((index) => labels[index]));
    list.fill(
      look.order.slice(0, LISTED).map((index) => ({
        index,
        cells: [chip(labels[index], palette), h("span", { class: "nbp-number" }, number(entries[index].score, 2))],
      })),
    );
    list.mark((index) => look.selected.has(index));
    const hidden = look.order.length - LISTED;
    rest.textContent = hidden > 0 ? `… ${counted(hidden, `more ${one}`, `more ${several}`)}` : "";
    cuts.show(look.order);
    show.repaint();
  }

  const late = once(filtered);
  const rest = h("div", { class: "nbp-muted" });
  const top = h("div", { class: "nbp-bar-top" }, key.node);
  if (entries.length > 1 && probabilities(entries.map(({ score }) => score))) {
    const change = (/** @type {number} */ least) => {
      filter.least = least;
      late();
    };
    top.append(threshold(change));
  }
  top.append(...(layer.controls?.(show.repaint) ?? []));
  const more = /** @type {[string, () => unknown][]} */ ([["Download picture", show.save]]);
  top.append(menu({ name: several, ...layer.exported, more }, context));

  const option = (/** @type {Event} */ event) =>
    /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-index]"));
  for (const event of ["pointerover", "focusin"])
    list.node.addEventListener(event, (e) => aim(Number(option(e)?.dataset.index ?? -1)));
  for (const event of ["pointerleave", "focusout"]) list.node.addEventListener(event, () => aim(-1));
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !(look.selected.size || filter.pinned.size)) return;
    filter.pinned.clear();
    look.selected.clear();
    filtered();
    selected();
  });

  readout.textContent = hint;
  if (spec.more) readout.append(` · ${counted(spec.more, `more ${one}`, `more ${several}`)} in the result`);
  const side = h("div", { class: "nbp-scroll nbp-things" }, list.node, rest);
  side.hidden = entries.length === 0;
  body.append(
    top,
    scene(picture, h("div", {}, show.node, h("div", { class: "nbp-under" }, readout, show.zooms)), side),
    entries.length ? cuts.node : "",
  );
  filtered();
}

/** The part of a rectangle that is in the frame. @param {Rect} rect @param {Where} where */
function within({ left, top, right, bottom }, { width, height }) {
  const [x, y] = [Math.max(left, 0), Math.max(top, 0)];
  return { left: x, top: y, right: Math.max(Math.min(right, width), x), bottom: Math.max(Math.min(bottom, height), y) };
}

/** Where a tag stands in the middle of a point. @param {Rect} point @param {{width: number, height: number}} size */
function around({ left, top }, { width, height }) {
  const y = top + height / 2;
  return { left: left - width / 2, right: left + width / 2, top: y, bottom: y };
}

/** @param {string} text */
const cutOff = (text) => (text.length > 27 ? `${[...text].slice(0, 25).join("")}…` : text);
