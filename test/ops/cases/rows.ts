/** Kernels that work on rows. */
import type { DType } from "../../../src/base/dtype.js";
import type { Case, Input } from "./case.js";

const rowCases: Case[] = [
  { inputs: [{ shape: [1, 1] }] },
  { inputs: [{ shape: [3, 5] }] },
  { inputs: [{ shape: [17, 10] }] },
  { inputs: [{ shape: [2, 3, 7] }] },
  { inputs: [{ shape: [9] }] },
  { inputs: [{ shape: [2, 1000] }] },
  { inputs: [{ shape: [0, 4] }] },
  { inputs: [{ shape: [4, 6], transposed: true }], name: "transposed" },
  { inputs: [{ shape: [1, 5], broadcastTo: [3, 5] }], name: "stretched" },
  { inputs: [{ shape: [4, 3], low: -800, high: 800 }], name: "large scores", differentiable: false },
  {
    name: "masked scores",
    inputs: [{ shape: [2, 4], values: [1, -Infinity, 2, -Infinity, -Infinity, -Infinity, 3, -1] }],
    differentiable: false,
  },
];

/** Class numbers below the number of classes. */
const labels = (rows: number, classes: number, dtype: DType = "int32"): Input => ({
  shape: [rows],
  dtype,
  low: 0,
  high: classes - 1,
});

const classified = (more: (rows: number) => Input[]): Case[] => [
  { inputs: [{ shape: [1, 3] }, labels(1, 3), ...more(1)] },
  { inputs: [{ shape: [5, 4] }, labels(5, 4), ...more(5)] },
  { inputs: [{ shape: [33, 10] }, labels(33, 10, "uint8"), ...more(33)] },
  { inputs: [{ shape: [2, 300] }, labels(2, 300), ...more(2)] },
  { inputs: [{ shape: [0, 4] }, labels(0, 4), ...more(0)] },
  {
    inputs: [{ shape: [4, 3], low: -300, high: 300 }, labels(4, 3), ...more(4)],
    name: "large scores",
    differentiable: false,
  },
];

export const rowsCases: Readonly<Record<string, readonly Case[]>> = {
  softmax: rowCases,
  logSoftmax: rowCases,
  sparseCrossEntropy: classified(() => []),
  sparseCrossEntropyGradient: classified((rows) => [{ shape: [rows] }]),
};
