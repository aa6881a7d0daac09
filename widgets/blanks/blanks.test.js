import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("puts candidates into the sentence", () => {
  const { all, one, answer } = rendered(module, sample(contract));
  all(".nbp-slot")[1].click();
  all(".nbp-option")[2].click();
  expect(one(".nbp-sentence").textContent).toContain("Gaul");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [0, 5] });
});

it("shows the candidates where the blanks are not found in the text", () => {
  const state = sample(contract);
  Object.assign(state.spec, { pieces: null, text: "Something else" });
  const { all, root } = rendered(module, state);
  expect(root.textContent).toContain("Something else");
  expect(all(".nbp-option").length).toBe(3);
});
