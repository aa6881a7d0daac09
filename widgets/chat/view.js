import { menu } from "@nbpipes/kit/actions.js";
import { button } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { pieces } from "@nbpipes/kit/pieces.js";

/**
 * beside: the numbers of the turns that follow the same one, itself included. pieces: tokens and their scores, if known.
 *
 * @typedef {object} Turn
 * @property {number} number
 * @property {string} role
 * @property {string} content
 * @property {number} more
 * @property {number[]} beside
 * @property {number | null} tokens
 * @property {number | null} seconds
 * @property {boolean} stopped it was to go on
 * @property {import("@nbpipes/kit/pieces.js").Pieces} pieces
 */

/** @typedef {{live: boolean, writing: boolean, before: number, turns: Turn[]}} Spec live: a model answers. before: turns left out. */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  let now = spec;
  const list = h("div", { class: "nbp-turns" });
  const stop = button("Stop", halt);
  const send = button("Send", say, { class: "nbp-button nbp-go", title: "Ctrl+Enter" });
  const field = h("textarea", { rows: 2, dir: "auto", placeholder: "Say something", "aria-label": "What to say next" });
  const composer = h("div", { class: "nbp-composer" }, field, send, stop);
  onSend(field, say);

  /** @param {string} op @param {object} [args] */
  function ask(op, args = {}) {
    return context.request(op, args).catch((error) => context.say(String(error.message)));
  }

  function say() {
    const text = field.value;
    if (!text.trim() || now.writing) return;
    field.value = "";
    field.focus(); // the button goes
    void ask("say", { text });
  }

  function halt() {
    void ask("stop");
    field.focus(); // the button goes
  }

  /** @param {Spec} next */
  function show(next) {
    now = next;
    const left = next.before ? [h("div", { class: "nbp-muted" }, `… ${counted(next.before, "turn")} before`)] : [];
    list.replaceChildren(...left, ...next.turns.map((turn) => bubble(turn, next, ask)));
    composer.hidden = !next.live;
    send.hidden = next.writing;
    stop.hidden = !next.writing;
  }

  /** @param {any} message the text of a turn that grows */
  function grow({ turn, text, tokens }) {
    const node = list.querySelector(`[data-turn="${Number(turn)}"]`);
    const words = node?.querySelector(".nbp-text");
    if (!node || !words || typeof text !== "string") return;
    words.textContent = text;
    const note = node.querySelector(".nbp-note");
    if (note && typeof tokens === "number") note.textContent = counted(tokens, "token");
  }

  context.model.on("msg:custom", grow);
  context.signal.addEventListener("abort", () => context.model.off("msg:custom", grow));
  body.append(
    h(
      "div",
      { class: "nbp-bar-top" },
      menu(
        exported(() => now),
        context,
      ),
    ),
    list,
    composer,
  );
  show(spec);
  return show;
}

/** @typedef {(op: string, args?: object) => Promise<any>} Ask */

/** @param {Turn} turn @param {Spec} spec @param {Ask} ask */
function bubble(turn, spec, ask) {
  const { number, role, content, more, beside } = turn;
  const known = ["system", "user", "assistant"].includes(role) ? role : "other";
  const head = h("div", { class: "nbp-speaker nbp-muted" }, h("span", {}, role));
  if (beside.length > 1) head.append(branches(turn, spec, ask));
  const node = h("div", { class: `nbp-turn nbp-${known}`, "data-turn": number }, head);
  const text = h("div", { class: "nbp-text", dir: "auto" });
  if (turn.pieces.length && content.endsWith(turn.pieces.map(([words]) => words).join("")))
    text.append(...pieces(turn.pieces));
  else text.append(content);
  if (more) text.append(h("span", { class: "nbp-muted" }, ` … ${counted(more, "more character")}`));
  node.append(text);
  if (spec.live) head.append(actions(turn, node, text, ask, spec.writing));
  const grows = spec.writing && turn === spec.turns.at(-1);
  head.append(h("span", { class: "nbp-note" }, grows ? "writing …" : note(turn)));
  return node;
}

/**
 * They stay in their places while an answer is written, so that nothing jumps.
 *
 * @param {Turn} turn
 * @param {HTMLElement} node
 * @param {HTMLElement} text
 * @param {Ask} ask
 * @param {boolean} disabled
 */
function actions({ number, role, content }, node, text, ask, disabled) {
  const props = { class: "nbp-button nbp-small", disabled };
  if (role === "assistant") return button("Regenerate", () => void ask("again", { number }), props);
  const edit = button("Edit", open, { ...props, "aria-label": `Edit what the ${role} said` });

  function open() {
    const field = h("textarea", { rows: 3, dir: "auto", "aria-label": `What the ${role} says instead` });
    field.value = content;
    const send = () => field.value.trim() && void ask("edit", { number, text: field.value });
    const form = h("div", { class: "nbp-composer" }, field, button("Send", send), button("Cancel", close));
    onSend(field, send);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    edit.hidden = text.hidden = true;
    node.append(form);
    field.focus();

    function close() {
      form.remove();
      edit.hidden = text.hidden = false;
      edit.focus();
    }
  }
  return edit;
}

/** Which of the turns that could stand here is shown. @param {Turn} turn @param {Spec} spec @param {Ask} ask */
function branches({ number, beside }, { writing }, ask) {
  const at = beside.indexOf(number);
  const go = (/** @type {number} */ by) =>
    void ask("choose", { number: beside[(at + by + beside.length) % beside.length] });
  return h(
    "span",
    { class: "nbp-stepper" },
    button("‹", () => go(-1), { "aria-label": "Previous version", disabled: writing }),
    h("span", { class: "nbp-place" }, `${at + 1} of ${beside.length}`),
    button("›", () => go(1), { "aria-label": "Next version", disabled: writing }),
  );
}

/** @param {Turn} turn */
function note({ tokens, seconds, stopped }) {
  const words = stopped ? ["stopped"] : [];
  if (tokens !== null) words.push(counted(tokens, "token"));
  if (tokens !== null && seconds) words.push(`${(tokens / seconds).toFixed(1)} tokens/s`);
  return words.join(" · ");
}

/** @param {HTMLTextAreaElement} field @param {() => void} send */
function onSend(field, send) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation(); // the notebook would run the cell
    send();
  });
}

/** @param {() => Spec} now @returns {import("@nbpipes/kit/actions.js").Export} */
function exported(now) {
  const turns = () => now().turns.map(({ role, content }) => ({ role, content }));
  return {
    name: "chat",
    json: turns,
    rows: () => [["role", "content"], ...turns().map(({ role, content }) => [role, content])],
    text: () =>
      turns()
        .map(({ role, content }) => `${role}: ${content}`)
        .join("\n\n"),
  };
}
