import { beforeEach, expect, it, vi } from "vitest";
import { rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

beforeEach(() => {
  // jsdom plays nothing.
  HTMLMediaElement.prototype.pause = vi.fn();
  HTMLMediaElement.prototype.play = vi.fn(async () => {});
});

const texts = (/** @type {HTMLElement[]} */ nodes) => nodes.map(({ textContent }) => textContent);

it("lists when each label is the best one, and goes there", async () => {
  const { all, one, answer } = rendered(module, sample(contract));
  const audio = /** @type {HTMLAudioElement} */ (one("audio"));
  await vi.waitFor(() => expect(audio.src).toMatch(/^blob:/));
  expect(texts(all(".nbp-chip"))).toEqual(["dog <b>", "cat"]);
  expect(texts(all(".nbp-option .nbp-number"))).toEqual(["0:00.0 – 0:01.0", "0.8500", "0:01.0 – 0:02.0", "0.8000"]);
  all(".nbp-option")[1].click();
  expect(audio.currentTime).toBe(1);
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [5, 7] });
  expect(all(".nbp-option")[1].getAttribute("aria-current")).toBe("true");
  all(".nbp-option")[0].click();
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [0, 2, 5, 7] });
  all(".nbp-option")[1].click();
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [0, 2] });
});

it("leaves out what is less sure than the threshold", () => {
  const { all, one } = rendered(module, sample(contract));
  type(one("input[type=range]"), "0.82");
  expect(texts(all(".nbp-chip"))).toEqual(["dog <b>"]);
});

it("ends a window where the next one with another label begins", () => {
  const state = sample(contract);
  state.spec.windows = [
    [0, 1],
    [0.5, 1.5],
    [1, 2],
    [3, 4],
  ];
  const { all } = rendered(module, state);
  expect(texts(all(".nbp-option .nbp-muted"))).toEqual(["0:00.0 – 0:01.0", "0:01.0 – 0:02.0", "0:03.0 – 0:04.0"]);
});

it("shows the labels of a whole sound, and scores that are no probabilities", () => {
  const state = sample(contract);
  Object.assign(state.spec, { windows: [], entries: { labels: [1, 0], scores: [4, -2], windows: [-1, -1] } });
  const { all, answer } = rendered(module, state);
  expect(texts(all(".nbp-option .nbp-number"))).toEqual(["4.0000", "-2.0000"]);
  expect(all("input[type=range]").length).toBe(0);
  all(".nbp-option")[1].click();
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [1] });
  state.spec.entries = { labels: [], scores: [], windows: [] };
  Object.assign(state.spec.sound, { seconds: null, data: null, outline: null });
  const empty = rendered(module, state);
  expect(empty.all(".nbp-error").length).toBe(0);
  expect(empty.root.textContent).toContain("(no labels)");
});

it("tells that only some labels have a lane", () => {
  const state = sample(contract);
  expect(rendered(module, state).root.textContent).not.toContain("Lanes");
  state.spec.labels.push(...Array.from({ length: 30 }, (_, index) => `label ${index}`));
  const { length } = state.spec.labels;
  expect(rendered(module, state).root.textContent).toContain(`Lanes: the 8 labels of ${length} that are heard most`);
});
