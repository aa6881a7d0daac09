import { h } from "@nbpipes/kit/dom.js";
import { roving } from "@nbpipes/kit/keys.js";
import { base, savePicture } from "@nbpipes/kit/stage.js";

const SHOWN = 60; // crops in the page at once; the filters reach the others
const SIDE = 96; // px of a crop in the page

/**
 * What is cut out of a picture, one crop for each thing, when the reader unfolds it. A click downloads the crop.
 *
 * @param {object} about
 * @param {import("@nbpipes/kit/stage.js").Picture} about.picture
 * @param {() => HTMLImageElement | null} about.image
 * @param {(index: number) => import("@nbpipes/kit/tags.js").Rect | null} about.rect
 * @param {(index: number) => string} about.words
 * @param {(pen: CanvasRenderingContext2D, index: number, rect: import("@nbpipes/kit/tags.js").Rect) => void} [about.cut]
 * @param {AbortSignal} about.signal
 */
export function crops({ picture, image, rect, words, cut, signal }) {
  /** @type {number[]} */
  let order = [];
  const grid = h("div", {
    class: "nbp-crops",
    role: "group",
    "aria-label": "Crops; each is a button that downloads it",
  });
  const node = h("details", {}, h("summary", { class: "nbp-muted" }, "Crops"), h("div", { class: "nbp-scroll" }, grid));
  node.hidden = picture.data === null;
  node.addEventListener("toggle", fill);
  roving(grid, "button");

  function fill() {
    if (!node.open) return;
    const some = order.filter((index) => inside(index) !== null);
    grid.replaceChildren(...some.slice(0, SHOWN).map(crop));
    if (some.length > SHOWN) grid.append(h("span", { class: "nbp-muted" }, `… ${some.length - SHOWN} more`));
    if (some.length) grid.querySelector("button")?.setAttribute("tabindex", "0");
    else grid.append(h("span", { class: "nbp-muted" }, "Nothing to crop"));
  }

  /** The part of a thing's rectangle that is in the picture. @param {number} index */
  function inside(index) {
    const found = rect(index);
    if (!found) return null;
    const left = Math.max(Math.floor(found.left), 0);
    const top = Math.max(Math.floor(found.top), 0);
    const right = Math.min(Math.ceil(found.right), picture.width);
    const bottom = Math.min(Math.ceil(found.bottom), picture.height);
    return right > left && bottom > top ? { left, top, right, bottom } : null;
  }

  /** @param {number} index */
  function crop(index) {
    const found = /** @type {import("@nbpipes/kit/tags.js").Rect} */ (inside(index));
    const [width, height] = [found.right - found.left, found.bottom - found.top];
    const small = Math.min((SIDE * 2) / Math.max(width, height), 2);
    const name = `Download ${words(index)} as a picture`;
    const press = () => savePicture(sheet(index, found, 1), `${base(picture)}-${index}`, signal);
    return h(
      "button",
      { type: "button", class: "nbp-crop", title: name, "aria-label": name, tabindex: -1, onclick: press },
      sheet(index, found, small),
      h("bdi", {}, words(index)),
    );
  }

  /** @param {number} index @param {import("@nbpipes/kit/tags.js").Rect} found @param {number} scale */
  function sheet(index, found, scale) {
    const [width, height] = [found.right - found.left, found.bottom - found.top];
    const canvas = h("canvas", {
      width: Math.max(Math.round(width * scale), 1),
      height: Math.max(Math.round(height * scale), 1),
    });
    const pen = canvas.getContext("2d");
    const whole = image();
    if (!pen || !whole) return canvas;
    const data = whole.naturalWidth / picture.width; // pixels of the data for one of the picture
    const from = [found.left, found.top, width, height].map((length) => length * data);
    pen.drawImage(whole, from[0], from[1], from[2], from[3], 0, 0, canvas.width, canvas.height);
    cut?.(pen, index, found);
    return canvas;
  }

  return {
    node,
    /** @param {number[]} shown */
    show(shown) {
      order = shown;
      fill();
    },
  };
}
