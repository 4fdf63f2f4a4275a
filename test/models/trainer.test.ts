import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Backend } from "../../src/backends/backend.js";
import { useBackend } from "../../src/engine/device.js";
import {
  AbortedError,
  type Callback,
  type FitOptions,
  type History,
  layers,
  type Model,
  optimizers,
  sequential,
  setSeed,
  tensor,
} from "../../src/index.js";
import { type Counted, useCounted } from "../engine/counting.js";
import { backends } from "../support/backends.js";
import { rejectionOf, thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

const silent = { verbose: 0 } as const;
const everyBackend: readonly (readonly [string, Backend])[] = [referenceBackend, ...backends].map((b) => [
  b.name,
  b,
]);

let backend: Counted;
beforeEach(() => {
  backend = useCounted();
});
afterAll(() => useBackend(referenceBackend));

// ---- rows in sight -------------------------------------------------------------------------------------------------

/**
 * A model that never changes and whose loss on a row is the square of the row's number: the running mean of the loss
 * after each batch of one row tells which rows were taken, in order.
 */
function witness(rows: number) {
  const model = sequential([
    layers.dense(1, { inputShape: [1], useBias: false, kernelInitializer: "zeros" }),
  ]);
  model.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: "meanSquaredError" });
  const numbers = tensor(Array.from({ length: rows }, (_, i) => [i]));
  const orders = async (options: FitOptions = {}): Promise<number[][]> => {
    const epochs: number[][] = [];
    let seen = 0;
    let sum = 0;
    await model.fit(numbers, numbers, {
      ...silent,
      batchSize: 1,
      ...options,
      callbacks: [
        {
          onEpochBegin: () => {
            epochs.push([]);
            seen = 0;
            sum = 0;
          },
          onBatchEnd: (_, { loss }) => {
            seen++;
            epochs.at(-1)!.push(Math.round(Math.sqrt(Math.round(loss! * seen - sum))));
            sum = Math.round(loss! * seen);
          },
        },
      ],
    });
    return epochs;
  };
  return { model, numbers, orders };
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
const count = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("the order of the rows", () => {
  it("is a permutation in each epoch, another one each time", async () => {
    const epochs = await witness(13).orders({ epochs: 4 });
    for (const order of epochs) expect(sorted(order)).toEqual(count(13));
    expect(new Set(epochs.map(String)).size).toBe(4);
  });

  it("is a function of the seed and the epoch", async () => {
    const first = await witness(13).orders({ epochs: 3, seed: 5 });
    expect(await witness(13).orders({ epochs: 3, seed: 5 })).toEqual(first);
    expect(await witness(13).orders({ epochs: 3, seed: 6 })).not.toEqual(first);
    expect(await witness(13).orders({ epochs: 3, seed: 5, initialEpoch: 1 })).toEqual(first.slice(1));
  });

  it("starts from the global seed where none is given", async () => {
    const orderFor = async (seed: number) => {
      setSeed(seed);
      return witness(13).orders();
    };
    const first = await orderFor(9);
    expect(await orderFor(9)).toEqual(first);
    expect(await orderFor(10)).not.toEqual(first);
    expect(await witness(13).orders({ seed: 10 })).toEqual(await orderFor(10));
  });

  it("is that of the data without shuffling", async () => {
    expect(await witness(5).orders({ epochs: 2, shuffle: false })).toEqual([count(5), count(5)]);
  });

  it("leaves out the rows of the validation split, which are the last ones", async () => {
    const { orders } = witness(10);
    for (const order of await orders({ epochs: 3, validationSplit: 0.3 }))
      expect(sorted(order)).toEqual(count(7));
    expect(sorted((await orders({ validationSplit: 0.9 }))[0]!)).toEqual([0]);
  });

  it("takes each row once where the last batch is short", async () => {
    const { model, numbers } = witness(7);
    const history = await model.fit(numbers, numbers, { ...silent, batchSize: 3 });
    expect(history.history.loss).toEqual([(0 + 1 + 4 + 9 + 16 + 25 + 36) / 7]);
  });
});

// ---- a model that learns -------------------------------------------------------------------------------------------

const rows = 24;
const x = tensor(Array.from({ length: rows }, (_, i) => [Math.sin(i), Math.cos(3 * i)]));
const y = tensor(Array.from({ length: rows }, (_, i) => [Math.sin(i) - Math.cos(3 * i)]));

