/** @typedef {(op: string, args: any, data?: Uint8Array) => Promise<any>} Answer */

/**
 * Shows a view inside another one: the same code that shows it alone, with a model that lives in the browser.
 *
 * @param {HTMLElement} el where it goes
 * @param {object} spec
 * @param {Record<string, string>} code the JavaScript of the views, by their names
 * @param {Answer} answer to the requests of the view
 * @param {AbortSignal} signal ends the view
 */
export async function nest(el, spec, code, answer, signal) {
  const kind = /** @type {any} */ (spec).kind;
  const module = await load(code[kind] ?? "");
  if (signal.aborted) return;
  el.replaceChildren();
  const end = module.default.render({ model: model({ spec, code, twin: "" }, answer), el });
  signal.addEventListener("abort", end);
}

/** @type {Map<string, Promise<any>>} */
const loaded = new Map();

/** @param {string} text */
function load(text) {
  let module = loaded.get(text);
  if (!module) {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    module = import(/* @vite-ignore */ url).finally(() => URL.revokeObjectURL(url));
    loaded.set(text, module);
  }
  return module;
}

/**
 * What a view needs of an anywidget model.
 *
 * @param {Record<string, any>} state
 * @param {Answer} answer
 */
export function model(state, answer) {
  /** @type {Map<string, Set<(message: any) => void>>} */
  const listeners = new Map();
  const tell = (/** @type {any} */ message) => {
    for (const listener of listeners.get("msg:custom") ?? []) listener(message);
  };
  return {
    get: (/** @type {string} */ name) => state[name],
    on(/** @type {string} */ event, /** @type {(message: any) => void} */ listener) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (/** @type {string} */ event, /** @type {(message: any) => void} */ listener) =>
      listeners.get(event)?.delete(listener),
    /** @param {{id: string, op: string, args: any}} message @param {unknown} [_] @param {Uint8Array[]} [buffers] */
    send({ id, op, args }, _, buffers) {
      tell({ id, state: "heard" });
      const answered = buffers ? answer(op, args, buffers[0]) : answer(op, args);
      answered.then(
        (result) => tell({ id, state: "done", result }),
        (error) => tell({ id, state: "failed", error: error.message }),
      );
    },
  };
}
