import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

// The killed process runs the built package under its own name; the sources beside this file are stripped of types.
const root = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, "scripts/build-ts.mjs")], { cwd: root });
  mkdirSync(join(root, "build"), { recursive: true });
  folder = mkdtempSync(join(root, "build", "resume-"));
  const { transformWithOxc } = await import("vite");
  for (const name of ["hostileModel", "resumeChild"]) {
    const path = join(root, "test/contract", `${name}.ts`);
    const { code } = await transformWithOxc(readFileSync(path, "utf8"), path);
    writeFileSync(join(folder, `${name}.js`), code.replaceAll("../../src/index.js", "myelin"));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(backup: string, result: string): ChildProcess {
  return spawn(process.execPath, [join(folder, "resumeChild.js"), backup, result], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("a run that is killed again and again ends with the bits of one that ran through", async () => {
  const whole = join(folder, "whole");
  const [code] = await once(start("none", whole), "exit");
  expect(code).toBe(0);

  const result = join(folder, "result");
  const backup = join(folder, "run.safetensors");
  let kills = 0;
  let state = 5; // a fixed sequence of moments; what runs at that moment differs from run to run
  while (!existsSync(result)) {
    const child = start(backup, result);
    const ended = once(child, "exit");
    await Promise.race([once(child.stdout!, "data"), ended]);
    state = (state * 75 + 74) % 65537;
    if (kills < 6) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, state % 40)), ended]);
      if (child.kill("SIGKILL")) kills++;
    }
    const [exit, signal] = await ended;
    if (signal !== "SIGKILL") expect(exit).toBe(0);
  }
  expect(kills).toBeGreaterThan(2);
  expect(readFileSync(result, "utf8")).toBe(readFileSync(whole, "utf8"));
});
