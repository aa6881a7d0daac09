import { beforeEach, expect, it, vi } from "vitest";
import { press, rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import { found, lanes, spoken, timed } from "./said.js";
import contract from "./state.json";
import { subtitles } from "./subtitles.js";

beforeEach(() => {
  // jsdom plays nothing.
  for (const name of /** @type {const} */ (["pause", "load"])) HTMLMediaElement.prototype[name] = vi.fn();
  HTMLMediaElement.prototype.play = vi.fn(async () => {});
});

const shown = () => {
  const view = rendered(module, sample(contract));
  const audio = /** @type {HTMLAudioElement} */ (view.one("audio"));
  const word = (/** @type {string} */ text) => {
    const node = view.all("[role=option]").find(({ textContent }) => textContent?.trim() === text);
    if (!node) throw new Error(`nobody says ${text}`);
    return node;
  };
  return { ...view, audio, word };
};

it("goes to a word that is clicked, and selects it", async () => {
  const { audio, word, answer, one } = shown();
  await vi.waitFor(() => expect(audio.src).toMatch(/^blob:/));
  word("<b>Charles</b>.").click();
  expect(audio.currentTime).toBe(0.5);
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [2] });
  expect(one("[aria-current]").textContent?.trim()).toBe("<b>Charles</b>.");
  expect(one("[data-now]").textContent).toContain("Ada met");
});

it("is read and played by keyboard", async () => {
  const { audio, one, answer } = shown();
  await vi.waitFor(() => expect(audio.src).toMatch(/^blob:/));
  const list = one("[role=listbox]");
  for (const key of ["ArrowRight", "ArrowRight", "ArrowDown", "Enter"]) press(list, key);
  await vi.waitFor(() => expect(HTMLMediaElement.prototype.play).toHaveBeenCalled());
  expect(audio.currentTime).toBe(1.1);
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [3] });
  press(list, "End");
  const event = new KeyboardEvent("keydown", { key: "ArrowLeft", shiftKey: true, bubbles: true });
  list.dispatchEvent(event);
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [5, 6] });
  press(list, "Escape");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [] });
});

it("finds words across pieces", () => {
  const { one, all } = shown();
  type(one("input[type=search]"), "met <b>ch");
  expect(all("[data-found]").length).toBe(2);
  expect(one(".nbp-stepper .nbp-place").textContent).toBe("– of 1");
  one("[aria-label='Next place']").click();
  expect(one("[data-at]").textContent?.trim()).toBe("met");
  expect(found(["İ", " a", " b", " ab"], "b")).toEqual([
    { first: 2, last: 2 },
    { first: 3, last: 3 },
  ]);
});

it("goes from place to place by Enter in the search field", () => {
  const { one } = shown();
  const field = one("input[type=search]");
  type(field, "a");
  const place = () => one(".nbp-stepper .nbp-place").textContent;
  const [, count] = /** @type {string} */ (place()).split(" of ");
  press(field, "Enter");
  expect(place()).toBe(`1 of ${count}`);
  expect(one("[data-at]").textContent).toContain("A");
  press(field, "Enter", { shiftKey: true });
  expect(place()).toBe(`${count} of ${count}`);
  type(field, "nobody says this");
  press(field, "Enter");
  expect(place()).toBe("– of 0");
});

it("asks for a piece of a long sound, and says what is left when nobody answers", async () => {
  const state = sample(contract);
  Object.assign(state.spec.sound, { seconds: 100, piece: 30 });
  state.spec.pieces.starts[3] = 65;
  const { all, answer, one } = rendered(module, state);
  const audio = /** @type {HTMLAudioElement} */ (one("audio"));
  answer.mockImplementation(async (op) => {
    if (op === "piece") throw new Error("the kernel does not answer");
    return null;
  });
  await vi.waitFor(() => expect(audio.src).toMatch(/^blob:/));
  all("[role=option]")[3].click();
  expect(answer).toHaveBeenCalledWith("piece", { piece: 2 });
  await vi.waitFor(() => expect(one(".nbp-player").textContent).toContain("what can be played: 0:00.0–0:30.0"));
  answer.mockResolvedValue(new ArrayBuffer(4));
  all("[role=option]")[3].click();
  await vi.waitFor(() => expect(audio.currentTime).toBe(5));
});

it("shows a text without times, and one whose sound is gone", () => {
  const state = sample(contract);
  Object.assign(state.spec, { text: "only <i>text</i>", lines: [], cues: [] });
  state.spec.pieces = { texts: [], starts: [], ends: [], languages: [], repaired: [] };
  const plain = rendered(module, state);
  expect(plain.one(".nbp-text").textContent).toBe("only <i>text</i>");
  expect(plain.all("canvas").length).toBe(1);
  const gone = sample(contract);
  Object.assign(gone.spec.sound, { seconds: null, data: null, outline: null });
  const view = rendered(module, gone);
  expect(view.one(".nbp-player").textContent).toContain("a <b>voice</b>.wav");
  expect(view.all("canvas").length).toBe(0);
  view.all("[role=option]")[1].click();
  expect(view.answer).toHaveBeenLastCalledWith("select", { indices: [1] });
});

it("lets go of the sound when it ends", async () => {
  const { audio, end } = shown();
  await vi.waitFor(() => expect(audio.src).toMatch(/^blob:/));
  const revoke = vi.spyOn(URL, "revokeObjectURL");
  end();
  await vi.waitFor(() => expect(revoke).toHaveBeenCalled());
  expect(audio.getAttribute("src")).toBe(null);
});

const pieces = (/** @type {[string, number | null, number | null][]} */ ...given) => ({
  texts: given.map(([text]) => text),
  starts: given.map(([, start]) => start),
  ends: given.map(([, , end]) => end),
  languages: [],
  repaired: [],
});

it("gives times to what has none", () => {
  const said = timed(pieces(["a", null, 1], [" b", null, null], [" c", 3, null]), [2, 1], [3], 9);
  expect([said.from, said.to]).toEqual([
    [0, 1, 3],
    [1, 3, 9],
  ]);
  expect([-1, 0, 1.5, 8.9, 9].map((time) => spoken(said, time))).toEqual([-1, 0, 1, 2, -1]);
  expect(said.cues.map(({ text }) => text)).toEqual(["a b c"]);
});

it("puts lines that overlap into lanes of their own", () => {
  const said = timed(pieces(["a", 0, 5], ["b", 2, 4], ["c", 4.8, 9]), [1, 1, 1], [1, 1, 1], 9);
  expect(lanes(said).map(({ bands }) => bands.map(({ label }) => label))).toEqual([["a", "c"], ["b"]]);
});

it("writes subtitles that players read", () => {
  const cues = [
    { from: 0, to: 1.25, text: " a <b> & c" },
    { from: 3661.5, to: 3662.0004, text: "x\n\n--> y" },
  ];
  expect(subtitles(cues, "srt")).toBe(
    "1\n00:00:00,000 --> 00:00:01,250\na <b> & c\n\n2\n01:01:01,500 --> 01:01:02,000\nx\n→ y\n",
  );
  expect(subtitles(cues, "vtt")).toBe(
    "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.250\na &lt;b&gt; &amp; c\n\n2\n01:01:01.500 --> 01:01:02.000\nx\n→ y\n",
  );
});
