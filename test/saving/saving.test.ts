import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, FileError, FormatError } from "../../src/base/errors.js";
import { tensor } from "../../src/engine/create.js";
import type { Variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as layers from "../../src/layers/index.js";
import * as losses from "../../src/losses/index.js";
import { functional, Model, sequential } from "../../src/models/index.js";
import { abs, mean, mul, sub } from "../../src/ops/index.js";
import * as optimizers from "../../src/optimizers/index.js";
import { loadModel, modelFromBytes } from "../../src/saving/index.js";
import * as schedules from "../../src/schedules/index.js";
import { expectSafeReader } from "../formats/mutations.js";
import { rejectionOf, sample, thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

const silent = { verbose: 0 } as const;
const x = () => tensor(sample([40, 6]));
const labels = () => tensor(sample([40], "int32", 3));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "myelin-saving-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const inFolder = (name: string) => join(folder, name);

function classifier() {
  const model = sequential([
    layers.dense(8, { activation: "relu", inputShape: [6] }),
    layers.batchNormalization(),
    layers.dropout(0.3),
    layers.dense(3),
  ]);
  model.compile({
    optimizer: optimizers.adam({
      learningRate: schedules.exponentialDecay(0.01, 10, 0.9),
      globalClipNorm: 1,
      useEma: true,
    }),
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
  });
  return model;
}

const weightsOf = (model: Model) => Promise.all(model.weights.map((w) => w.value.data()));
const predictionsOf = async (model: Model) => (await model.predict(x())).data();

describeOnEachBackend("a saved model", (backend) => {
  it("comes back with the same predictions and continues training with the same bits", async () => {
    const model = classifier();
    await model.fit(x(), labels(), { epochs: 2, batchSize: 16, ...silent });
    const path = inFolder(`classifier-${backend}.keras`);
    await model.save(path);
    const again = await loadModel(path);
    expect(await predictionsOf(again)).toEqual(await predictionsOf(model));
    expect(again.name).toBe(model.name);
    expect(await again.evaluate(x(), labels())).toEqual(await model.evaluate(x(), labels()));
    for (const each of [model, again]) {
      await each.fit(x(), labels(), { epochs: 2, batchSize: 16, seed: 1, ...silent });
    }
    expect(await weightsOf(again)).toEqual(await weightsOf(model));
    const [before, after] = [model, again].map((m) => m.compiled!.optimizer.variables);
    for (const [i, variable] of before!.entries()) {
      expect(await after![i]!.value.data()).toEqual(await variable.value.data());
    }
  });

  it("weights alone move between equal models", async () => {
    const [model, other] = [classifier(), classifier()];
    await model.fit(x(), labels(), { ...silent });
    const path = inFolder(`weights-${backend}.safetensors`);
    await model.saveWeights(path);
    await other.loadWeights(path);
    expect(await weightsOf(other)).toEqual(await weightsOf(model));
  });
});

describe("what a file keeps", () => {
  it("a graph with shared layers, models inside and named ends", async () => {
    const part = sequential([layers.dense(4, { inputShape: [6] }), layers.activation("tanh")]);
    const [a, b] = [layers.input({ shape: [6], name: "a" }), layers.input({ shape: [6], name: "b" })];
    const joined = layers.concatenate().apply([part.apply(a), part.apply(b)]);
    const model = functional({
      inputs: { left: a, right: b },
      outputs: { score: layers.dense(1).apply(joined), both: joined },
    });
    const again = modelFromBytes(await model.toBytes());
    expect([again.inputNames, again.outputNames]).toEqual([
      ["left", "right"],
      ["score", "both"],
    ]);
    expect(again.weights.length).toBe(4);
    const inputs = {
      left: x(),
      right: tensor(
        sample([40, 6]).data.map((v) => -v),
        { shape: [40, 6] },
      ),
    };
    const first = await model.predict(inputs);
    const second = (await again.predict(inputs)) as unknown as typeof first;
    expect(await second.score.data()).toEqual(await first.score.data());
    expect(await second.both.data()).toEqual(await first.both.data());
  });

  it("what is frozen, and input of integers", async () => {
    const model = sequential([
      layers.input({ shape: [5], dtype: "int32", name: "tokens" }),
      layers.embedding(4, 3, { trainable: false }),
      layers.simpleRNN(2, { activation: null }),
    ]);
    const again = modelFromBytes(await model.toBytes());
    expect(again.trainableWeights.length).toBe(3);
    expect(again.inputNames).toEqual(["tokens"]);
    const tokens = tensor(sample([40, 5], "int32"));
    expect(await again.run(tokens).data()).toEqual(await model.run(tokens).data());
  });

  it("no optimizer, where that is asked for or the model is not compiled", async () => {
    const model = classifier();
    const bytes = await model.toBytes({ includeOptimizer: false });
    expect(modelFromBytes(bytes).compiled).toBeUndefined();
    expect(modelFromBytes(await model.toBytes(), "x", { compile: false }).compiled).toBeUndefined();
  });

  it("losses and metrics by output, weights of losses, functions by name", async () => {
    const input = layers.input({ shape: [6] });
    const model = functional({
      inputs: input,
      outputs: { a: layers.dense(1).apply(input), b: layers.dense(1).apply(input) },
    });
    const worst = (yTrue: Tensor, yPred: Tensor) => abs(sub(yTrue, yPred)).max(-1);
    const bias = (yTrue: Tensor, yPred: Tensor) => mean(sub(yPred, yTrue), -1);
    model.compile({
      optimizer: "sgd",
      loss: { a: worst, b: losses.huber({ delta: 2 }) },
      lossWeights: { b: 0.25 },
      metrics: { a: [bias, "mae"] },
    });
    const bytes = await model.toBytes();
    const again = modelFromBytes(bytes, "x", { customObjects: { worst, bias } });
    expect(again.compiled!.losses.map(({ output, loss, weight }) => [output, loss.name, weight])).toEqual([
      ["a", "worst", 1],
      ["b", "huber", 0.25],
    ]);
    expect(again.compiled!.metrics.map(({ metric }) => metric.name)).toEqual(["bias", "mae"]);
    expect(thrownBy(() => modelFromBytes(bytes)).message).toContain('"worst"');
  });

  it("classes of one's own, found by name", async () => {
    class Scale extends layers.Layer {
      gain!: Variable;
      override build(shape: layers.SymbolicShape) {
        this.gain = this.addWeight("gain", [shape.at(-1)!], { initializer: "heNormal" });
      }
      call(value: Tensor) {
        return mul(value, this.gain.value);
      }
    }
    class Twice extends Model {
      readonly scale = new Scale();
      call(value: layers.LayerInput, context: layers.CallContext) {
        return this.scale.run(this.scale.run(value as Tensor, context), context);
      }
    }
    const model = new Twice();
    model.buildFor([[null, 6]]);
    const bytes = await model.toBytes();
    const again = modelFromBytes(bytes, "twice.keras", { customObjects: { Twice } });
    expect(await again.run(x()).data()).toEqual(await model.run(x()).data());
    const error = thrownBy(() => modelFromBytes(bytes, "twice.keras"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("customObjects: { Twice }");
  });

  it("equal models give equal bytes", async () => {
    const model = classifier();
    expect(await model.toBytes()).toEqual(await model.toBytes());
  });
});

describe("what does not fit", () => {
  it("all weights that are missing, superfluous or of another shape are named at once, none is changed", async () => {
    const model = sequential([layers.dense(8, { inputShape: [6] }), layers.dense(3)]);
    const other = sequential([layers.dense(8, { inputShape: [6] }), layers.dense(4), layers.dense(1)]);
    const path = inFolder("other.safetensors");
    await other.saveWeights(path);
    const before = await weightsOf(model);
    const error = await rejectionOf(model.loadWeights(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain("layers/dense_1/vars/0");
    expect(error.message).toContain("has shape [8, 4] instead of [8, 3]");
    expect(error.message).toContain("layers/dense_2/vars/1 is not in the model");
    expect(await weightsOf(model)).toEqual(before);
    const missing = await rejectionOf(
      other
        .loadWeights(path)
        .then(() => model.saveWeights(path))
        .then(() => other.loadWeights(path)),
    );
    expect(missing.message).toContain("layers/dense_2/vars/0");
    expect(missing.message).toContain("is missing");
  });

  it("a file that is none, is cut short or is damaged is a typed error", async () => {
    const bytes = await classifier().toBytes();
    const path = inFolder("cut.keras");
    for (const length of [0, 10, Math.floor(bytes.length / 2), bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      const error = await rejectionOf(loadModel(path));
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message).toContain("cut.keras");
    }
    const error = await rejectionOf(loadModel(inFolder("nowhere.keras")));
    expect(error).toBeInstanceOf(FileError);
  });

  it("random damage never gets past the reader as another kind of error", async () => {
    const model = sequential([layers.dense(2, { inputShape: [2] })]);
    const read = (bytes: Uint8Array) => {
      const loaded = modelFromBytes(bytes, "fuzz.bin");
      return loaded.weights.length;
    };
    await expectSafeReader(read, [await model.toBytes()], 10);
  });

  it("a failed save leaves the old file", async () => {
    const path = inFolder("kept.keras");
    const model = classifier();
    await model.save(path);
    const before = await readFile(path);
    const nameless = classifier();
    nameless.compile({ optimizer: "sgd", loss: [(a: Tensor, b: Tensor) => sub(a, b)][0]! });
    const error = await rejectionOf(nameless.save(path));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("customObjects");
    expect(await readFile(path)).toEqual(before);
  });

  it("wrong endings and models without weights are errors", async () => {
    const model = classifier();
    expect((await rejectionOf(model.save(inFolder("model.h6")))).message).toContain(".keras");
    expect((await rejectionOf(loadModel(inFolder("model.json")))).message).toContain(".keras");
    expect((await rejectionOf(model.saveWeights(inFolder("w.bin")))).message).toContain(".safetensors");
    const unbuilt = sequential([layers.dense(1)]);
    expect((await rejectionOf(unbuilt.save(inFolder("u.keras")))).message).toContain("not built yet");
  });
});
