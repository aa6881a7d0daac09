/** @typedef {import("@anywidget/types").AnyModel} Model */
/** @typedef {(op: string, args?: object, data?: Uint8Array) => Promise<any>} Request */

const ACK = 2_000; // ms until the kernel has to say that it heard
const PATIENCE = 600_000; // ms that a request may take once it is heard

/** The kernel did not answer: it is gone, or busy and of an age at which it cannot hear meanwhile. */
export class NoAnswer extends Error {}

/**
 * Requests to the Python side of a widget, as custom messages {id, op, args}.
 * Answers are {id, state}: "heard", then "done" with a result, or "failed" with an error.
 *
 * @param {Model} model
 * @param {AbortSignal} signal ends it: listeners go, open requests fail
 * @param {(alive: boolean) => void} notice hears whether the kernel answers
 * @returns {Request} data: bytes that go with a request, at most 4 MB: more would cut the connection
 */
export function connect(model, signal, notice) {
  // All views of a model get all messages, so that ids need to differ between them.
  const mine = Math.random().toString(36).slice(2);
  /** @type {Map<string, {heard: () => void, done: (result: any) => void, failed: (error: Error) => void}>} */
  const open = new Map();
  let count = 0;

  /** @param {any} message @param {DataView[]} [buffers] */
  function receive(message, buffers = []) {
    const waiting = open.get(message?.id);
    if (!waiting) return;
    notice(true);
    if (message.state === "heard") return waiting.heard();
    open.delete(message.id);
    if (message.state === "done") waiting.done(whole(message.result, buffers));
    else waiting.failed(new Error(String(message.error)));
  }

  model.on("msg:custom", receive);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", receive);
    for (const { failed } of open.values()) failed(new NoAnswer("the view is closed"));
    open.clear();
  });

  return (op, args = {}, data) =>
    new Promise((resolve, reject) => {
      const id = `${mine}${count++}`;
      const expire = (/** @type {string} */ text) => () => {
        notice(false);
        reject(new NoAnswer(text));
      };
      const gone = expire("the kernel does not answer");
      let timer = setTimeout(gone, ACK);
      open.set(id, {
        heard() {
          clearTimeout(timer);
          timer = setTimeout(expire("the kernel took too long"), PATIENCE);
        },
        done(result) {
          clearTimeout(timer);
          resolve(result);
        },
        failed(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      try {
        model.send({ id, op, args }, undefined, data && [data]);
      } catch {
        gone(); // Notebook 7 refuses to send to a kernel that was restarted
      }
    });
}

/**
 * A result with its bytes in their places, where {buffer: n} stood for them.
 *
 * @param {any} part
 * @param {DataView[]} buffers
 * @returns {any}
 */
function whole(part, buffers) {
  if (!buffers.length || typeof part !== "object" || part === null) return part;
  if (Array.isArray(part)) return part.map((inner) => whole(inner, buffers));
  if (typeof part.buffer === "number") return buffers[part.buffer];
  return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, whole(inner, buffers)]));
}
