import { bytes } from "@nbpipes/kit/bytes.js";
import { button } from "@nbpipes/kit/controls.js";
import { h, once } from "@nbpipes/kit/dom.js";
import { clock } from "@nbpipes/kit/player.js";

const RULER = 16; // px of the times above
const HEIGHT = 56; // px of the wave
const LANE = 20; // px of a lane
const LEAST = 2; // seconds in sight at the nearest
const STILL = 4; // px that a pointer may move in a click
const STEP = 2;

/**
 * Something that is heard for a time. colour: of its band. share: how high it is, 1 if not told.
 *
 * @typedef {{from: number, to: number, label: string, colour: import("@nbpipes/kit/palette.js").Colour,
 *   share?: number}} Band
 * @typedef {{name: string, bands: Band[]}} Lane bands in the order of their beginnings, which do not overlap
 */

/**
 * The outline of a sound with lanes of what is heard below it: it is zoomed, sought in, and parts of it are selected.
 *
 * @param {object} about
 * @param {import("@nbpipes/kit/player.js").Sound} about.sound
 * @param {ReturnType<typeof import("@nbpipes/kit/player.js").player>} about.play
 * @param {Lane[]} about.lanes
 * @param {import("@nbpipes/kit/widget.js").Context} about.context
 * @param {(range: import("@nbpipes/kit/player.js").Range) => void} about.mark a part was selected
 * @param {(lane: number, band: number) => void} about.press a band was clicked
 */
