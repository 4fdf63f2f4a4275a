/** Rows in order. */
import { type Case, everything, type Input } from "./case.js";

const ascending = { descending: false };
const descending = { descending: true };
/** No two values are near each other, so that differences do not change the order. */
const distinct = (...shape: number[]): Input => ({ shape, distinct: true });
const special: Input = {
  shape: [3, 60],
  values: [NaN, 1, -Infinity, 0, 2.5, -0, Infinity, -3, 1e-40, -1e-40, NaN],
};

const rowCases: readonly Case[] = [
  { inputs: [distinct(3, 7)], attributes: ascending, dtypes: everything },
  { inputs: [distinct(3, 7)], attributes: descending, dtypes: everything },
  { inputs: [{ shape: [2, 3, 200] }], attributes: descending, dtypes: everything, differentiable: false },
  { inputs: [{ shape: [1500] }], attributes: ascending, dtypes: everything, differentiable: false },
  { inputs: [special], attributes: ascending, name: "NaN, infinities, zeros", differentiable: false },
  { inputs: [special], attributes: descending, name: "NaN, infinities, zeros", differentiable: false },
  {
    inputs: [{ shape: [2, 33000], low: -1e9, high: 1e9 }],
    attributes: ascending,
    dtypes: everything,
    name: "long rows",
    differentiable: false,
  },
  {
    inputs: [{ shape: [70001] }],
    attributes: descending,
    dtypes: everything,
    name: "a long row of many equal elements",
    differentiable: false,
  },
  { inputs: [{ shape: [5, 1] }], attributes: ascending, name: "single elements" },
  { inputs: [{ shape: [0, 4] }], attributes: ascending, name: "no rows" },
  { inputs: [{ shape: [4, 0] }], attributes: ascending, name: "empty rows" },
  { inputs: [{ ...distinct(6, 5), transposed: true }], attributes: ascending },
];

export const sortingCases: Readonly<Record<string, readonly Case[]>> = {
  sort: rowCases,
  argSort: rowCases,
};
