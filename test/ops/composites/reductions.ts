/** Reductions made of other operations, and counting. */
import * as ops from "../../../src/ops/index.js";
import type { Input } from "../cases.js";
import type { Composite } from "../composites.js";

const x35: Input = { shape: [3, 5] };
const image: Input = { shape: [2, 5, 6, 3] };

export const reductionComposites: Readonly<Record<string, readonly Composite[]>> = {
  prod: [
    { name: "with a zero", inputs: [{ shape: [3], values: [2, 0, 3] }], build: (x) => ops.prod(x!) },
    {
      name: "with zeros, over several axes",
      inputs: [{ shape: [2, 3, 4], values: [2, 0.5, 3, -1.5, 0.5, 0, 1.25] }],
      build: (x) => ops.prod(x!, [0, 2]),
    },
  ],
  variance: [
    { inputs: [x35], build: (x) => ops.variance(x!, -1) },
    { inputs: [image], build: (x) => ops.variance(x!, [0, 1, 2], { keepDims: true }) },
    { name: "of a sample", inputs: [x35], build: (x) => ops.variance(x!, 0, { correction: 1 }) },
    {
      name: "of integers",
      inputs: [x35],
      dtypes: ["int32", "uint8", "bool"],
      build: (x) => ops.variance(x!),
    },
  ],
  std: [
    { inputs: [x35], build: (x) => ops.std(x!, 0) },
    { name: "of a sample", inputs: [x35], build: (x) => ops.std(x!, [0, 1], { correction: 1.5 }) },
  ],
  logSumExp: [
    { inputs: [x35], build: (x) => ops.logSumExp(x!) },
    { inputs: [x35], build: (x) => ops.logSumExp(x!, 1, { keepDims: true }) },
    { name: "of nothing", inputs: [{ shape: [0, 3] }], build: (x) => ops.logSumExp(x!, 0) },
  ],
  bincount: [
    {
      inputs: [{ shape: [4, 9], low: 0, high: 6 }],
      dtypes: ["int32", "uint8"],
      build: (x) => ops.bincount(x!, 10),
    },
    { name: "of nothing", inputs: [{ shape: [0], dtype: "int32" }], build: (x) => ops.bincount(x!, 3) },
    { name: "of bools", inputs: [{ shape: [20], dtype: "bool" }], build: (x) => ops.bincount(x!, 2) },
    {
      name: "weighted",
      inputs: [{ shape: [4, 9], dtype: "int32", low: 0, high: 6 }, { shape: [4, 9] }],
      build: (x, weights) => ops.bincount(x!, 7, { weights: weights! }),
    },
  ],
  histogram: [
    {
      inputs: [{ shape: [7, 9] }],
      dtypes: ["float32", "int32"],
      build: (x) => ops.histogram(x!, 6, { range: [-1, 1.5] }).counts,
      differentiable: false,
    },
    {
      name: "of equal elements",
      inputs: [{ shape: [9], values: [3] }],
      build: (x) => ops.histogram(x!, 4).counts,
      differentiable: false,
    },
    {
      name: "edges",
      inputs: [{ shape: [40] }],
      build: (x) => ops.histogram(x!).edges,
      differentiable: false,
    },
    {
      name: "weighted, with edges",
      inputs: [{ shape: [40], values: [0.1, -0.7, 0.4, 1.3, 2.7] }, { shape: [40] }],
      build: (x, weights) => ops.histogram(x!, [-1, 0, 0.25, 2], { weights: weights! }).counts,
    },
  ],
};
