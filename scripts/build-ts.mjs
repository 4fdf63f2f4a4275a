// Compiles src/ to dist/ and copies what isn't TypeScript (workers are plain .js). Files in dist/ whose
// source is gone are removed, so that they don't reach the package. Nothing is written where dist/ is up to date:
// tests that run at the same time build it and read from it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  CompileError,
  fingerprint,
  forget,
  isCurrent,
  kibibytes,
  remember,
  root,
  runAsScript,
  seconds,
  withLock,
} from "./compilation.mjs";

const dist = join(root, "dist");

const filesUnder = (folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true }).filter((path) =>
        statSync(join(root, folder, path)).isFile(),
      )
    : [];

function outputsOf(source) {
  if (!source.endsWith(".ts")) return [source];
  return [".js", ".js.map", ".d.ts", ".d.ts.map"].map((suffix) => source.slice(0, -3) + suffix);
}

export function buildTypeScript() {
  return withLock("ts", async () => {
    const started = performance.now();
    const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
    const tsc = join(dirname(manifest), "bin", "tsc");
    const sources = filesUnder("src");
    const expected = new Set(sources.flatMap(outputsOf));
    const inputs = [...sources.map((path) => `src/${path}`), "tsconfig.json", "tsconfig.build.json"];
    const texts = new Map(inputs.map((path) => [path, readFileSync(join(root, path), "utf8")]));
    const stamp = fingerprint(JSON.parse(readFileSync(manifest, "utf8")).version, [], texts);
    const present = filesUnder("dist");
    const isComplete = present.length === expected.size && present.every((path) => expected.has(path));
    if (isComplete && isCurrent(dist, stamp)) return "TypeScript: up to date.";
    forget(dist);
    const result = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
      cwd: root,
      encoding: "utf8",
    });
    if (result.status !== 0) throw new CompileError(result.stdout + result.stderr);

    for (const path of sources) if (!path.endsWith(".ts")) cpSync(join(root, "src", path), join(dist, path));
    let bytes = 0;
    for (const path of filesUnder("dist")) {
      if (!expected.has(path)) rmSync(join(dist, path));
      else if (path.endsWith(".js")) bytes += statSync(join(dist, path)).size;
    }
    remember(dist, stamp);
    return `TypeScript: dist, ${kibibytes(bytes)} of JavaScript in ${seconds(started)}.`;
  });
}

await runAsScript(import.meta.url, buildTypeScript);
