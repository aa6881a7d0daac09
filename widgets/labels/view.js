import { menu } from "@nbpipes/kit/actions.js";
import { address } from "@nbpipes/kit/bytes.js";
import { bar, button, quote, threshold } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { number, probabilities } from "@nbpipes/kit/numbers.js";
import { colour } from "@nbpipes/kit/palette.js";
import { candidates } from "./candidates.js";

const FIRST = 10; // labels that are shown at first

/**
 * candidates: labels that the reader may change, where the model can be asked again. colours: those that the user
 * chose, by label.
 *
 * @typedef {{text: string | null, more: number, several: boolean, labels: {label: string, score: number | null}[],
 *   picture: import("@nbpipes/kit/stage.js").Picture | null, candidates: string[] | null,
 *   colours?: Record<string, import("@nbpipes/kit/palette.js").Colour>}} Spec
 */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const bars = h("div", {});
  const side = h("div", {}, bars);
  if (spec.candidates) {
    side.prepend(
      candidates(spec.candidates, async (labels) => {
        context.say("The model reads the labels …");
        try {
          await context.request("again", { candidates: labels });
          context.say("Scored anew");
        } catch (error) {
          context.say(error instanceof Error ? error.message : String(error));
          throw error;
        }
      }),
    );
  }
  body.append(spec.picture ? h("div", { class: "nbp-pictured" }, photo(spec.picture, context.signal), side) : side);
  const update = (/** @type {Spec} */ next) => {
    bars.replaceChildren();
    drawBars(bars, next, context);
  };
  update(spec);
  return update;
}

/** @param {import("@nbpipes/kit/stage.js").Picture} picture @param {AbortSignal} signal */
function photo({ data, type, name, width, height }, signal) {
  const alt = `${name}, ${width} × ${height} pixels`;
  if (!data) return h("span", { class: "nbp-muted" }, `[${name}]`);
  return h("img", { class: "nbp-photo", alt, width, height, src: address(data, type, signal) });
}

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
function drawBars(body, spec, context) {
  const { labels } = spec;
  const scores = labels.map(({ score }) => score ?? 0);
  const order = labels.map((_, index) => index).sort((a, b) => scores[b] - scores[a]);
  const sure = probabilities(labels.map(({ score }) => score));
  const most = Math.max(...scores.map(Math.abs), 0);
  const selected = new Set();
  const state = { least: spec.several ? 0.5 : 0, all: false, stretched: !sure };

  const list = listbox({ label: "Labels", several: true, class: "nbp-labels" }, (index) => {
    if (!selected.delete(index)) selected.add(index);
    list.mark((other) => selected.has(other));
    context.select([...selected].sort((a, b) => a - b));
    context.say(selected.size ? `${counted(selected.size, "label")} selected` : "Nothing is selected");
  });
  const more = button(
    "",
    () => {
      state.all = !state.all;
      show();
    },
    { hidden: labels.length <= FIRST },
  );
  const hint = h("span", { class: "nbp-muted" }, hinted());

  function hinted() {
    if (!sure || labels.length < 2) return "";
    const above = scores.filter((score) => score >= state.least).length;
    if (spec.several || state.least > 0) return `${above.toLocaleString("en")} of ${counted(labels.length, "label")}`;
    return `leads by ${number(scores[order[0]] - scores[order[1]], 2)}`;
  }

  function show() {
    const shown = state.all ? order : order.slice(0, FIRST);
    const longest = state.stretched ? most || 1 : 1;
    list.fill(
      shown.map((index) => {
        const { label, score } = labels[index];
        const strip = bar(
          Math.min(Math.abs(scores[index]) / longest, 1),
          spec.colours?.[label] ?? colour(scores[index] < 0 ? 1 : 0),
        );
        if (state.least > 0 && state.least <= longest) {
          strip.append(h("i", { style: { "inset-inline-start": `${(100 * state.least) / longest}%` } }));
        }
        return { index, cells: [h("bdi", {}, label), strip, h("span", { class: "nbp-number" }, number(score))] };
      }),
    );
    for (const option of list.node.children) {
      const index = Number(/** @type {HTMLElement} */ (option).dataset.index);
      option.toggleAttribute("data-below", scores[index] < state.least);
    }
    list.mark((index) => selected.has(index));
    more.textContent = state.all ? `First ${FIRST}` : `All ${labels.length.toLocaleString("en")}`;
    hint.textContent = hinted();
  }

  const top = h("div", { class: "nbp-bar-top" }, hint);
  if (sure && labels.length > 1) {
    const slider = threshold((least) => {
      state.least = least;
      show();
    }, state.least);
    const scale = button(
      "Scale to largest",
      () => {
        state.stretched = !state.stretched;
        scale.setAttribute("aria-pressed", String(state.stretched));
        show();
      },
      { "aria-pressed": "false" },
    );
    top.append(slider, scale);
  }
  top.append(menu(exported(spec), context));
  body.append(quote(spec.text, spec.more) ?? "", top, list.node, more);
  show();
}

/** @param {Spec} spec @returns {import("@nbpipes/kit/actions.js").Export} */
function exported({ labels }) {
  const rows = () => [["label", "score"], ...labels.map(({ label, score }) => [label, score])];
  return { name: "labels", json: () => labels, rows };
}
