import { describe, expect, test } from "vitest";
import { ConfigError, DataError, layers, losses, sequential, setSeed, tensor } from "../../src/index.js";

function classifier() {
  setSeed(1);
  const model = sequential([layers.dense(3, { inputShape: [2] })]);
  model.compile({ optimizer: "adam", loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }) });
  return model;
}
const rows = 40;
const x = tensor(Array.from({ length: rows }, (_, i) => [i / rows, 1]));
const labels = (spoil: (i: number) => number | undefined = () => undefined) =>
  tensor(Int32Array.from({ length: rows }, (_, i) => spoil(i) ?? i % 3));
const silent = { verbose: 0 } as const;

describe("options of fit, evaluate and predict", () => {
  test.each([
    [{ epoch: 3 }, /Did you mean "epochs"/],
    [{ batchSize: 0 }, /positive integer as batchSize/],
    [{ epochs: 1.5 }, /positive integer as epochs/],
    [{ stepsPerExecution: Number.NaN }, /positive integer as stepsPerExecution/],
    [{ initialEpoch: -1 }, /initialEpoch/],
    [{ seed: Number.NaN }, /an integer as seed/],
    [{ validationData: x }, /\[x, y\] as validationData/],
    [{ callbacks: {} }, /array of callbacks/],
    [{ signal: {} }, /AbortSignal/],
  ])("fit refuses %j", async (options, message) => {
    const fitting = classifier().fit(x, labels(), { ...silent, ...(options as object) });
    await expect(fitting).rejects.toThrow(ConfigError);
    await expect(fitting).rejects.toThrow(message);
  });

  test.each([0, -1, 1.5, Number.NaN])(
    "a batchSize of %d is refused by predict and evaluate",
    async (batchSize) => {
      await expect(classifier().predict(x, { batchSize })).rejects.toThrow(/positive integer as batchSize/);
      await expect(classifier().evaluate(x, labels(), { batchSize })).rejects.toThrow(
        /positive integer as batchSize/,
      );
    },
  );
});

test("a second fit of a model that is training is refused, and the first is not disturbed", async () => {
  const alone = classifier();
  const expected = await alone.fit(x, labels(), { ...silent, epochs: 2 });
  const model = classifier();
  const first = model.fit(x, labels(), { ...silent, epochs: 2, stepsPerExecution: 1 });
  await expect(model.fit(x, labels(), silent)).rejects.toThrow(/one fit at a time/);
  expect((await first).history).toEqual(expected.history);
});

test("a bad label is named by its row in the data, whatever the order of the batches", async () => {
  const bad = labels((i) => (i === 37 ? 7 : undefined));
  const options = { ...silent, batchSize: 8 };
  await expect(classifier().fit(x, bad, options)).rejects.toThrow(/label 7 at row 37/);
  await expect(classifier().evaluate(x, bad, { batchSize: 8 })).rejects.toThrow(/label 7 at row 37/);
});

test("class numbers with a fraction, or none at all, are refused", async () => {
  for (const value of [0.5, Number.NaN]) {
    const spoiled = tensor(Float32Array.from({ length: rows }, (_, i) => (i === 5 ? value : 1)));
    await expect(classifier().fit(x, spoiled, silent)).rejects.toThrow(DataError);
    await expect(classifier().fit(x, spoiled, silent)).rejects.toThrow(/row 5/);
  }
  const whole = tensor(Float32Array.from({ length: rows }, (_, i) => i % 3));
  await expect(classifier().fit(x, whole, silent)).resolves.toBeDefined();
});

test("checkFinite looks at the targets too", async () => {
  const model = sequential([layers.dense(1, { inputShape: [2] })]);
  model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
  const y = tensor(
    Float32Array.from({ length: rows }, (_, i) => (i === 9 ? Number.NaN : 1)),
    { shape: [rows, 1] },
  );
  await expect(model.fit(x, y, { ...silent, checkFinite: true })).rejects.toThrow(/NaN in row 9/);
});
