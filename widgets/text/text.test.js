import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import { copied, marked } from "./copied.js";
import * as module from "./index.js";
import contract from "./state.json";

it("tells the prompt from what follows, and lists the texts", () => {
  const { all, answer } = rendered(module, sample(contract));
  expect(all(".nbp-prompt").map((node) => node.textContent)).toEqual(["Once upon a time", "Once upon a time"]);
  expect(all(".nbp-new")[0].textContent).toBe(" there was a king.");
  all(".nbp-mark")[1].click();
  expect(all(".nbp-mark").map((mark) => mark.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [1] });
});

it("shows a text beside its source", () => {
  const state = sample(contract);
  state.spec.text = "A <b>long</b> story";
  state.spec.answers = [{ prompt: "", text: "A story", more: 0, pieces: [] }];
  const { one } = rendered(module, state);
  expect(one(".nbp-source").textContent).toBe("A <b>long</b> story");
  expect(one(".nbp-answer").textContent).toBe("A story");
});

it("marks what was taken over from the source, on both sides", () => {
  const state = sample(contract);
  state.spec.text = "In May, Ada met Babbage <b>in London</b>. It rained.";
  state.spec.answers = [{ prompt: "", text: "Ada met Babbage, in London, on a dull day.", more: 0, pieces: [] }];
  const { all, one } = rendered(module, state);
  expect(all(".nbp-copied").map((node) => node.textContent)).toEqual(["Ada met Babbage", "Ada met Babbage"]);
  expect(one(".nbp-source").textContent).toBe(state.spec.text);
  const toggle = one("button[aria-pressed]");
  expect(toggle.textContent).toBe("3 of 9 words taken over");
  toggle.click();
  expect(all(".nbp-copied").length).toBe(0);
  expect(one(".nbp-answer").textContent).toBe("Ada met Babbage, in London, on a dull day.");
});

it("finds every run of three words and more that stands in the source", () => {
  const words = ["a", "b", "c", "d", "👩🏽‍💻e", "ف"];
  for (let seed = 1; seed < 300; seed++) {
    const draw = (/** @type {number} */ count, /** @type {number} */ by) =>
      Array.from({ length: count }, (_, i) => words[((seed * (i + by) * 7919) >> 3) % words.length]).join(" ");
    const [source, text] = [draw(seed % 19, 3), draw(seed % 13, 11)];
    const { inText, inSource, count, of } = copied(source, text);
    const cut =
      (/** @type {string} */ whole) =>
      (/** @type {[number, number]} */ [start, end]) =>
        whole.slice(start, end);
    expect(inText.map(cut(text))).toEqual(inSource.map(cut(source)));
    expect(count).toBeLessThanOrEqual(of);
    const left = marked(text, inText).map((part) => (typeof part === "string" ? part : "|"));
    for (const piece of left.join("").split("|")) {
      const run = piece.trim().split(/\s+/).slice(0, 3).join(" ");
      if (run.split(" ").length === 3) expect(` ${source} `).not.toContain(` ${run} `);
    }
  }
});

it("colours tokens by how likely they were", () => {
  const state = sample(contract);
  const pieces = [
    [" there", 0.9],
    [" was", 0.1],
  ];
  state.spec.answers = [{ prompt: "Once", text: " there was", more: 0, pieces }];
  const { all } = rendered(module, state);
  expect(all(".nbp-piece").map((node) => [node.textContent, node.title])).toEqual([
    [" there", "0.900"],
    [" was", "0.100"],
  ]);
});
