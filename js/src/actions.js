import { button } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";

/**
 * What a view offers to take away; where it has to be fetched, as promises.
 *
 * @typedef {object} Export
 * @property {string} name of files, without an extension
 * @property {() => unknown} json
 * @property {() => Table | Promise<Table>} rows a table; its first row names the columns
 * @property {() => string} [text]
 * @property {[string, () => unknown][]} [more] names of further things to take away, and what brings them
 */

/**
 * A menu that copies and downloads, and shows a long view at its full height.
 *
 * @param {Export} data
 * @param {{root: HTMLElement, signal: AbortSignal, say: (text: string) => void}} context
 */
export function menu(data, { root, signal, say }) {
  const json = async () => JSON.stringify(await data.json(), null, 2);
  const copy = async (/** @type {string | Promise<string>} */ text) => {
    say((await copied(await text, root)) ? "Copied" : "The browser refused");
  };
  const save = async (
    /** @type {Promise<string>} */ text,
    /** @type {string} */ ending,
    /** @type {string} */ type,
  ) => {
    download(await text, `${data.name}.${ending}`, type, signal);
  };
  const table = async (/** @type {"," | "\t"} */ by) => separated(await data.rows(), by);
  const code = async () => frameCode(await data.rows());
  const full = button("Full height", () => {
    full.textContent = root.toggleAttribute("data-full") ? "Limited height" : "Full height";
  });
  const { text } = data;
  const items = [
    button("Copy JSON", () => copy(json())),
    button("Copy table", () => copy(table("\t"))),
    button("Copy as DataFrame code", () => copy(code())),
    text && button("Copy text", () => copy(text())),
    button("Download JSON", () => save(json(), "json", "application/json")),
    button("Download CSV", () => save(table(","), "csv", "text/csv")),
    ...(data.more ?? []).map(([name, press]) => button(name, press)),
    full,
  ];
  const shown = h("summary", { class: "nbp-button", "aria-label": "Copy and download" }, "⋯");
  const node = h("details", { class: "nbp-menu" }, shown);
  const list = h("div", {}, ...items);
  list.addEventListener("click", () => {
    node.open = false;
    shown.focus();
  });
  node.append(list);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    event.stopPropagation();
    node.open = false;
    shown.focus();
  });
  node.addEventListener("focusout", (event) => {
    if (!node.contains(/** @type {Node | null} */ (event.relatedTarget))) node.open = false;
  });
  return node;
}

/** @typedef {(string | number | null | undefined)[][]} Table */

/**
 * @param {string} text
 * @param {HTMLElement} root
 * @returns {Promise<boolean>}
 */
async function copied(text, root) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no clipboard: an old way that works everywhere.
    const area = h("textarea", { readonly: true, "aria-hidden": "true", style: { position: "fixed", opacity: "0" } });
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    area.value = text;
    root.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    return done;
  }
}

/**
 * Hands something to the browser as a file. Its address is revoked a minute later, or with the view.
 *
 * @param {BlobPart} content
 * @param {string} name
 * @param {string} type
 * @param {AbortSignal} signal
 */
export function download(content, name, type, signal) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  h("a", { href: url, download: name }).click();
  const revoke = () => URL.revokeObjectURL(url);
  setTimeout(revoke, 60_000);
  signal.addEventListener("abort", revoke, { once: true });
}

/**
 * @param {Table} rows
 * @param {"," | "\t"} by
 */
export function separated(rows, by) {
  const cell = (/** @type {unknown} */ value) => {
    const text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet runs a cell that begins like a formula.
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /["\n\r]/.test(safe) || safe.includes(by) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(cell).join(by)).join("\r\n");
}

/** @param {Table} rows */
export function frameCode([head, ...rows]) {
  const literal = (/** @type {unknown} */ value) =>
    value === null || value === undefined || Number.isNaN(value) ? "None" : JSON.stringify(value);
  const lines = rows.map((row) => `    [${row.map(literal).join(", ")}],\n`);
  return `pd.DataFrame(\n  [\n${lines.join("")}  ],\n  columns=${JSON.stringify(head)},\n)`;
}
