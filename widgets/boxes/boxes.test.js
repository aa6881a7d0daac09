import { meet, places } from "@nbpipes/kit/tags.js";
import { expect, it } from "vitest";
import { frame, press, rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

const options = (/** @type {{all: (selector: string) => HTMLElement[]}} */ { all }) =>
  all(".nbp-option").map(({ textContent }) => textContent);

it("lists the objects, the surest first", () => {
  const view = rendered(module, sample(contract));
  expect(options(view)).toEqual(["cat0.98", "sofa0.91", "cat0.62", "dog0.45"]);
  expect(view.one("canvas").getAttribute("aria-label")).toBe(
    "beach.jpg, 40 × 20 pixels. 4 objects: 2 cat, 1 dog, 1 sofa",
  );
});

it("drops what scores below the threshold, and shows a class alone", async () => {
  const view = rendered(module, sample(contract));
  type(view.one("input[type=range]"), "0.6");
  await frame();
  expect(options(view)).toEqual(["cat0.98", "sofa0.91", "cat0.62"]);
  expect(view.one(".nbp-legend").textContent).toContain("3 objects of 4");
  view
    .all(".nbp-key")
    .find(({ textContent }) => textContent?.startsWith("cat"))
    ?.click();
  await frame();
  expect(options(view)).toEqual(["cat0.98", "cat0.62"]);
});

it("selects by the numbers that Python gave", async () => {
  const { all, one, answer } = rendered(module, sample(contract));
  all(".nbp-option")[3].click();
  press(all(".nbp-option")[0], "Enter");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [0, 2] });
  expect(all("[aria-selected=true]").length).toBe(2);
  press(one(".nbp-list"), "Escape");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [] });
});

it("tells what is pointed at in the list", () => {
  const { all, one } = rendered(module, sample(contract));
  all(".nbp-option")[1].dispatchEvent(new Event("pointerover", { bubbles: true }));
  expect(one(".nbp-readout").textContent).toBe("sofa 0.91 · x 0–40, y 2–20");
});

it("draws results without objects, boxes, scores and pictures", () => {
  const state = sample(contract);
  Object.assign(state.spec.entries[0], { box: null, score: null });
  state.spec.picture.data = null;
  expect(rendered(module, state).all(".nbp-option").length).toBe(4);
  state.spec.entries = [];
  expect(rendered(module, state).all(".nbp-error").length).toBe(0);
});

it("keeps what is painted while it is hidden", async () => {
  const { one } = rendered(module, sample(contract));
  const { width } = /** @type {HTMLCanvasElement} */ (one("canvas")); // in jsdom nothing has a size
  press(one("canvas"), "+");
  await frame();
  expect(/** @type {HTMLCanvasElement} */ (one("canvas")).width).toBe(width);
  expect(width).toBeGreaterThan(0);
});

it("places tags where they hide no other, those that come first where they are best", () => {
  let seed = 7;
  const random = (/** @type {number} */ below) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 100; round++) {
    const rects = Array.from({ length: 30 }, () => {
      const [left, top] = [random(400) - 20, random(300) - 20];
      return { left, top, right: left + random(120), bottom: top + random(120) };
    });
    const sizes = rects.map(() => ({ width: 20 + random(60), height: 17 }));
    const tags = places(rects, sizes, 400, 300);
    const placed = tags.filter((tag) => tag !== null);
    for (const [index, tag] of placed.entries()) {
      expect(tag.left >= 0 && tag.top >= 0 && tag.right <= 400 && tag.bottom <= 300).toBe(true);
      expect(placed.slice(index + 1).some((other) => meet(tag, other))).toBe(false);
    }
  }
  const rect = { left: 10, top: 50, right: 90, bottom: 90 };
  expect(
    places(
      [rect, rect],
      [
        { width: 30, height: 17 },
        { width: 30, height: 17 },
      ],
      400,
      300,
    ),
  ).toEqual([
    { left: 10, top: 33, right: 40, bottom: 50 },
    { left: 60, top: 33, right: 90, bottom: 50 },
  ]);
});
