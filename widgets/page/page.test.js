import { expect, it } from "vitest";
import { frame, press, rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

const options = (/** @type {{all: (selector: string) => HTMLElement[]}} */ { all }) =>
  all(".nbp-option").map(({ textContent }) => textContent);

it("lists the answers with their numbers and scores", () => {
  const view = rendered(module, sample(contract));
  expect(options(view)).toEqual(["1us-0010.98", "211/02/2019 to 26/02/20190.31", "3no answer0.01"]);
  expect(view.one("strong").textContent).toBe("What is the invoice number?");
  expect(view.one("canvas").getAttribute("aria-label")).toBe("invoice.png, 500 × 700 pixels. Answers on a page: 3");
});

it("selects by the numbers that Python gave, with keys too", () => {
  const { all, one, answer } = rendered(module, sample(contract));
  all(".nbp-option")[1].click();
  press(all(".nbp-option")[0], "Enter");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [0, 1] });
  press(one(".nbp-list"), "Escape");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [] });
  expect(all("[aria-selected=true]").length).toBe(0);
});

it("tells the word and the answer at a place", async () => {
  const state = sample(contract);
  state.spec.words.push({ text: "middle", box: [200, 300, 300, 400] });
  const { one } = rendered(module, state);
  const canvas = one("canvas");
  press(canvas, "ArrowRight"); // the first key puts the cross into the middle
  await frame();
  expect(one(".nbp-readout").textContent).toBe("“middle”");
  for (let step = 0; step < 8; step++) press(canvas, "ArrowUp");
  expect(one(".nbp-status").textContent).toBe("“Invoice”"); // the nearest
  one(".nbp-option").dispatchEvent(new Event("pointerover", { bubbles: true }));
  expect(one(".nbp-readout").textContent).toBe("answer 1: us-001 0.98");
});

it("frames the words when asked to", () => {
  const { one } = rendered(module, sample(contract));
  const words = one(".nbp-button[aria-pressed]");
  expect(words.textContent).toBe("Words (3)");
  words.click();
  expect(words.getAttribute("aria-pressed")).toBe("true");
});

it("draws pages without answers, words, scores, questions and pictures", () => {
  const state = sample(contract);
  state.spec.answers[0].score = null;
  state.spec.picture.data = null;
  state.spec.question = null;
  expect(options(rendered(module, state))[0]).toBe("1us-001");
  Object.assign(state.spec, { answers: [], words: [] });
  const { all, one } = rendered(module, state);
  expect(all(".nbp-error").length).toBe(0);
  expect(one(".nbp-things").textContent).toBe("No answer on this page");
  expect(one(".nbp-button[aria-pressed]").hidden).toBe(true);
});
