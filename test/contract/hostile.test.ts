import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backends/backend.js";
import { ReferenceBackend } from "../../src/backends/reference/reference.js";
import { backend, useBackend } from "../../src/engine/device.js";
import { DataError, tensor } from "../../src/index.js";
import type { FitOptions } from "../../src/models/trainer.js";
import { oneRank } from "../../src/ops/allReduce.js";
import { full } from "../../src/ops/index.js";
import { expectCloseValues } from "../support/close.js";
import { backendsByThreads } from "../support/threads.js";
import {
  BATCH,
  bitsOf,
  type HostileModel,
  hostileData,
  hostileModel,
  ROWS,
  STEPS,
  weightsOf,
} from "./hostileModel.js";

const EPOCHS = 3;

/** Trains the hostile model from its seed. */
async function train(options: FitOptions = {}): Promise<HostileModel> {
  const { x, y } = hostileData();
  const model = hostileModel();
  await model.fit(x, y, { epochs: EPOCHS, batchSize: BATCH, verbose: 0, seed: 11, ...options });
  return model;
}

/** Runs of programs on the engine's thread while `fn` works. */
async function countRuns(fn: () => Promise<unknown>): Promise<{ runs: number; steps: number }> {
  const on = backend();
  const load = on.load.bind(on);
  let runs = 0;
  let steps = 0;
  on.load = (program) => {
    const executable = load(program);
    const run = executable.run.bind(executable);
    executable.run = async (...args) => {
      const result = await run(...args);
      runs++;
      steps += result.steps;
      return result;
    };
    return executable;
  };
  try {
    await fn();
  } finally {
    on.load = load;
  }
  return { runs, steps };
}

let before: Backend;
let expected: Float32Array;
let expectedLoss: number[];

beforeAll(async () => {
  before = backend();
  useBackend(new ReferenceBackend());
  const { x, y } = hostileData();
  const model = hostileModel();
  const history = await model.fit(x, y, { epochs: EPOCHS, batchSize: BATCH, verbose: 0, seed: 11 });
  expected = await weightsOf(model);
  expectedLoss = history.history.loss!;
  useBackend(before);
});
afterAll(() => useBackend(before));

test("training lowers the loss on the reference backend", () => {
  expect(expectedLoss).toHaveLength(EPOCHS);
  expect(expectedLoss[EPOCHS - 1]).toBeLessThan(expectedLoss[0]!);
});

describe.each(backendsByThreads)("the hostile step on $name", ({ use, threads }) => {
  beforeAll(() => use(threads[0]!));
  afterAll(() => useBackend(before));

  test("agrees with the reference", async () => {
    use(threads[0]!);
    const weights = await weightsOf(await train());
    expectCloseValues(weights, expected, { relative: 2e-3, absolute: 2e-4 });
  });

  test("gives the same bits for any number of threads and steps in one call", async () => {
    use(threads[0]!);
    const bits = await bitsOf(await train({ stepsPerExecution: 1 }));
    expect(await bitsOf(await train({ stepsPerExecution: 50 }))).toEqual(bits);
    for (const count of threads.slice(1)) {
      use(count);
      expect(await bitsOf(await train({ stepsPerExecution: 1 }))).toEqual(bits);
      expect(await bitsOf(await train({ stepsPerExecution: 50 }))).toEqual(bits);
    }
  });

  test("calls the engine once per slice", async () => {
    use(threads[0]!);
    const once = await countRuns(() => train({ stepsPerExecution: 50 }));
    expect(once).toEqual({ runs: EPOCHS, steps: EPOCHS * STEPS });
    const pairs = await countRuns(() => train({ stepsPerExecution: 3 }));
    expect(pairs).toEqual({ runs: EPOCHS * Math.ceil(STEPS / 3), steps: EPOCHS * STEPS });
  });

  test("creates no tensor after the first slice", async () => {
    use(threads[0]!);
    const created: number[] = [];
    await train({
      stepsPerExecution: 1,
      epochs: 1,
      callbacks: [{ onBatchEnd: () => void created.push(full([], 0).id) }],
    });
    // Each look creates the two nodes of `full`; nothing else may have come in between.
    const perLook = full([], 0).id;
    const gap = full([], 0).id - perLook;
    for (let i = 1; i < created.length; i++) expect(created[i]! - created[i - 1]!).toBe(gap);
  });

  test("needs no more memory the longer it runs", async () => {
    use(threads[0]!);
    const { x, y } = hostileData();
    const model = hostileModel();
    const options = { batchSize: BATCH, verbose: 0, stepsPerExecution: 1 } as const;
    await model.fit(x, y, { ...options, epochs: 5 });
    const first = memoryInUse();
    await model.fit(x, y, { ...options, epochs: 40 });
    expect(memoryInUse() - first).toBeLessThan(1_000_000);
  });

  test("leaves a tensor alone that was taken from a variable before", async () => {
    use(threads[0]!);
    const { x, y } = hostileData();
    const model = hostileModel();
    const options = { epochs: 1, batchSize: BATCH, verbose: 0 } as const;
    await model.fit(x, y, options);
    const kernel = model.getLayer("shared").weights[0]!;
    const held = kernel.value;
    const elements = await held.data();
    await model.fit(x, y, options);
    expect(await held.data()).toEqual(elements);
    expect(await kernel.value.data()).not.toEqual(elements);
  });

  test("reports a bad label and leaves the weights as they were", async () => {
    use(threads[0]!);
    const { x, y } = hostileData();
    const labels = await y.kind!.data();
    const model = hostileModel();
    await model.fit(x, y, { epochs: 1, batchSize: BATCH, verbose: 0 });
    const bits = await bitsOf(model);
    const spoiled = { ...y, kind: tensor(labels.map(() => 9)) };
    await expect(model.fit(x, spoiled, { epochs: 1, batchSize: BATCH, verbose: 0 })).rejects.toThrow(
      DataError,
    );
    expect(await bitsOf(model)).toEqual(bits);
  });

  test("changes no bit by summing gradients over one rank", async () => {
    use(threads[0]!);
    expect(await bitsOf(await train({ communicator: oneRank }))).toEqual(await bitsOf(await train()));
  });

  test("hands gradients to a communicator of JavaScript between two steps", async () => {
    use(threads[0]!);
    let calls = 0;
    // Two ranks that see the same data: the average of their gradients is the gradient.
    const twin = {
      size: 2,
      allReduce: async (data: Float32Array) => {
        calls++;
        for (let i = 0; i < data.length; i++) data[i] = 2 * data[i]!;
      },
    };
    const alone = await weightsOf(await train());
    const together = await weightsOf(await train({ communicator: twin, stepsPerExecution: 50 }));
    expect(calls).toBe(EPOCHS * STEPS);
    expectCloseValues(together, alone, { relative: 1e-4, absolute: 1e-5 });
  });
});

test("a batch that divides the rows needs no run-time length and gives what the tail program gives", async () => {
  const { x, y } = hostileData();
  const one = hostileModel();
  await one.fit(x, y, { epochs: 1, batchSize: ROWS, verbose: 0, shuffle: false });
  const other = hostileModel();
  await other.fit(x, y, { epochs: 1, batchSize: ROWS + 1, verbose: 0, shuffle: false });
  expectCloseValues(await weightsOf(other), await weightsOf(one), {
    relative: 1e-4,
    absolute: 1e-5,
  });
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memoryInUse(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
