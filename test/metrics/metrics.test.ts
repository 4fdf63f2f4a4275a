import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../src/base/errors.js";
import { tensor } from "../../src/engine/create.js";
import { jit } from "../../src/engine/jit.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as metrics from "../../src/metrics/index.js";
import { thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

const ints = (values: number[] | number[][]) => tensor(values, { dtype: "int32" });

/** The figure after batches. */
async function figure(metric: metrics.Metric, ...batches: Tensor[][]): Promise<number> {
  const step = jit((yTrue: Tensor, yPred: Tensor, weight?: Tensor) => {
    metric.update(yTrue, yPred, weight);
    return metric.result();
  });
  let result: Tensor | undefined;
  for (const [yTrue, yPred, weight] of batches) {
    result = weight ? step(yTrue!, yPred!, weight) : step(yTrue!, yPred!);
  }
  return result!.item();
}

describeOnEachBackend("metrics", () => {
  it("a mean gathers over batches, with weights, and starts anew after reset", async () => {
    const metric = metrics.mean();
    const step = jit((values: Tensor, weight: Tensor) => metric.update(values, undefined, weight));
    step(tensor([1, 3]), tensor([1, 1]));
    step(tensor([10]), tensor([2]));
    expect(await metric.result().item()).toBeCloseTo(6, 6);
    metric.reset();
    expect(await metric.result().item()).toBe(0);
    step(tensor([4]), tensor([1]));
    expect(await metric.result().item()).toBe(4);
  });

  it("accuracy fits class numbers, one-hot targets and yes-or-no answers", async () => {
    const scores = tensor([
      [1, 5, 2],
      [3, 0, 1],
      [0, 1, 2],
      [2, 1, 0],
    ]);
    expect(await figure(metrics.accuracy(), [ints([1, 0, 0, 0]), scores])).toBeCloseTo(0.75, 6);
    expect(await figure(metrics.accuracy(), [ints([[1], [0], [0], [0]]), scores])).toBeCloseTo(0.75, 6);
    const oneHot = tensor([
      [0, 1, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 0, 1],
    ]);
    expect(await figure(metrics.accuracy(), [oneHot, scores])).toBeCloseTo(0.5, 6);
    const answers = tensor([[0.9], [0.2], [0.6], [0.4]]);
    expect(await figure(metrics.accuracy(), [tensor([1, 0, 0, 0]), answers])).toBeCloseTo(0.75, 6);
    const byScore = metrics.accuracy({ threshold: 0 });
    expect(await figure(byScore, [tensor([[1], [0]]), tensor([[0.2], [-0.2]])])).toBe(1);
  });

  it("accuracy of sequences counts each prediction", async () => {
    const scores = tensor([
      [
        [1, 0],
        [0, 1],
        [1, 0],
      ],
    ]); // [1, 3, 2]
    expect(await figure(metrics.sparseCategoricalAccuracy(), [ints([[0, 1, 1]]), scores])).toBeCloseTo(
      2 / 3,
      6,
    );
  });

  it("sample weights weigh", async () => {
    const scores = tensor([
      [1, 0],
      [1, 0],
    ]);
    const weighted = await figure(metrics.sparseCategoricalAccuracy(), [
      ints([0, 1]),
      scores,
      tensor([3, 1]),
    ]);
    expect(weighted).toBeCloseTo(0.75, 6);
  });

  it("squared and absolute errors are means over all batches", async () => {
    const batches = [
      [tensor([[0], [0]]), tensor([[1], [3]])],
      [tensor([[0], [0]]), tensor([[2], [0]])],
    ];
    expect(await figure(metrics.meanSquaredError(), ...batches)).toBeCloseTo(3.5, 6);
    expect(await figure(metrics.meanAbsoluteError(), ...batches)).toBeCloseTo(1.5, 6);
  });

  it("a short batch counts its own rows", async () => {
    const metric = metrics.meanSquaredError();
    const step = jit((y: Tensor, p: Tensor) => metric.update(y, p), { batchBound: 4 });
    step(tensor([[0], [0], [0], [0]]), tensor([[1], [1], [1], [1]]));
    step(tensor([[0]]), tensor([[6]]));
    expect(await metric.result().item()).toBeCloseTo(8, 5);
  });

  it("a metric of one's own keeps what it gathers in variables", async () => {
    class Largest extends metrics.Metric {
      readonly largest = this.addVariable("largest");
      update(_yTrue: Tensor, yPred: Tensor) {
        this.largest.assign(this.largest.value.maximum(yPred.max()));
      }
      result() {
        return this.largest.value;
      }
    }
    expect(await figure(new Largest(), [tensor([0]), tensor([3])], [tensor([0]), tensor([2])])).toBe(3);
  });

  it("a function is a metric, called by its name", async () => {
    const bias = (yTrue: Tensor, yPred: Tensor) => yPred.sub(yTrue);
    const metric = metrics.get(bias);
    expect(metric.name).toBe("bias");
    expect(await figure(metric, [tensor([1, 1]), tensor([2, 4])])).toBe(2);
  });
});

describe("names and errors of metrics", () => {
  it("a metric made from a name is called by it", () => {
    expect(metrics.get("accuracy").name).toBe("accuracy");
    expect(metrics.get("mae").name).toBe("mae");
    expect(metrics.get("mean_squared_error")).toBeInstanceOf(metrics.MeanSquaredError);
  });

  it("an unknown name suggests the nearest", () => {
    const error = thrownBy(() => metrics.get("acuracy"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain('Did you mean "accuracy"?');
  });

  it("targets of another shape are an error", () => {
    const error = thrownBy(() => metrics.accuracy().update(ints([0, 1, 2]), tensor([[0, 1]])));
    expect(error).toBeInstanceOf(ShapeError);
  });
});
