import { expect, it } from "vitest";
import { rendered, sample } from "../../js/tests/harness.js";
import * as module from "./index.js";
import contract from "./state.json";

it("lists what differs, and on request what agrees", () => {
  const { all, one } = rendered(module, sample(contract));
  const { rows } = sample(contract).spec;
  const differing = rows.filter((/** @type {any} */ { same }) => !same).length;
  expect(all("tbody tr").length).toBe(differing);
  one("button[aria-pressed=false]").click();
  expect(all("tbody tr").length).toBe(rows.length);
});

it("lets pictures be zoomed together where they can be zoomed", () => {
  const zoom = (/** @type {any} */ side) => {
    const state = sample(contract);
    state.spec.sides = [side, side];
    const { all } = rendered(module, state);
    return all("button").find(({ textContent }) => textContent === "Zoom together")?.hidden;
  };
  expect(zoom({ ...sample(contract).spec.sides[0], picture: { data: new Uint8Array([1]) } })).toBe(false);
  expect(zoom({ kind: "labels", picture: { data: new Uint8Array([1]) }, labels: [] })).toBe(true);
});

it("shows two texts as one, and goes to a difference", () => {
  const state = sample(contract);
  state.spec.summary = "Word error rate 25.0 %";
  state.spec.wording = [["the same "], ["one <b>", ""], ["", "another"], ["x", "y"]];
  state.spec.rows = [{ what: "0:01.50", left: "x", right: null, same: false, time: 1.5 }];
  const { all, one, root } = rendered(module, state);
  expect(one("strong").textContent).toBe("Word error rate 25.0 %");
  expect(all(".nbp-text del").map(({ textContent }) => textContent)).toEqual(["one <b>", "x"]);
  expect(all(".nbp-text ins").map(({ textContent }) => textContent)).toEqual(["another", "y"]);
  expect(one(".nbp-text").textContent).toBe("the same  one <b> another x y ");
  /** @type {number[]} */
  const heard = [];
  const side = document.createElement("div");
  side.className = "nbp";
  side.addEventListener("nbp-go", (event) => heard.push(/** @type {CustomEvent<number>} */ (event).detail));
  root.querySelector(".nbp-side")?.append(side);
  one("tbody button").click();
  expect(heard).toEqual([1.5]);
});
