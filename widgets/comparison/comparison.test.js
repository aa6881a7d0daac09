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