export function wave({ sound, play, lanes, context, mark, press }) {
  const { seconds } = play;
  const named = lanes.some(({ name }) => name);
  const tall = RULER + HEIGHT + lanes.length * LANE;
  const canvas = h("canvas", {
    class: "nbp-wave",
    role: "slider",
    tabindex: 0,
    "aria-label": `Place in ${sound.name}`,
    "aria-valuemin": 0,
    "aria-valuemax": Math.round(seconds),
    style: { height: `${tall}px` },
  });
  const zooms = h(
    "span",
    { class: "nbp-stepper", hidden: seconds <= LEAST * STEP },
    button("−", () => zoom(1 / STEP), { "aria-label": "Zoom out" }),
    button("+", () => zoom(STEP), { "aria-label": "Zoom in" }),
  );
  const view = { from: 0, to: seconds };
  /** @type {{x: number, from: number, range: boolean} | null} */
  let drag = null;
  let over = -1; // where the pointer is, px
  /** @type {import("@nbpipes/kit/player.js").Range | null} */
  let marked = null;
  let coarse = sound.outline && levels(sound.outline);
  /** @type {{from: number, to: number, pairs: Int8Array} | null} of what is in sight */
  let fine = null;
  let timer = 0;
  let last = 0; // where the player was

  const wide = () => canvas.clientWidth;
  const gutter = () => (named ? Math.min(110, Math.floor(wide() / 4)) : 0);
  const room = () => Math.max(wide() - gutter(), 1);
  const span = () => view.to - view.from;
  const x = (/** @type {number} */ time) => gutter() + ((time - view.from) / span()) * room();
  const at = (/** @type {number} */ left) =>
    Math.min(Math.max(view.from + ((left - gutter()) / room()) * span(), 0), seconds);

  async function refine() {
    const asked = { from: view.from, to: view.to };
    if (coarse && span() > 0.6 * seconds) return;
    try {
      const got = await context.request("outline", { start: asked.from, stop: asked.to });
      if (context.signal.aborted) return;
      if (asked.from === 0 && asked.to === seconds) coarse = levels(got);
      else fine = { ...asked, pairs: levels(got) };
      paint();
    } catch {} // the reader is told where the sound cannot be had; its coarse outline stays
  }

  /** @param {number} from what is in sight from now on @param {number} length seconds */
  function look(from, length) {
    const size = Math.min(Math.max(length, LEAST), seconds);
    view.from = Math.min(Math.max(from, 0), seconds - size);
    view.to = view.from + size;
    clearTimeout(timer);
    timer = window.setTimeout(() => void refine(), 200);
    paint();
  }

  /** @param {number} by @param {number} [around] seconds, what stays where it is */
  function zoom(by, around = middle()) {
    const length = Math.min(Math.max(span() / by, LEAST), seconds);
    look(around - ((around - view.from) / span()) * length, length);
  }

  function middle() {
    const now = play.time();
    return now >= view.from && now <= view.to ? now : (view.from + view.to) / 2;
  }

  /** Brings a time into sight. @param {number} time */
  function reveal(time) {
    if (time < view.from || time > view.to) look(time - span() / 20, span());
  }

  /** @type {Pen} */
  let pen;
  let [text, played, back] = ["", "", ""]; // colours

  function draw() {
    const made = seconds ? sized(canvas) : null;
    if (!made) return;
    pen = made;
    const style = getComputedStyle(canvas);
    [text, played, back] = [style.color, style.caretColor, style.borderLeftColor];
    pen.clearRect(0, 0, wide(), tall);
    pen.font = `11px ${style.fontFamily}`;
    pen.textBaseline = "middle";
    ruler();
    const now = play.time();
    outline(x(now));
    for (const [lane, { name, bands }] of lanes.entries()) row(RULER + HEIGHT + lane * LANE, name, bands, now);
    for (const range of [marked, play.repeated()]) if (range) shade(range);
    fill(text, x(now) - 1, RULER - 2, 2, tall);
    if (over < 0) return;
    fill(text, over, RULER, 1, tall, 0.5);
    const left = Math.min(over + 3, wide() - 50);
    fill(back, left, RULER, 50, 15);
    write(clock(at(over)), left + 2, RULER + 8);
  }

  /**
   * @param {string} colour @param {number} left @param {number} top @param {number} width @param {number} height
   * @param {number} [alpha]
   */
  function fill(colour, left, top, width, height, alpha = 1) {
    pen.globalAlpha = alpha;
    pen.fillStyle = colour;
    pen.fillRect(left, top, width, height);
    pen.globalAlpha = 1;
  }

  /** @param {string} words @param {number} left @param {number} middle @param {string} [colour] */
  function write(words, left, middle, colour = text) {
    pen.fillStyle = colour;
    pen.fillText(words, left, middle);
  }

  function ruler() {
    const least = (span() / room()) * 70;
    const step = STEPS.find((seconds) => seconds >= least) ?? 3600;
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      const left = Math.round(x(time));
      fill(text, left, RULER - 5, 1, 5, 0.6);
      if (left < wide() - 40) write(clock(time, step < 1 ? 1 : 0), left + 3, 7);
    }
  }

  /** @param {number} heard px */
  function outline(heard) {
    const near = fine && fine.from <= view.from && fine.to >= view.to ? fine : null;
    const { from, to, pairs } = near ?? { from: 0, to: seconds, pairs: coarse };
    const middle = RULER + HEIGHT / 2;
    fill(back, gutter(), RULER, room(), HEIGHT);
    if (!pairs) return write("…", gutter() + 4, middle);
    const scale = (HEIGHT / 2 - 2) / loudest(coarse ?? pairs);
    const index = (/** @type {number} */ left) =>
      Math.min(Math.floor(((at(left) - from) / (to - from)) * (pairs.length / 2)), pairs.length / 2 - 1);
    for (let left = gutter(); left < wide(); left++) {
      let [low, high] = [0, 0];
      for (let i = index(left); i <= index(left + 1); i++) {
        low = Math.min(low, pairs[2 * i]);
        high = Math.max(high, pairs[2 * i + 1]);
      }
      const [colour, alpha] = left < heard ? [played, 1] : [text, 0.55];
      fill(colour, left, middle - high * scale - 0.5, 1, (high - low) * scale + 1, alpha);
    }
  }

  /** @param {number} top @param {string} name @param {Band[]} bands @param {number} now */
  function row(top, name, bands, now) {
    if (named) write(fitted(pen, name, gutter() - 6), 0, top + LANE / 2);
    let drawn = -1;
    for (let i = first(bands, view.from); i < bands.length && bands[i].from < view.to; i++) {
      const { from, to, label, colour, share = 1 } = bands[i];
      const left = Math.max(x(from), gutter());
      const right = Math.min(x(to), wide());
      if (right < drawn + 1) continue; // an hour has more bands than pixels
      drawn = right;
      const width = Math.max(right - left - 1, 1);
      const high = share * (LANE - 3);
      fill(colour.fill, left, top + LANE - 1 - high, width, high);
      const [line, size] = from <= now && now < to ? [played, 4] : [colour.line, 2];
      fill(line, left, top + LANE - 1 - size, width, size);
      if (width > 24) write(fitted(pen, label, width - 8), left + 4, top + LANE / 2, share > 0.7 ? "#111" : text);
    }
  }

  /** @param {import("@nbpipes/kit/player.js").Range} range */
  function shade({ from, to }) {
    const left = Math.max(x(from), gutter());
    const right = Math.min(x(to), wide());
    if (right <= left) return;
    fill(played, left, RULER, right - left, tall, 0.18);
    for (const edge of [left, right - 2]) fill(played, edge, RULER, 2, tall);
  }

  const paint = once(draw);
  const left = (/** @type {MouseEvent} */ event) => event.clientX - canvas.getBoundingClientRect().left;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    drag = { x: left(event), from: at(left(event)), range: event.shiftKey };
  });
  canvas.addEventListener("pointermove", (event) => {
    over = left(event);
    if (drag?.range) marked = ordered(drag.from, at(over));
    paint();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { range, from } = drag;
    const still = Math.abs(left(event) - drag.x) <= STILL;
    drag = null;
    const found = hit(event);
    if (range && !still) return mark(ordered(from, at(left(event))));
    if (still && found) return press(...found);
    void play.seek(at(left(event)));
  });
  canvas.addEventListener("pointerleave", () => {
    over = -1;
    paint();
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      const by = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) zoom(event.deltaY < 0 ? 1.3 : 1 / 1.3, at(left(event)));
      else if (by && span() < seconds) look(view.from + (by / room()) * span(), span());
      else return;
      event.preventDefault();
    },
    { passive: false },
  );

  /** @param {MouseEvent} event @returns {[number, number] | null} lane and band */
  function hit(event) {
    const lane = Math.floor((event.clientY - canvas.getBoundingClientRect().top - RULER - HEIGHT) / LANE);
    const time = at(left(event));
    const bands = lanes[lane]?.bands ?? [];
    const band = first(bands, time);
    return bands[band]?.from <= time ? [lane, band] : null;
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = MOVES[event.key];
    if (step) void play.seek(play.time() + (event.shiftKey ? Math.sign(step) : step));
    else if (event.key === " " || event.key === "Enter") play.toggle();
    else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? STEP : 1 / STEP);
    else return;
    event.preventDefault();
  });

  // What is out of sight is not painted, so that it has to be when it comes into sight.
  const observers = [ResizeObserver, IntersectionObserver].map((Observer) => {
    const observer = new Observer(() => paint());
    observer.observe(canvas);
    return observer;
  });
  const theme = new MutationObserver(paint);
  theme.observe(context.root, { attributes: true });
  context.signal.addEventListener("abort", () => {
    for (const observer of [...observers, theme]) observer.disconnect();
    clearTimeout(timer);
  });
  if (seconds && !coarse) void refine();

  return {
    node: canvas,
    zooms,
    /** The player is somewhere else. @param {number} time */
    follow(time) {
      canvas.setAttribute("aria-valuenow", String(Math.round(time)));
      canvas.setAttribute("aria-valuetext", `${clock(time)} of ${clock(seconds)}`);
      if (time !== last) reveal(time);
      last = time;
      paint();
    },
    /** @param {import("@nbpipes/kit/player.js").Range | null} range */
    show(range) {
      marked = range;
      if (range) reveal(range.from);
      paint();
    },
    paint,
  };
}

