import { button } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";

/**
 * Labels of the reader's own: they are taken away and added, and the model is asked each time.
 *
 * @param {string[]} first
 * @param {(labels: string[]) => Promise<unknown>} ask
 */
export function candidates(first, ask) {
  let labels = first;
  const chips = h("span", { class: "nbp-choices" });
  const field = h("input", { type: "text", dir: "auto", placeholder: "another label", "aria-label": "Add a label" });
  const add = button("Add", () => void more());
  const node = h(
    "div",
    { class: "nbp-bar-top", role: "group", "aria-label": "Labels to choose from" },
    chips,
    field,
    add,
  );
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") more();
  });

  function more() {
    const label = field.value.trim();
    if (!label) return field.focus();
    field.value = "";
    if (!labels.includes(label)) change([...labels, label]);
  }

  /** @param {string[]} wanted */
  async function change(wanted) {
    const before = labels;
    labels = wanted;
    fill();
    node.toggleAttribute("data-busy", true);
    try {
      await ask(wanted);
    } catch {
      labels = before; // the reader is told why below
      fill();
    } finally {
      node.toggleAttribute("data-busy", false);
    }
  }

  function fill() {
    chips.replaceChildren(
      ...labels.map((label) => {
        const drop = () => {
          change(labels.filter((other) => other !== label));
          field.focus();
        };
        const props = { "aria-label": `Take ${label} away`, disabled: labels.length < 2 };
        return h("span", { class: "nbp-choice" }, h("bdi", {}, label), button("×", drop, props));
      }),
    );
  }

  fill();
  return node;
}
