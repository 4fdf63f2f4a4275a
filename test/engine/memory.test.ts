import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { backends } from "../support/backends.js";

// The process runs the built package, because the memory of the test runner would count.
const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, "scripts/build-ts.mjs")], { cwd: root });
  mkdirSync(join(root, "build"), { recursive: true });
  folder = mkdtempSync(join(root, "build", "memory-"));
  const { transformWithOxc } = await import("vite");
  const path = join(root, "test/engine/memoryChild.ts");
  const { code } = await transformWithOxc(readFileSync(path, "utf8"), path);
  writeFileSync(join(folder, "memoryChild.js"), code.replaceAll("../../src/index.js", "myelin"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** 10,000 results take a minute or more on a busy machine; the peak is reached within 2,000. */
const counts: Readonly<Record<string, { calls: number; reads: number }>> = {
  native: { calls: 2500, reads: 100 },
  wasm: { calls: 500, reads: 50 },
};

it.each(backends.map(({ name }) => name))(
  "thousands of synchronous results of 16 MB stay below 1 GB on %s",
  async (name) => {
    const { calls, reads } = counts[name]!;
    const { stdout } = await promisify(execFile)(process.execPath, [
      join(folder, "memoryChild.js"),
      name,
      String(calls),
      String(reads),
    ]);
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(Number(stdout)).toBeLessThan(2 ** 30);
  },
  180_000,
);
