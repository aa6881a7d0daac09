import { expect, it, vi } from "vitest";
import { press, rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import { regions } from "./regions.js";
import contract from "./state.json";

/** @param {any} spec */
const read = ({ planes, entries }) =>
  regions(
    planes,
    entries.map((/** @type {any} */ { plane, value }, /** @type {number} */ index) => ({ index, plane, value })),
  );

it("finds the regions at a point, the one on top last", async () => {
  const { find } = await read(sample(contract).spec);
  expect(find(0.5, 0.1)).toEqual([0]);
  expect(find(0.3, 0.45)).toEqual([0, 2]);
  expect(find(0.9, 0.9)).toEqual([]);
  expect(find(-0.1, 1.5)).toEqual([]);
});

it("paints what is shown, with a line along its edge", async () => {
  const { fill } = await read(sample(contract).spec);
  const sheet = /** @type {any} */ ({ width: 40, height: 20, data: new Uint8ClampedArray(40 * 20 * 4) });
  fill(sheet, (index) => (index === 1 ? null : { alpha: 0.5, fill: index ? "#0000ff" : "#00ff00", line: "#ff0000" }));
  const at = (/** @type {number} */ x, /** @type {number} */ y) => [...sheet.data.slice(4 * (40 * y + x)).slice(0, 4)];
  expect(at(30, 5)).toEqual([0, 255, 0, 128]);
  expect(at(15, 9)).toEqual([0, 0, 255, 128]);
  expect(at(10, 9)).toEqual([255, 0, 0, 255]);
  expect(at(5, 15)).toEqual([0, 0, 0, 0]);
});

it("tells the region under the arrow keys, and selects it", async () => {
  const { one, answer, root } = rendered(module, sample(contract));
  await vi.waitFor(() => {
    press(one("canvas"), "ArrowLeft"); // the first key goes to the middle
    expect(one(".nbp-readout").textContent).toBe("boat 0.90 · 5.0 % of the picture");
  });
  expect(root.querySelector(".nbp-status")?.textContent).toBe("boat 0.90");
  press(one("canvas"), "Enter");
  expect(answer).toHaveBeenLastCalledWith("select", { indices: [2] });
});
