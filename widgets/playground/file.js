import { address } from "@nbpipes/kit/bytes.js";
import { h } from "@nbpipes/kit/dom.js";

const PIECE = 2_000_000; // bytes of one message: one of 10 MB would cut the connection
const MOST = 64_000_000; // bytes of a file; Python has the same limit

/** @typedef {import("./view.js").Field} Field */

/** By the kind of a field: what a chooser offers, and what else the field takes. */
const KINDS = {
  image: { accept: "image/*", hint: "drop an image here, or give its path or URL", label: "a path or URL" },
  audio: { accept: "audio/*", hint: "drop a sound here, or give its path or URL", label: "a path or URL" },
  table: {
    accept: ".csv,text/csv",
    hint: "drop a CSV file here, paste rows of CSV or a Markdown table, or give a path",
    label: "rows of CSV, a Markdown table, or a path",
  },
};

/** @param {Field} about */
export const takesFiles = ({ kind }) => kind in KINDS;

/**
 * A field for an image, a sound or a table: a file that is chosen, dropped or pasted, or where or what it is in words.
 *
 * @param {Field} about
 * @param {import("@nbpipes/kit/widget.js").Context} context
 * @returns {import("./view.js").Made}
 */
export function fileField(about, { signal, say }) {
  const { accept, hint, label } = KINDS[/** @type {keyof typeof KINDS} */ (about.kind)];
  /** @type {File | null} */
  let file = null;
  let showing = new AbortController();
  const preview = h("span", { class: "nbp-preview" });
  const chooser = h("input", { type: "file", accept, "aria-label": `${about.name}: a file` });
  const words = { placeholder: about.default || hint, "aria-label": `${about.name}: ${label}` };
  const path =
    about.kind === "table"
      ? h("textarea", { rows: 3, dir: "auto", spellcheck: "false", ...words })
      : h("input", { type: "text", ...words });

  /** @param {File | null | undefined} found */
  function take(found) {
    showing.abort();
    if (found && found.size > MOST) {
      say(`The file has more than ${MOST / 1e6} MB: give its path`);
      found = null;
    }
    file = found ?? null;
    preview.replaceChildren();
    if (!file) return;
    path.value = "";
    const [one, shown] = [file, new AbortController()];
    showing = shown;
    void one.arrayBuffer().then((data) => {
      if (shown.signal.aborted) return;
      const src = address(data, one.type, shown.signal);
      // The chooser names a file that was chosen, not one that was dropped.
      preview.replaceChildren(...seen(about.kind, src), chooser.value ? "" : h("bdi", {}, one.name));
    });
  }

  chooser.addEventListener("change", () => take(chooser.files?.[0]));
  path.addEventListener("input", () => take(null));
  const node = h(
    "div",
    { class: "nbp-field nbp-drop", role: "group", "aria-label": about.name },
    h("span", {}, about.name, about.optional ? h("small", {}, " optional") : ""),
    path,
    h("div", { class: "nbp-files" }, chooser, preview),
  );
  node.addEventListener("dragover", (event) => {
    event.preventDefault();
    event.stopPropagation(); // the notebook would take the file
    node.toggleAttribute("data-over", true);
  });
  node.addEventListener("dragleave", () => node.toggleAttribute("data-over", false));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    node.toggleAttribute("data-over", false);
    chooser.value = "";
    take(event.dataTransfer?.files[0]);
  });
  node.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files[0]);
  });
  signal.addEventListener("abort", () => showing.abort());
  return { about, node, control: path, value: () => (file ? null : path.value), file: () => file };
}

/** What shows a file. @param {Field["kind"]} kind @param {string} src */
function seen(kind, src) {
  if (kind === "image") return [h("img", { src, alt: "" })];
  return kind === "audio" ? [h("audio", { src, controls: true })] : [];
}

/**
 * Sends a file to Python, in pieces.
 *
 * @param {string} name of the field
 * @param {File | null} file
 * @param {import("@nbpipes/kit/widget.js").Context} context
 */
export async function upload(name, file, { request, say }) {
  if (!file) return;
  for (let offset = 0; offset === 0 || offset < file.size; offset += PIECE) {
    const piece = await file.slice(offset, offset + PIECE).arrayBuffer();
    await request("upload", { name, offset }, new Uint8Array(piece));
    if (file.size > PIECE) say(`Sent ${Math.round((100 * Math.min(offset + PIECE, file.size)) / file.size)} %`);
  }
}
