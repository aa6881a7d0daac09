import { download } from "@nbpipes/kit/actions.js";
import { address } from "@nbpipes/kit/bytes.js";
import { button } from "@nbpipes/kit/controls.js";
import { h, once } from "@nbpipes/kit/dom.js";

const NEAREST = 12; // pixels of the screen that one of the picture takes at most, or as many times the whole
const STEP = 1.5;
const STILL = 4; // px that a pointer may move in a click

/**
 * A picture as Python sends it. data: null where it cannot be had any more. width, height: of the whole picture, in
 * whose pixels everything is told; the data may have fewer.
 *
 * @typedef {{data: import("@nbpipes/kit/bytes.js").Data | null, type: string, width: number, height: number,
 *   name: string}} Picture
 */

/**
 * Where a picture is on a canvas: a point x of it is at `x * scale + left`. unit: pixels of the canvas that one of a
 * page takes. width, height: of the canvas.
 *
 * @typedef {{scale: number, left: number, top: number, width: number, height: number, unit: number}} Where
 */

/**
 * A picture that is zoomed and moved, with something painted over it.
 *
 * @param {object} about
 * @param {Picture} about.picture
 * @param {string} about.label what the picture shows, for those who do not see it
 * @param {AbortSignal} about.signal
 * @param {(pen: CanvasRenderingContext2D, where: Where) => void} about.paint
 * @param {(x: number, y: number, spoken: boolean) => void} about.point at what the pointer is, or the arrow keys: then
 *   it is to be spoken; NaN for nowhere
 * @param {(x: number, y: number) => void} about.press
 */
