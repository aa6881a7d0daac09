import { bytes } from "@nbpipes/kit/bytes.js";
import { button } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";

const KEPT = 20; // pieces that are held
const AHEAD = 10; // seconds before the end of a piece at which the next one is fetched
const HAIR = 1e-3; // seconds: what is sought may come back rounded down
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3];

/**
 * A sound as Python sends it. seconds: null where it cannot be had any more. piece: seconds of the pieces in which it
 * comes. data: the first of them. outline: pairs of signed bytes, the least and the largest sample of equal parts; null
 * where it is to be asked for.
 *
 * @typedef {{name: string, seconds: number | null, piece: number, data: import("@nbpipes/kit/bytes.js").Data | null,
 *   outline: import("@nbpipes/kit/bytes.js").Data | null}} Sound
 */

/** @typedef {{from: number, to: number}} Range seconds */

/**
 * Plays a sound, piece by piece: what is not here yet is asked for as it is needed.
 *
 * @param {Sound} sound
 * @param {import("@nbpipes/kit/widget.js").Context} context
 * @param {(time: number) => void} moved hears where the player is, at each frame while it plays
 */
export function player(sound, { signal, request, say }, moved) {
  const { piece } = sound;
  const seconds = sound.seconds ?? 0;
  const count = Math.ceil(seconds / piece);
  let wanted = 0; // seconds
  let current = -1; // the piece that is heard
  let on = false; // whether it plays, or will when its piece is here
  let busy = false;
  let pace = 1;
  let seeks = 0;
  let tick = 0;
  /** @type {Range | null} */
  let loop = null;
  /** @type {Map<number, Promise<string>>} addresses of pieces */
  const pieces = new Map();
  /** @type {Set<number>} */
  const here = new Set();
  let [audio, spare] = [element(), element()];
  let readied = -1; // the piece that the spare element has loaded

  const toggler = button("▶", () => toggle(), { class: "nbp-button nbp-play", "aria-label": "Play" });
  const clockface = h("span", { class: "nbp-place" });
  const speed = h(
    "select",
    { class: "nbp-button", "aria-label": "Speed" },
    ...SPEEDS.map((value) => h("option", { value, selected: value === 1 }, `${value}×`)),
  );
  speed.addEventListener("change", () => {
    pace = Number(speed.value);
    for (const one of [audio, spare]) one.playbackRate = one.defaultPlaybackRate = pace;
  });
  const note = h("span", { class: "nbp-muted" });
  const node = h("span", { class: "nbp-player nbp-bar-top" }, toggler, clockface, speed, note, audio, spare);

  function element() {
    const made = h("audio", { preload: "auto" });
    made.addEventListener("ended", () => made === audio && ended());
    made.addEventListener("timeupdate", () => made === audio && tell());
    made.addEventListener("seeked", () => made === audio && tell());
    made.addEventListener("error", () => made === audio && made.src && failed("the browser cannot play this"));
    return made;
  }

  /** @param {number} number */
  function fetched(number) {
    let found = pieces.get(number);
    if (found) return found;
    const data = number === 0 && sound.data ? Promise.resolve(sound.data) : request("piece", { piece: number });
    found = data.then((/** @type {import("@nbpipes/kit/bytes.js").Data} */ got) => {
      if (signal.aborted) throw new Error("the view is closed");
      here.add(number);
      note.textContent = "";
      return URL.createObjectURL(new Blob([bytes(got)], { type: "audio/flac" }));
    });
    pieces.set(number, found);
    found.catch(() => pieces.delete(number));
    const old = [...pieces.keys()].find((other) => other !== current && other !== number);
    if (pieces.size > KEPT && old !== undefined) drop(old);
    return found;
  }

  /** @param {number} number */
  function drop(number) {
    void pieces.get(number)?.then(
      (url) => URL.revokeObjectURL(url),
      () => {},
    );
    pieces.delete(number);
    here.delete(number);
  }

  const time = () => (busy || current < 0 ? wanted : Math.min(current * piece + audio.currentTime + HAIR, seconds));

  /** @param {number} to seconds @param {boolean} [play] */
  async function seek(to, play = on) {
    if (!count) return;
    const asked = ++seeks;
    wanted = Math.min(Math.max(to, 0), seconds);
    on = play;
    const number = Math.min(Math.floor(wanted / piece), count - 1);
    try {
      if (number !== current) {
        busy = true;
        audio.pause();
        tell();
        const url = await fetched(number);
        if (asked !== seeks || signal.aborted) return;
        current = number;
        audio.src = url;
      }
      busy = false;
      audio.currentTime = wanted - number * piece;
      if (on) await start();
      tell();
    } catch (error) {
      if (asked === seeks && !signal.aborted) failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} why */
  function failed(why) {
    on = false;
    busy = false;
    const ranges = [...here].sort((a, b) => a - b).map((n) => `${clock(n * piece)}–${clock(end(n))}`);
    note.textContent = `${why}; what can be played: ${ranges.join(", ") || "nothing"}`;
    say(note.textContent);
    tell();
  }

  const end = (/** @type {number} */ number) => Math.min((number + 1) * piece, seconds);

  async function start() {
    on = true;
    audio.playbackRate = audio.defaultPlaybackRate = pace;
    try {
      await audio.play();
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "AbortError") throw error; // another place was sought meanwhile
    }
    next();
  }

  /** One chain of frames, however often the player is started. */
  function next() {
    cancelAnimationFrame(tick);
    tick = requestAnimationFrame(frame);
  }

  function frame() {
    if (signal.aborted || !on || audio.paused) return;
    if (loop && time() >= loop.to) void seek(loop.from);
    tell();
    const after = current + 1;
    if (after < count && end(current) - time() < AHEAD && readied !== after) {
      readied = after;
      fetched(after).then(
        (url) => {
          spare.src = url;
        },
        () => {
          readied = -1;
        },
      );
    }
    next();
  }

  function ended() {
    const after = current + 1;
    if (loop) return void seek(loop.from, true);
    if (after >= count) {
      on = false;
      return tell();
    }
    if (readied === after && spare.src) {
      [audio, spare] = [spare, audio]; // what is loaded already goes on without a gap
      current = after;
      void start().catch((error) => failed(String(error.message)));
    } else void seek(after * piece, true);
  }

  function toggle() {
    if (on) {
      on = false;
      audio.pause();
      tell();
    } else void seek(time() >= seconds ? (loop?.from ?? 0) : time(), true);
  }

  function tell() {
    const now = time();
    const name = on ? "Pause" : "Play";
    if (toggler.getAttribute("aria-label") !== name) {
      toggler.textContent = on ? "❚❚" : "▶";
      toggler.setAttribute("aria-label", name);
    }
    clockface.textContent = `${clock(now)} / ${clock(seconds)}`;
    node.toggleAttribute("data-busy", busy);
    moved(now);
  }

  signal.addEventListener("abort", () => {
    on = false;
    for (const one of [audio, spare]) {
      one.pause();
      one.removeAttribute("src");
    }
    for (const number of [...pieces.keys()]) drop(number);
  });
  if (count) queueMicrotask(() => void seek(0));
  else {
    node.replaceChildren(
      h("span", { class: "nbp-muted" }, "[", h("bdi", {}, sound.name), "] the sound is not here any more"),
    );
  }

  return {
    node,
    seconds,
    time,
    seek,
    toggle,
    /** Plays a part again and again. @param {Range | null} range */
    repeat(range) {
      loop = range;
      if (range && (time() < range.from || time() >= range.to)) void seek(range.from);
    },
    repeated: () => loop,
    playing: () => on,
  };
}

/**
 * Seconds as 0:05.2, or 1:02:03.5.
 *
 * @param {number | null} seconds
 * @param {number} [digits]
 */
export function clock(seconds, digits = 1) {
  if (seconds === null) return "–";
  const steps = 10 ** digits;
  const all = Math.floor(seconds * steps + 1e-6);
  const whole = Math.floor(all / steps);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = digits ? `.${String(all % steps).padStart(digits, "0")}` : "";
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}${rest}`;
}
