/** What runs along an axis. */
import type { Case, Input } from "./case.js";

const flags = (axis: number, reverse = false, exclusive = false) => ({ axis, reverse, exclusive });
const recurrence = (axis: number, reverse = false, exclusive = false, start: 0 | 1 = 0) => ({
  ...flags(axis, reverse, exclusive),
  start,
});
const both = (shape: Input["shape"]): Input[] => [
  { shape, low: -1.2, high: 1.2 },
  { shape, low: -2, high: 2 },
];

const extremum: readonly Case[] = [
  { inputs: [{ shape: [7], distinct: true }], attributes: flags(0), dtypes: ["float32", "int32"] },
  { inputs: [{ shape: [9, 5], distinct: true }], attributes: flags(1, true), dtypes: ["float32", "int32"] },
  { inputs: [{ shape: [3, 6, 37], distinct: true }], attributes: flags(1) },
  {
    name: "exclusive",
    inputs: [{ shape: [4, 6], distinct: true }],
    attributes: flags(1, true, true),
    differentiable: false,
  },
  { inputs: [{ shape: [0, 3] }], attributes: flags(0) },
  { inputs: [{ shape: [3, 0] }], attributes: flags(0) },
  {
    name: "NaN, infinities and equal ones",
    inputs: [
      { shape: [3, 4], values: [1, 3, Number.NaN, 5, -Infinity, -Infinity, 2, 2, Infinity, 0, -0, Infinity] },
    ],
    attributes: flags(1),
    differentiable: false,
  },
];

export const cumulativeCases: Readonly<Record<string, readonly Case[]>> = {
  linearRecurrence: [
    { inputs: both([11]), attributes: recurrence(0), dtypes: ["float32", "int32"] },
    { inputs: both([11]), attributes: recurrence(0, true, true, 1), dtypes: ["float32", "int32"] },
    { inputs: both([9, 5]), attributes: recurrence(1, false, true) },
    { inputs: both([9, 5]), attributes: recurrence(1, true, false, 1) },
    { inputs: both([3, 6, 37]), attributes: recurrence(1) },
    { inputs: both([6, 2, 3]), attributes: recurrence(0, true), dtypes: ["float32", "int32"] },
    { inputs: both([0, 3]), attributes: recurrence(0) },
    { inputs: both([3, 0]), attributes: recurrence(0) },
    {
      name: "one factor for all",
      inputs: [{ shape: [], low: 0.5, high: 1 }, { shape: [5, 8] }].map((input, i) =>
        i === 0 ? { ...input, broadcastTo: [5, 8] } : input,
      ),
      attributes: recurrence(1),
    },
    {
      name: "one term for all",
      inputs: [{ shape: [5, 8] }, { shape: [], broadcastTo: [5, 8] }],
      attributes: recurrence(0, false, false, 1),
      dtypes: ["float32", "int32"],
    },
    {
      name: "one of each",
      inputs: [
        { shape: [], broadcastTo: [2, 3] },
        { shape: [], broadcastTo: [2, 3] },
      ],
      attributes: recurrence(1, true),
      dtypes: ["float32", "int32"],
    },
    {
      name: "of views",
      inputs: both([5, 4]).map((input) => ({ ...input, transposed: true })),
      attributes: recurrence(1),
    },
    {
      name: "factors of 0 and infinity",
      inputs: [
        { shape: [6], values: [Infinity, 0, 2, 0, 0, 3] },
        { shape: [6], values: [1, 2, 3] },
      ],
      attributes: recurrence(0),
      differentiable: false,
    },
  ],
  cumMax: extremum,
  cumMin: extremum,
};
