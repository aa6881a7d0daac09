import { model } from "@nbpipes/kit/nested.js";
import { expect, it, vi } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("shows how far the job is", () => {
  const { one, root } = rendered(module, sample(contract));
  const bar = /** @type {HTMLProgressElement} */ (one("progress"));
  expect([bar.value, bar.max]).toEqual([23, 40]);
  expect(root.textContent).toContain("23 of 40 rows");
  expect(root.textContent).toContain("grew 4 to 8: latency flat");
});

it("sends commands", async () => {
  const { all, one, answer } = rendered(module, sample(contract));
  const press = (/** @type {string} */ name) =>
    all("button")
      .find(({ textContent }) => textContent === name)
      ?.click();
  press("Pause");
  press("Stop");
  const size = /** @type {HTMLInputElement} */ (one("input[type=number]"));
  size.value = "16";
  size.dispatchEvent(new Event("change"));
  await vi.waitFor(() => expect(answer).toHaveBeenCalledTimes(3));
  expect(answer.mock.calls.map(([, args]) => [args.name, args.value])).toEqual([
    ["pause", null],
    ["stop", null],
    ["set_batch_size", 16],
  ]);
});

it("goes on in place: what has the focus keeps it", () => {
  const state = sample(contract);
  const listeners = /** @type {(() => void)[]} */ ([]);
  const el = document.body.appendChild(document.createElement("div"));
  const fake = model(state, async () => null);
  fake.on = (name, listener) => void (name === "change:spec" && listeners.push(/** @type {any} */ (listener)));
  /** @type {any} */ (module.default).render({ model: fake, el });
  const button = /** @type {HTMLElement} */ (el.querySelector("button"));
  button.focus();
  state.spec = { ...state.spec, job: { ...state.spec.job, state: "paused", done: 24 } };
  for (const listener of listeners) listener();
  expect(document.activeElement).toBe(button);
  expect(button.textContent).toBe("Resume");
  state.spec = { ...state.spec, job: { ...state.spec.job, state: "done", done: 40 } };
  for (const listener of listeners) listener();
  expect(
    [...el.querySelectorAll("button")].filter(({ hidden }) => !hidden).map(({ textContent }) => textContent),
  ).not.toContain("Stop");
});
