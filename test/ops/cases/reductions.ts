import type { Shape } from "../../../src/base/shape.js";
import { type Case, everything, type Input } from "./case.js";

/** Shapes and axes every reduction runs on. */
function reduction(
  options: Omit<Case, "inputs"> & Pick<Input, "low" | "high" | "distinct"> & { empty?: boolean } = {},
): Case[] {
  const { low, high, distinct, empty, ...rest } = options;
  const values = {
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    distinct: distinct ?? false,
  };
  const over = (shape: Shape, axes: readonly number[], more: Partial<Input> = {}): Case => ({
    ...rest,
    inputs: [{ ...values, shape, ...more }],
    attributes: { axes },
  });
  return [
    over([7], [0]),
    over([3, 5], [0]),
    over([3, 5], [1]),
    over([3, 5], [0, 1]),
    over([2, 3, 4], [1]),
    over([2, 3, 4], [0, 2]),
    over([3, 4, 5, 2], [1, 2]),
    over([1, 9], [0]),
    over([2, 300], [1]),
    over([300, 17], [0]),
    over([2100], [0]),
    over([4, 6, 3], [1], { transposed: true }),
    over([5, 4], [1], { flipped: true }),
    over([5, 1], [0], { broadcastTo: [5, 3] }),
    over([0, 3], [1]),
    ...(empty ? [over([0, 3], [0]), over([2, 0], [0, 1])] : []),
  ];
}

/** A position along one axis only. */
const positions: Case[] = [
  ...reduction({ dtypes: everything }).filter((c) => (c.attributes!.axes as number[]).length === 1),
  {
    name: "ties",
    inputs: [{ shape: [3, 4], values: [1, 3, 3, 2, 0, 0, 0, 0, -1, -5, -1, -5] }],
    attributes: { axes: [1] },
  },
  {
    name: "infinities",
    inputs: [{ shape: [2, 3], values: [-Infinity, Infinity, Infinity, -Infinity, -Infinity, -Infinity] }],
    attributes: { axes: [1] },
  },
];

const withNaN: Case = {
  name: "NaN among the elements",
  inputs: [
    { shape: [4, 3], values: [1, Number.NaN, 3, Number.NaN, -Infinity, 2, 5, 6, 7, -1, -2, Number.NaN] },
  ],
  attributes: { axes: [1] },
  differentiable: false,
};

export const reductionCases: Readonly<Record<string, readonly Case[]>> = {
  sum: reduction({ dtypes: ["float32", "int32"], empty: true, absolute: 1e-4 }),
  prod: reduction({ low: 0.7, high: 1.4, empty: true, relative: 1e-4 }),
  max: [...reduction({ dtypes: everything, distinct: true }), withNaN],
  min: [...reduction({ dtypes: everything, distinct: true }), withNaN],
  argMax: [...positions, withNaN],
  argMin: [...positions, withNaN],
};
