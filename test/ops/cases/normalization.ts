/** Rows of one mean and one size. */
import type { Shape } from "../../../src/base/shape.js";
import type { Case, Input } from "./case.js";

const shapes: readonly Shape[] = [[5], [3, 4], [17, 10], [2, 3, 7], [2, 300], [40, 64], [130, 33], [0, 4]];

function normalization(more: (shape: Shape) => Input[]): Case[] {
  return [true, false].flatMap((centred) => [
    ...shapes.map((shape): Case => {
      const n = shape.at(-1)!;
      return {
        inputs: [{ shape }, { shape: [n], low: 0.5, high: 1.5 }, ...more(shape)],
        attributes: { epsilon: 1e-3, centred },
        absolute: 1e-5,
      };
    }),
    {
      name: "far from 0, where a mean of squares would cancel",
      inputs: [
        { shape: [3, 50], low: 1000, high: 1001 },
        { shape: [50], low: 0.5, high: 1.5 },
        ...more([3, 50]),
      ],
      attributes: { epsilon: 1e-3, centred },
      relative: 1e-3,
      absolute: 1e-3,
      differentiable: false,
    },
    {
      name: "a transposed matrix, which is copied",
      inputs: [{ shape: [6, 4], transposed: true }, { shape: [6] }, ...more([4, 6])],
      attributes: { epsilon: 1e-3, centred },
    },
  ]);
}

export const normalizationCases: Readonly<Record<string, readonly Case[]>> = {
  normalizeRows: normalization((shape) => [{ shape: shape.slice(-1) }]),
  normalizeRowsGradient: normalization((shape) => [{ shape }]),
};
