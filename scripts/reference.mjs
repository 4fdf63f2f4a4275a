// `npm run docs`: makes docs/reference from the docstrings of what is public, and runs their examples.
// `npm run docs -- --check`: says which pages are no longer what it would make.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildTypeScript } from "./build-ts.mjs";
import { root } from "./compilation.mjs";
import { runExample } from "./reference/examples.mjs";
import { makePages } from "./reference/pages.mjs";
import { readPublic } from "./reference/read.mjs";

const folder = join(root, "docs", "reference");
await buildTypeScript();
const myelin = await import("../dist/index.js");
const { observed } = await import("./reference/derivative.mjs");
/** What depends on the machine or on data from elsewhere: shown, but not run. */
const notRun = new Set([
  "backendReport",
  "currentBackend",
  "findBackend",
  "setBackend",
  "charts.progressWriter",
  "datasets.fashionMnist",
  "datasets.mnist",
  "datasets.datasetPlaces",
  "datasets.quickstartData",
]);

await myelin.setBackend("reference"); // the same results on every machine
const place = mkdtempSync(join(tmpdir(), "myelin-reference-")); // for the files that examples write
process.chdir(place);

const faults = [];
const entries = joined(readPublic());
for (const entry of entries) {
  const examples = entry.tags.filter(({ name }) => name === "example").map(({ text }) => text);
  if (entry.doc === "") faults.push(`${entry.name} has no docstring`);
  if (examples.length === 0 && entry.kind === "function") faults.push(`${entry.name} has no example`);
  entry.examples = [];
  const found = { derivative: undefined };
  const scope = { ...myelin[entry.module], ...myelin };
  const isOperation = entry.file.startsWith("ops/");
  if (isOperation && entry.kind === "function") scope[entry.name] = observed(scope[entry.name], found);
  for (const code of examples) {
    if (notRun.has(entry.name)) {
      entry.examples.push({ code, shown: [] });
      continue;
    }
    myelin.setSeed(0); // first weights and automatic names do not depend on the examples before
    try {
      const run = await runExample(code, scope);
      entry.examples.push({ code, shown: run.shown });
      if (isOperation && run.comments === 0) faults.push(`${entry.name}: no value beside ${code}`);
      for (const fault of run.faults) faults.push(`${entry.name}: ${fault}, in ${code}`);
    } catch (error) {
      faults.push(`${entry.name}: ${error.message}, in ${code}`);
    }
  }
  if (isOperation) entry.derivative = found.derivative;
  entry.isMethod = entry.kind === "function" && entry.name in myelin.Tensor.prototype;
}
process.chdir(root);
rmSync(place, { recursive: true });

const pages = makePages(entries);
const present = existsSync(folder)
  ? readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".md"))
  : [];
const stale = [...pages].filter(([path, text]) => {
  const file = join(folder, path);
  return !existsSync(file) || readFileSync(file, "utf8") !== text;
});
const gone = present.map((path) => path.replaceAll("\\", "/")).filter((path) => !pages.has(path));

if (process.argv.includes("--check")) {
  const changed = [...stale.map(([path]) => path), ...gone];
  if (changed.length > 0) faults.push(`docs/reference is stale: ${changed.join(", ")}. Run npm run docs.`);
} else {
  for (const path of gone) rmSync(join(folder, path));
  for (const [path, text] of stale) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exitCode = 1;
} else console.log(`Reference: ${entries.length} entries on ${pages.size} pages, all examples run.`);

/** Classes with a factory stand under the factory's name; what two modules export stands once. */
function joined(all) {
  const factories = new Map();
  for (const entry of all)
    if (entry.kind === "function" && entry.module !== "") factories.set(entry.name.toLowerCase(), entry);
  const seen = new Set();
  return all.filter((entry) => {
    const factory = factories.get(entry.name.toLowerCase());
    if (factory && factory !== entry) {
      const hasExample = ({ tags }) => tags.some(({ name }) => name === "example");
      if (entry.doc.length > factory.doc.length) factory.doc = entry.doc;
      const own = entry.tags.filter(({ name }) => name !== "example" || !hasExample(factory));
      factory.tags = [...factory.tags, ...own];
      return false;
    }
    const key = `${entry.file} ${entry.name.split(".").at(-1)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
