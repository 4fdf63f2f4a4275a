/** Convolution and pooling. */
import type { Shape } from "../../../src/base/shape.js";
import type { Attributes } from "../../../src/graph/primitive.js";
import type { Case } from "./case.js";

interface ConvShape {
  /** [batch, height, width, channels] */
  readonly x: Shape;
  /** [height, width, channels / groups, filters] */
  readonly kernel: Shape;
  readonly strides?: readonly [number, number];
  readonly padding?: readonly [readonly [number, number], readonly [number, number]];
  readonly dilation?: readonly [number, number];
  readonly groups?: number;
}

const convolutions: readonly ConvShape[] = [
  { x: [1, 4, 5, 1], kernel: [3, 3, 1, 2] },
  {
    x: [2, 5, 6, 3],
    kernel: [3, 3, 3, 4],
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    x: [1, 7, 6, 2],
    kernel: [3, 2, 2, 5],
    strides: [2, 1],
    padding: [
      [1, 0],
      [0, 2],
    ],
  },
  { x: [2, 6, 6, 4], kernel: [1, 1, 4, 3] },
  { x: [1, 5, 5, 2], kernel: [2, 2, 2, 2], strides: [3, 3] },
  {
    x: [1, 7, 7, 2],
    kernel: [3, 3, 2, 3],
    dilation: [2, 2],
    padding: [
      [2, 2],
      [2, 2],
    ],
  },
  {
    x: [1, 5, 5, 4],
    kernel: [3, 3, 2, 6],
    groups: 2,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    x: [2, 6, 5, 3],
    kernel: [3, 3, 1, 3],
    groups: 3,
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    x: [1, 6, 6, 3],
    kernel: [3, 3, 1, 6],
    groups: 3,
    strides: [2, 2],
    padding: [
      [0, 1],
      [0, 1],
    ],
  },
  {
    x: [1, 1, 9, 3],
    kernel: [1, 4, 3, 2],
    padding: [
      [0, 0],
      [3, 0],
    ],
  },
  { x: [0, 4, 4, 2], kernel: [3, 3, 2, 2] },
  {
    x: [1, 17, 33, 16],
    kernel: [3, 3, 16, 20],
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    x: [3, 12, 12, 9],
    kernel: [5, 5, 9, 17],
    padding: [
      [2, 2],
      [2, 2],
    ],
  },
  {
    x: [8, 9, 9, 5],
    kernel: [3, 3, 5, 7],
    strides: [2, 2],
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
];

type Operand = "x" | "kernel" | "y";

/** One case per convolution: the two operands, and the shape of the result where the attributes carry it. */
function convolution(operands: readonly [Operand, Operand], result?: "inputShape" | "kernelShape"): Case[] {
  return convolutions.map((shape) => {
    const {
      x,
      kernel,
      strides = [1, 1],
      padding = [
        [0, 0],
        [0, 0],
      ],
      dilation = [1, 1],
      groups = 1,
    } = shape;
    const along = (i: 0 | 1) =>
      Math.floor(
        (x[i + 1]! + padding[i][0] + padding[i][1] - (kernel[i]! - 1) * dilation[i] - 1) / strides[i],
      ) + 1;
    const shapes = { x, kernel, y: [x[0]!, along(0), along(1), kernel[3]!] };
    const named: Attributes =
      result === "inputShape" ? { inputShape: x } : result ? { kernelShape: kernel } : {};
    return {
      inputs: operands.map((operand) => ({ shape: shapes[operand] })),
      attributes: { strides, padding, dilation, groups, ...named },
      // Sums of up to 600 products of both signs: what counts is the error against the largest, not the smallest.
      absolute: 5e-5,
    };
  });
}

interface PoolShape {
  readonly x: Shape;
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding?: readonly [readonly [number, number], readonly [number, number]];
}

const pools: readonly PoolShape[] = [
  { x: [1, 4, 4, 1], size: [2, 2], strides: [2, 2] },
  { x: [2, 5, 7, 3], size: [2, 2], strides: [2, 2] },
  { x: [1, 6, 6, 17], size: [3, 3], strides: [2, 2] },
  {
    x: [1, 5, 5, 2],
    size: [3, 3],
    strides: [1, 1],
    padding: [
      [1, 1],
      [1, 1],
    ],
  },
  {
    x: [1, 5, 7, 2],
    size: [2, 3],
    strides: [2, 2],
    padding: [
      [0, 1],
      [1, 1],
    ],
  },
  { x: [1, 4, 6, 2], size: [1, 2], strides: [2, 3] },
  { x: [0, 4, 4, 2], size: [2, 2], strides: [2, 2] },
];

function pooling(withGradient: boolean, distinct: boolean): Case[] {
  return pools.map(
    ({
      x,
      size,
      strides,
      padding = [
        [0, 0],
        [0, 0],
      ],
    }) => {
      const along = (i: 0 | 1) =>
        Math.floor((x[i + 1]! + padding[i][0] + padding[i][1] - size[i]) / strides[i]) + 1;
      const y = [x[0]!, along(0), along(1), x[3]!];
      return {
        inputs: [{ shape: x, distinct }, ...(withGradient ? [{ shape: y }] : [])],
        attributes: { size, strides, padding },
      };
    },
  );
}

/** Values with many ties: the first maximum of a window takes the gradient. */
const poolTies = (withGradient: boolean): Case => ({
  name: "ties",
  inputs: [{ shape: [1, 4, 6, 1], values: [1, 1, 0] }, ...(withGradient ? [{ shape: [1, 2, 3, 1] }] : [])],
  attributes: {
    size: [2, 2],
    strides: [2, 2],
    padding: [
      [0, 0],
      [0, 0],
    ],
  },
  differentiable: false,
});

export const convolutionCases: Readonly<Record<string, readonly Case[]>> = {
  conv2d: convolution(["x", "kernel"]),
  conv2dInputGradient: convolution(["y", "kernel"], "inputShape"),
  conv2dKernelGradient: convolution(["x", "y"], "kernelShape"),
  maxPool2d: [...pooling(false, true), poolTies(false)],
  maxPool2dGradient: [...pooling(true, true), poolTies(true)],
};