/** @typedef {CanvasRenderingContext2D} Pen */

/** @type {Record<string, number>} seconds */
const MOVES = {
  ArrowRight: 5,
  ArrowUp: 5,
  ArrowLeft: -5,
  ArrowDown: -5,
  PageUp: 30,
  PageDown: -30,
  Home: -1e9,
  End: 1e9,
};
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];

/** @param {import("@nbpipes/kit/bytes.js").Data} data */
function levels(data) {
  const array = bytes(data);
  return new Int8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The largest of many, not less than a whisper, so that noise stays small. @param {Int8Array} pairs */
const loudest = (pairs) => pairs.reduce((most, level) => Math.max(most, Math.abs(level)), 8);

/** @param {number} a @param {number} b */
const ordered = (a, b) => ({ from: Math.min(a, b), to: Math.max(a, b) });

/** The first of the bands that ends after a time. @param {Band[]} bands @param {number} time */
function first(bands, time) {
  let [low, high] = [0, bands.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bands[middle].to <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A text, or its beginning unless that says nothing. @param {CanvasRenderingContext2D} pen @param {string} text @param {number} room px */
function fitted(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let short = text.slice(0, Math.max(Math.floor(room / 4), 0));
  while (short && pen.measureText(`${short}…`).width > room) short = short.slice(0, -1);
  return short.length > 2 ? `${short}…` : "";
}

/** The pen of a canvas that is as sharp as the screen. @param {HTMLCanvasElement} canvas */
function sized(canvas) {
  const sharp = window.devicePixelRatio || 1;
  const { clientWidth, clientHeight } = canvas;
  if (!clientWidth) return null;
  if (canvas.width !== Math.round(clientWidth * sharp)) canvas.width = Math.round(clientWidth * sharp);
  if (canvas.height !== Math.round(clientHeight * sharp)) canvas.height = Math.round(clientHeight * sharp);
  const pen = canvas.getContext("2d");
  pen?.setTransform(sharp, 0, 0, sharp, 0, 0);
  return pen;
}
