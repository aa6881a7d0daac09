import { menu } from "@nbpipes/kit/actions.js";
import { button } from "@nbpipes/kit/controls.js";
import { counted, h } from "@nbpipes/kit/dom.js";
import { listbox } from "@nbpipes/kit/listbox.js";
import { number } from "@nbpipes/kit/numbers.js";
import { outline } from "@nbpipes/kit/outline.js";
import { colour } from "@nbpipes/kit/palette.js";
import { scene, stage } from "@nbpipes/kit/stage.js";
import { places } from "@nbpipes/kit/tags.js";

const BADGE = 15; // px of the number beside an answer
const WORD = { fill: "#3B73AB", line: "#3B73AB" };

/** @typedef {[number, number, number, number]} Box left, top, right and bottom, in pixels of the page */
/** @typedef {{answer: string, score: number | null, boxes: Box[]}} Answer a box for each of its lines */
/** @typedef {{text: string, box: Box}} Word */
/**
 * more: words of the page that were left out.
 *
 * @typedef {{about: string, question: string | null, picture: import("@nbpipes/kit/stage.js").Picture,
 *   answers: Answer[], words: Word[], more: number}} Spec
 */
/** @typedef {import("@nbpipes/kit/tags.js").Rect} Rect */

/** @type {import("@nbpipes/kit/widget.js").Draw<Spec>} */
export function draw(body, spec, context) {
  const { answers, picture } = spec;
  const rects = answers.map(({ boxes }) => boxes.map(rect));
  const words = spec.words.map(({ text, box }) => ({ text, rect: rect(box) }));
  const order = answers.map((_, index) => index);
  /** @type {{at: number, word: number, selected: Set<number>, boxed: boolean}} */
  const look = { at: -1, word: -1, selected: new Set(), boxed: false };
  const told = (/** @type {number} */ index) => {
    const { answer, score } = answers[index];
    return `${answer || "no answer"}${score === null ? "" : ` ${number(score, 2)}`}`;
  };

  const readout = h("div", { class: "nbp-readout nbp-muted" });
  const show = stage({
    picture,
    label: `${picture.name}, ${picture.width} × ${picture.height} pixels. ${spec.about}`,
    signal: context.signal,
    paint,
    point(x, y, spoken) {
      // The arrow keys take long steps, which seldom end on a word.
      const word = spoken ? nearest(words, x, y) : words.findIndex(({ rect }) => holds(rect, x, y));
      aim(pick(x, y), word);
      if (spoken) context.say(readout.textContent === hint ? "nothing here" : (readout.textContent ?? ""));
    },
    press(x, y) {
      const found = pick(x, y);
      if (found >= 0) toggle(found);
    },
  });
  const list = listbox({ label: "Answers", several: true, class: "nbp-found" }, (index) => {
    toggle(index);
    const around = whole(index);
    if (around) show.reveal(around);
  });
  const hint = [answers.length && "Click an answer to select it", words.length && "Point at a word to read it"]
    .filter(Boolean)
    .join(". ");

  /** What surrounds all lines of an answer; null where it stands nowhere. @param {number} index */
  function whole(index) {
    const lines = rects[index];
    if (!lines.length) return null;
    const side = (/** @type {keyof Rect} */ name) => lines.map((line) => line[name]);
    return {
      left: Math.min(...side("left")),
      top: Math.min(...side("top")),
      right: Math.max(...side("right")),
      bottom: Math.max(...side("bottom")),
    };
  }

  /** The answer at a point, the best of several there; -1 for none. @param {number} x @param {number} y */
  const pick = (x, y) => rects.findIndex((lines) => lines.some((line) => holds(line, x, y)));

  /** @param {CanvasRenderingContext2D} pen @param {import("@nbpipes/kit/stage.js").Where} where */
  function paint(pen, where) {
    if (!picture.data) blank(pen, where, words);
    if (look.boxed) {
      // Finer than usual where the page is small: the words are to be read.
      pen.lineWidth = where.unit * Math.min((where.scale * picture.width) / 800, 1);
      pen.strokeStyle = WORD.line;
      for (const { rect } of words) frame(pen, where, rect);
    }
    if (look.word >= 0) outline(pen, words[look.word].rect, where, WORD, { filled: 0.25, wide: 1 });
    for (const index of [...order].reverse()) {
      const best = index === 0 && look.at < 0 && !look.selected.size;
      const filled = look.selected.has(index) ? 0.35 : index === look.at || best ? 0.2 : 0;
      for (const line of rects[index]) outline(pen, line, where, colour(index), { filled, wide: filled ? 2 : 1.3 });
    }
    if (answers.length > 1) badges(pen, where);
  }

  /** The numbers of the answers beside them. @param {CanvasRenderingContext2D} pen @param {import("@nbpipes/kit/stage.js").Where} where */
  function badges(pen, { scale, left, top, width, height, unit }) {
    const placed = order.filter((index) => rects[index].length);
    const side = BADGE * unit;
    const seen = placed.map((index) => {
      const [first] = rects[index];
      const [x, y] = [first.left * scale + left, first.top * scale + top];
      return { left: x - side, top: y, right: x, bottom: y + side };
    });
    const spots = places(
      seen,
      seen.map(() => ({ width: side, height: side })),
      width,
      height,
    );
    pen.font = `600 ${11 * unit}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.strokeStyle = "#111";
    pen.lineWidth = unit;
    for (const [at, spot] of spots.entries()) {
      if (!spot) continue;
      pen.fillStyle = colour(placed[at]).fill;
      pen.fillRect(spot.left, spot.top, side, side);
      pen.strokeRect(spot.left, spot.top, side, side);
      pen.fillStyle = "#111";
      pen.fillText(String(placed[at] + 1), spot.left + side / 2, spot.top + side / 2);
    }
    pen.textAlign = "start";
  }

  /** @param {number} index the answer that is pointed at, -1 for none @param {number} [word] in the same way */
  function aim(index, word = -1) {
    if (index === look.at && word === look.word) return;
    Object.assign(look, { at: index, word });
    for (const option of list.node.children)
      option.toggleAttribute("data-at", /** @type {HTMLElement} */ (option).dataset.index === String(index));
    const said = word < 0 ? [] : [`“${words[word].text}”`];
    if (index >= 0) said.push(`answer ${index + 1}: ${told(index)}`);
    readout.textContent = said.join(" · ") || hint;
    show.repaint();
  }

  /** @param {number} index */
  function toggle(index) {
    if (!look.selected.delete(index)) look.selected.add(index);
    selected();
  }

  function selected() {
    list.mark((index) => look.selected.has(index));
    show.repaint();
    context.select([...look.selected].sort((a, b) => a - b));
    context.say(look.selected.size ? `${counted(look.selected.size, "answer")} selected` : "Nothing is selected");
  }

  list.fill(
    answers.map(({ answer, score }, index) => ({
      index,
      cells: [
        mark(index),
        answer ? h("bdi", {}, answer) : h("i", {}, "no answer"),
        h("span", { class: "nbp-number" }, score === null ? "" : number(score, 2)),
      ],
    })),
  );
  list.node.addEventListener("pointerover", ({ target }) => aim(numberOf(target)));
  list.node.addEventListener("focusin", ({ target }) => aim(numberOf(target)));
  for (const event of ["pointerleave", "focusout"]) list.node.addEventListener(event, () => aim(-1));
  body.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !look.selected.size) return;
    look.selected.clear();
    selected();
  });

  const boxed = button(`Words (${words.length.toLocaleString("en")})`, () => {
    look.boxed = !look.boxed;
    boxed.setAttribute("aria-pressed", String(look.boxed));
    show.repaint();
  });
  boxed.title = "Frame every word that was read";
  boxed.setAttribute("aria-pressed", "false");
  boxed.hidden = words.length === 0;

  readout.textContent = hint;
  const question = spec.question === null ? "" : h("strong", { dir: "auto" }, spec.question);
  const take = menu(exported(spec, look.selected, show.save), context);
  const side = h("div", { class: "nbp-scroll nbp-things" }, list.node);
  if (!answers.length) side.replaceChildren(h("i", { class: "nbp-muted" }, "No answer on this page"));
  if (spec.more) side.append(h("div", { class: "nbp-muted" }, `… ${counted(spec.more, "more word")} on the page`));
  body.append(
    h("div", { class: "nbp-bar-top" }, question, boxed, take),
    scene(picture, h("div", {}, show.node, h("div", { class: "nbp-under" }, readout, show.zooms)), side),
  );
}

/** The number of an answer on its colour. @param {number} index */
function mark(index) {
  const { fill, line } = colour(index);
  return h("span", { class: "nbp-chip", style: { background: fill, "border-color": line } }, String(index + 1));
}

/** The number of the answer that an element of the list is part of, -1 for none. @param {EventTarget | null} target */
function numberOf(target) {
  const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-index]"));
  return Number(option?.dataset.index ?? -1);
}

/** @param {Box} box @returns {Rect} */
const rect = ([left, top, right, bottom]) => ({ left, top, right, bottom });

/**
 * The number of the word that is closest to a point, -1 where there is none.
 *
 * @param {{rect: Rect}[]} words
 * @param {number} x
 * @param {number} y
 */
function nearest(words, x, y) {
  const far = words.map(({ rect: { left, top, right, bottom } }) =>
    Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom)),
  );
  return far.indexOf(Math.min(...far));
}

/** @param {Rect} rect @param {number} x @param {number} y */
const holds = ({ left, top, right, bottom }, x, y) => x >= left && x <= right && y >= top && y <= bottom;

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {import("@nbpipes/kit/stage.js").Where} where
 * @param {Rect} rect
 */
function frame(pen, { scale, left, top }, rect) {
  const [width, height] = [rect.right - rect.left, rect.bottom - rect.top].map((side) => side * scale);
  pen.strokeRect(rect.left * scale + left, rect.top * scale + top, width, height);
}

/**
 * A page of which only the words are known.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {import("@nbpipes/kit/stage.js").Where} where
 * @param {{text: string, rect: Rect}[]} words
 */
function blank(pen, { scale, left, top, width, height }, words) {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = "#111";
  pen.textBaseline = "middle";
  for (const { text, rect } of words) {
    const [wide, tall] = [(rect.right - rect.left) * scale, (rect.bottom - rect.top) * scale];
    pen.font = "10px system-ui, sans-serif";
    const size = Math.min((10 * wide) / (pen.measureText(text).width || 1), 1.5 * tall);
    pen.font = `${size}px system-ui, sans-serif`;
    pen.fillText(text, rect.left * scale + left, rect.top * scale + top + tall / 2);
  }
}

/**
 * @param {Spec} spec
 * @param {Set<number>} selected
 * @param {() => void} save
 * @returns {import("@nbpipes/kit/actions.js").Export}
 */
function exported({ answers }, selected, save) {
  const chosen = () => answers.filter((_, index) => (selected.size ? selected.has(index) : index === 0));
  return {
    name: "answers",
    json: () => answers.map(({ answer, score, boxes }) => ({ answer, score, boxes })),
    rows: () => [["answer", "score"], ...answers.map(({ answer, score }) => [answer, score])],
    text: () =>
      chosen()
        .map(({ answer }) => answer)
        .join("\n"),
    more: [["Download picture", save]],
  };
}
