import { model } from "@nbpipes/kit/nested.js";
import { vi } from "vitest";

// What jsdom lacks of a browser. There is nothing to see: what is painted, the tests in Chromium look at.
HTMLCanvasElement.prototype.getContext = () => null;
class Unseeing {
  observe() {}
  unobserve() {}
  disconnect() {}
}
globalThis.ResizeObserver ??= Unseeing;
globalThis.IntersectionObserver ??= /** @type {any} */ (Unseeing);
URL.createObjectURL ??= () => "blob:nowhere";
URL.revokeObjectURL ??= () => {};

/**
 * What Python sends, to change at will: state.json of a widget, which the tests of Python read too. Bytes are
 * {base64: …} there.
 *
 * @param {{sample: object}} contract
 * @returns {any}
 */
export const sample = (contract) => JSON.parse(JSON.stringify(contract.sample), revived);

/** @param {string} _key @param {any} value */
function revived(_key, value) {
  if (typeof value?.base64 !== "string") return value;
  return new DataView(Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0)).buffer);
}

/**
 * Renders a widget into the page with a state, its sample unless another is given.
 *
 * @param {{default: {render: (host: any) => () => void}}} module
 * @param {Record<string, any>} state
 */
export function rendered(module, state) {
  document.body.replaceChildren();
  const el = document.body.appendChild(document.createElement("div"));
  const answer = vi.fn(async (/** @type {string} */ _op, /** @type {any} */ _args) => /** @type {any} */ (null));
  const end = module.default.render({ model: model(state, answer), el });
  const root = /** @type {HTMLElement} */ (el.querySelector(".nbp"));
  const all = (/** @type {string} */ selector) => /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]);
  const one = (/** @type {string} */ selector) => {
    const [found] = all(selector);
    if (!found) throw new Error(`there is no ${selector}`);
    return found;
  };
  return { el, root, answer, end, all, one };
}

/** @param {HTMLElement} node @param {string} key @param {KeyboardEventInit} [held] */
export function press(node, key, held = {}) {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...held });
  node.dispatchEvent(event);
  return event;
}

/** @param {HTMLElement} input @param {string} value */
export function type(input, value) {
  /** @type {HTMLInputElement} */ (input).value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Waits for a frame, in which views are drawn anew. */
export const frame = () => new Promise((done) => requestAnimationFrame(() => done(null)));
