import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("tells the prompt from what follows, and goes through the texts", () => {
  const { one, all, answer } = rendered(module, sample(contract));
  expect([one(".nbp-prompt").textContent, one(".nbp-new").textContent]).toEqual([
    "Once upon a time",
    " there was a king.",
  ]);
  all(".nbp-stepper button")[1].click();
  expect(one(".nbp-new").textContent).toContain("an engine");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [1] });
});

it("shows the turns of a chat", () => {
  const state = sample(contract);
  state.spec.answers = [
    {
      prompt: "",
      text: "b",
      more: 0,
      turns: [
        { role: "user", content: "<b>a</b>" },
        { role: "judge", content: "b" },
      ],
    },
  ];
  const { all } = rendered(module, state);
  expect(all(".nbp-turn").map((turn) => turn.className)).toEqual(["nbp-turn nbp-user", "nbp-turn nbp-other"]);
  expect(all(".nbp-turn")[0].textContent).toContain("<b>a</b>");
});
