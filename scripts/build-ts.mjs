// Compiles src/ to dist/ and copies what isn't TypeScript (workers are plain .js). Files in dist/ whose
// source is gone are removed, so that they don't reach the package.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CompileError, kibibytes, root, runAsScript, seconds, withLock } from "./compilation.mjs";

const filesUnder = (folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true }).filter((path) =>
        statSync(join(root, folder, path)).isFile(),
      )
    : [];

export function buildTypeScript() {
  return withLock("ts", async () => {
    const started = performance.now();
    const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
    const tsc = join(dirname(manifest), "bin", "tsc");
    const result = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
      cwd: root,
      encoding: "utf8",
    });
    if (result.status !== 0) throw new CompileError(result.stdout + result.stderr);

    const expected = new Set();
    for (const path of filesUnder("src")) {
      if (path.endsWith(".ts")) {
        const stem = path.slice(0, -3);
        for (const suffix of [".js", ".js.map", ".d.ts", ".d.ts.map"]) expected.add(stem + suffix);
      } else {
        cpSync(join(root, "src", path), join(root, "dist", path));
        expected.add(path);
      }
    }
    let bytes = 0;
    for (const path of filesUnder("dist")) {
      if (!expected.has(path)) rmSync(join(root, "dist", path));
      else if (path.endsWith(".js")) bytes += statSync(join(root, "dist", path)).size;
    }
    return `TypeScript: dist, ${kibibytes(bytes)} of JavaScript in ${seconds(started)}.`;
  });
}

await runAsScript(import.meta.url, buildTypeScript);
