import { download, menu } from "@nbpipes/kit/actions.js";
import { button, quote, search, stepper } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { player } from "@nbpipes/kit/player.js";
import { wave } from "@nbpipes/kit/wave.js";
import { found, lanes, spoken, timed } from "./said.js";
import { subtitles } from "./subtitles.js";
import { words } from "./words.js";

/**
 * text: where no piece of it has a time. lines, cues: how many pieces each line of the text, and each subtitle, has. left_out: pieces that are not here.
 *
 * @typedef {{about: string, sound: import("@nbpipes/kit/player.js").Sound, text: string | null, more: number,
 *   pieces: import("./said.js").Pieces, lines: number[], cues: number[], left_out: number}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const said = timed(spec.pieces, spec.lines, spec.cues, spec.sound.seconds ?? 0);
  const rows = lanes(said);
  let [first, last] = [-1, -1]; // of the selected pieces
  let followed = true;
  let looped = false;
  /** A part of the sound that is selected. @type {import("@nbpipes/kit/player.js").Range | null} */
  let part = null;

  const play = player(spec.sound, context, (time) => {
    picture.follow(time);
    text.now(spoken(said, time), followed);
  });
  const text = words(said, {
    select,
    seek: (piece, on) => void play.seek(said.from[piece], on || play.playing()),
    toggle: play.toggle,
  });
  const picture = wave({
    sound: spec.sound,
    play,
    lanes: rows,
    context,
    mark(range) {
      const inside = said.from.flatMap((from, i) => (from < range.to && said.to[i] > range.from ? [i] : []));
      select(inside[0] ?? -1, inside[inside.length - 1] ?? -1, range);
    },
    press(lane, band) {
      const { first, stop, from } = said.lines[rows[lane].bands[band].line];
      select(first, stop - 1);
      text.go(first);
      void play.seek(from);
    },
  });

  /** @param {number} from -1 for nothing @param {number} to @param {typeof part} [range] */
  function select(from, to, range = from < 0 ? null : { from: said.from[from], to: said.to[to] }) {
    [first, last, part] = [from, to, range];
    text.select(first, last);
    picture.show(part);
    repeat();
    const count = first < 0 ? 0 : last - first + 1;
    context.select(Array.from({ length: count }, (_, i) => first + i));
    context.say(count ? `${counted(count, "part")} selected` : "Nothing is selected");
  }

  /** Repeats what is selected; the line where that is a single piece or nothing. */
  function repeat() {
    const one = first < 0 ? spoken(said, play.time()) : first;
    const line = said.lines[said.inside[Math.max(one, 0)]];
    const whole = line && { from: line.from, to: line.to };
    play.repeat(looped ? (part && first === last && whole ? whole : (part ?? whole ?? null)) : null);
    picture.paint();
  }

  const go = (/** @type {Event} */ event) => {
    const time = /** @type {CustomEvent<number>} */ (event).detail;
    if (said.texts.length) text.go(Math.max(spoken(said, time), 0));
    void play.seek(time);
  };
  context.root.addEventListener("nbp-go", go, { signal: context.signal });
  const loop = toggle("Loop", false, "Repeats the selection, or the line", (on) => {
    looped = on;
    repeat();
  });
  const follow = toggle("Follow", true, "The text follows the sound", (on) => {
    followed = on;
  });
  const finds = finder(said, text, (place) => void play.seek(said.from[place]));
  const take = menu(exported(spec, said, context.signal), context);
  const heard = play.seconds > 0;
  body.append(h("div", { class: "nbp-bar-top" }, play.node, heard ? loop : "", heard ? picture.zooms : "", take));
  if (heard) body.append(picture.node);
  if (!said.texts.length) return body.append(quote(spec.text, spec.more) ?? "");
  body.append(h("div", { class: "nbp-bar-top" }, ...finds, heard ? follow : ""), text.node);
  if (spec.left_out) {
    body.append(h("div", { class: "nbp-muted" }, `… and ${counted(spec.left_out, "more part")}`));
  }
}

/** @param {string} name @param {boolean} on @param {string} title @param {(on: boolean) => void} change */
function toggle(name, on, title, change) {
  const node = button(
    name,
    () => {
      on = !on;
      node.setAttribute("aria-pressed", String(on));
      change(on);
    },
    { "aria-pressed": String(on), title },
  );
  return node;
}

/**
 * A field that finds words in the text, and steps from one place to the next, by Enter too.
 *
 * @param {import("./said.js").Said} said
 * @param {ReturnType<typeof words>} text
 * @param {(piece: number) => void} seek
 */
function finder({ texts }, text, seek) {
  /** @type {ReturnType<typeof found>} */
  let places = [];
  let at = -1;
  const step = (/** @type {1 | -1} */ by) => {
    at = (at + by + places.length + (at < 0 && by < 0 ? 1 : 0)) % places.length;
    steps.show(at, places.length);
    text.go(places[at].first);
    seek(places[at].first);
  };
  const steps = stepper(step, "place");
  const field = search("Search the text", (query) => {
    places = found(texts, query);
    at = -1;
    const marked = places.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
    text.mark(new Set(marked));
    steps.node.hidden = !query;
    steps.show(at, places.length);
  });
  field.addEventListener("keydown", ({ key, shiftKey }) => {
    if (key === "Enter" && places.length) step(shiftKey ? -1 : 1);
  });
  steps.node.hidden = true;
  return [field, steps.node];
}

/**
 * @param {Spec} spec @param {import("./said.js").Said} said @param {AbortSignal} signal
 * @returns {import("@nbpipes/kit/actions.js").Export}
 */
function exported(spec, said, signal) {
  const { texts, starts, ends, cues } = said;
  const name = spec.sound.name.replace(/\.[^.]*$/, "") || "transcript";
  const text = () => spec.text ?? texts.join("").trim();
  const whole = { from: 0, to: spec.sound.seconds ?? 0, text: text() };
  const save = (/** @type {"srt" | "vtt"} */ form) => {
    download(subtitles(cues.length ? cues : [whole], form), `${name}.${form}`, "text/plain", signal);
  };
  return {
    name,
    json: () =>
      texts.length
        ? { text: text(), chunks: texts.map((text, i) => ({ text, timestamp: [starts[i], ends[i]] })) }
        : { text: text() },
    rows: () => [["start", "end", "text"], ...texts.map((text, i) => [starts[i], ends[i], text.trim()])],
    text,
    more: [
      ["Download subtitles (SRT)", () => save("srt")],
      ["Download subtitles (VTT)", () => save("vtt")],
      ["Download text", () => download(text(), `${name}.txt`, "text/plain", signal)],
    ],
  };
}
