import { describe, expect, it, vi } from "vitest";
import { ConfigError, DTypeError, ShapeError } from "../../src/base/errors.js";
import { tensor } from "../../src/engine/create.js";
import { jit } from "../../src/engine/jit.js";
import { setSeed } from "../../src/engine/seed.js";
import { type Variable, variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as layers from "../../src/layers/index.js";
import { add, ones } from "../../src/ops/index.js";
import { rejectionOf, sample, thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

describeOnEachBackend("dropout", () => {
  const x = ones([200, 50]);

  it("drops its share, scales the rest, and does nothing outside of training", async () => {
    const layer = layers.dropout(0.3);
    const values = Array.from(await layer.run(x, { training: true }).data());
    const kept = values.filter((v) => v !== 0);
    expect(kept.every((v) => Math.abs(v - 1 / 0.7) < 1e-6)).toBe(true);
    // 10,000 draws: five standard deviations are 0.023.
    expect(Math.abs(kept.length / values.length - 0.7)).toBeLessThan(0.023);
    expect(new Set(await layer.run(x).data())).toEqual(new Set([1]));
  });

  it("drops other elements at each call, and the same ones again from the same state", async () => {
    const layer = layers.dropout(0.5, { seed: 3 });
    const step = jit((t: Tensor) => layer.run(t, { training: true }));
    const first = await step(x).data();
    const second = await step(x).data();
    expect(second).not.toEqual(first);
    const twin = layers.dropout(0.5, { seed: 3 });
    const again = jit((t: Tensor) => twin.run(t, { training: true }));
    expect(await again(x).data()).toEqual(first);
    expect(await again(x).data()).toEqual(second);
  });

  it("continues from a saved state with the same bits", async () => {
    const layer = layers.dropout(0.5);
    const step = jit((t: Tensor) => layer.run(t, { training: true }));
    step(x);
    const state = await layer.seedState.value.data();
    const next = await step(x).data();
    const other = layers.dropout(0.5, { name: "another" });
    other.ensureBuilt([[null, 50]]);
    other.seedState.assign(tensor(state, { dtype: "int32" }));
    expect(await other.run(x, { training: true }).data()).toEqual(next);
  });

  it("two layers, and two uses of one layer in a step, drop different elements", async () => {
    const [a, b] = [layers.dropout(0.5), layers.dropout(0.5)];
    const results = jit((t: Tensor) => [
      a.run(t, { training: true }),
      a.run(t, { training: true }),
      b.run(t, { training: true }),
    ])(x);
    const [first, second, third] = await Promise.all(results.map((r) => r.data()));
    expect(second).not.toEqual(first);
    expect(third).not.toEqual(first);
  });

  it("a noise shape drops whole axes together", async () => {
    const layer = layers.dropout(0.5, { noiseShape: [null, 1] });
    const rows = (await layer.run(ones([40, 5]), { training: true }).array()) as number[][];
    expect(rows.every((row) => new Set(row).size === 1)).toBe(true);
    expect(new Set(rows.map((row) => row[0])).size).toBe(2);
  });
});

describeOnEachBackend("masks", () => {
  it("embedding with maskZero masks a recurrence in a chain of layers", async () => {
    const embedding = layers.embedding(5, 2, { maskZero: true });
    const rnn = layers.simpleRNN(3);
    const tokens = tensor(
      [
        [1, 2, 0, 0],
        [3, 4, 1, 2],
      ],
      { dtype: "int32" },
    );
    const mask = embedding.computeMask(tokens, undefined)!;
    expect(await mask.array()).toEqual([
      [true, true, false, false],
      [true, true, true, true],
    ]);
    const masked = (await rnn.run(embedding.run(tokens), { mask }).array()) as number[][];
    const short = (await rnn.run(embedding.run(tensor([[1, 2]], { dtype: "int32" }))).array()) as number[][];
    expect(masked[0]).toEqual(short[0]);
  });

  it("masking finds steps of one value and sets them to 0", async () => {
    const layer = layers.masking({ maskValue: -1 });
    const x = tensor([
      [
        [1, 2],
        [-1, -1],
        [-1, 3],
      ],
    ]);
    expect(await layer.run(x).array()).toEqual([
      [
        [1, 2],
        [0, 0],
        [-1, 3],
      ],
    ]);
    expect(await layer.computeMask(x).array()).toEqual([[true, false, true]]);
  });

  it("batch normalization leaves masked steps out of its statistics", async () => {
    const layer = layers.batchNormalization({ momentum: 0 });
    const x = tensor([[[1], [3], [100]]]);
    const mask = tensor([[true, true, false]], { dtype: "bool" });
    await layer.run(x, { training: true, mask }).data();
    expect(await layer.movingMean.value.item()).toBeCloseTo(2, 5);
    expect(await layer.movingVariance.value.item()).toBeCloseTo(1, 5);
  });

  it("a layer that knows no masks says once that the mask ends", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const layer = layers.flatten();
    const x = tensor(sample([2, 3, 2]));
    const mask = tensor(sample([2, 3], "bool", 2));
    layer.runAll(x, { training: false, mask });
    layer.runAll(x, { training: false, mask });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain("does not support masking");
    warn.mockRestore();
  });
});

describe("weights", () => {
  it("variables in fields count as weights, in the order: own trainable, own others, inner layers", () => {
    class Counted extends layers.Layer {
      readonly inner = layers.dense(1);
      readonly calls = variable(0, { name: "calls", trainable: false });
      readonly shift = variable(0, { name: "shift" });
      call(x: Tensor) {
        this.calls.assign(add(this.calls.value, 1));
        return add(this.inner.run(x), this.shift.value);
      }
    }
    const layer = new Counted({ name: "counted" });
    layer.run(tensor([[1, 2]]));
    expect(layer.weights.map((w) => w.name.split("/").at(-1))).toEqual(["shift", "calls", "kernel", "bias"]);
    expect(layer.trainableWeights.length).toBe(3);
    layer.inner.trainable = false;
    expect(layer.trainableWeights.map((w) => w.name)).toEqual(["shift"]);
  });

  it("freezing a layer freezes the layers inside, and back", () => {
    class Pair extends layers.Layer {
      readonly both = { a: layers.dense(1), b: layers.dense(1) };
      call(x: Tensor) {
        return add(this.both.a.run(x), this.both.b.run(x));
      }
    }
    const pair = new Pair();
    pair.run(tensor([[1]]));
    pair.trainable = false;
    expect(pair.both.a.trainable).toBe(false);
    expect(pair.nonTrainableWeights.length).toBe(4);
    pair.trainable = true;
    expect(pair.trainableWeights.length).toBe(4);
  });

  it("names follow the class and count on, a given name is kept", () => {
    setSeed(0);
    expect([layers.conv2d(1, 1), layers.conv2d(1, 1), layers.maxPooling2d()].map((l) => l.name)).toEqual([
      "conv2d",
      "conv2d_1",
      "max_pooling2d",
    ]);
    expect(layers.simpleRNN(1).name).toBe("simple_rnn");
    expect(layers.dense(1, { name: "logits" }).name).toBe("logits");
  });

  it("a weight's value can be set", async () => {
    const layer = layers.dense(1, { inputShape: [1] });
    layer.ensureBuilt([[null, 1]]);
    layer.kernel.assign(tensor([[3]]));
    (layer.bias as Variable).assign(1);
    expect(await layer.run(tensor([[2]])).array()).toEqual([[7]]);
  });
});

describe("errors of layers", () => {
  const image = tensor(sample([2, 4, 4]));

  it.each([
    [() => layers.dense(0), ConfigError, "units to be a positive integer"],
    [() => layers.dense(2, { activation: "rellu" }), ConfigError, 'Did you mean "relu"?'],
    [() => layers.dense(2, { dtype: "int32" }), DTypeError, "a float dtype"],
    [() => layers.dropout(1), ConfigError, "below 1"],
    [() => layers.conv2d(2, [3, 0]), ConfigError, "kernelSize"],
    [
      () => layers.conv2d(3, 3, { groups: 2 }).run(tensor(sample([1, 4, 4, 2]))),
      ConfigError,
      "groups divide",
    ],
    [() => layers.conv2d(2, 3).run(image), ShapeError, "Add a channel axis with expandDims(x, -1)."],
    [() => layers.maxPooling2d().run(image), ShapeError, "rank 4"],
    [() => layers.simpleRNN(2).run(tensor([[1]])), ShapeError, "[batch, time, features]"],
    [() => layers.reshape([5]).run(image), ShapeError, "samples of 5 elements"],
    [() => layers.reshape(5 as never), ShapeError, "expected a list of axis lengths of a sample, received 5"],
    [() => layers.dense(2, { inputShape: 5 as never }), ShapeError, "Write [5] for one axis."],
    [() => layers.concatenate().run([image]), ConfigError, "two tensors or more"],
    [() => layers.dense(2).apply(image as never), ConfigError, "layer.run(x)"],
    [() => layers.dense(2).run(layers.input({ shape: [2] }) as never), ConfigError, "layer.apply(x)"],
    [() => layers.dense(2).run([[1]] as never), ConfigError, "tensor(…)"],
    [() => layers.input({ shape: [28, -1] }), ConfigError, "Leave the batch axis out"],
    [() => layers.dense(2).apply(layers.input({ shape: [null] })), ShapeError, 'the weight "kernel"'],
  ])("%s", (fn, kind, message) => {
    const error = thrownBy(fn);
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toContain(message);
  });

  it("other features than the weights were made for are named", () => {
    const layer = layers.dense(2, { name: "hidden" });
    layer.run(tensor([[1, 2, 3]]));
    const error = thrownBy(() => layer.run(tensor([[1, 2]])));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain('[Dense "hidden"] expected input with 3 elements on axis -1');
  });

  it("an index outside of an embedding is found when it runs", async () => {
    const layer = layers.embedding(3, 2);
    const error = await rejectionOf(layer.run(tensor([[3]], { dtype: "int32" })).data());
    expect(error.name).toBe("DataError");
  });
});
