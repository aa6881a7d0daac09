import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("marks the chosen answer in its context, after emoji too", () => {
  const { all, one, answer } = rendered(module, sample(contract));
  expect(one("mark").firstChild?.textContent).toBe("Charles Babbage");
  all(".nbp-option")[1].click();
  expect(one("mark").firstChild?.textContent).toBe("London");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [1] });
});

it("says that there is no answer", () => {
  const { all } = rendered(module, sample(contract));
  all(".nbp-option")[2].click();
  expect(all(".nbp-option")[2].textContent).toContain("no answer in the text");
  expect(all("mark").length).toBe(0);
});

it("needs neither question nor context", () => {
  const state = sample(contract);
  Object.assign(state.spec, { question: null, text: null });
  expect(rendered(module, state).all(".nbp-option").length).toBe(3);
});
