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

/** The same rows with the k best wanted. */
const best = (k: number, c: Case): Case => ({
  ...c,
  attributes: { k, largest: c.attributes === descending },
});

export const sortingCases: Readonly<Record<string, readonly Case[]>> = {
  sort: rowCases,
  argSort: rowCases,
  topK: [
    ...rowCases
      .filter(({ inputs: [x] }) => x!.shape.at(-1)! > 1)
      .map((c) => best(Math.min(4, c.inputs[0]!.shape.at(-1)!), c)),
    { inputs: [{ shape: [2, 40] }], attributes: { k: 40, largest: true }, name: "all" },
    { inputs: [{ shape: [2, 40] }], attributes: { k: 0, largest: true }, name: "none" },
    { inputs: [{ shape: [3, 5000] }], attributes: { k: 700, largest: false }, dtypes: everything },
    {
      inputs: [{ shape: [2, 140000] }],
      attributes: { k: 300, largest: true },
      dtypes: everything,
      name: "in parts",
    },
    {
      inputs: [{ shape: [140000], values: Array.from({ length: 9001 }, (_, i) => i) }],
      attributes: { k: 1000, largest: true },
      dtypes: ["float32", "int32"],
      name: "each better than those before",
    },
  ],
  searchSorted: [
    ...[true, false].flatMap((right): Case[] => [
      {
        inputs: [{ shape: [1, 5], values: [-1, 0, 0, 1, 2] }, { shape: [1, 30] }],
        attributes: { right },
        differentiable: false,
      },
      {
        inputs: [
          { shape: [2, 6], values: [1, 2, 2, 2, 5, 7] },
          { shape: [2, 9], low: 0 },
        ],
        attributes: { right },
        dtypes: ["int32", "uint8"],
      },
      {
        inputs: [
          { shape: [1, 5], values: [-Infinity, -0, 0, Infinity, NaN] },
          { ...special, shape: [1, 11] },
        ],
        attributes: { right },
        name: "NaN, infinities, zeros",
        differentiable: false,
      },
      {
        inputs: [
          { shape: [1, 4000], dtype: "int32", values: Array.from({ length: 4000 }, (_, i) => i * 3) },
          { shape: [1, 9000], dtype: "int32", low: -10, high: 13000 },
        ],
        attributes: { right },
        name: "many",
      },
      { inputs: [{ shape: [2, 0] }, { shape: [2, 3] }], attributes: { right }, name: "empty rows" },
      { inputs: [{ shape: [2, 3] }, { shape: [2, 0] }], attributes: { right }, name: "no values" },
    ]),
  ],
};
