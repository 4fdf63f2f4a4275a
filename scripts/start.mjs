// `npm start`: the quickstart; `npm start -- doctor` and so on: any command of the `myelin` program.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildAll } from "./build-all.mjs";
import { root } from "./compilation.mjs";

const main = join(root, "dist", "cli", "main.js");
const source = join(root, "src");
const newest = Math.max(
  ...readdirSync(source, { recursive: true }).map((path) => statSync(join(source, path)).mtimeMs),
);
if (!existsSync(main) || statSync(main).mtimeMs < newest) await buildAll();

if (process.argv.length === 2) process.argv.push("quickstart");
process.argv[1] = main;
await import(pathToFileURL(main).href);
