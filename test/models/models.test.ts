import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../src/base/errors.js";
import { tensor } from "../../src/engine/create.js";
import { setSeed } from "../../src/engine/seed.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as layers from "../../src/layers/index.js";
import * as losses from "../../src/losses/index.js";
import * as metrics from "../../src/metrics/index.js";
import { functional, Model, sequential } from "../../src/models/index.js";
import * as optimizers from "../../src/optimizers/index.js";
import { sample, thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

const silent = { verbose: 0 } as const;

describe("sequential", () => {
  it("the network of 3, 2 and 1 units has 11 parameters", () => {
    const model = sequential([layers.input({ shape: [3] }), layers.dense(2), layers.dense(1)]);
    expect(model.countParams()).toBe(11);
    const printed: string[] = [];
    const text = model.summary({ print: (t) => printed.push(t), width: 80 });
    expect(printed).toEqual([text]);
    expect(text).toContain("Total parameters: 11 (44 B)");
    expect(text).toMatch(/dense_?\d* \(Dense\) +│ \[batch, 2\] +│ +8 │/);
  });

  it("knows its shapes and names as soon as the first layer states its input", () => {
    const model = sequential([layers.flatten({ inputShape: [4, 5] }), layers.dense(3, { name: "scores" })]);
    expect(model.built).toBe(true);
    expect(model.inputShapes).toEqual([[null, 4, 5]]);
    expect(model.outputShapes).toEqual([[null, 3]]);
    expect(model.outputNames).toEqual(["scores"]);
    expect(model.weights.length).toBe(2);
  });

  it("is built by its first data otherwise, and grows with add", async () => {
    const model = sequential([layers.dense(3)]);
    model.add(layers.dense(2));
    expect(model.built).toBe(false);
    expect((await model.run(tensor([[1, 2]])).data()).length).toBe(2);
    model.add(layers.softmax());
    expect(model.outputShapes).toEqual([[null, 2]]);
    const [a, b] = await model.run(tensor([[1, 2]])).data();
    expect(a! + b!).toBeCloseTo(1, 6);
    expect(model.getLayer(model.layers[0]!.name)).toBe(model.layers[0]);
  });

  it("a model is a layer: softmax behind a classifier shares its weights", async () => {
    const classifier = sequential([layers.dense(3, { inputShape: [2] })]);
    const probabilities = sequential([classifier, layers.softmax()]);
    expect(probabilities.weights).toEqual(classifier.weights);
    const rows = Array.from(await probabilities.run(tensor([[1, 2]])).data(), Number);
    expect(rows.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  });

  it.each([
    [() => sequential([layers.dense(1), undefined as never]), "a layer at position 1"],
    [() => sequential([layers.dense(1, { name: "a" }), layers.dense(1, { name: "a" })]), '"a" twice'],
    [() => sequential().run(tensor([[1]])), "at least one layer"],
    [() => sequential([layers.dense(1)]).summary(), "not built yet"],
    [() => sequential([layers.dense(1), layers.input({ shape: [1] }) as never]), "An input stands first"],
    [() => sequential([layers.dense(1)]).getLayer("none"), "the name of a layer"],
    [() => sequential([layers.dense(1, { name: "dense" })]).getLayer("dens"), 'Did you mean "dense"?'],
    [() => functional(undefined as never), "[functional] expected inputs"],
    [() => functional({ inputs: layers.input({ shape: [1] }) } as never), "[functional] expected outputs"],
    [
      () => sequential([layers.dense(1)]).compile({ optimiser: "adam", loss: "mse" } as never),
      'received "optimiser". Did you mean "optimizer"?',
    ],
    [() => sequential([layers.dense(1)]).compile(undefined as never), "an optimizer"],
  ])("%s is an error", (fn, message) => {
    const error = thrownBy(fn);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
  });

  it("a model is saved to a path", async () => {
    const model = sequential([layers.dense(1, { inputShape: [1] })]);
    for (const path of [undefined, 3] as unknown as string[]) {
      await expect(model.save(path)).rejects.toThrow(ConfigError);
      await expect(model.loadWeights(path)).rejects.toThrow(/expected a path that ends in/);
    }
  });

  it("a layer that stands twice is an error that names the way", () => {
    const layer = layers.dense(2);
    expect(thrownBy(() => sequential([layer, layer])).message).toContain("functional({ inputs, outputs })");
  });

  it("input of another shape is named with the one expected", () => {
    const model = sequential([layers.flatten({ inputShape: [2, 2, 1] })]);
    const error = thrownBy(() => model.run(tensor(sample([3, 2, 2]))));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain(
      "expected input of shape [batch, 2, 2, 1], received [3, 2, 2]. Add the missing axis",
    );
  });
});

describe("functional", () => {
  const input = (length = 3, name?: string) => layers.input({ shape: [length], ...(name ? { name } : {}) });

  it("ends may be single, in order or named", () => {
    const x = input(3, "x");
    const h = layers.dense(2, { name: "h" }).apply(x);
    const single = functional({ inputs: x, outputs: h });
    expect([single.inputNames, single.outputNames]).toEqual([["x"], ["h"]]);
    const z = layers.dense(1, { name: "z" }).apply(h);
    const list = functional({ inputs: [x], outputs: [h, z] });
    expect(list.outputNames).toEqual(["h", "z"]);
    const named = functional({ inputs: { features: x }, outputs: { hidden: h, last: z } });
    expect([named.inputNames, named.outputNames]).toEqual([["features"], ["hidden", "last"]]);
    expect(named.outputShapes).toEqual([
      [null, 2],
      [null, 1],
    ]);
    expect(named.layers.map((layer) => layer.name)).toEqual(["h", "z"]);
  });

  it("a shared layer counts once and serves both branches", async () => {
    const [a, b] = [input(2, "a"), input(2, "b")];
    const shared = layers.dense(2, { useBias: false, kernelInitializer: "identity" });
    const model = functional({
      inputs: { a, b },
      outputs: layers.concatenate().apply([shared.apply(a), shared.apply(b)]),
    });
    expect(model.weights.length).toBe(1);
    const result = model.run({ b: tensor([[3, 4]]), a: tensor([[1, 2]]) });
    expect(await result.array()).toEqual([[1, 2, 3, 4]]);
  });

  it("models with several outputs serve as layers by name", async () => {
    const x = input(2);
    const inner = functional({
      inputs: x,
      outputs: {
        twice: layers.rescaling(2).apply(x),
        plusOne: layers.rescaling(1, { offset: 1 }).apply(x),
      },
    });
    const y = input(2);
    const { twice, plusOne } = inner.applyAll(y);
    const outer = functional({ inputs: y, outputs: layers.add().apply([twice, plusOne]) });
    expect(await outer.run(tensor([[1, 2]])).array()).toEqual([[4, 7]]);
    expect(thrownBy(() => inner.apply(y)).message).toContain("model.applyAll(x)");
  });

  it("a part of a graph is a model: intermediate results can be inputs and outputs", async () => {
    const x = input(2);
    const h = layers.rescaling(3).apply(x);
    const y = layers.rescaling(1, { offset: 1 }).apply(h);
    expect(
      await functional({ inputs: h, outputs: y })
        .run(tensor([[1, 2]]))
        .array(),
    ).toEqual([[2, 3]]);
    expect(
      await functional({ inputs: x, outputs: h })
        .run(tensor([[1, 2]]))
        .array(),
    ).toEqual([[3, 6]]);
  });

  it("masks flow along the graph", async () => {
    const tokens = layers.input({ shape: [4], dtype: "int32" });
    const embedded = layers.embedding(5, 2, { maskZero: true }).apply(tokens);
    const last = layers.simpleRNN(3).apply(layers.dropout(0.5).apply(embedded));
    const model = functional({ inputs: tokens, outputs: last });
    const ints = (rows: number[][]) => tensor(rows, { dtype: "int32" });
    const padded = await model.run(ints([[1, 2, 0, 0]])).array();
    const alone = await model.run(ints([[0, 0, 1, 2]])).array();
    expect(padded).toEqual(alone);
  });

  it("a graph of thousands of layers needs no recursion", () => {
    const x = input(1);
    let y = x;
    for (let i = 0; i < 3000; i++) y = layers.rescaling(1).apply(y);
    expect(functional({ inputs: x, outputs: y }).layers.length).toBe(3000);
  });

  it("lengths that vary are tried, and stay open where they matter", () => {
    const x = layers.input({ shape: [null, 3] });
    expect(layers.dense(2).apply(x).shape).toEqual([null, null, 2]);
    expect(layers.simpleRNN(4).apply(x).shape).toEqual([null, 4]);
    expect(layers.simpleRNN(4, { returnSequences: true }).apply(x).shape).toEqual([null, null, 4]);
  });

  it("errors of the graph say what is wrong", () => {
    const [a, b] = [input(2, "a"), input(2, "b")];
    const both = layers.add().apply([a, b]);
    const cases: [() => unknown, string][] = [
      [() => functional({ inputs: a, outputs: both }), 'also needs the input "b"'],
      [() => functional({ inputs: [a, a], outputs: a }), '"a" twice'],
      [
        () => functional({ inputs: { x: a, y: b }, outputs: layers.dense(1).apply(a) }),
        '"y", which no output',
      ],
      [() => functional({ inputs: {}, outputs: both }), "at least one symbolic tensor"],
      [() => functional({ inputs: [a, b], outputs: tensor([1]) as never }), "symbolic tensors as outputs"],
      [
        () => {
          const h = layers.dense(1, { name: "same" }).apply(a);
          functional({ inputs: a, outputs: layers.dense(1, { name: "same" }).apply(h) });
        },
        '"same" twice',
      ],
    ];
    for (const [fn, message] of cases) {
      const error = thrownBy(fn);
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message).toContain(message);
    }
    const model = functional({ inputs: { a, b }, outputs: both });
    expect(thrownBy(() => model.run(tensor([[1, 2]]))).message).toContain("2 inputs (a, b)");
    expect(thrownBy(() => model.run({ a: tensor([[1, 2]]), c: tensor([[1, 2]]) })).message).toContain(
      'no "b", an unknown "c"',
    );
    expect(thrownBy(() => model.run([tensor([[1, 2]]), tensor([[1]])])).message).toContain('input "b"');
  });
});

describe("compile", () => {
  const twoHeads = () => {
    const x = layers.input({ shape: [2] });
    return functional({
      inputs: x,
      outputs: { value: layers.dense(1).apply(x), kind: layers.dense(3).apply(x) },
    });
  };

  it("takes names and objects", () => {
    const model = sequential([layers.dense(1, { inputShape: [2] })]);
    model.compile({ optimizer: "adam", loss: "mse", metrics: ["mae", metrics.meanSquaredError()] });
    const { optimizer, losses: list, metrics: measures } = model.compiled!;
    expect(optimizer).toBeInstanceOf(optimizers.Adam);
    expect(list.map(({ loss, weight }) => [loss.name, weight])).toEqual([["mean_squared_error", 1]]);
    expect(measures.map(({ metric }) => metric.name)).toEqual(["mae", "mean_squared_error"]);
  });

  it("takes records by output: an output without a loss is not trained", () => {
    const model = twoHeads();
    model.compile({
      optimizer: optimizers.sgd(),
      loss: { kind: losses.sparseCategoricalCrossentropy({ fromLogits: true }) },
      lossWeights: { kind: 0.5 },
      metrics: { kind: ["accuracy"], value: "mse" },
    });
    expect(model.compiled!.losses.map(({ output, weight }) => [output, weight])).toEqual([["kind", 0.5]]);
    expect(model.compiled!.metrics.map(({ output, metric }) => `${output} ${metric.name}`)).toEqual([
      "value mse",
      "kind accuracy",
    ]);
  });

  it("takes lists in the order of the outputs, and one loss for all", () => {
    const model = twoHeads();
    model.compile({ optimizer: "sgd", loss: ["mse", null], metrics: [["mae"], []] });
    expect(model.compiled!.losses.length).toBe(1);
    model.compile({ optimizer: "sgd", loss: "mse" });
    expect(model.compiled!.losses.length).toBe(2);
  });

  it("accuracy of scores decides at score 0, names of losses are metrics", async () => {
    const model = sequential([layers.dense(1, { inputShape: [1] })]);
    model.compile({
      optimizer: "sgd",
      loss: losses.binaryCrossentropy({ fromLogits: true }),
      metrics: ["accuracy", "huber"],
    });
    const [accuracy, huber] = model.compiled!.metrics.map(({ metric }) => metric);
    accuracy!.update(tensor([[1], [0]]), tensor([[0.1], [-0.1]]));
    expect(await accuracy!.result().item()).toBe(1);
    huber!.update(tensor([[0]]), tensor([[3]]));
    expect(await huber!.result().item()).toBeCloseTo(2.5, 6);
    expect(huber!.name).toBe("huber");
  });

  it.each([
    [{ optimizer: "adma", loss: "mse" }, 'Did you mean "adam"?'],
    [{ optimizer: "adam", loss: "mes" }, 'Did you mean "mse"?'],
    [{ optimizer: "adam", loss: { kindd: "mse" } }, 'Did you mean "kind"?'],
    [{ optimizer: "adam", loss: ["mse"] }, "loss for 2 outputs (value, kind)"],
    [{ optimizer: "adam", loss: "mse", metrics: ["mae"] }, "metrics for 2 outputs"],
    [{ optimizer: "adam", loss: "mse", metrics: { kind: "acuracy" } }, 'Did you mean "accuracy"?'],
    [{ optimizer: "adam", loss: {} }, "a loss"],
    [{ loss: "mse" }, "an optimizer"],
  ])("%j is an error", (options, message) => {
    const error = thrownBy(() => twoHeads().compile(options as never));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
  });
});

describeOnEachBackend("training models", () => {
  const x = tensor(sample([64, 3]));
  const target = x.mul(tensor([1, -2, 0.5])).sum(1, { keepDims: true });

  it("a sequential model learns a line, and the same seed gives the same bits", async () => {
    const train = async () => {
      setSeed(5);
      const model = sequential([layers.dense(1, { inputShape: [3] })]);
      model.compile({ optimizer: optimizers.adam({ learningRate: 0.1 }), loss: "mse" });
      const { history } = await model.fit(x, target, { epochs: 40, batchSize: 16, ...silent });
      return { curve: history.loss!, kernel: await model.weights[0]!.value.data() };
    };
    const first = await train();
    expect(first.curve.at(-1)!).toBeLessThan(0.01);
    const again = await train();
    expect(again.kernel).toEqual(first.kernel);
    expect(again.curve).toEqual(first.curve);
  });

  it("two outputs with their own losses, dropout, batch normalization and a short last batch", async () => {
    const input = layers.input({ shape: [3] });
    // 120 steps: with the default momentum of 0.99 the moving statistics would still lag behind.
    const normalization = layers.batchNormalization({ momentum: 0.8 });
    const trunk = normalization.apply(layers.dense(16, { activation: "relu" }).apply(input));
    const features = layers.dropout(0.1).apply(trunk);
    const model = functional({
      inputs: input,
      outputs: { value: layers.dense(1).apply(features), isLarge: layers.dense(1).apply(features) },
    });
    model.compile({
      optimizer: optimizers.adam({ learningRate: 0.02, globalClipNorm: 5 }),
      loss: { value: "mse", isLarge: losses.binaryCrossentropy({ fromLogits: true }) },
      metrics: { isLarge: "accuracy" },
    });
    const labels = target.greater(0);
    const { history } = await model.fit(
      x,
      { value: target, isLarge: labels },
      {
        epochs: 30,
        batchSize: 20,
        ...silent,
      },
    );
    expect(history.loss!.at(-1)!).toBeLessThan(0.5 * history.loss![0]!);
    const result = await model.evaluate(x, { value: target, isLarge: labels });
    expect(result.isLarge_accuracy).toBeGreaterThan(0.85);
    const { value, isLarge } = await model.predict(x);
    expect([value.shape, isLarge.shape]).toEqual([
      [64, 1],
      [64, 1],
    ]);
  });

  it("a frozen layer stays as it is, and batch normalization in it keeps its statistics", async () => {
    const base = sequential([layers.dense(4, { inputShape: [3] }), layers.batchNormalization()]);
    base.trainable = false;
    const model = sequential([base, layers.dense(1)]);
    const before = await Promise.all(base.weights.map((w) => w.value.data()));
    model.compile({ optimizer: "sgd", loss: "mse" });
    expect(model.trainableWeights.length).toBe(2);
    await model.fit(x, target, { epochs: 2, ...silent });
    expect(await Promise.all(base.weights.map((w) => w.value.data()))).toEqual(before);
  });

  it("a subclass of Model that writes call trains like any other", async () => {
    class Autoencoder extends Model {
      readonly encoder = layers.dense(2);
      readonly decoder = layers.dense(3);
      call(input: layers.LayerInput, context: layers.CallContext) {
        return this.decoder.run(this.encoder.run(input as Tensor, context), context);
      }
    }
    const model = new Autoencoder();
    model.compile({ optimizer: optimizers.adam({ learningRate: 0.05 }), loss: "mse" });
    const { history } = await model.fit(x, x, { epochs: 20, ...silent });
    expect(model.weights.length).toBe(4);
    expect(history.loss!.at(-1)!).toBeLessThan(history.loss![0]!);
    expect((await model.predict(x)).shape).toEqual([64, 3]);
  });
});
