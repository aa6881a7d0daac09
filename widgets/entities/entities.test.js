import { offsets } from "@nbpipes/kit/offsets.js";
import { describe, expect, it } from "vitest";
import { frame, press, rendered, sample, type } from "../../js/tests/harness.js";
import * as module from "./index.js";
import { clusters } from "./marked.js";
import contract from "./state.json";

const shown = () => rendered(module, sample(contract));
/** The text that a reader selects: without tags, which are user-select: none. @param {HTMLElement} text */
const words = (text) => {
  const copy = /** @type {HTMLElement} */ (text.cloneNode(true));
  for (const note of copy.querySelectorAll("sub")) note.remove();
  return copy.textContent;
};

describe("the view of entities", () => {
  it("shows the whole text, and each entity where it is", () => {
    const { one, all } = shown();
    const { text, entities } = sample(contract).spec;
    expect(words(one(".nbp-marked"))).toBe(text);
    const unit = offsets(text);
    expect(all("mark").map(words)).toEqual(
      entities.map((/** @type {any} */ { start, end }) => text.slice(unit(start), unit(end))),
    );
  });

  it("tells Python which are selected, by their numbers", () => {
    const { all, answer } = shown();
    all("mark")[2].click();
    press(all("mark")[0], "Enter");
    expect(answer).toHaveBeenLastCalledWith("select", { indices: [0, 2] });
    press(all("mark")[0], "Escape");
    expect(answer).toHaveBeenLastCalledWith("select", { indices: [] });
  });

  it("drops what scores below the threshold", async () => {
    const { all, one } = shown();
    type(one("input[type=range]"), "0.9");
    await frame();
    expect(all("mark").length).toBe(3);
    expect(one(".nbp-legend").textContent).toContain("3 entities of 7");
  });

  it("draws spans that overlap in lanes, and each has its tag", () => {
    const state = sample(contract);
    const entity = { score: 0.9, word: "" };
    state.spec.text = "The 👍 University of California";
    state.spec.entities = [
      { ...entity, label: "ORG", group: "ORG", start: 0, end: 30 },
      { ...entity, label: "LOC", group: "LOC", start: 20, end: 30 },
      { ...entity, label: "X", group: "X", start: 4, end: 16 },
    ];
    const { one, all } = rendered(module, state);
    expect(words(one(".nbp-marked"))).toBe(state.spec.text);
    expect(all("mark").length).toBe(0);
    expect(
      all(".nbp-tag")
        .map(({ dataset }) => dataset.entity)
        .sort(),
    ).toEqual(["0", "1", "2"]);
  });

  it("shows entities without a text as a table", () => {
    const state = sample(contract);
    state.spec.text = null;
    for (const entity of state.spec.entities) entity.start = entity.end = null;
    const { one, all } = rendered(module, state);
    expect(one("details.nbp-entity-table").hasAttribute("open")).toBe(true);
    expect(all(".nbp-marked").length).toBe(0);
  });

  it("shows names of classes as texts, whatever they are", () => {
    const state = sample(contract);
    const name = "<img src=x onerror=alert(1)>";
    for (const entity of state.spec.entities) Object.assign(entity, { label: name, group: name, word: name });
    const { root } = rendered(module, state);
    expect(root.querySelector("img")).toBeNull();
    expect(root.textContent).toContain(name);
  });

  it("keeps the twin when it cannot be drawn, and gives it back when it ends", () => {
    const state = sample(contract);
    expect(() => rendered(module, { ...state, spec: { version: 99 } })).toThrow("version");
    const { end } = rendered(module, state);
    expect(end).toBeTypeOf("function");
    end();
  });
});

describe("clusters", () => {
  it("are spans that overlap, not those that touch", () => {
    const spans = [
      { from: 0, to: 5 },
      { from: 3, to: 9 },
      { from: 9, to: 12 },
    ];
    expect(clusters(spans).map(({ length }) => length)).toEqual([2, 1]);
  });
});
