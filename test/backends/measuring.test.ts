import { afterAll, describe, expect, it } from "vitest";
import type { MeasuredRun } from "../../src/backends/backend.js";
import type { NDArray } from "../../src/base/array.js";
import { allSteps } from "../../src/compile/program.js";
import { backend, useBackend } from "../../src/engine/device.js";
import {
  add,
  cond,
  jit,
  less,
  matmul,
  mul,
  relu,
  scan,
  sum,
  type Tensor,
  tanh,
  tensor,
  uniform,
  variable,
  whileLoop,
  zeros,
} from "../../src/index.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { describeOnEachBackend } from "../support/eachBackend.js";
import { referenceBackend } from "../support/evaluate.js";
import { backendsByThreads } from "../support/threads.js";

/** What the backend measures of the runs in `work`. */
async function measure(work: () => unknown): Promise<MeasuredRun[]> {
  const runs: MeasuredRun[] = [];
  const meter = backend().meter!;
  meter.recorder = (run) => runs.push(run);
  try {
    await work();
  } finally {
    meter.recorder = undefined;
  }
  return runs;
}

/** Calls of the steps whose label holds the text. */
function callsOf(run: MeasuredRun, label: string): number[] {
  const steps = [...allSteps(run.program.steps)];
  return steps.flatMap(({ step }, i) => (step.label.includes(label) ? [run.calls[i]!] : []));
}

afterAll(() => useBackend(referenceBackend));

describeOnEachBackend("a measured run", () => {
  it("says how often each step ran and how long, and computes the same bits", async () => {
    const layer = jit((x: Tensor, w: Tensor) => sum(relu(matmul(x, w)), 0));
    const [x, w] = [uniform(1, [96, 64]), uniform(2, [64, 80], { min: -1 })];
    const plain = layer(x, w).dataSync();
    let bits: unknown;
    const [run, ...more] = await measure(() => {
      bits = layer(x, w).dataSync();
    });
    expect(bits).toEqual(plain);
    expect(more).toEqual([]);
    expect(run!.iterations).toBe(1);
    expect([...run!.calls]).toEqual([...allSteps(run!.program.steps)].map(() => 1));
    for (const milliseconds of run!.milliseconds) expect(milliseconds).toBeGreaterThan(0);
    // The times of the steps are parts of the run's.
    const total = run!.milliseconds.reduce((a, b) => a + b, 0);
    expect(total).toBeLessThanOrEqual((run!.ended - run!.began) * (1 + 1e-6) + 1e-3);
  });

  it("counts the iterations of a run on the engine's thread", async () => {
    const counter = variable(tensor(0));
    const step = jit((x: Tensor) => {
      counter.assign(add(counter.value, sum(mul(x, x))));
      return counter.value;
    });
    const x = tensor(new Float32Array(500));
    step(x);
    const runs = await measure(() => step.repeat(7, [x]));
    expect(runs.map((run) => run.iterations)).toEqual([7]);
    expect(runs[0]!.calls.every((calls) => calls === 7)).toBe(true);
  });

  it("has the work of each thread with its begin and end inside of the run", async () => {
    const chain = jit((x: Tensor) => sum(tanh(mul(x, 3))));
    chain(zeros([300, 300]));
    const [run] = await measure(() => chain(zeros([300, 300])).dataSync());
    expect(run!.events.length).toBeGreaterThanOrEqual(run!.calls.length);
    expect(run!.droppedEvents).toBe(0);
    for (const { step, thread, began, ended } of run!.events) {
      expect(run!.calls[step]).toBeGreaterThan(0);
      expect(thread).toBeGreaterThanOrEqual(0);
      expect(thread).toBeLessThan(run!.threads);
      expect(began).toBeGreaterThanOrEqual(run!.began - 1e-3);
      expect(ended).toBeGreaterThanOrEqual(began);
      expect(ended).toBeLessThanOrEqual(run!.ended + 1e-3);
    }
  });

  it("counts the steps of a body as often as it ran", async () => {
    const sums = jit(
      (xs: Tensor) => scan((state: Tensor, x: Tensor) => [tanh(add(state, x)), []], zeros([5]), xs)[0],
    );
    const runs = await measure(() => sums(uniform(1, [9, 5])).dataSync()); // the random numbers are a run of their own
    expect(callsOf(runs.at(-1)!, "tanh")).toEqual([9]);
  });

  it("counts the side of a cond that was taken", async () => {
    const choose = jit((p: Tensor, x: Tensor) =>
      cond(
        p.greater(0),
        () => tanh(mul(x, x)),
        () => relu(x),
      ),
    );
    const run = (await measure(() => choose(tensor(-1), zeros([40])).dataSync())).at(-1);
    expect(callsOf(run!, "tanh")).toEqual([0]);
    expect(callsOf(run!, "relu")).toEqual([1]);
  });

  it("counts how often the condition and the body of a loop ran", async () => {
    const double = jit((x: Tensor) =>
      whileLoop(
        (y) => less(y, 100),
        (y) => mul(y, 2),
        x,
      ),
    );
    const run = (await measure(() => double(tensor(1)).dataSync())).at(-1);
    expect(callsOf(run!, "less")).toEqual([8]); // 1, 2, … 128
    expect(callsOf(run!, "mul")).toEqual([7]);
  });

  it("counts the time of calls into JavaScript", async () => {
    const slow = ([value]: readonly NDArray[]) => {
      const end = performance.now() + 3;
      while (performance.now() < end);
      return [value!];
    };
    const twice = jit((x: Tensor) => mul(hostCall(slow, [x], [{ shape: [3], dtype: "float32" }])[0]!, 2));
    const [run] = await measure(() => twice(tensor([1, 2, 3])).dataSync());
    const place = [...allSteps(run!.program.steps)].findIndex(({ step }) => step.kind === "yield");
    expect(run!.calls[place]).toBe(1);
    expect(run!.milliseconds[place]).toBeGreaterThanOrEqual(2.9);
  });

  it("is told to nobody once nobody asks", async () => {
    const runs = await measure(() => undefined);
    add(tensor([1]), 1).dataSync();
    expect(runs).toEqual([]);
  });
});

describe.each(backendsByThreads)("a measured run on $name", ({ threads, use }) => {
  it.each(threads)("has the same bits as others on %i threads, and each thread's work", async (count) => {
    use(count);
    await backend().ready?.();
    const state = variable(zeros([64]), { name: "state" });
    const step = jit((x: Tensor, w: Tensor) => {
      const h = relu(matmul(x, w)); // [200, 64]
      const [last] = scan((s: Tensor, row: Tensor) => [tanh(add(s, row)), []], state.value, h);
      state.assign(last);
      return sum(mul(h, h));
    });
    const args: [Tensor, Tensor] = [uniform(1, [200, 300], { min: -1 }), uniform(2, [300, 64], { min: -1 })];
    const run = async () => {
      state.assign(zeros([64]));
      const { value } = await step.repeat(3, args);
      return [value.dataSync(), state.value.dataSync()];
    };
    const plain = await run();
    let bits: unknown;
    const runs = await measure(async () => {
      bits = await run();
    });
    expect(bits).toEqual(plain);
    const measured = runs.find(({ iterations }) => iterations === 3)!;
    expect(callsOf(measured, "matmul")).toEqual([3]);
    expect(callsOf(measured, "tanh")).toEqual([600]);
    expect(new Set(measured.events.map(({ thread }) => thread)).has(0)).toBe(true);
  });
});
