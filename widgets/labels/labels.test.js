import { expect, it, vi } from "vitest";
import { press, rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("sorts labels, and marks those below the threshold", () => {
  const { all, one } = rendered(module, sample(contract));
  expect(all(".nbp-option bdi").map(({ textContent }) => textContent)).toEqual([
    "economy",
    "politics",
    "world",
    "sport",
  ]);
  expect(all("[data-below]").length).toBe(2);
  type(one("input[type=range]"), "0.99");
  expect(all("[data-below]").length).toBe(4);
});

it("selects labels by the numbers that Python gave them", () => {
  const { all, answer } = rendered(module, sample(contract));
  all(".nbp-option")[3].click();
  all(".nbp-option")[1].click();
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [1, 3] });
});

it("shows the first of many labels, then all", () => {
  const state = sample(contract);
  state.spec.labels = Array.from({ length: 300 }, (_, i) => ({ label: `label ${i}`, score: i / 300 }));
  const { all, root } = rendered(module, state);
  expect(all(".nbp-option").length).toBe(10);
  const more = [...root.querySelectorAll("button")].find(({ textContent }) => textContent === "All 300");
  more?.click();
  expect(all(".nbp-option").length).toBe(300);
});

it("shows scores that are no probabilities, and none at all", () => {
  const state = sample(contract);
  state.spec.labels = [
    { label: "up", score: 4.5 },
    { label: "down", score: -3 },
    { label: "none", score: null },
  ];
  const { all } = rendered(module, state);
  expect(all("input[type=range]").length).toBe(0);
  expect(all(".nbp-option .nbp-number").map(({ textContent }) => textContent)).toEqual(["4.5000", "", "-3.0000"]);
  state.spec.labels = [];
  expect(rendered(module, state).all(".nbp-error").length).toBe(0);
});

it("asks the model for other labels, and draws its answer", async () => {
  const state = sample(contract);
  state.spec.candidates = ["economy", "sport"];
  const { one, all, answer, root } = rendered(module, state);
  type(one("input[type=text]"), "<b>");
  press(one("input[type=text]"), "Enter");
  expect(answer).toHaveBeenLastCalledWith("again", { candidates: ["economy", "sport", "<b>"] });
  expect(all(".nbp-choice bdi").map(({ textContent }) => textContent)).toEqual(["economy", "sport", "<b>"]);
  await vi.waitFor(() => expect(root.querySelector(".nbp-status")?.textContent).toBe("Scored anew"));
  answer.mockRejectedValue(new Error("no model"));
  all(".nbp-choice button")[0].click();
  await vi.waitFor(() => expect(root.querySelector(".nbp-status")?.textContent).toBe("no model"));
  expect(all(".nbp-choice").length).toBe(3);
});

it("shows the picture that the labels are of", () => {
  const state = sample(contract);
  const data = new DataView(new ArrayBuffer(4));
  state.spec.picture = { data, type: "image/jpeg", name: "a<b>.jpg", width: 4, height: 3 };
  expect(rendered(module, state).one("img").getAttribute("alt")).toBe("a<b>.jpg, 4 × 3 pixels");
  state.spec.picture.data = null;
  expect(rendered(module, state).one(".nbp-pictured").textContent).toContain("[a<b>.jpg]");
});
