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

it("takes sounds and tables", () => {
  const state = sample(contract);
  const field = { choices: [], optional: false };
  state.spec.inputs = [
    { ...field, name: "audio", kind: "audio", default: "" },
    { ...field, name: "table", kind: "table", default: "as given: a table", optional: true },
  ];
  const { all, one } = rendered(module, state);
  expect(all("input[type=file]").map((chooser) => chooser.getAttribute("accept"))).toEqual([
    "audio/*",
    ".csv,text/csv",
  ]);
  expect(one("textarea").getAttribute("placeholder")).toBe("as given: a table");
});

it("sends a dropped file in pieces, then runs on it", async () => {
  const state = sample(contract);
  state.spec.inputs = [{ name: "image", kind: "image", default: "", choices: [], optional: false }];
  const { one, answer } = rendered(module, state);
  answer.mockImplementation(async (op) => {
    if (op === "run") throw new Error("enough");
  });
  const drop = new Event("drop", { bubbles: true, cancelable: true });
  const file = new File([new Uint8Array(5_000_000)], "a<b>.png", { type: "image/png" });
  Object.assign(drop, { dataTransfer: { files: [file] } });
  one(".nbp-drop").dispatchEvent(drop);
  one(".nbp-go").click();
  await vi.waitFor(() => expect(answer).toHaveBeenLastCalledWith("run", { inputs: { image: null }, options: {} }));
  const sent = answer.mock.calls.filter(([op]) => op === "upload");
  expect(sent.map(([, { offset }]) => offset)).toEqual([0, 2_000_000, 4_000_000]);
  expect(sent.map((call) => /** @type {any} */ (call)[2].length)).toEqual([2_000_000, 2_000_000, 1_000_000]);
  type(one("input[type=text]"), "b.png");
  one(".nbp-go").click();
  await vi.waitFor(() => expect(answer).toHaveBeenLastCalledWith("run", { inputs: { image: "b.png" }, options: {} }));
});
