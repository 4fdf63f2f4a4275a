/** Results whose size the data decide, and indices that the data decide: at once, inside jit, and out of range. */
import { expect, it } from "vitest";
import { DataError, TraceError } from "../../src/base/errors.js";
import { grad } from "../../src/engine/gradients.js";
import { nonzero, tensor, unique } from "../../src/engine/index.js";
import { jit } from "../../src/engine/jit.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { rejectionOf, thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

const ints = (...values: number[]) => tensor(values, { dtype: "int32" });

describeOnEachBackend("nonzero and unique", () => {
  it("have the size of what they find, and methods of their names", () => {
    const x = tensor([
      [0, 3],
      [5, 0],
    ]);
    expect(nonzero(x).arraySync()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(ops.gatherNd(x, x.nonzero()).arraySync()).toEqual([3, 5]);
    expect(nonzero(ops.zeros([3])).shape).toEqual([0, 1]);
    expect(x.unique().counts.arraySync()).toEqual([2, 1, 1]);
  });

  it("inside jit have the size they are given, and say that they need one", () => {
    const places = jit((x: Tensor) => nonzero(x, { size: 3, fill: -1 }));
    expect(places(tensor([0, 3, 0, 5])).arraySync()).toEqual([[1], [3], [-1]]);
    expect(places(tensor([1, 1, 1, 1])).arraySync()).toEqual([[0], [1], [2]]);
    const some = jit((x: Tensor) => ({ ...unique(x, { size: 3 }) }));
    const { values, counts, inverse } = some(tensor([4, 2, 4, 2]));
    expect(values!.arraySync()).toEqual([2, 4, 2]); // filled with the smallest
    expect(counts!.arraySync()).toEqual([2, 2, 0]);
    expect(inverse!.arraySync()).toEqual([1, 0, 1, 0]);
    for (const exact of [nonzero, (x: Tensor) => unique(x).values]) {
      const error = thrownBy(() => jit(exact)(tensor([1, 2])));
      expect(error).toBeInstanceOf(TraceError);
      expect(error.message).toMatch(/expected a size, \{ size, fill \}, for a result inside jit/);
    }
  });

  it("hand the gradient of a distinct value to its first element", () => {
    const gradient = grad((x: Tensor) => ops.sum(ops.mul(unique(x).values, tensor([1, 10]))));
    expect(gradient(tensor([7, 3, 7, 3])).arraySync()).toEqual([10, 1, 0, 0]);
  });
});

describeOnEachBackend("indices from data", () => {
  it.each<[string, () => Tensor, number]>([
    ["scatterUpdate", () => ops.scatterUpdate(tensor([1, 2]), ints(0, 2), 9), 2],
    ["scatterMaximum", () => ops.scatterMaximum(tensor([1, 2]), ints(-1), 9), -1],
    ["gatherNd", () => ops.gatherNd(ops.zeros([2, 2]), tensor([[0, 2]], { dtype: "int32" })), -1],
    ["takeAlongAxis", () => ops.takeAlongAxis(ops.zeros([2, 2]), ops.full([2, 1], 2, "int32")), -1],
  ])("%s names an index out of range", async (_, build, index) => {
    const error = await rejectionOf(build().data());
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(`index ${index} at`);
  });

  it("a part follows a start that is an argument, in one program", () => {
    let traces = 0;
    const part = jit((x: Tensor, start: Tensor) => {
      traces++;
      return ops.dynamicSlice(x, [start], [2]);
    });
    const starts = [0, 1, 3, 7, -4].map((start) => ops.cast(tensor(start), "int32"));
    const parts = starts.map((start) => part(tensor([1, 2, 3, 4, 5]), start).arraySync());
    expect(parts).toEqual([
      [1, 2],
      [2, 3],
      [4, 5],
      [4, 5],
      [1, 2],
    ]);
    expect(traces).toBe(1);
  });
});
