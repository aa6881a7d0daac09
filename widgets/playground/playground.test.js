import { expect, it, vi } from "vitest";
import { rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("sends what is typed, and the options that are not left as they are", async () => {
  const { one, all, answer } = rendered(module, sample(contract));
  answer.mockRejectedValue(new Error("ValueError: <b>no</b>"));
  type(one("textarea"), "A warm film");
  type(one(".nbp-options input"), "2");
  one(".nbp-go").click();
  await vi.waitFor(() => expect(all(".nbp-error")[0]?.textContent).toBe("ValueError: <b>no</b>"));
  expect(answer).toHaveBeenCalledWith("run", {
    inputs: { text: "A warm film", text_pair: "" },
    options: { top_k: "2" },
  });
});

it("does not run without its input", () => {
  const { one, answer, root } = rendered(module, sample(contract));
  one(".nbp-go").click();
  expect(answer).not.toHaveBeenCalled();
  expect(root.querySelector(".nbp-status")?.textContent).toBe("text is empty");
});