function network(): Model {
  setSeed(2);
  const model = sequential([layers.dense(4, { activation: "tanh", inputShape: [2] }), layers.dense(1)]);
  model.compile({
    optimizer: optimizers.adam({ learningRate: 0.01 }),
    loss: "meanSquaredError",
    metrics: ["meanAbsoluteError"],
  });
  return model;
}

/** The weights as they are, as numbers. */
async function weightsOf(model: Model): Promise<number[]> {
  const parts = await Promise.all(model.weights.map((w) => w.value.data()));
  return parts.flatMap((part) => [...part]);
}

/** The weights after so many steps of 4 rows, in the order of the given seed. */
async function weightsAfter(steps: number): Promise<number[]> {
  const model = network();
  let done = 0;
  await model.fit(x, y, {
    ...silent,
    epochs: Math.ceil(steps / 6),
    batchSize: 4,
    seed: 1,
    callbacks: [
      {
        onBatchEnd: (_, __, run) => {
          if (++done === steps) run.stopTraining = true;
        },
      },
    ],
  });
  return weightsOf(model);
}

const options = { ...silent, batchSize: 4, seed: 1 } as const; // 6 steps in an epoch

describe("an aborted signal", () => {
  it.each(everyBackend)(
    "stops after the step at whose end it fired, with its weights, on %s",
    async (_, on) => {
      useBackend(on);
      const controller = new AbortController();
      const reason = new Error("enough");
      const model = network();
      let steps = 0;
      const error = (await rejectionOf(
        model.fit(x, y, {
          ...options,
          epochs: 100,
          signal: controller.signal,
          callbacks: [
            {
              onBatchEnd: () => {
                if (++steps === 9) controller.abort(reason);
              },
            },
          ],
        }),
      )) as AbortedError;
      expect(error).toBeInstanceOf(AbortedError);
      expect(error).toMatchObject({ who: "fit", received: "an abort signal", cause: reason });
      expect(error.fix).toMatch(/weights/);
      expect(steps).toBe(9);
      expect(await weightsOf(model)).toEqual(await weightsAfter(9));
    },
  );

  it.each(everyBackend)("may fire at any time, from a timer, on %s", async (_, on) => {
    useBackend(on);
    const controller = new AbortController();
    const model = network();
    const training = model.fit(x, y, { ...options, epochs: 1e6, signal: controller.signal });
    setTimeout(() => controller.abort());
    expect(await rejectionOf(training)).toBeInstanceOf(AbortedError);
    const steps = await model.compiled!.optimizer.iterations.value.item();
    expect(steps).toBeLessThan(6e6);
    if (steps < 20_000) {
      const twin = network();
      const epochs = Math.floor(steps / 6);
      if (epochs > 0) await twin.fit(x, y, { ...options, epochs });
      let done = 0;
      if (steps % 6 > 0) {
        await twin.fit(x, y, {
          ...options,
          initialEpoch: epochs,
          epochs: epochs + 1,
          callbacks: [
            {
              onBatchEnd: (__, ___, run) => {
                if (++done === steps % 6) run.stopTraining = true;
              },
            },
          ],
        });
      }
      expect(await weightsOf(model)).toEqual(await weightsOf(twin));
    }
    await expect(model.fit(x, y, options)).resolves.toBeDefined(); // and it can go on
  });

  it("stops between two epochs and within the last callbacks", async () => {
    for (const hook of ["onEpochBegin", "onEpochEnd"] as const) {
      const controller = new AbortController();
      const model = network();
      let epochs = 0;
      const work = model.fit(x, y, {
        ...options,
        epochs: 5,
        signal: controller.signal,
        callbacks: [
          {
            [hook]: () => {
              if (++epochs === 2) controller.abort();
            },
          },
        ],
      });
      expect(await rejectionOf(work)).toBeInstanceOf(AbortedError);
      expect(epochs).toBe(2);
      expect(await model.compiled!.optimizer.iterations.value.item()).toBe(hook === "onEpochBegin" ? 6 : 12);
    }
  });

  it("that fired before leaves everything as it was", async () => {
    const model = network();
    const before = await weightsOf(model);
    const signal = AbortSignal.abort(new Error("early"));
    for (const work of [
      () => model.fit(x, y, { ...options, signal }),
      () => model.evaluate(x, y, { signal }),
      () => model.predict(x, { signal }),
    ]) {
      const error = await rejectionOf(work());
      expect(error).toBeInstanceOf(AbortedError);
      expect(error.cause).toEqual(new Error("early"));
    }
    expect(await weightsOf(model)).toEqual(before);
  });

  it("leaves no listener behind", async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    const model = network();
    await model.fit(x, y, { ...options, signal });
    await model.evaluate(x, y, { signal });
    await model.predict(x, { signal });
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  });
});

