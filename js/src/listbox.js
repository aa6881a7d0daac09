import { h } from "@nbpipes/kit/dom.js";
import { pressable, rove, roving } from "@nbpipes/kit/keys.js";

/**
 * A list of options of which one, or with `several` any number, is selected.
 *
 * @param {{label: string, several?: boolean, class?: string}} about
 * @param {(index: number) => void} press
 */
export function listbox(about, press) {
  const node = h("div", {
    class: `nbp-list ${about.class ?? ""}`,
    role: "listbox",
    "aria-label": about.label,
    "aria-multiselectable": about.several ? "true" : null,
  });
  roving(node, "[role=option]");
  const options = () => /** @type {HTMLElement[]} */ ([...node.querySelectorAll("[role=option]")]);

  /** @param {{index: number, cells: (Node | string | null)[], title?: string}[]} entries */
  function fill(entries) {
    const focused = options().find((option) => option === document.activeElement)?.dataset.index;
    node.replaceChildren(
      ...entries.map(({ index, cells, title }) => {
        const props = { role: "option", class: "nbp-option", "aria-selected": "false", tabindex: -1, title };
        const option = h("div", { ...props, "data-index": index }, ...cells);
        pressable(option, () => press(index));
        return option;
      }),
    );
    const again = options().find((option) => option.dataset.index === focused);
    rove(options(), again);
    again?.focus();
  }

  /** @param {(index: number) => boolean} selected */
  function mark(selected) {
    for (const option of options())
      option.setAttribute("aria-selected", String(selected(Number(option.dataset.index))));
  }

  return { node, fill, mark };
}
