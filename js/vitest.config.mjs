import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Style sheets are texts, as in the bundles. */
const styles = {
  name: "styles",
  enforce: /** @type {const} */ ("pre"),
  /** @param {string} source @param {string | undefined} importer */
  async resolveId(source, importer) {
    if (!source.endsWith(".css")) return null;
    const found = await /** @type {any} */ (this).resolve(source, importer, { skipSelf: true });
    return found && `\0${found.id}.js`;
  },
  /** @param {string} id */
  load(id) {
    if (!id.startsWith("\0") || !id.endsWith(".css.js")) return null;
    return `export default ${JSON.stringify(readFileSync(id.slice(1, -3), "utf8"))}`;
  },
};

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  plugins: [styles],
  test: {
    environment: "jsdom",
    include: ["js/*.test.mjs", "js/tests/*.test.js", "widgets/*/*.test.js"],
    testTimeout: 30_000,
  },
});
