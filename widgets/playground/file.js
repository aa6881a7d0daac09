import { address } from "@nbpipes/kit/bytes.js";
import { h } from "@nbpipes/kit/dom.js";

const PIECE = 2_000_000; // bytes of one message: one of 10 MB would cut the connection
const MOST = 64_000_000; // bytes of a file; Python has the same limit

/** @typedef {import("./view.js").Field} Field */

/**
 * A field for an image: a file that is chosen, dropped or pasted, or its path or URL.
 *
 * @param {Field} about
 * @param {import("@nbpipes/kit/widget.js").Context} context
 * @returns {import("./view.js").Made}
 */
export function fileField(about, { signal, say }) {
  /** @type {File | null} */
  let file = null;
  let showing = new AbortController();
  const preview = h("span", { class: "nbp-preview" });
  const chooser = h("input", { type: "file", accept: "image/*", "aria-label": `${about.name}: a file` });
  const path = h("input", {
    type: "text",
    placeholder: "drop an image here, or give its path or URL",
    "aria-label": `${about.name}: a path or URL`,
  });

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
      preview.replaceChildren(h("img", { src, alt: "" }), h("bdi", {}, one.name));
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
