import { describe, expect, it, vi } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";
import { lookup } from "./view.js";

describe("similarities", () => {
  it("are found in the upper triangle", () => {
    const cosine = lookup([10, 20, 30, 120, 130, 230], 4);
    expect([cosine(0, 1), cosine(1, 0), cosine(1, 3), cosine(3, 2), cosine(2, 2)]).toEqual([0.01, 0.01, 0.13, 0.23, 1]);
  });

  it("sort the texts by how near they are to the selected one", () => {
    const { all, answer } = rendered(module, sample(contract));
    all(".nbp-option")[7].click();
    const numbers = all(".nbp-option").map((option) => Number(option.lastElementChild?.textContent));
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
    expect(answer).toHaveBeenLastCalledWith("select", { indices: [7] });
  });
});

it("shows images beside their names", async () => {
  const state = sample(contract);
  state.spec.pictured = true;
  const { all, one, answer } = rendered(module, state);
  answer.mockImplementation(async (_op, { indices }) =>
    indices.map((/** @type {number} */ index) => (index ? null : { data: new Uint8Array([1]), type: "image/jpeg" })),
  );
  await vi.waitFor(() => expect(all(".nbp-option img").length).toBe(1));
  expect(answer).toHaveBeenCalledWith("thumbs", { indices: [0, 1, 2, 3, 4, 5, 6, 7] });
  expect(one(".nbp-list").getAttribute("aria-label")).toBe("Images");
});

it("draws a single vector", () => {
  const state = sample(contract);
  Object.assign(state.spec, { names: [], facts: [["norm", "2.0"]], values: [0.5, -1, 0], text: "one" });
  const { all, root } = rendered(module, state);
  expect(all(".nbp-strip i").length).toBe(3);
  expect(root.textContent).toContain("norm");
  expect(all("img").length).toBe(0);
  state.spec.picture = { data: new Uint8Array([1]), type: "image/jpeg" };
  expect(rendered(module, state).all("img").length).toBe(1);
});
