import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const folders = ["js/src", ...readdirSync("widgets").map((name) => `widgets/${name}`)];
const sheets = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".css"))
    .map((name) => `${folder}/${name}`),
);

/** The classes that the selectors of a sheet begin with, .nbp itself apart. @param {string} path */
function owned(path) {
  const plain = readFileSync(path, "utf8").replace(/\/\*.*?\*\//gs, "");
  const selectors = [...plain.matchAll(/([^{}@;]+)\{/g)].flatMap(([, list]) => list.split(","));
  return new Set(selectors.flatMap((selector) => selector.match(/\.nbp-[\w-]+/)?.[0] ?? []));
}

it("styles a class in one sheet alone, as a page has those of all views", () => {
  /** @type {Record<string, string[]>} */
  const owners = {};
  for (const path of sheets) for (const name of owned(path)) owners[name] = [...(owners[name] ?? []), path];
  expect(Object.entries(owners).filter(([, paths]) => paths.length > 1)).toEqual([]);
});
