import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("marks the cells of the chosen answer, and tells what they add up to", () => {
  const { all, one, answer } = rendered(module, sample(contract));
  expect(all("mark").map((mark) => mark.textContent)).toEqual(["36542"]);
  expect(one(".nbp-answered").textContent).toContain("AVERAGE → 36,542 of 1 cell");
  all(".nbp-option")[1].click();
  expect(all("mark").map((mark) => mark.textContent)).toEqual(["Transformers 🤗", "Tokenizers"]);
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [1] });
});

it("says how many rows are left out, and that no cell answers", () => {
  const { all, one } = rendered(module, sample(contract));
  expect(all(".nbp-gap").map((row) => row.textContent)).toEqual(["⋮ 96 more rows", "⋮ 4,900 more rows"]);
  all(".nbp-option")[2].click();
  expect(one(".nbp-answered").textContent).toContain("no cell of the table");
  expect(all("mark").length).toBe(0);
});

it("shows only rows with answers, or with what is searched for", () => {
  const { all, one } = rendered(module, sample(contract));
  one("[aria-pressed]").click();
  expect(all("tbody tr:not(.nbp-gap)").length).toBe(1);
  one("[aria-pressed]").click();
  const input = /** @type {HTMLInputElement} */ (one("input[type=search]"));
  input.value = "RUST";
  input.dispatchEvent(new Event("input"));
  expect(all("tbody tr:not(.nbp-gap)").map((row) => row.textContent)).toEqual(["2Tokenizers3934Rust"]);
});
