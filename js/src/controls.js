import { h } from "@nbpipes/kit/dom.js";

/**
 * A slider for the least score that is shown.
 *
 * @param {(threshold: number) => void} change
 * @param {number} [first]
 */
export function threshold(change, first = 0) {
  const shown = h("span", { class: "nbp-least", "aria-hidden": "true" }, first.toFixed(2));
  const slider = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: first, "aria-label": "Least score" });
  slider.addEventListener("input", () => {
    shown.textContent = slider.valueAsNumber.toFixed(2);
    slider.setAttribute("aria-valuetext", shown.textContent);
    change(slider.valueAsNumber);
  });
  return h("label", { class: "nbp-slider" }, "score ≥ ", slider, shown);
}

/**
 * A field that filters while one types; Escape empties it.
 *
 * @param {string} name
 * @param {(query: string) => void} change gets the query in lower case
 */
export function search(name, change) {
  const field = h("input", { type: "search", class: "nbp-search", placeholder: name, "aria-label": name });
  field.addEventListener("input", () => change(field.value.trim().toLowerCase()));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !field.value) return;
    event.stopPropagation();
    field.value = "";
    change("");
  });
  return field;
}

/**
 * @param {string} name
 * @param {() => void} press
 * @param {Record<string, any>} [props]
 */
export function button(name, press, props = {}) {
  return h("button", { type: "button", class: "nbp-button", onclick: press, ...props }, name);
}

/**
 * Previous, "3 of 12", next.
 *
 * @param {(step: 1 | -1) => void} move
 * @param {string} what
 */
export function stepper(move, what) {
  const place = h("span", { class: "nbp-place" });
  const node = h(
    "span",
    { class: "nbp-stepper" },
    button("‹", () => move(-1), { "aria-label": `Previous ${what}` }),
    place,
    button("›", () => move(1), { "aria-label": `Next ${what}` }),
  );
  /** @param {number} at counted from 0, -1 for none @param {number} of */
  const show = (at, of) => {
    place.textContent =
      at < 0 ? `– of ${of.toLocaleString("en")}` : `${(at + 1).toLocaleString("en")} of ${of.toLocaleString("en")}`;
    for (const arrow of node.querySelectorAll("button")) arrow.disabled = of === 0;
  };
  return { node, show };
}

/**
 * A bar for a score from 0 to 1, beside a number that says the same.
 *
 * @param {number} share
 * @param {{fill: string, line: string}} colour
 */
export function bar(share, colour) {
  const fill = h("span", {
    style: { width: `${(100 * share).toFixed(1)}%`, background: colour.fill, "border-color": colour.line },
  });
  return h("span", { class: "nbp-bar", "aria-hidden": "true" }, fill);
}

/**
 * The text of an item, or that there is none.
 *
 * @param {string | null | undefined} text
 * @param {number} [more] characters that were left out
 */
export function quote(text, more = 0) {
  if (text === null || text === undefined) return null;
  const node = h("div", { class: "nbp-text", dir: "auto" });
  if (text.trim()) node.append(text);
  else node.append(h("span", { class: "nbp-muted" }, "(empty text)"));
  if (more > 0) node.append(h("span", { class: "nbp-muted" }, ` … ${more.toLocaleString("en")} more characters`));
  return node;
}
