// Bundles each folder of widgets/ into nbpipes/widgets/static/<name>.js. --watch builds again on every change.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const LIMIT = 30_000; // bytes: the code of a widget travels with every instance of it
const root = fileURLToPath(new URL("..", import.meta.url));
const names = readdirSync(join(root, "widgets")).sort();

/** Style sheets are imported as texts, without the white space. */
const styles = {
  name: "styles",
  /** @param {esbuild.PluginBuild} build */
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await esbuild.transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      // esbuild keeps the white space in values of custom properties.
      return { contents: code.trim().replace(/([:,]) /g, "$1"), loader: "text" };
    });
  },
};

/** @type {esbuild.BuildOptions} */
const options = {
  absWorkingDir: root,
  entryPoints: Object.fromEntries(names.map((name) => [name, `widgets/${name}/index.js`])),
  outdir: "nbpipes/widgets/static",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  plugins: [styles],
};

if (process.argv.includes("--watch")) {
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  await esbuild.build(options);
  const sizes = names.map((name) => [name, statSync(join(root, options.outdir ?? "", `${name}.js`)).size]);
  console.log(sizes.map(([name, size]) => `${name} ${size}`).join(", "));
  const large = sizes.filter(([, size]) => Number(size) > LIMIT);
  if (large.length) throw new Error(`larger than ${LIMIT} bytes: ${large.map(([name]) => name).join(", ")}`);
}
