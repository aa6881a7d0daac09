import { h } from "@nbpipes/kit/dom.js";
import { containKeys } from "@nbpipes/kit/keys.js";
import { connect } from "@nbpipes/kit/link.js";
import theme from "@nbpipes/kit/theme.css";
import { followTheme } from "@nbpipes/kit/theme.js";
import { replaceTwin } from "@nbpipes/kit/twin.js";

/**
 * What a view has to work with.
 *
 * @typedef {object} Context
 * @property {HTMLElement} root
 * @property {import("@anywidget/types").AnyModel} model
 * @property {AbortSignal} signal aborts when the view is drawn anew or ends
 * @property {import("@nbpipes/kit/link.js").Request} request asks the Python side
 * @property {(indices: number[]) => void} select tells Python what is selected
 * @property {(text: string) => void} say shows a line of status, which screen readers speak
 */

/**
 * Draws a spec into an element that is empty. It may give a function that shows the next spec in what is drawn.
 *
 * @template S
 * @typedef {(body: HTMLElement, spec: S, context: Context) => void | ((spec: S) => void)} Draw
 */

const VERSION = 1;

/**
 * The anywidget of a view: its frame, theme, status line and footer, and the static twin that it replaces.
 *
 * @param {string} name
 * @param {Draw<any>} draw
 * @param {string} css
 */
export function widget(name, draw, css) {
  return {
    /** @param {{model: import("@anywidget/types").AnyModel, el: HTMLElement}} host */
    render({ model, el }) {
      const ending = new AbortController();
      const { signal } = ending;
      const root = h("div", { class: `nbp nbp-${name}`, role: "group" });
      const notice = h("div", { class: "nbp-notice", hidden: true });
      const status = h("div", { class: "nbp-status", role: "status", "aria-live": "polite" });
      const silent = "The kernel does not answer. The view still works; what is selected does not reach Python.";
      const request = connect(model, signal, (alive) => {
        notice.hidden = alive;
        notice.textContent = alive ? "" : `${silent} Run the cell again for a new one.`;
      });
      const say = announcer(status);
      const select = (/** @type {number[]} */ indices) =>
        void request("select", { indices }).catch((error) => say(String(error.message)));
      let drawing = new AbortController();
      /** @type {void | ((spec: any) => void)} */
      let update;

      function paint() {
        if (update) return update(model.get("spec"));
        drawing.abort();
        drawing = new AbortController();
        const body = h("div", { class: "nbp-body" });
        const spec = model.get("spec");
        try {
          if (spec.version !== VERSION) throw new Error(`this view draws version ${VERSION}, not ${spec.version}`);
          update = draw(body, spec, { root, model, signal: drawing.signal, request, select, say });
        } catch (error) {
          drawing.abort();
          body.replaceChildren(h("div", { class: "nbp-error" }, `This cannot be drawn: ${error}`));
          if (!root.classList.contains("nbp-live")) throw error; // the static twin stays
        }
        const label = spec.about ?? name;
        root.setAttribute("aria-label", label);
        root.replaceChildren(body, notice, h("div", { class: "nbp-foot" }, footer(spec.meta ?? {}), status));
      }

      containKeys(root);
      paint();
      el.append(h("style", {}, theme + css), root);
      root.classList.add("nbp-live");
      followTheme(root, signal);
      replaceTwin(root, model.get("twin"), signal);
      model.on("change:spec", paint);
      signal.addEventListener("abort", () => {
        drawing.abort();
        model.off("change:spec", paint);
      });
      return () => ending.abort();
    },
  };
}

/**
 * Shows texts for some seconds, the last of many at once.
 *
 * @param {HTMLElement} status
 */
function announcer(status) {
  let timer = 0;
  return (/** @type {string} */ text) => {
    clearTimeout(timer);
    status.textContent = text;
    timer = window.setTimeout(() => {
      status.textContent = "";
    }, 6_000);
  };
}

/** @param {Record<string, any>} meta model · revision · device · dtype · time · stopped */
function footer(meta) {
  const revision = /^[0-9a-f]{40}$/.test(meta.revision ?? "") ? meta.revision.slice(0, 7) : meta.revision;
  const words = [meta.model, revision, meta.device, meta.dtype].filter((word) => word);
  if (typeof meta.seconds === "number") words.push(duration(meta.seconds));
  if (meta.stopped) words.push("stopped");
  return h("span", {}, words.join(" · "));
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return `${Number((1000 * seconds).toPrecision(3))} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
}
