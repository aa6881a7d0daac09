import { expect, it, vi } from "vitest";
import { press, rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("reads the depth at the arrow keys, and keeps points", async () => {
  const { one, answer, root } = rendered(module, sample(contract));
  expect([...root.querySelectorAll(".nbp-ramp span")].map(({ textContent }) => textContent)).toEqual(["2", "6", "10"]);
  await vi.waitFor(() => {
    press(one("canvas"), "ArrowDown");
    expect(one(".nbp-readout").textContent).toMatch(/^depth 6\.1\d* at 20, \d+$/);
  });
  press(one("canvas"), "Enter");
  expect(answer.mock.lastCall?.[0]).toBe("select");
  expect(answer.mock.lastCall?.[1].points[0][0]).toBe(20);
  one(".nbp-bar-top > .nbp-button").click();
  expect(answer).toHaveBeenLastCalledWith("select", { points: [] });
});
