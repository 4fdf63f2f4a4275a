// Myelin against its peers, in one run, round by round. See bench/README.md.
//
//   npm run bench -- [--only W1,MM1024] [--peers torch,jax] [--backends native,wasm] [--quick] [--write]
//
// Everyone is a process of its own that stays alive. For each workload, each round asks everyone in turn for
// a quarter of a second of work; the figure of a contender is the median of its rounds. So a machine that slows down
// for a minute slows everyone down alike.
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { startContenders, threads } from "./contenders.mjs";
import { bestOf, machineLimits } from "./limits.mjs";
import { measureOverheads } from "./overheads.mjs";
import { formatLimits, formatOverheads, formatRows, writeTable } from "./report.mjs";
import { selectWorkloads } from "./workloads.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const tell = (text) => process.stderr.write(`${text}\n`);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const ROUNDS = {
  full: { rounds: 5, warm: 0.1, seconds: 0.25, minimum: 2 },
  quick: { rounds: 3, warm: 0.05, seconds: 0.15, minimum: 2 },
};
/** Share of a core that others may take during a measurement before it is made again. */
const FOREIGN = 0.1;
/** How many measurements of a workload and contender may be made again. */
const REPEATS = 4;
/** Seconds of the preparation, with its first call, from which a contender makes a single call in the first round only. */
const SLOW = 3;
/** Worker threads of some peers go on spinning for a while after a call. */
const SETTLE_MS = 60;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    backends: { type: "string" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean" },
  },
});
const list = (text) => text?.split(",").filter(Boolean);

async function measureWorkload(workload, contenders, plan) {
  const ready = [];
  const results = [];
  for (const contender of contenders) {
    const reply = await contender.prepare(workload);
    if (reply.unsupported) continue;
    if (reply.error) results.push({ contender: contender.id, error: reply.error });
    else {
      // Compilers prepare for long too; the second call tells them apart.
      const slow =
        reply.seconds > SLOW && (await contender.run({ ...workload, once: true }, plan)).median > SLOW * 1e3;
      ready.push({ contender, prepare: reply.seconds, runs: [], repeats: slow ? 0 : REPEATS, slow });
    }
  }
  const bytes = ["read", "copy", "triad"].includes(workload.limit) ? probe.bandwidth : undefined;
  const given = []; // by the memory, round by round: other tenants of the machine take their share of it
  for (let round = 0; round < plan.rounds; round++) {
    if (bytes) given.push(await bytes.ask(workload.limit));
    // Another one begins each round: nobody always runs after the same neighbour.
    const order = ready.map((_, i) => ready[(i + round) % ready.length]);
    for (const entry of order) {
      if (entry.error || (entry.slow && round > 0)) continue;
      for (;;) {
        await pause(SETTLE_MS);
        const reply = await entry.contender.run({ ...workload, once: workload.once || entry.slow }, plan);
        if (reply.error) {
          entry.error = reply.error;
          break;
        }
        entry.runs.push(reply);
        if (!(reply.foreign > FOREIGN) || entry.repeats-- <= 0) break;
      }
    }
  }
  for (const { contender, prepare, runs, error } of ready) {
    await contender.release(workload);
    if (error) {
      results.push({ contender: contender.id, error });
      continue;
    }
    // The quietest runs count.
    const kept = [...runs].sort((a, b) => (a.foreign ?? 0) - (b.foreign ?? 0)).slice(0, plan.rounds);
    const medians = kept.map((run) => run.median);
    results.push({
      contender: contender.id,
      ms: median(medians),
      low: Math.min(...medians),
      high: Math.max(...medians),
      calls: kept.reduce((sum, run) => sum + run.calls, 0),
      prepareSeconds: prepare,
      foreign: Math.max(...kept.map((run) => run.foreign ?? 0)),
    });
  }
  return { workload: workload.id, results, ...(bytes ? { limitGbs: median(given) } : {}) };
}

const names = list(options.peers);
const workloads = selectWorkloads(list(options.only));
const plan = options.quick ? ROUNDS.quick : ROUNDS.full;

tell("measuring the machine's limits");
const probe = await machineLimits(threads);
if (!probe.hasCompiler) tell("no C compiler found: limits of the native backends are left out");
const before = await probe.measure();

// Compiling takes torch.compile a quarter of a minute a workload: not in a quick run unless asked for.
const peers = names ?? (options.quick ? ["torch", "jax", "keras", "numpy", "tfjs"] : undefined);
const { present, absent } = await startContenders({ peers, backends: list(options.backends) }, tell);
for (const { label, reason } of absent) tell(`not found: ${label} (${reason})`);

const rows = [];
try {
  for (const workload of workloads) {
    tell(`measuring ${workload.title}`);
    rows.push(await measureWorkload(workload, present, plan));
  }
} finally {
  for (const contender of present) await contender.stop();
}

const overheads = options.only ? [] : await measureOverheads(present, tell);
probe.bandwidth?.stop();
const limits = bestOf(before, await probe.measure());
probe.remove();

const results = {
  date: new Date().toISOString().slice(0, 10),
  command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
  machine: {
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  },
  threads,
  limits,
  contenders: present.map(({ id, label, own = false, info }) => ({ id, label, own, ...info })),
  absent,
  rows,
  overheads,
};

console.log(formatLimits(results));
console.log(formatRows(results, workloads));
if (overheads.length > 0) console.log(formatOverheads(results));

const measuredMyelin = results.contenders.some(({ own }) => own);
if (options.write ?? (measuredMyelin && !options.only && !options.quick && !names)) {
  writeFileSync(new URL("results.json", import.meta.url), `${JSON.stringify(results, null, 1)}\n`);
  writeTable(results, workloads);
  tell("written: bench/results.json, docs/performance.md");
}
