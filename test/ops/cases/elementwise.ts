import type { Shape } from "../../../src/base/shape.js";
import { type Case, everything, type Input, integers, numbers } from "./case.js";

/** Values where functions bend, overflow or are not defined. */
const special = [
  Number.NaN,
  Infinity,
  -Infinity,
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1e-3,
  20,
  -20,
  88,
  -88,
  1e30,
  -1e30,
  3e-39,
];

/** Shapes every elementwise record runs on: scalar, odd, empty, longer than a block, and operands that are views. */
export function elementwise(
  arity: number,
  options: Omit<Case, "inputs"> & Pick<Input, "low" | "high"> = {},
): Case[] {
  const { low, high, ...rest } = options;
  const range = { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
  const all = (input: Input): Input[] => Array.from({ length: arity }, () => ({ ...range, ...input }));
  const cases: Case[] = [
    { ...rest, inputs: all({ shape: [] }) },
    { ...rest, inputs: all({ shape: [7] }) },
    { ...rest, inputs: all({ shape: [3, 5] }) },
    { ...rest, inputs: all({ shape: [2, 0, 3] }) },
    { ...rest, inputs: all({ shape: [1031] }) },
    { ...rest, inputs: all({ shape: [5, 3], transposed: true }), name: "transposed" },
    { ...rest, inputs: all({ shape: [4, 9], flipped: true }), name: "flipped" },
    { ...rest, inputs: all({ shape: [], broadcastTo: [3, 4] }), name: "one element stretched" },
  ];
  if (arity > 1) {
    const row: Input = { ...range, shape: [1, 6], broadcastTo: [5, 6] };
    const column: Input = { ...range, shape: [5, 1], broadcastTo: [5, 6] };
    const plain: Input = { ...range, shape: [5, 6] };
    const mixed = [row, column, plain, { ...range, shape: [], broadcastTo: [5, 6] }, plain];
    cases.push({ ...rest, inputs: mixed.slice(0, arity), name: "row and column" });
    cases.push({ ...rest, inputs: mixed.slice(0, arity).reverse(), name: "column and row" });
  }
  return cases;
}

/** The same with a case of special values, which have no derivative. */
function unary(options: Omit<Case, "inputs"> & Pick<Input, "low" | "high"> = {}): Case[] {
  const { relative, absolute } = options;
  const tolerance = { ...(relative ? { relative } : {}), ...(absolute ? { absolute } : {}) };
  return [
    ...elementwise(1, options),
    {
      name: "special values",
      inputs: [{ shape: [special.length], values: special }],
      differentiable: false,
      ...tolerance,
    },
  ];
}

/** Two operands; floats also meet every pair of special values. */
function binary(options: Omit<Case, "inputs"> & Pick<Input, "low" | "high"> = {}): Case[] {
  const n = special.length;
  const pairs: Case = {
    name: "special values",
    inputs: [
      { shape: [n, 1], values: special, broadcastTo: [n, n] },
      { shape: [n], values: special, broadcastTo: [n, n] },
    ],
    differentiable: false,
    ...(options.relative ? { relative: options.relative } : {}),
  };
  const testsFloats = !options.dtypes || options.dtypes.includes("float32");
  return testsFloats ? [...elementwise(2, options), pairs] : elementwise(2, options);
}

/** Integer operands at the ends of their range. */
const wrapping: Case = {
  name: "integers that wrap around",
  inputs: [
    { shape: [4], dtype: "int32", values: [2147483647, -2147483648, 65537, -7] },
    { shape: [4], dtype: "int32", values: [1, -1, 65537, 2] },
  ],
};

/** Integer division in all signs, by zero, and where the quotient does not fit. */
const dividing: Case = {
  name: "integers of all signs",
  inputs: [
    { shape: [8], dtype: "int32", values: [7, -7, 7, -7, 0, 5, -2147483648, -2147483648] },
    { shape: [8], dtype: "int32", values: [2, 2, -2, -2, 3, 0, -1, 0] },
  ],
};

/** Counts within and beyond the 32 bits. */
const shifts: Case = {
  name: "the sign, and counts of all sizes",
  inputs: [
    { shape: [9], dtype: "int32", values: [-8, -1, 2147483647, 5, -5, 5, -5, 1, -2147483648] },
    { shape: [9], dtype: "int32", values: [1, 31, 30, 32, 32, -1, -1, 31, 0] },
  ],
};

/** Where the gamma function bends most: between its poles, beside the zeros of its logarithm, far out. */
const gammaArguments: readonly Case[] = [
  {
    name: "between the poles",
    inputs: [{ shape: [8], values: [-0.3, -0.7, -1.4, -2.55, -3.2, -7.45, -20.3, -0.4] }],
    relative: 2e-5,
  },
  {
    name: "beside the zeros",
    inputs: [
      {
        shape: [9],
        values: [1, 2, 1.0000001, 0.9999999, 1.9999999, 2.0000002, 1.4616321, -2.4570247, -3.1435809],
      },
    ],
    differentiable: false,
    absolute: 1e-12,
  },
  {
    name: "at the poles and far out",
    inputs: [{ shape: [9], values: [-1, -2, -33554432, -1e30, 1e-38, -1e-30, 1e10, 3e38, -0.01] }],
    differentiable: false,
  },
];

/** Rounding: values at and around halves. */
const halves: Case = {
  name: "halves",
  inputs: [{ shape: [10], values: [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388609, -8388609, 3e9] }],
  differentiable: false,
};

const fromFloat = [Number.NaN, 1.7, -1.7, 255, 256, 300.5, -1, 3e9, -3e9, 0, 0.2, Infinity, -Infinity];
const fromInt = [0, 1, -1, 255, 256, -256, 2147483647, -2147483648];

const casts: Case[] = everything.flatMap((to): Case[] => [
  // Differences in float64 can't see a derivative through a value rounded to float32.
  {
    inputs: [{ shape: [3, 5], high: 9 }],
    attributes: { dtype: to },
    dtypes: everything,
    differentiable: false,
  },
  {
    name: `float values that do not fit ${to}`,
    inputs: [{ shape: [fromFloat.length], values: fromFloat }],
    attributes: { dtype: to },
    differentiable: false,
  },
  {
    name: `integers that do not fit ${to}`,
    inputs: [{ shape: [fromInt.length], dtype: "int32", values: fromInt }],
    attributes: { dtype: to },
  },
]);
function withoutRange({ low: _low, high: _high, ...input }: Input): Input {
  return input;
}

/** The shape in which the operation sees the operand. */
function seenShape({ shape, transposed, broadcastTo }: Input): Shape {
  return broadcastTo ?? (transposed ? [...shape].reverse() : shape);
}

export const elementwiseCases: Readonly<Record<string, readonly Case[]>> = {
  // Arithmetic
  add: [...binary({ dtypes: numbers }), wrapping],
  sub: [...binary({ dtypes: numbers }), wrapping],
  mul: [...binary({ dtypes: numbers }), wrapping],
  div: binary({ low: 0.5, high: 3 }),
  floorDiv: [...binary({ dtypes: numbers, low: 1, high: 9 }), dividing],
  mod: [...binary({ dtypes: ["float32"], low: 1.1, high: 2 }), dividing],
  pow: [
    ...binary({ low: 0.2, high: 3 }),
    {
      name: "whole exponents of negative numbers",
      inputs: [
        { shape: [8], values: [-2, -2, -2, -0.5, -1, -3, -3, -2] },
        { shape: [8], values: [2, 3, -3, 5, 0, 0.5, -1.5, 31] },
      ],
      differentiable: false,
    },
  ],
  maximum: binary({ dtypes: numbers }),
  minimum: binary({ dtypes: numbers }),
  neg: unary({ dtypes: numbers }),
  abs: unary({ dtypes: numbers, low: 0.1 }),
  sign: unary({ dtypes: numbers, low: 0.1 }),
  reciprocal: unary({ low: 0.3 }),
  square: unary({ dtypes: numbers }),
  sqrt: unary({ low: 0.1 }),
  rsqrt: unary({ low: 0.1 }),
  cbrt: unary({ low: 0.1 }),

  // Exponential, logarithm, trigonometry
  exp: unary(),
  exp2: unary(),
  expm1: unary(),
  log: unary({ low: 0.05, high: 4 }),
  log2: unary({ low: 0.05, high: 4 }),
  log10: unary({ low: 0.05, high: 4 }),
  log1p: unary({ low: -0.9, high: 4 }),
  sin: unary({ low: -20, high: 20 }),
  cos: unary({ low: -20, high: 20 }),
  tan: unary({ low: -1.3, high: 1.3 }),
  asin: unary({ low: -0.9, high: 0.9 }),
  acos: unary({ low: -0.9, high: 0.9 }),
  atan: unary(),
  atan2: binary({ low: 0.1, high: 2 }),
  sinh: unary(),
  cosh: unary(),
  tanh: unary(),
  asinh: unary(),
  acosh: unary({ low: 1.1, high: 9 }),
  atanh: unary({ low: -0.9, high: 0.9 }),

  // Special functions
  erf: unary(),
  erfc: [...unary(), { name: "where erf is almost 1", inputs: [{ shape: [40], low: 3, high: 9 }] }],
  lgamma: [...unary({ low: 0.1, high: 20 }), ...gammaArguments],
  digamma: [...unary({ low: 0.1, high: 20 }), ...gammaArguments],
  polygamma: [1, 2, 3, 6].flatMap((order): Case[] =>
    [...unary({ low: 0.3, high: 20 }), ...gammaArguments].map((c) => ({
      ...c,
      name: `of order ${order}${c.name ? `, ${c.name}` : ""}`,
      inputs: [
        { shape: [], dtype: "int32", values: [order], broadcastTo: seenShape(c.inputs[0]!) },
        ...c.inputs,
      ],
    })),
  ),

  // Activations
  sigmoid: unary(),
  relu: unary({ low: 0.1 }),
  softplus: unary(),

  // Rounding
  floor: [...unary({ dtypes: numbers, low: 0.1, high: 0.9 }), halves],
  ceil: [...unary({ dtypes: numbers, low: 0.1, high: 0.9 }), halves],
  round: [...unary({ dtypes: numbers, low: 0.6, high: 1.4 }), halves],
  trunc: [...unary({ dtypes: numbers, low: 0.1, high: 0.9 }), halves],

  // Comparison, logic, bits
  ...Object.fromEntries(
    ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"].map((name) => [
      name,
      [
        ...binary({ dtypes: everything }),
        {
          inputs: [
            { shape: [24], low: 0, high: 2, dtype: "int32" },
            { shape: [24], low: 0, high: 2, dtype: "int32" },
          ],
        } satisfies Case,
      ],
    ]),
  ),
  isNaN: unary(),
  isInf: unary(),
  isFinite: unary(),
  bitwiseAnd: elementwise(2, { dtypes: integers }),
  bitwiseOr: elementwise(2, { dtypes: integers }),
  bitwiseXor: elementwise(2, { dtypes: integers }),
  bitwiseNot: [
    ...elementwise(1, { dtypes: integers }),
    {
      name: "at the ends of the range",
      inputs: [{ shape: [4], dtype: "int32", values: [2147483647, -2147483648, 0, -1] }],
    },
  ],
  logicalNot: elementwise(1, { dtypes: integers }),
  shiftLeft: [...elementwise(2, { dtypes: ["int32", "uint8"], low: 0, high: 7 }), shifts],
  shiftRight: [...elementwise(2, { dtypes: ["int32", "uint8"], low: 0, high: 7 }), shifts],
  shiftRightLogical: [...elementwise(2, { dtypes: ["int32", "uint8"], low: 0, high: 7 }), shifts],

  // Choice, conversion
  where: [
    ...elementwise(3, { dtypes: numbers }).map((c) => ({
      ...c,
      inputs: c.inputs.map((input, i) =>
        i === 0 ? { ...withoutRange(input), dtype: "bool" as const } : input,
      ),
    })),
  ],
  cast: casts,
  identity: elementwise(1, { dtypes: everything }),
  stopGradient: elementwise(1, { dtypes: everything, differentiable: false }),

  // Optimizer updates
  adamMoment: elementwise(3, { low: 0.1, high: 0.9 }),
  adamVelocity: elementwise(3, { low: 0.1, high: 0.9 }),
  adamUpdate: elementwise(5, { low: 0.1, high: 0.9 }),
};
