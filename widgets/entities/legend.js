import { counted, h } from "@nbpipes/kit/dom.js";
import { roving } from "@nbpipes/kit/keys.js";

/**
 * A button per class: pointing at it shows the class alone, pressing it keeps that.
 *
 * @param {import("./view.js").Entity[]} entities
 * @param {Map<string, import("@nbpipes/kit/palette.js").Colour>} palette
 * @param {{pinned: Set<string>, hovered: string}} filter which it changes
 * @param {() => void} changed
 */
export function legend(entities, palette, filter, changed) {
  const total = tally(entities);
  const node = h("span", { class: "nbp-legend", role: "group", "aria-label": "Classes" });
  const summary = h("span", { class: "nbp-muted" });
  const groups = [...total.keys()].sort((a, b) => (total.get(b) ?? 0) - (total.get(a) ?? 0));
  const keys = groups.map((group) => {
    const { fill, line } = palette.get(group) ?? { fill: "", line: "" };
    const count = h("span", { class: "nbp-count" });
    const chip = h(
      "span",
      { class: "nbp-chip", style: { background: fill, "border-color": line } },
      group || "(no label)",
    );
    const hover = (/** @type {string} */ name) => () => {
      filter.hovered = name;
      changed();
    };
    const press = () => {
      if (!filter.pinned.delete(group)) filter.pinned.add(group);
      button.setAttribute("aria-pressed", String(filter.pinned.has(group)));
      changed();
    };
    const button = h(
      "button",
      {
        type: "button",
        class: "nbp-key",
        "aria-pressed": "false",
        onclick: press,
        onpointerenter: hover(group),
        onpointerleave: hover(""),
      },
      chip,
      count,
    );
    return { group, button, count };
  });
  for (const { button } of keys) node.append(button);
  node.prepend(summary);
  roving(node, "button");

  /** @param {import("./view.js").Entity[]} shown */
  function count(shown) {
    const counts = tally(shown);
    summary.textContent = `${counted(shown.length, "entity", "entities")}${shown.length < entities.length ? ` of ${entities.length.toLocaleString("en")}` : ""}`;
    for (const key of keys) {
      key.count.textContent = (counts.get(key.group) ?? 0).toLocaleString("en");
      key.button.setAttribute("aria-pressed", String(filter.pinned.has(key.group)));
    }
  }
  return { node, count };
}

/** @param {import("./view.js").Entity[]} entities */
function tally(entities) {
  const counts = new Map();
  for (const { group } of entities) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}
