import { counted, h } from "@nbpipes/kit/dom.js";
import { roving } from "@nbpipes/kit/keys.js";

/**
 * A button per class: pointing at it shows the class alone, pressing it keeps that.
 *
 * @param {string[]} groups the class of each thing
 * @param {[string, string]} names of one thing, and of several
 * @param {Map<string, import("@nbpipes/kit/palette.js").Colour>} palette
 * @param {{pinned: Set<string>, hovered: string}} filter which it changes
 * @param {() => void} changed
 */
export function legend(groups, names, palette, filter, changed) {
  const total = tally(groups);
  const node = h("span", { class: "nbp-legend", role: "group", "aria-label": "Classes" });
  const summary = h("span", { class: "nbp-muted" });
  const classes = [...total.keys()].sort((a, b) => (total.get(b) ?? 0) - (total.get(a) ?? 0));
  const keys = classes.map((group) => {
    const count = h("span", { class: "nbp-count" });
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
      chip(group, palette),
      count,
    );
    return { group, button, count };
  });
  for (const { button } of keys) node.append(button);
  node.prepend(summary);
  roving(node, "button");

  /** @param {string[]} shown the classes of the things that are shown */
  function count(shown) {
    const counts = tally(shown);
    const of = shown.length < groups.length ? ` of ${groups.length.toLocaleString("en")}` : "";
    summary.textContent = `${counted(shown.length, ...names)}${of}`;
    for (const key of keys) {
      key.count.textContent = (counts.get(key.group) ?? 0).toLocaleString("en");
      key.button.setAttribute("aria-pressed", String(filter.pinned.has(key.group)));
    }
  }
  return { node, count };
}

/**
 * A label on the colour of its class.
 *
 * @param {string} label
 * @param {Map<string, import("@nbpipes/kit/palette.js").Colour>} palette
 */
export function chip(label, palette) {
  const { fill, line } = palette.get(label) ?? { fill: "#DDDDDD", line: "#808080" };
  return h("span", { class: "nbp-chip", style: { background: fill, "border-color": line } }, label || "(no label)");
}

/** @param {{pinned: Set<string>, hovered: string}} filter @param {string} group */
export function passes({ pinned, hovered }, group) {
  return hovered ? group === hovered : pinned.size === 0 || pinned.has(group);
}

/** @param {string[]} groups */
function tally(groups) {
  const counts = new Map();
  for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}
