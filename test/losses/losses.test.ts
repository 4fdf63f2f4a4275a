import { describe, expect, it } from "vitest";
import { ConfigError, DataError, ShapeError } from "../../src/base/errors.js";
import { tensor } from "../../src/engine/create.js";
import { grad } from "../../src/engine/gradients.js";
import { jit } from "../../src/engine/jit.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as losses from "../../src/losses/index.js";
import { abs, mean, sub } from "../../src/ops/index.js";
import { type GoldenArray, golden } from "../golden/golden.js";
import { goldenTensor, rejectionOf, thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";
import { expectGolden } from "../support/golden.js";

interface LossCase {
  readonly name: string;
  readonly options: Record<string, unknown>;
  readonly yTrue: GoldenArray;
  readonly yPred: GoldenArray;
  readonly sampleWeight?: GoldenArray;
  readonly value: number;
  readonly perSample: GoldenArray;
  readonly gradient: GoldenArray;
}

const ints = (values: number[]) => tensor(values, { dtype: "int32" });

describeOnEachBackend("losses against Keras", () => {
  for (const [number, c] of golden<LossCase>("keras-losses").entries()) {
    const weighted = c.sampleWeight ? ", weighted" : "";
    it(`${number}: ${c.name} ${JSON.stringify(c.options)} of [${c.yPred.shape}]${weighted}`, async () => {
      const loss = losses.get({
        className: c.name.charAt(0).toUpperCase() + c.name.slice(1),
        config: c.options,
      });
      const yTrue = goldenTensor(c.yTrue);
      const yPred = goldenTensor(c.yPred);
      const weights = c.sampleWeight && goldenTensor(c.sampleWeight);
      const value = loss.call(yTrue, yPred, weights);
      expect(await value.item()).toBeCloseTo(c.value, c.value > 10 ? 3 : 5);
      if (!weights) await expectGolden(loss.perSample(yTrue, yPred), c.perSample);
      await expectGolden(grad((p: Tensor) => loss.call(yTrue, p, weights))(yPred), c.gradient);
    });
  }
});

describeOnEachBackend("losses", () => {
  it("categorical cross-entropy of one-hot targets is that of class numbers", async () => {
    const logits = tensor([
      [1, 2, -1],
      [0.5, 0, 3],
    ]);
    const oneHot = tensor([
      [0, 1, 0],
      [1, 0, 0],
    ]);
    const dense = losses.categoricalCrossentropy({ fromLogits: true }).call(oneHot, logits);
    const sparse = losses.sparseCategoricalCrossentropy({ fromLogits: true }).call(ints([1, 0]), logits);
    expect(await dense.item()).toBeCloseTo(await sparse.item(), 5);
    const probabilities = logits.softmax();
    const fromProbabilities = losses.categoricalCrossentropy().call(oneHot, probabilities);
    expect(await fromProbabilities.item()).toBeCloseTo(await sparse.item(), 5);
  });

  it("label smoothing spreads a share of the target over all classes", async () => {
    const logits = tensor([[2, 0]]);
    const smoothed = losses
      .categoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.2 })
      .call(tensor([[1, 0]]), logits);
    const [yes, no] = [Math.log(1 + Math.exp(-2)), 2 + Math.log(1 + Math.exp(-2))];
    expect(await smoothed.item()).toBeCloseTo(0.9 * yes + 0.1 * no, 5);
  });

  it("the absolute error and Huber's loss follow their formulas", async () => {
    const y = tensor([[0], [0], [0]]);
    const p = tensor([[0.5], [-1], [3]]);
    expect(await losses.meanAbsoluteError().call(y, p).item()).toBeCloseTo(1.5, 6);
    // ½·0.25, ½·1 and 1·(3 − ½)
    expect(await losses.huber().call(y, p).item()).toBeCloseTo((0.125 + 0.5 + 2.5) / 3, 6);
  });

  it("targets without the last axis of predictions fit", async () => {
    const value = losses.meanSquaredError().call(tensor([1, 2]), tensor([[1], [4]]));
    expect(await value.item()).toBeCloseTo(2, 6);
    const binary = losses.binaryCrossentropy({ fromLogits: true });
    expect(await binary.call(ints([1, 0]), tensor([[0], [0]])).item()).toBeCloseTo(Math.log(2), 6);
  });

  it("a mask leaves samples out of sum and count", async () => {
    const y = tensor([[0], [0], [0]]);
    const p = tensor([[1], [2], [30]]);
    const mask = tensor([true, true, false], { dtype: "bool" });
    expect(await losses.meanSquaredError().call(y, p, undefined, mask).item()).toBeCloseTo(2.5, 6);
  });

  it("the mean of a short batch counts its own rows", async () => {
    const loss = losses.meanSquaredError();
    const step = jit((y: Tensor, p: Tensor) => loss.call(y, p), { batchBound: 8 });
    expect(await step(tensor([[0], [0], [0]]), tensor([[1], [2], [4]])).item()).toBeCloseTo(7, 5);
  });

  it("a function is a loss", async () => {
    const worst = (yTrue: Tensor, yPred: Tensor) => abs(sub(yTrue, yPred)).max(-1);
    expect(
      await losses
        .get(worst)
        .call(tensor([[1, 2]]), tensor([[3, 3]]))
        .item(),
    ).toBe(2);
    expect(losses.get(worst).name).toBe("worst");
  });

  it("a subclass writes perSample", async () => {
    class Quantile extends losses.Loss {
      perSample(yTrue: Tensor, yPred: Tensor) {
        const e = sub(yTrue, yPred);
        return mean(e.mul(0.9).maximum(e.mul(-0.1)), -1);
      }
    }
    expect(await new Quantile().call(tensor([[1], [0]]), tensor([[0], [1]])).item()).toBeCloseTo(0.5, 6);
    expect(new Quantile().name).toBe("quantile");
  });

  it("a label out of range is found when it runs", async () => {
    const value = losses
      .sparseCategoricalCrossentropy({ fromLogits: true })
      .call(ints([3]), tensor([[0, 0, 0]]));
    expect(await rejectionOf(value.data())).toBeInstanceOf(DataError);
  });
});

describe("errors of losses", () => {
  it("an unknown name suggests the nearest", () => {
    const error = thrownBy(() => losses.get("sparseCategoricalCrossentrpy"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain('Did you mean "sparseCategoricalCrossentropy"?');
  });

  it("Keras's snake case finds a loss", () => {
    expect(losses.get("mean_squared_error")).toBeInstanceOf(losses.MeanSquaredError);
    expect(losses.get("mse")).toBeInstanceOf(losses.MeanSquaredError);
  });

  it("one-hot targets for class numbers are told apart", () => {
    const error = thrownBy(() =>
      losses.sparseCategoricalCrossentropy().call(tensor([[0, 1]]), tensor([[0.5, 0.5]])),
    );
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain("categoricalCrossentropy");
  });

  it("weights of another length are an error", () => {
    const error = thrownBy(() =>
      losses.meanSquaredError().call(tensor([[0], [1]]), tensor([[0], [1]]), tensor([1, 2, 3])),
    );
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toContain("one weight for each sample");
  });

  it("a delta of Huber's loss that is not positive is an error", () => {
    expect(thrownBy(() => losses.huber({ delta: 0 }))).toBeInstanceOf(ConfigError);
  });
});
