import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
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
