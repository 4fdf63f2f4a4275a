/** Running totals and products, and recurrences with operands that broadcast. */
import * as ops from "../../../src/ops/index.js";
import type { Composite } from "../composites.js";

export const cumulativeComposites: Readonly<Record<string, readonly Composite[]>> = {
  cumSum: [
    {
      inputs: [{ shape: [2, 9] }],
      dtypes: ["float32", "int32", "uint8", "bool"],
      build: (x) => ops.cumSum(x!, 1),
    },
    { name: "of all elements", inputs: [{ shape: [3, 4] }], build: (x) => ops.cumSum(x!) },
    { name: "backwards", inputs: [{ shape: [5, 2] }], build: (x) => ops.cumSum(x!, 0, { reverse: true }) },
    { name: "exclusive", inputs: [{ shape: [6] }], build: (x) => ops.cumSum(x!, 0, { exclusive: true }) },
    { name: "of nothing", inputs: [{ shape: [2, 0] }], build: (x) => ops.cumSum(x!, 1, { exclusive: true }) },
  ],
  cumProd: [
    { inputs: [{ shape: [3, 7] }], dtypes: ["float32", "int32"], build: (x) => ops.cumProd(x!, -1) },
    {
      name: "with zeros",
      inputs: [{ shape: [3, 5], values: [2, 0, 3, -1.5, 0.5, 0, 0, 1.5, 2, -1, 3, 1, 2, 0.5, 0] }],
      build: (x) => ops.cumProd(x!, 1),
    },
    {
      name: "with a zero, exclusive and backwards",
      inputs: [{ shape: [4], values: [2, 0, 3, -1.5] }],
      build: (x) => ops.cumProd(x!, 0, { exclusive: true, reverse: true }),
    },
  ],
  cumMax: [
    {
      name: "of bytes and bools",
      inputs: [{ shape: [3, 4] }],
      dtypes: ["uint8", "bool"],
      build: (x) => ops.cumMax(x!, 1),
    },
    { name: "of all elements", inputs: [{ shape: [3, 4], distinct: true }], build: (x) => ops.cumMax(x!) },
  ],
  cumMin: [
    {
      name: "backwards",
      inputs: [{ shape: [3, 4], distinct: true }],
      build: (x) => ops.cumMin(x!, 0, { reverse: true }),
    },
  ],
  linearRecurrence: [
    {
      name: "shapes that broadcast",
      inputs: [{ shape: [4], low: 0.2, high: 0.9 }, { shape: [3, 1] }],
      build: (a, b) => ops.linearRecurrence(a!, b!, 1),
    },
    {
      name: "a number, backwards",
      inputs: [{ shape: [3, 5] }],
      build: (b) => ops.linearRecurrence(0.9, b!, -1, { reverse: true }),
    },
    {
      name: "dtypes that differ",
      inputs: [{ shape: [5], dtype: "uint8" }, { shape: [5] }],
      build: (a, b) => ops.linearRecurrence(a!, b!, 0),
    },
  ],
};
