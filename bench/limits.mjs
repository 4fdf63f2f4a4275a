// The machine's limits, measured in the same run as everything else.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const lines = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Compiles the probe with the first C compiler found; undefined where there is none. */
async function compileProbe(folder) {
  const program = join(folder, "peak");
  const flags = ["-O3", "-march=native", "-ffp-contract=fast", "-pthread"];
  for (const compiler of [process.env.CC, "cc", "gcc", "clang"].filter(Boolean)) {
    try {
      await run(compiler, [...flags, here("limits/peak.c"), "-o", program]);
      return program;
    } catch {}
  }
  return undefined;
}

/** `measure()` gives `[{ name, threads, gflops | gbs }]`, or undefined without a compiler. */
export async function machineLimits(threads) {
  const folder = mkdtempSync(join(tmpdir(), "myelin-bench-"));
  const program = await compileProbe(folder);
  const measure = async () => {
    const wasm = lines((await run(process.execPath, [here("limits/wasm-peak.mjs"), String(threads)])).stdout);
    return [...(program ? lines((await run(program, [String(threads)])).stdout) : []), ...wasm];
  };
  return {
    hasCompiler: program !== undefined,
    measure,
    bandwidth: program && startBandwidth(program, threads),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** A process that says what the memory gives at the moment: `ask("copy")` in GB/s, the median of 15 sweeps. */
function startBandwidth(program, threads) {
  const child = spawn(program, [String(threads), "serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(Number(line)));
  return {
    ask: (name) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin.write(`${name}\n`);
      }),
    stop: () => child.stdin.end(),
  };
}

/** The best of several measurements, name by name: a limit is what the machine can do, not what it did once. */
export function bestOf(...measurements) {
  const best = new Map();
  for (const entry of measurements.flat()) {
    const key = `${entry.name}/${entry.threads}`;
    const value = entry.gflops ?? entry.gbs;
    const known = best.get(key);
    if (!known || value > (known.gflops ?? known.gbs)) best.set(key, entry);
  }
  return [...best.values()];
}

/** What bounds a workload: GFLOP/s of a target ("native" or "wasm"), or GB/s, with this many threads. */
export function limitOf(limits, target, threads, kind) {
  const values = (names, unit) =>
    limits.filter((l) => names.includes(l.name) && l.threads === threads).map((l) => l[unit]);
  const peaks =
    target === "wasm" ? ["wasmMultiplyAdd", "wasmRelaxedMultiplyAdd"] : ["peak128", "peak256", "peak512"];
  const found = kind === "flop" ? values(peaks, "gflops") : values([kind], "gbs");
  return found.length > 0 ? Math.max(...found) : undefined;
}
