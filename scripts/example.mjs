// `npm run example NAME [-- options]`: runs examples/NAME.ts with what was built. Node 22.18 and later run the file as
// it is, `node examples/NAME.ts`; for older ones it is compiled to build/examples first.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./compilation.mjs";

const [name, ...options] = process.argv.slice(2);
const names = readdirSync(join(root, "examples"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3));
if (!names.includes(name)) {
  console.error(`npm run example NAME, where NAME is one of ${names.join(", ")}`);
  process.exit(2);
}
if (!existsSync(join(root, "dist", "index.js"))) {
  console.error("Nothing is built yet: run `npm run build` first.");
  process.exit(1);
}

const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const folder = join(root, "build", "examples");
const settings = [
  "--target",
  "es2023",
  "--module",
  "nodenext",
  "--types",
  "node",
  "--skipLibCheck",
  "--noCheck",
  "--rootDir",
  join(root, "examples"),
];
const compiled = spawnSync(
  process.execPath,
  [tsc, "--ignoreConfig", ...settings, "--outDir", folder, join(root, "examples", `${name}.ts`)],
  { stdio: "inherit" },
);
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

process.argv = [process.argv[0], join(folder, `${name}.js`), ...options];
await import(pathToFileURL(process.argv[1]).href);