describe("slices", () => {
  /** Runs of the training step, and how many steps each was allowed. */
  async function runsOf(train: (model: Model) => Promise<unknown>): Promise<number[]> {
    const allowed: number[] = [];
    const { load } = backend;
    backend.load = (program) => {
      const executable = load(program);
      if (!program.steps.some(({ kind }) => kind === "matmul")) return executable;
      return {
        ...executable,
        run: (bindings, steps, runOptions) => {
          allowed.push(steps);
          return executable.run(bindings, steps, runOptions);
        },
      };
    };
    await train(network());
    return allowed;
  }

  it("hold as many steps as are asked for", async () => {
    expect(await runsOf((m) => m.fit(x, y, { ...options, epochs: 2, stepsPerExecution: 4 }))).toEqual([
      4, 2, 4, 2,
    ]);
    expect(await runsOf((m) => m.fit(x, y, { ...options, stepsPerExecution: 100 }))).toEqual([6]);
  });

  it("hold one step where a callback wants each batch", async () => {
    const onBatchEnd = () => undefined;
    const runs = await runsOf((m) =>
      m.fit(x, y, { ...options, stepsPerExecution: 4, callbacks: [{ onBatchEnd }] }),
    );
    expect(runs).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("end where a callback wants to look", async () => {
    const seen: number[] = [];
    const callback: Callback = { everySteps: 4, onSteps: (step) => void seen.push(step) };
    const runs = await runsOf((m) =>
      m.fit(x, y, { ...options, epochs: 2, stepsPerExecution: 10, callbacks: [callback] }),
    );
    expect(runs).toEqual([4, 2, 4, 2]);
    expect(seen).toEqual([4, 4]);
  });

  it("of any size give the same bits", async () => {
    const results: number[][] = [];
    for (const stepsPerExecution of [1, 4, 100]) {
      const model = network();
      await model.fit(x, y, { ...options, epochs: 3, stepsPerExecution });
      results.push(await weightsOf(model));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});

describe("callbacks", () => {
  it("are called in order, each awaited, with what they need", async () => {
    const events: string[] = [];
    const named = (name: string): Callback => ({
      everySteps: 2,
      onTrainBegin: async (run) => {
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} begin ${run.epochs}×${run.stepsPerEpoch} of ${run.batchSize}`);
      },
      onEpochBegin: (epoch, run) => void events.push(`${name} epoch ${epoch} begins at step ${run.step}`),
      onBatchEnd: async (step, logs, run) => {
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} batch ${step} of epoch ${run.epoch}: ${Object.keys(logs)}`);
      },
      onSteps: (step) => void events.push(`${name} after ${step} steps`),
      onEpochEnd: (epoch, logs, run) =>
        void events.push(`${name} epoch ${epoch} ends: ${Object.keys(logs)}, next ${run.epoch}`),
      onTrainEnd: (run) => void events.push(`${name} end after ${run.epoch}`),
    });
    const validationData = [x, y] as const;
    await network().fit(x, y, {
      ...options,
      batchSize: 10,
      epochs: 1,
      validationData,
      callbacks: [named("a"), named("b")],
    });
    const logs = "loss,meanAbsoluteError";
    const validated = "loss,meanAbsoluteError,val_loss,val_meanAbsoluteError";
    expect(events).toEqual([
      "a begin 1×3 of 10",
      "b begin 1×3 of 10",
      "a epoch 0 begins at step 0",
      "b epoch 0 begins at step 0",
      `a batch 0 of epoch 0: ${logs}`,
      `b batch 0 of epoch 0: ${logs}`,
      `a batch 1 of epoch 0: ${logs}`,
      `b batch 1 of epoch 0: ${logs}`,
      "a after 2 steps",
      "b after 2 steps",
      `a batch 2 of epoch 0: ${logs}`,
      `b batch 2 of epoch 0: ${logs}`,
      `a epoch 0 ends: ${validated}, next 1`,
      `b epoch 0 ends: ${validated}, next 1`,
      "a end after 1",
      "b end after 1",
    ]);
  });

  it("can end training after a batch or an epoch", async () => {
    const stopAt = async (callback: Callback) => {
      const model = network();
      const history = await model.fit(x, y, { ...options, epochs: 5, callbacks: [callback] });
      return [history.epoch, await model.compiled!.optimizer.iterations.value.item()];
    };
    expect(
      await stopAt({
        onEpochEnd: (epoch, _, run) => {
          run.stopTraining = epoch === 1;
        },
      }),
    ).toEqual([[0, 1], 12]);
    expect(
      await stopAt({
        onBatchEnd: (step, _, run) => {
          run.stopTraining = run.epoch === 1 && step === 2;
        },
      }),
    ).toEqual([[0, 1], 9]);
  });

  it("that fail end training with their error, and the model can be trained again", async () => {
    const model = network();
    const onEpochEnd = () => {
      throw new RangeError("mine");
    };
    await expect(model.fit(x, y, { ...options, callbacks: [{ onEpochEnd }] })).rejects.toThrow(
      new RangeError("mine"),
    );
    await expect(model.fit(x, y, options)).resolves.toBeDefined();
  });

  it("see the share that is done", async () => {
    const shares: number[] = [];
    const onProgress = (share: number) => void shares.push(share);
    await network().fit(x, y, { ...options, epochs: 2, stepsPerExecution: 3, onProgress });
    expect(shares).toEqual([0.25, 0.5, 0.75, 1]);
  });
});

describe("learning curves", () => {
  it("hold one value for each epoch and name", async () => {
    const history = await network().fit(x, y, { ...options, epochs: 3 });
    expect(history.epoch).toEqual([0, 1, 2]);
    expect(Object.keys(history.history)).toEqual(["loss", "meanAbsoluteError"]);
    const { loss } = history.history;
    expect(loss).toHaveLength(3);
    expect(loss![2]).toBeLessThan(loss![0]!);
  });

  it.each(["validationData", "validationSplit"])("with %s hold what evaluate says", async (kind) => {
    const held = 6;
    const part = (t: typeof x, from: number, to: number) =>
      tensor(t.slice([from, 0], [to - from, t.shape[1]!]).arraySync());
    const [trainX, trainY] = [part(x, 0, rows - held), part(y, 0, rows - held)];
    const [testX, testY] = [part(x, rows - held, rows), part(y, rows - held, rows)];
    const model = network();
    const evaluated: Record<string, number>[] = [];
    const onEpochEnd = async () => {
      evaluated.push(await model.evaluate(testX, testY, { batchSize: 4 }));
    };
    const common = { ...options, epochs: 2, callbacks: [{ onEpochEnd }] };
    const history: History =
      kind === "validationData"
        ? await model.fit(trainX, trainY, { ...common, validationData: [testX, testY] })
        : await model.fit(x, y, { ...common, validationSplit: held / rows });
    const alone = network();
    const plain = await alone.fit(trainX, trainY, { ...options, epochs: 2 });
    expect(history.history.val_loss).toEqual(evaluated.map(({ loss }) => loss));
    expect(history.history.val_meanAbsoluteError).toEqual(evaluated.map((logs) => logs.meanAbsoluteError));
    // Looking at other data changes nothing.
    expect(history.history.loss).toEqual(plain.history.loss);
    expect(await weightsOf(model)).toEqual(await weightsOf(alone));
  });

  it("continue where a run left off: two runs are one", async () => {
    const whole = network();
    const expected = await whole.fit(x, y, { ...options, epochs: 4 });
    const model = network();
    const first = await model.fit(x, y, { ...options, epochs: 2 });
    const second = await model.fit(x, y, { ...options, epochs: 4, initialEpoch: 2 });
    expect(second.epoch).toEqual([2, 3]);
    expect([...first.history.loss!, ...second.history.loss!]).toEqual(expected.history.loss);
    expect(await weightsOf(model)).toEqual(await weightsOf(whole));
  });

  it("are empty where nothing is left to do", async () => {
    const model = network();
    const before = await weightsOf(model);
    const history = await model.fit(x, y, { ...options, epochs: 2, initialEpoch: 2 });
    expect(history).toMatchObject({ epoch: [], history: {} });
    expect(await weightsOf(model)).toEqual(before);
  });
});

describe("compiled steps", () => {
  it("serve a second fit, other data of the same types, evaluate and predict without another program", async () => {
    const model = network();
    const all = async (scale: number) => {
      const data = [x.mul(scale), y.mul(scale)] as const;
      await model.fit(x, y, { ...options, epochs: 2, validationSplit: 0.25 });
      await model.fit(
        tensor(data[0].dataSync(), { shape: x.shape }),
        tensor(data[1].dataSync(), { shape: y.shape }),
        {
          ...options,
          validationSplit: 0.25,
        },
      );
      await model.evaluate(x, y, { batchSize: 4 });
      await model.predict(x, { batchSize: 5 });
    };
    await all(2);
    const loaded = backend.programs.length;
    await all(3);
    expect(backend.programs.length).toBe(loaded);
  });

  it("are made anew after compile, and where other layers are trained", async () => {
    const model = network();
    await model.fit(x, y, options);
    const steps = () =>
      backend.programs.filter(({ steps }) => steps.filter((s) => s.kind === "matmul").length > 2).length;
    expect(steps()).toBe(1);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    await model.fit(x, y, options);
    expect(steps()).toBe(2);
  });

  it("hold no data once they are done", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const model = network();
    const train = async () => {
      const data = tensor(new Float32Array(rows * 2), { shape: [rows, 2] });
      await model.fit(data, y, options);
      await model.evaluate(data, y);
      await model.predict(data);
      return new WeakRef(data.storage!);
    };
    const storage = await train();
    // The collector decides when: several rounds, so that promises and their closures are gone first.
    for (let i = 0; i < 50 && storage.deref() !== undefined; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(storage.deref()).toBeUndefined();
    await expect(model.fit(x, y, options)).resolves.toBeDefined();
  });
});

describe("what is printed", () => {
  async function printed(work: () => Promise<unknown>): Promise<string[]> {
    const lines: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      lines.push(String(text));
      return true;
    });
    try {
      await work();
    } finally {
      log.mockRestore();
      out.mockRestore();
    }
    return lines;
  }

  it("is one line for each epoch with verbose 2", async () => {
    const lines = await printed(() =>
      network().fit(x, y, { ...options, epochs: 2, validationData: [x, y], verbose: 2 }),
    );
    const number = String.raw`\d\.\d{4}`;
    const line = (epoch: number) =>
      new RegExp(
        `^Epoch ${epoch}/2 - \\d+\\.\\d\\d s - loss: ${number} - meanAbsoluteError: ${number} - val_loss: ${number} - val_meanAbsoluteError: ${number}$`,
      );
    expect(lines).toEqual([expect.stringMatching(line(1)), expect.stringMatching(line(2))]);
  });

  it("is one line of evaluate with verbose 2", async () => {
    const model = network();
    const { loss } = await model.evaluate(x, y);
    const lines = await printed(() => model.evaluate(x, y, { verbose: 2 }));
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^loss: ${loss!.toFixed(4)} - meanAbsoluteError: \\d`)),
    ]);
  });

  it("is nothing with verbose 0", async () => {
    const model = network();
    expect(await printed(() => model.fit(x, y, { ...options, epochs: 2, verbose: 0 }))).toEqual([]);
    expect(await printed(() => model.evaluate(x, y))).toEqual([]);
    expect(await printed(() => model.predict(x))).toEqual([]);
  });
});

describe("predict", () => {
  it("gives the same rows for any size of the batches", async () => {
    const model = network();
    const whole = await model.predict(x);
    expect(whole.shape).toEqual([rows, 1]);
    for (const batchSize of [1, 5, 7, rows, 1000]) {
      const parts = await model.predict(x, { batchSize });
      expect(parts.shape).toEqual([rows, 1]);
      expect(parts.dataSync()).toEqual(whole.dataSync());
    }
  });

  it("leaves the model as it is", async () => {
    const model = network();
    await model.fit(x, y, options);
    const before = await weightsOf(model);
    await model.predict(x);
    await model.evaluate(x, y);
    expect(await weightsOf(model)).toEqual(before);
  });
});

describe("errors while training", () => {
  it("name the model's state: not built for such data", () => {
    const model = sequential([layers.dense(1)]);
    expect(thrownBy(() => model.summary()).message).toMatch(/built/);
  });
});
