/** Rows picked by number. */
import type { DType } from "../../../src/base/dtype.js";
import type { Shape } from "../../../src/base/shape.js";
import { type Case, everything, type Input } from "./case.js";

/** Row numbers below n. */
const rowsBelow = (n: number, shape: Shape, dtype: DType = "int32"): Input => ({
  shape,
  dtype,
  low: 0,
  high: n - 1,
});

/** Rows put over others: x, indices, updates. */
const putCases = (dtypes: readonly DType[]): readonly Case[] => [
  {
    inputs: [{ shape: [5, 3] }, { shape: [3], dtype: "int32", values: [4, 0, 2] }, { shape: [3, 3] }],
    dtypes,
  },
  { inputs: [{ shape: [7] }, { shape: [3], dtype: "uint8", values: [6, 0, 2] }, { shape: [3] }], dtypes },
  { inputs: [{ shape: [4, 3] }, rowsBelow(4, [9]), { shape: [9, 3] }], dtypes, name: "several of one row" },
  { inputs: [{ shape: [300, 70] }, rowsBelow(300, [500]), { shape: [500, 70] }], dtypes },
  {
    inputs: [{ shape: [30000] }, rowsBelow(30000, [20000]), { shape: [20000] }],
    dtypes,
    name: "single elements",
  },
  { inputs: [{ shape: [3, 2] }, rowsBelow(1, [0]), { shape: [0, 2] }], name: "nothing" },
  { inputs: [{ shape: [3, 0] }, rowsBelow(3, [2]), { shape: [2, 0] }], name: "empty rows" },
];
const special: Input = { shape: [6], values: [1, NaN, -Infinity, 0, Infinity, 2] };
const specialCase: Case = {
  name: "NaN and infinities",
  inputs: [
    special,
    { shape: [6], dtype: "int32", values: [0, 0, 2, 3, 4, 5] },
    { ...special, values: [3, 2, 1, NaN] },
  ],
  differentiable: false,
};

export const indexingCases: Readonly<Record<string, readonly Case[]>> = {
  gather: [
    { inputs: [{ shape: [5, 3] }, rowsBelow(5, [4])], dtypes: everything },
    { inputs: [{ shape: [5] }, rowsBelow(5, [2, 3])], dtypes: everything },
    { inputs: [{ shape: [9, 2, 17] }, rowsBelow(9, [3, 2], "uint8")] },
    { inputs: [{ shape: [3, 2] }, rowsBelow(3, [])], name: "one row" },
    { inputs: [{ shape: [3, 2] }, rowsBelow(3, [0])], name: "no rows" },
    { inputs: [{ shape: [3, 0] }, rowsBelow(3, [2])], name: "empty rows" },
    { inputs: [{ shape: [50, 784], dtype: "uint8" }, rowsBelow(50, [32])], name: "a batch of images" },
    { inputs: [{ shape: [3, 5], transposed: true }, rowsBelow(5, [4])], name: "from a transposed matrix" },
  ],
  scatterAdd: [
    { inputs: [rowsBelow(4, [6]), { shape: [6, 3] }], attributes: { n: 4 } },
    { inputs: [rowsBelow(7, [20]), { shape: [20] }], attributes: { n: 7 } },
    { inputs: [rowsBelow(5, [3]), { shape: [3, 2, 5] }], attributes: { n: 5 } },
    { inputs: [rowsBelow(1, [0]), { shape: [0, 3] }], attributes: { n: 2 }, name: "nothing to add" },
    { inputs: [rowsBelow(300, [500]), { shape: [500, 70] }], attributes: { n: 300 } },
    {
      inputs: [{ shape: [9], dtype: "int32", values: [2] }, { shape: [9, 40] }],
      attributes: { n: 3 },
      name: "all into one row",
    },
    {
      inputs: [rowsBelow(7, [20]), { shape: [20, 3], dtype: "int32" }],
      attributes: { n: 7 },
      name: "whole numbers",
    },
  ],
  scatterUpdate: putCases(everything),
  scatterMaximum: [...putCases(["float32", "int32"]), specialCase],
  scatterMinimum: [...putCases(["float32", "int32"]), specialCase],
};
