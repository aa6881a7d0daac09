import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("shows turns, how long an answer is, and goes to another version", () => {
  const { all, one, answer } = rendered(module, sample(contract));
  expect(all(".nbp-turn").map((turn) => turn.className)).toEqual(["nbp-turn nbp-user", "nbp-turn nbp-assistant"]);
  expect(all(".nbp-note")[1].textContent).toBe("stopped · 4 tokens · 8.0 tokens/s");
  expect(one(".nbp-place").textContent).toBe("2 of 2");
  expect(getComputedStyle(one(".nbp-stepper")).display).toBe("inline-flex");
  one(".nbp-stepper button").click();
  expect(answer).toHaveBeenLastCalledWith("choose", { number: 1 });
});

it("regenerates, edits and sends", () => {
  const { all, one, answer } = rendered(module, sample(contract));
  const press = (/** @type {string} */ name) =>
    all("button")
      .find((button) => button.textContent === name)
      ?.click();
  press("Regenerate");
  expect(answer).toHaveBeenLastCalledWith("again", { number: 2 });
  press("Edit");
  const field = /** @type {HTMLTextAreaElement} */ (one(".nbp-turn textarea"));
  expect(field.value).toBe("Who was Ada?");
  field.value = "Who was Grace?";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
  expect(answer).toHaveBeenLastCalledWith("edit", { number: 0, text: "Who was Grace?" });
  const say = /** @type {HTMLTextAreaElement} */ (one(".nbp-body > .nbp-composer textarea"));
  say.value = "More <b>please</b>";
  one(".nbp-go").click();
  expect(answer).toHaveBeenCalledWith("say", { text: "More <b>please</b>" });
});

it("keeps everything in its place while an answer is written", () => {
  const state = sample(contract);
  const names = (/** @type {HTMLElement[]} */ buttons) => buttons.map((button) => button.textContent);
  const before = names(rendered(module, state).all(".nbp-turn button"));
  state.spec.writing = true;
  const { all, one } = rendered(module, state);
  expect(names(all(".nbp-turn button"))).toEqual(before);
  expect(names(all(".nbp-composer button").filter((button) => !button.hidden))).toEqual(["Stop"]);
  expect(all(".nbp-note")[1].textContent).toBe("writing …");
  one(".nbp-composer button:not([hidden])").click();
  expect(document.activeElement).toBe(one(".nbp-composer textarea"));
});

it("only shows where no model answers", () => {
  const state = sample(contract);
  state.spec.live = false;
  const { all, one } = rendered(module, state);
  expect(all("button").map((button) => button.textContent)).not.toContain("Regenerate");
  expect(one(".nbp-composer").hidden).toBe(true);
});
