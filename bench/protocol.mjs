// The line protocol of bench/peers/protocol.py, for workers that run in Node: Myelin and TensorFlow.js.
import { createInterface } from "node:readline";

/** Thrown by a worker that has no such workload. */
export class Unsupported extends Error {}

/** Median and lowest time of a call, in milliseconds. A step may return a promise. */
async function measure(step, { warm, seconds, minimum }) {
  const now = () => performance.now();
  for (const end = now() + warm * 1e3; now() < end; ) await step();
  const times = [];
  for (const end = now() + seconds * 1e3; times.length < minimum || now() < end; ) {
    const start = now();
    const pending = step();
    if (pending instanceof Promise) await pending; // an `await` of a plain value would cost a turn
    times.push(now() - start);
  }
  times.sort((a, b) => a - b);
  return { median: times[times.length >> 1], low: times[0], calls: times.length };
}

const peakMemory = () => process.resourceUsage().maxRSS * 1024;

/**
 * Answers requests until the input ends.
 *
 * @param info what `{"op":"info"}` is answered with
 * @param kinds per kind of workload: `spec => step`, where `step()` returns when its result can be read
 */
export async function serve(info, kinds) {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr); // prints must not mix with the answers
  const steps = new Map();
  const idle = peakMemory();

  async function answer(request) {
    const { op, workload, spec } = request;
    switch (op) {
      case "info":
        return info;
      case "prepare": {
        if (!kinds[spec.kind]) throw new Unsupported(spec.kind);
        const start = performance.now();
        const step = await kinds[spec.kind](spec);
        if (spec.kind !== "epoch") await step();
        steps.set(workload, step);
        return { seconds: (performance.now() - start) / 1e3 };
      }
      case "run":
        return measure(steps.get(workload), request);
      case "release":
        steps.delete(workload);
        return {};
      case "memory":
        return { peak: peakMemory(), idle };
      default:
        throw new Error(`unknown request ${op}`);
    }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(JSON.parse(line)).catch((error) =>
      error instanceof Unsupported
        ? { unsupported: error.message }
        : { error: String(error?.message ?? error) },
    );
    write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}