export function stage({ picture, label, signal, paint, point, press }) {
  const canvas = h("canvas", { class: "nbp-canvas", role: "img", tabindex: 0, "aria-label": label });
  const zooms = h(
    "div",
    { class: "nbp-zoom" },
    button("−", () => zoom(1 / STEP), { "aria-label": "Zoom out" }),
    button("+", () => zoom(STEP), { "aria-label": "Zoom in", title: "Ctrl + wheel" }),
    button("Fit", () => fit(), { "aria-label": "Show all of the picture" }),
  );
  const ratio = picture.width / picture.height;
  const node = h("div", { class: "nbp-stage", style: { "aspect-ratio": ratio } }, canvas);
  const view = { zoom: 1, left: 0, top: 0 };
  /** @type {{x: number, y: number} | null} */
  let cursor = null;
  /** @type {HTMLImageElement | null} */
  let image = null;
  const scale = () => (view.zoom * canvas.clientWidth) / picture.width || 1;
  const repaint = once(draw);
  let told = "1,0,0";
  let led = false;

  if (picture.data) {
    const loading = h("img", { alt: "", src: address(picture.data, picture.type, signal) });
    loading.addEventListener("load", () => {
      image = loading;
      repaint();
    });
  }

  function draw() {
    const sharp = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = canvas;
    const pen = canvas.getContext("2d");
    if (!pen || !width) return; // hidden, as JupyterLab has it for a moment when its theme changes: a new size clears
    if (canvas.width !== Math.round(width * sharp)) canvas.width = Math.round(width * sharp);
    if (canvas.height !== Math.round(height * sharp)) canvas.height = Math.round(height * sharp);
    keep();
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    const where = { scale: scale(), left: view.left, top: view.top, width, height, unit: 1 };
    compose(pen, where);
    if (cursor) cross(pen, cursor, where);
    tell([view.zoom, view.left / width, view.top / height]);
    zooms.toggleAttribute("data-zoomed", view.zoom > 1);
    canvas.toggleAttribute("data-zoomed", view.zoom > 1);
  }

  /** Lets a stage of the same picture go along, unless this one has been led itself. @param {number[]} detail */
  function tell(detail) {
    if (!led && String(detail) !== told) canvas.dispatchEvent(new CustomEvent("nbp-moved", { bubbles: true, detail }));
    told = String(detail);
    led = false;
  }
  canvas.addEventListener("nbp-lead", (event) => {
    const [zoom, left, top] = /** @type {CustomEvent<number[]>} */ (event).detail;
    Object.assign(view, { zoom, left: left * canvas.clientWidth, top: top * canvas.clientHeight });
    led = true;
    repaint();
  });

  /** @param {CanvasRenderingContext2D} pen @param {Where} where */
  function compose(pen, where) {
    pen.fillStyle = "#8a8a8a";
    pen.fillRect(0, 0, where.width, where.height);
    pen.imageSmoothingEnabled = where.scale < 6;
    const [width, height] = [picture.width * where.scale, picture.height * where.scale];
    if (image) pen.drawImage(image, where.left, where.top, width, height);
    paint(pen, where);
  }

  /** No edge of the picture comes into the frame. */
  function keep() {
    const s = scale();
    view.left = Math.min(0, Math.max(view.left, canvas.clientWidth - picture.width * s));
    view.top = Math.min(0, Math.max(view.top, canvas.clientHeight - picture.height * s));
  }

  /** @param {number} by @param {number} [x] of the canvas, what stays where it is @param {number} [y] */
  function zoom(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const most = Math.max((NEAREST * picture.width) / (canvas.clientWidth || 1), NEAREST);
    const to = Math.min(Math.max(view.zoom * by, 1), most);
    view.left = x - ((x - view.left) * to) / view.zoom;
    view.top = y - ((y - view.top) * to) / view.zoom;
    view.zoom = to;
    repaint();
  }

  function fit() {
    Object.assign(view, { zoom: 1, left: 0, top: 0 });
    repaint();
  }

  /** Moves the picture so that a part of it can be seen. @param {import("@nbpipes/kit/tags.js").Rect} rect */
  function reveal({ left, top, right, bottom }) {
    const s = scale();
    const inside = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ room) =>
      from >= 0 && to <= room;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!inside(left * s + view.left, right * s + view.left, width)) view.left = width / 2 - ((left + right) / 2) * s;
    if (!inside(top * s + view.top, bottom * s + view.top, height)) view.top = height / 2 - ((top + bottom) / 2) * s;
    repaint();
  }

  /** @param {MouseEvent} event @returns {[number, number]} the place in the picture */
  function place(event) {
    const { left, top } = canvas.getBoundingClientRect();
    return [(event.clientX - left - view.left) / scale(), (event.clientY - top - view.top) / scale()];
  }

  /** @type {PointerEvent | null} */
  let held = null;
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = event;
    moved = 0;
    canvas.setPointerCapture?.(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return point(...place(event), false);
    const [dx, dy] = [event.clientX - held.clientX, event.clientY - held.clientY];
    held = event;
    moved += Math.hypot(dx, dy);
    if (moved <= STILL) return;
    view.left += dx;
    view.top += dy;
    repaint();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held && moved <= STILL) {
      hide();
      press(...place(event));
    }
    held = null;
  });
  canvas.addEventListener("pointercancel", () => {
    held = null;
  });
  canvas.addEventListener("pointerleave", () => point(Number.NaN, Number.NaN, false));
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the notebook scrolls
      event.preventDefault();
      const { left, top } = canvas.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 200), event.clientX - left, event.clientY - top);
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !typed(event)) return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", hide);

  /** What a key does; false for one that does nothing here. @param {KeyboardEvent} event */
  function typed({ key, shiftKey }) {
    const far = picture.width / view.zoom / (shiftKey ? 100 : 20);
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0];
    if (dx || dy) step(dx * far, dy * far);
    else if (key === "+" || key === "=") zoom(STEP);
    else if (key === "-") zoom(1 / STEP);
    else if (key === "0") fit();
    else if ((key === "Enter" || key === " ") && cursor) press(cursor.x, cursor.y);
    else return false;
    return true;
  }

  /** Moves the cross that stands for a pointer. @param {number} dx @param {number} dy */
  function step(dx, dy) {
    const { x, y } = cursor ?? { x: picture.width / 2 - dx, y: picture.height / 2 - dy };
    cursor = {
      x: Math.min(Math.max(x + dx, 0.5), picture.width - 0.5),
      y: Math.min(Math.max(y + dy, 0.5), picture.height - 0.5),
    };
    reveal({ left: cursor.x, right: cursor.x, top: cursor.y, bottom: cursor.y });
    point(cursor.x, cursor.y, true);
  }

  function hide() {
    if (!cursor) return;
    cursor = null;
    point(Number.NaN, Number.NaN, false);
    repaint();
  }

  /** The picture with what is painted over it, as a file. */
  function save() {
    const width = Math.round(Math.min(Math.max(image?.naturalWidth ?? 0, 800), 2000));
    const sheet = h("canvas", { width, height: Math.max(Math.round(width / ratio), 1) });
    const pen = sheet.getContext("2d");
    if (!pen) return;
    const unit = Math.max(width / 800, 1);
    compose(pen, { scale: width / picture.width, left: 0, top: 0, width, height: sheet.height, unit });
    savePicture(sheet, base(picture), signal);
  }

  const observer = new ResizeObserver(draw); // at once: in the next frame it may be hidden, and then nothing tells of it
  observer.observe(canvas);
  signal.addEventListener("abort", () => observer.disconnect());
  return { node, zooms, repaint, reveal, save, image: () => image };
}

/** What stands beside a stage, in a grid that has the form of the picture. @param {Picture} picture @param {...Node} parts */
export function scene({ width, height }, ...parts) {
  return h("div", { class: "nbp-scene", style: { "--nbp-ratio": width / height } }, ...parts);
}

/** @param {HTMLCanvasElement} sheet @param {string} name @param {AbortSignal} signal */
export function savePicture(sheet, name, signal) {
  sheet.toBlob((blob) => {
    if (blob && !signal.aborted) download(blob, `${name}.png`, blob.type, signal);
  });
}

/** The name of a picture's file, without its ending. @param {Picture} picture */
export function base({ name }) {
  return name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "-") || "picture";
}

/** @param {CanvasRenderingContext2D} pen @param {{x: number, y: number}} at @param {Where} where */
function cross(pen, { x, y }, { scale, left, top }) {
  const [cx, cy] = [x * scale + left, y * scale + top];
  for (const [width, colour] of /** @type {const} */ ([
    [4, "#111"],
    [2, "#fff"],
  ])) {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.beginPath();
    pen.moveTo(cx - 10, cy);
    pen.lineTo(cx + 10, cy);
    pen.moveTo(cx, cy - 10);
    pen.lineTo(cx, cy + 10);
    pen.stroke();
  }
}
