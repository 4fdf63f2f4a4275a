/** Worked examples: what the docstrings promise, and the corners they name. */
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { constant } from "../../src/ops/leaf.js";
import { backends } from "../support/backends.js";
import { expectCloseValues } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";

/** A float32 vector or matrix. */
function floats(...rows: (number | number[])[]): Tensor {
  const data = Float32Array.from(rows.flat());
  const shape = Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length];
  return constant({ shape, dtype: "float32", data });
}

function ints(...values: number[]): Tensor {
  return constant({ shape: [values.length], dtype: "int32", data: Int32Array.from(values) });
}

function bytes(...values: number[]): Tensor {
  return constant({ shape: [values.length], dtype: "uint8", data: Uint8Array.from(values) });
}

const inf = Infinity;
const nan = Number.NaN;

/** [what is computed, how, the elements, the dtype where it is not float32] */
const worked: readonly (readonly [title: string, build: () => Tensor, expected: number[], dtype?: string])[] =
  [
    // Creation
    ["arange counts from 0", () => ops.arange(4), [0, 1, 2, 3], "int32"],
    ["arange in steps", () => ops.arange(2, 8, 2), [2, 4, 6], "int32"],
    ["arange backwards", () => ops.arange(3, 0, -1), [3, 2, 1], "int32"],
    ["arange of fractions", () => ops.arange(0, 1, 0.25), [0, 0.25, 0.5, 0.75]],
    ["arange of nothing", () => ops.arange(3, 3), [], "int32"],
    ["linspace hits both ends", () => ops.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]],
    ["linspace of one number", () => ops.linspace(2, 9, 1), [2]],
    ["linspace without the end", () => ops.linspace(0, 1, 4, { endpoint: false }), [0, 0.25, 0.5, 0.75]],
    ["eye", () => ops.eye(2), [1, 0, 0, 1]],
    [
      "eye below the diagonal",
      () => ops.eye(3, 2, { diagonal: -1, dtype: "int32" }),
      [0, 0, 1, 0, 0, 1],
      "int32",
    ],
    ["tile", () => ops.tile(floats([1, 2]), [2, 2]), [1, 2, 1, 2, 1, 2, 1, 2]],
    ["repeat", () => ops.repeat(floats(1, 2), 3, 0), [1, 1, 1, 2, 2, 2]],

    // Arithmetic
    ["products of large whole floats are floats", () => ops.mul(floats(1e15, 3e10), 1e10), [1e25, 3e20]],
    [
      "int32 products wrap around",
      () => ops.mul(ints(65537, -2147483648), ints(65537, -1)),
      [131073, -2147483648],
      "int32",
    ],
    [
      "squares of int32 wrap around",
      () => ops.square(ints(65537, 123456789)),
      [131073, -1757895751],
      "int32",
    ],
    ["integers divide to floats", () => ops.div(ints(1, -3), 2), [0.5, -1.5]],
    ["rounding goes half to even", () => ops.round(floats(0.5, 1.5, 2.5, -0.5)), [0, 2, 2, 0]],
    ["a number joins in the tensor's dtype", () => ops.add(bytes(1, 255), 1), [2, 0], "uint8"],
    ["a fraction makes floats of integers", () => ops.add(ints(1), 0.5), [1.5]],

    // Reductions
    ["sum of bytes is an int32", () => ops.sum(bytes(200, 200)), [400], "int32"],
    ["sum of bools counts", () => ops.sum(ops.greater(floats(1, -1, 2), 0)), [2], "int32"],
    ["sum of nothing", () => ops.sum(ops.zeros([0, 2]), 0), [0, 0]],
    ["prod of nothing", () => ops.prod(ops.zeros([0])), [1]],
    ["prod", () => ops.prod(floats(2, 3, 4)), [24]],
    ["mean of integers", () => ops.mean(ints(1, 2)), [1.5]],
    ["mean along the last axis", () => ops.mean(floats([1, 2], [3, 4]), -1), [1.5, 3.5]],
    ["max keeps the dtype", () => ops.max(bytes(3, 200, 7)), [200], "uint8"],
    ["max hands NaN on", () => ops.max(floats([1, nan], [2, 3]), 1), [nan, 3]],
    ["min hands NaN on", () => ops.min(floats([1, nan], [2, 3]), 1), [nan, 2]],
    ["max of −∞ only", () => ops.max(floats(-inf, -inf)), [-inf]],
    ["any of nothing", () => ops.any(ops.zeros([0])), [0], "bool"],
    ["all of nothing", () => ops.all(ops.zeros([0])), [1], "bool"],
    ["any sees NaN as true", () => ops.any(floats(0, nan)), [1], "bool"],
    ["argMax takes the first of equals", () => ops.argMax(floats([1, 5, 5], [7, 7, 3]), -1), [1, 0], "int32"],
    ["argMax over all elements", () => ops.argMax(floats([1, 5], [7, 3])), [2], "int32"],
    ["argMax finds NaN", () => ops.argMax(floats(1, nan, inf)), [1], "int32"],
    ["variance divides by n", () => ops.variance(floats(1, 2, 3, 4)), [1.25]],
    ["variance of large numbers does not cancel", () => ops.variance(floats(10000, 10001, 10002)), [2 / 3]],
    ["std", () => ops.std(floats(1, 2, 3, 4)), [Math.sqrt(1.25)]],
    ["logSumExp of large numbers", () => ops.logSumExp(floats(1000, 1000)), [1000 + Math.log(2)]],
    ["logSumExp of −∞ only", () => ops.logSumExp(floats(-inf, -inf)), [-inf]],
    ["norm", () => ops.norm(floats(3, 4)), [5]],
    ["norm of order ∞", () => ops.norm(floats(3, -4), 0, { order: inf }), [4]],
    ["cumSum", () => ops.cumSum(floats(1, 2, 3), 0), [1, 3, 6]],
    [
      "cumSum backwards, exclusive",
      () => ops.cumSum(floats(1, 2, 3), 0, { reverse: true, exclusive: true }),
      [5, 3, 0],
    ],

    // Classification
    ["softmax", () => ops.softmax(floats([1, 2, 3])), [0.09003057, 0.24472847, 0.66524096]],
    ["softmax of large scores", () => ops.softmax(floats(1000, 0)), [1, 0]],
    ["softmax of a masked score", () => ops.softmax(floats(0, -inf, 0)), [0.5, 0, 0.5]],
    ["logSoftmax of large scores", () => ops.logSoftmax(floats(1000, 0)), [0, -1000]],
    ["sparseCrossEntropy", () => ops.sparseCrossEntropy(floats([2, 1, 0]), ints(0)), [0.40760596]],
    [
      "crossEntropy of one-hot rows",
      () => ops.crossEntropy(floats([2, 1, 0]), floats([1, 0, 0])),
      [0.40760596],
    ],
    [
      "binary cross-entropy",
      () => ops.binaryCrossEntropyWithLogits(floats(0, 100, -100), floats(1, 1, 1)),
      [Math.LN2, 0, 100],
    ],
    [
      "binary cross-entropy keeps small losses",
      () => ops.mul(ops.binaryCrossEntropyWithLogits(floats(20), floats(1)), 1e9),
      [2.0611536],
    ],
    ["oneHot", () => ops.oneHot(ints(2, 0), 3), [0, 0, 1, 1, 0, 0]],
    ["oneHot of a label outside", () => ops.oneHot(ints(3, -1), 2), [0, 0, 0, 0]],

    // Indexing
    ["gather of rows", () => ops.gather(floats([1, 2], [3, 4]), ints(1, 1, 0)), [3, 4, 3, 4, 1, 2]],
    ["gather of columns", () => ops.gather(floats([1, 2], [3, 4]), bytes(1), 1), [2, 4]],
    [
      "takeAlongAxis",
      () => ops.takeAlongAxis(floats([1, 2], [3, 4]), ops.reshape(ints(1, 0), [2, 1])),
      [2, 3],
    ],
    ["scatterAdd", () => ops.scatterAdd(ints(0, 2, 0), floats(1, 2, 3), 3), [4, 0, 2]],

    // Images: [batch, height, width, channels]
    [
      "conv2d of a ramp with a difference kernel",
      () => ops.conv2d(image([1, 2, 4, 7]), kernel([-1, 1])),
      [1, 2, 3],
    ],
    [
      "conv2d same pads at the end first",
      () => ops.conv2d(image([1, 2, 4, 7]), kernel([1, 10]), { padding: "same" }),
      [21, 42, 74, 7],
    ],
    [
      "conv2dTranspose spreads each pixel",
      () => ops.conv2dTranspose(image([1, 2]), kernel([1, 10]), { strides: [1, 2] }),
      [1, 10, 2, 20],
    ],
    [
      "conv1d, causal",
      () =>
        ops.conv1d(ops.reshape(floats(1, 2, 3), [1, 3, 1]), ops.reshape(floats(10, 1), [2, 1, 1]), {
          padding: [1, 0],
        }),
      [1, 12, 23],
    ],
    ["maxPool2d", () => ops.maxPool2d(image([1, 5], [7, 3])), [7]],
    [
      "maxPool2d of negative numbers ignores padding",
      () => ops.maxPool2d(image([-1, -2, -3]), { size: [1, 2], padding: "same" }),
      [-1, -3],
    ],
    ["avgPool2d", () => ops.avgPool2d(image([1, 5, 9], [7, 3, 9], [9, 9, 9])), [4]],
    [
      "avgPool2d does not count padding",
      () => ops.avgPool2d(image([1, 2, 3]), { size: [1, 2], padding: "same" }),
      [1.5, 3],
    ],
  ];

function image(...rows: number[][]): Tensor {
  return ops.reshape(floats(...rows), [1, rows.length, rows[0]!.length, 1]);
}

function kernel(...rows: number[][]): Tensor {
  return ops.reshape(floats(...rows), [rows.length, rows[0]!.length, 1, 1]);
}

describe.each([referenceBackend, ...backends])("on $name", (on) => {
  for (const [title, build, expected, dtype = "float32"] of worked) {
    it(title, () => {
      const [actual] = evaluate([], () => [build()], { on });
      expect(actual!.dtype).toBe(dtype);
      const exact = dtype === "float32" ? {} : { relative: 0, absolute: 0 };
      expectCloseValues(actual!.data, expected, exact);
    });
  }
});
