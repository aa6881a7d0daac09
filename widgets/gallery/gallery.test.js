import { expect, it, vi } from "vitest";
import { press, rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

/** @param {number} count */
function long(count) {
  const state = sample(contract);
  const row = (/** @type {number} */ index) => ({
    index,
    name: `${index}`,
    text: `row ${index}`,
    cells: [2, [["PER", "Ada"]]],
  });
  Object.assign(state.spec, { count, first: Array.from({ length: 100 }, (_, index) => row(index)) });
  const view = rendered(module, state);
  view.answer.mockImplementation(async (op, { start, stop, query }) => {
    if (op !== "rows") return null;
    const total = query ? 3 : count;
    const rows = Array.from({ length: Math.max(Math.min(stop, total) - start, 0) }, (_, i) => row(start + i));
    return { total, rows };
  });
  return view;
}

it("holds the rows in sight alone", async () => {
  const { all, one } = long(100_000);
  expect(all(".nbp-row").length).toBeLessThan(40);
  const list = one(".nbp-windowed");
  list.scrollTop = 30 * 77_777;
  list.dispatchEvent(new Event("scroll"));
  await vi.waitFor(() =>
    expect(
      all(".nbp-row")
        .map((row) => row.textContent)
        .join(),
    ).toContain("row 77777"),
  );
  expect(all(".nbp-row").length).toBeLessThan(40);
});

it("asks Python to search", async () => {
  const { one, root } = long(1_000);
  type(one("input[type=search]"), "ADA");
  await vi.waitFor(() => expect(root.textContent).toContain("3 of 1,000 results"));
});

it("is moved through by keys, selects rows and opens them", async () => {
  const { one, all, answer } = long(1_000);
  await vi.waitFor(() => expect(all(".nbp-row")[0].textContent).toContain("row 0"));
  const list = one(".nbp-windowed");
  press(list, "ArrowDown");
  press(list, "ArrowDown");
  press(list, "Enter");
  await vi.waitFor(() => expect(answer).toHaveBeenCalledWith("select", { indices: [1] }));
  expect(answer).toHaveBeenCalledWith("item", { index: 1 });
  expect(list.getAttribute("aria-activedescendant")).toBe(one("[data-at]").id);
});

it("asks where the row is that Python reveals", () => {
  const { answer } = rendered(module, { ...sample(contract), revealed: 4 });
  expect(answer).toHaveBeenCalledWith("place", { index: 4, by: -1, down: false, query: "" });
});

it("fetches small copies of the pictures of the rows in sight", async () => {
  const state = sample(contract);
  state.spec.pictures = true;
  const { all, answer } = rendered(module, state);
  const data = new DataView(new ArrayBuffer(4));
  answer.mockImplementation(async (op, { indices }) =>
    op === "thumbs" ? indices.map((/** @type {number} */ i) => (i === 3 ? null : { data, type: "image/jpeg" })) : null,
  );
  await vi.waitFor(() => expect(all(".nbp-thumb img").length).toBe(8));
  expect(answer).toHaveBeenCalledWith("thumbs", { indices: [0, 1, 2, 3, 4, 5, 6, 7, 8] });
});
