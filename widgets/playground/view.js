import { button } from "@nbpipes/kit/controls.js";
import { h } from "@nbpipes/kit/dom.js";
import { nest } from "@nbpipes/kit/nested.js";
import { fileField, takesFiles, upload } from "./file.js";

/** @typedef {{name: string, kind: "text" | "line" | "choice" | "image" | "audio" | "table", default: string, choices: string[], optional: boolean}} Field */
/** @typedef {{title: string, inputs: Field[], options: Field[]}} Spec */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const inputs = spec.inputs.map((about) => (takesFiles(about) ? fileField(about, context) : field(about)));
  const options = spec.options.map(field);
  const place = h("div", { class: "nbp-played" });
  const go = button("Run", () => void run(), { class: "nbp-button nbp-go", title: "Ctrl+Enter" });
  let showing = new AbortController();

  async function run() {
    const missing = inputs.find(({ about, value }) => !about.optional && value()?.trim() === "");
    if (missing) {
      missing.control.focus();
      return context.say(`${missing.about.name} is empty`);
    }
    go.disabled = true;
    go.textContent = "Running …";
    try {
      for (const { about, file } of inputs) if (file?.()) await upload(about.name, file(), context);
      const { spec, code } = await context.request("run", {
        inputs: values(inputs),
        options: values(changed(options)),
      });
      showing.abort();
      showing = new AbortController();
      await nest(place, spec, code, context.request, showing.signal);
      context.say("Done");
    } catch (error) {
      place.replaceChildren(
        h("div", { class: "nbp-error", role: "alert" }, error instanceof Error ? error.message : String(error)),
      );
    } finally {
      go.disabled = false;
      go.textContent = "Run";
    }
  }

  const form = h("div", { class: "nbp-form" }, ...inputs.map(({ node }) => node));
  const hurry = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook would run the cell
    if (!go.disabled) void run();
  };
  const more = h(
    "details",
    {},
    h("summary", {}, "Options"),
    h("div", { class: "nbp-options nbp-scroll" }, ...options.map(({ node }) => node)),
  );
  for (const part of /** @type {HTMLElement[]} */ ([form, more])) part.addEventListener("keydown", hurry);
  more.hidden = options.length === 0;
  body.append(h("strong", {}, spec.title), form, h("div", { class: "nbp-run" }, go, more), place);
  context.signal.addEventListener("abort", () => showing.abort());
}

/**
 * value: null where there is a file instead.
 *
 * @typedef {{about: Field, node: HTMLElement, control: HTMLElement, value: () => string | null,
 *   file?: () => File | null}} Made
 */

/** @param {Field} about @returns {Made} */
function field(about) {
  const { name, kind } = about;
  const control =
    kind === "text"
      ? h("textarea", { rows: 3, dir: "auto", spellcheck: "false", placeholder: about.default })
      : kind === "choice"
        ? h(
            "select",
            {},
            ...["", ...about.choices].map((word) => h("option", { value: word }, word || `default (${about.default})`)),
          )
        : h("input", { type: "text", dir: "auto", placeholder: about.default });
  const node = h(
    "label",
    { class: `nbp-field nbp-${kind}` },
    h("span", {}, name, about.optional ? h("small", {}, " optional") : ""),
    control,
  );
  return { about, node, control, value: () => control.value };
}

/** @param {Made[]} fields */
const changed = (fields) => fields.filter(({ value }) => value()?.trim());

/** @param {Made[]} fields */
const values = (fields) => Object.fromEntries(fields.map(({ about, value }) => [about.name, value()]));
