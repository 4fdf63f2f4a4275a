// What Myelin costs beside the arithmetic: starting, compiling, keeping JavaScript waiting, memory.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Contender } from "./contender.mjs";
import { selectWorkloads } from "./workloads.mjs";

const run = promisify(execFile);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Runs a script of bench/overheads several times in fresh processes; the median of each number it prints. */
async function fresh(script, repeats) {
  const file = fileURLToPath(new URL(`overheads/${script}`, import.meta.url));
  const printed = [];
  for (let i = 0; i < repeats; i++) {
    const { stdout } = await run(process.execPath, [file]);
    printed.push(JSON.parse(stdout));
  }
  return Object.fromEntries(Object.keys(printed[0]).map((key) => [key, median(printed.map((p) => p[key]))]));
}

/** Peak memory in MB of a fresh process that trains W2 for a while, and how much of it is due to that. */
async function trainingMemory(description) {
  const [w2] = selectWorkloads(["W2"]);
  const contender = new Contender(description);
  await contender.start();
  try {
    const { error } = await contender.prepare(w2);
    if (error) throw new Error(error);
    await contender.run(w2, { warm: 0, seconds: 2, minimum: 20 });
    const { peak, idle } = await contender.ask({ op: "memory" });
    return { peak: peak / 1e6, growth: (peak - idle) / 1e6 };
  } finally {
    await contender.stop();
  }
}

/**
 * @param present contenders that took part; the memory of PyTorch is the limit of Myelin's
 * @returns `[{ id, title, value, unit, limit, limitTitle }]`
 */
export async function measureOverheads(present, tell) {
  const native = present.find(({ id }) => id.startsWith("native"));
  if (!native) return [];
  const rows = [];
  const add = (id, title, value, unit, limit, limitTitle) =>
    rows.push({ id, title, value, unit, limit, limitTitle });
  const attempt = async (what, measure) => {
    tell(`measuring ${what}`);
    try {
      await measure();
    } catch (error) {
      const message = String(error.stderr || error.message).trim();
      add(what, what, undefined, "ms");
      tell(`failed: ${what}: ${message.split("\n").find((line) => /error/i.test(line)) ?? message}`);
    }
  };

  await attempt("import and first tensor", async () => {
    const { import: time, process: whole } = await fresh("first-tensor.mjs", 9);
    add("import", 'import "myelin" and the first tensor', time, "ms", 150);
    add("process", "the same with the start of Node", whole, "ms");
  });
  await attempt("compiling the W1 step", async () => {
    const { compile } = await fresh("compile.mjs", 9);
    add("compile", "building and compiling the W1 step, fresh process", compile, "ms", 50);
  });
  await attempt("compiling a transformer step", async () => {
    const { transformer, again, steps } = await fresh("transformer.mjs", 5);
    const what = `a transformer step of 12 layers in plain operations (${steps} steps)`;
    add("transformer", `tracing and compiling ${what}, fresh process`, transformer, "ms", 300);
    add("transformerAgain", "the same for another batch size", again, "ms", 300);
  });
  await attempt("eager work", async () => {
    const { eager, build } = await fresh("eager.mjs", 5);
    add("eager", "ten operations on 1,000 elements outside of jit, read back", eager, "µs", 40);
    add("eagerBuild", "of that, building the graph", build, "µs");
  });
  await attempt("event-loop delay", async () => {
    const { p99, max, step } = await fresh("event-loop.mjs", 1);
    add("eventLoop", "event-loop delay while W4 trains, 99th percentile", p99, "ms", 20);
    add("eventLoopMax", "the same, longest", max, "ms");
    add("W4", "W4 step in fit (flower network, batch 32)", step, "ms");
  });
  await attempt("memory of the W2 step", async () => {
    const torch = present.find(({ id }) => id === "torch");
    const theirs = torch && (await trainingMemory(torch));
    const ours = await trainingMemory(native);
    add("memory", "peak memory of a process that trains W2", ours.peak, "MB", theirs?.peak, "PyTorch");
    add("memoryGrowth", "of that, beyond the loaded library", ours.growth, "MB", theirs?.growth, "PyTorch");
  });
  return rows;
}
