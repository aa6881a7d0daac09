import { clock } from "@nbpipes/kit/player.js";

/** @typedef {{from: number, to: number, text: string}} Cue */

/**
 * Subtitles as a file that players read.
 *
 * @param {Cue[]} cues
 * @param {"srt" | "vtt"} form
 */
export function subtitles(cues, form) {
  const mark = form === "srt" ? "," : ".";
  const time = (/** @type {number} */ seconds) => {
    const [minutes, rest] = clock(seconds % 3600, 3).split(":");
    const parts = [Math.floor(seconds / 3600), minutes, rest].map((part) => String(part).padStart(2, "0"));
    return parts.join(":").replace(".", mark);
  };
  // A blank line would end a cue, and an arrow would be its times; VTT has markup.
  const plain = (/** @type {string} */ text) =>
    text
      .trim()
      .replace(/\s*\n\s*/g, "\n")
      .replaceAll("-->", "→");
  const safe = (/** @type {string} */ text) =>
    form === "vtt" ? text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;") : text;
  const blocks = cues.map(({ from, to, text }, i) => `${i + 1}\n${time(from)} --> ${time(to)}\n${safe(plain(text))}\n`);
  return `${form === "vtt" ? "WEBVTT\n\n" : ""}${blocks.join("\n")}`;
}
