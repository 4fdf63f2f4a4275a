/**
 * The table the operation tests are generated from: for each record a list of inputs and attributes. A record without a
 * line here fails the completeness test; a line is all a new record needs to be compared with the reference on every
 * backend (parity.test.ts) and to have its derivatives checked (gradcheck.test.ts).
 */
import type { NDArray } from "../../src/base/array.js";
import { allocateArray, type DType, isFloat } from "../../src/base/dtype.js";
import { randomBits, unitFloat } from "../../src/base/prng.js";
import { type Shape, sizeOf } from "../../src/base/shape.js";
import type { Attributes } from "../../src/graph/primitive.js";

/** One operand: what is stored, and how the operation sees it. */
export interface Input {
  /** Shape of what is stored. */
  readonly shape: Shape;
  /** Absent: the dtype under test. */
  readonly dtype?: DType;
  /** Range of the values; −2 … 2 for floats, −9 … 9 for int32, 0 … 9 for uint8 unless given. */
  readonly low?: number;
  readonly high?: number;
  /** These values, repeated as often as needed. */
  readonly values?: readonly number[];
  /** No two values are near each other, so that a maximum has one place. */
  readonly distinct?: boolean;
  /** The operation sees the axes reversed. */
  readonly transposed?: boolean;
  /** The operation sees the elements in reverse order along all axes. */
  readonly flipped?: boolean;
  /** The operation sees the value stretched to this shape. */
  readonly broadcastTo?: Shape;
}

export interface Case {
  /** What the case is about, where the shapes don't say it. */
  readonly name?: string;
  readonly inputs: readonly Input[];
  readonly attributes?: Attributes;
  /** Dtypes under test: the operands without one of their own take each in turn. Default: float32. */
  readonly dtypes?: readonly DType[];
  /** Relative tolerance against the reference in float32; 1e-5 unless given. */
  readonly relative?: number;
  /** Absolute tolerance; 1e-6 unless given. */
  readonly absolute?: number;
  /** `false`: values at which the derivative does not exist or is not finite. */
  readonly differentiable?: boolean;
  /** The second derivative is known to be incomplete at these values. */
  readonly firstOnly?: boolean;
}

/** Records that cannot be tested one node at a time, and where they are tested instead. */
export const testedElsewhere: Readonly<Record<string, string>> = {
  data: "a leaf: every test reads one",
  scalar: "a leaf: test/engine",
  constant: "a leaf: test/engine",
  placeholder: "a leaf: test/engine/jit",
  variable: "a leaf: test/engine/variable",
  pick: "selects a result of scan and cond: test/ops/control",
  scan: "test/ops/control",
  cond: "test/ops/control",
  hostCall: "test/ops/control",
  allReduce: "test/ops/control",
};

const numbers: readonly DType[] = ["float32", "int32", "uint8"];
const integers: readonly DType[] = ["int32", "uint8", "bool"];
const everything: readonly DType[] = ["float32", "int32", "uint8", "bool"];

// ---- Elementwise ---------------------------------------------------------------------------------------------------

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
function elementwise(
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

/** Integer division in all signs, and by zero. */
const dividing: Case = {
  name: "integers of all signs",
  inputs: [
    { shape: [6], dtype: "int32", values: [7, -7, 7, -7, 0, 5] },
    { shape: [6], dtype: "int32", values: [2, 2, -2, -2, 3, 0] },
  ],
};

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

// ---- Reductions ----------------------------------------------------------------------------------------------------

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

// ---- Kernels -------------------------------------------------------------------------------------------------------

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

const matmuls: Case[] = [
  { inputs: [{ shape: [3, 4] }, { shape: [4, 5] }] },
  { inputs: [{ shape: [1, 7] }, { shape: [7, 9] }] },
  { inputs: [{ shape: [9, 7] }, { shape: [7, 1] }] },
  { inputs: [{ shape: [5, 1] }, { shape: [1, 6] }] },
  { inputs: [{ shape: [4, 3], transposed: true }, { shape: [4, 5] }], name: "transposed on the left" },
  { inputs: [{ shape: [3, 4] }, { shape: [5, 4], transposed: true }], name: "transposed on the right" },
  {
    inputs: [
      { shape: [4, 3], transposed: true },
      { shape: [5, 4], transposed: true },
    ],
    name: "transposed on both sides",
  },
  { inputs: [{ shape: [2, 3, 4] }, { shape: [2, 4, 5] }], name: "a batch" },
  {
    inputs: [{ shape: [1, 3, 4], broadcastTo: [2, 3, 4] }, { shape: [2, 4, 5] }],
    name: "one left matrix for a batch",
  },
  {
    inputs: [{ shape: [2, 3, 3, 4] }, { shape: [1, 3, 4, 2], broadcastTo: [2, 3, 4, 2] }],
    name: "two batch axes",
  },
  { inputs: [{ shape: [3, 4], flipped: true }, { shape: [4, 5] }], name: "flipped" },
  { inputs: [{ shape: [3, 1], broadcastTo: [3, 4] }, { shape: [4, 5] }], name: "a stretched column" },
  { inputs: [{ shape: [0, 4] }, { shape: [4, 5] }] },
  { inputs: [{ shape: [3, 0] }, { shape: [0, 5] }] },
  { inputs: [{ shape: [33, 65] }, { shape: [65, 47] }], absolute: 2e-5 },
  { inputs: [{ shape: [70, 300] }, { shape: [300, 130] }], absolute: 1e-4 },
  { inputs: [{ shape: [6, 900] }, { shape: [900, 6] }], absolute: 1e-4 },
];

/** Row numbers below n. */
const rowsBelow = (n: number, shape: Shape, dtype: DType = "int32"): Input => ({
  shape,
  dtype,
  low: 0,
  high: n - 1,
});

// ---- The table -----------------------------------------------------------------------------------------------------

export const cases: Readonly<Record<string, readonly Case[]>> = {
  // Arithmetic
  add: [...binary({ dtypes: numbers }), wrapping],
  sub: [...binary({ dtypes: numbers }), wrapping],
  mul: [...binary({ dtypes: numbers }), wrapping],
  div: binary({ low: 0.5, high: 3 }),
  floorDiv: [...elementwise(2, { dtypes: ["float32", "int32"], low: 1, high: 9 }), dividing],
  mod: [...elementwise(2, { dtypes: ["float32"], low: 1.1, high: 2, absolute: 1e-5 }), dividing],
  pow: elementwise(2, { low: 0.2, high: 3 }),
  maximum: binary({ dtypes: numbers }),
  minimum: binary({ dtypes: numbers }),
  neg: unary({ dtypes: numbers }),
  abs: unary({ dtypes: numbers, low: 0.1 }),
  sign: unary({ dtypes: numbers, low: 0.1 }),
  reciprocal: unary({ low: 0.3 }),
  square: unary({ dtypes: numbers }),
  sqrt: unary({ low: 0.1 }),
  rsqrt: unary({ low: 0.1 }),

  // Exponential, logarithm, trigonometry
  exp: unary(),
  expm1: unary(),
  log: unary({ low: 0.05, high: 4 }),
  log1p: unary({ low: -0.9, high: 4 }),
  sin: elementwise(1, { low: -20, high: 20 }),
  cos: elementwise(1, { low: -20, high: 20 }),
  tanh: unary(),
  erf: unary(),

  // Activations
  sigmoid: unary(),
  relu: unary({ low: 0.1 }),
  softplus: unary(),

  // Rounding
  floor: [...unary({ low: 0.1, high: 0.9 }), halves],
  ceil: [...unary({ low: 0.1, high: 0.9 }), halves],
  round: [...unary({ low: 0.6, high: 1.4 }), halves],
  trunc: [...unary({ low: 0.1, high: 0.9 }), halves],

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
  and: elementwise(2, { dtypes: integers }),
  or: elementwise(2, { dtypes: integers }),
  xor: elementwise(2, { dtypes: integers }),
  logicalNot: elementwise(1, { dtypes: integers }),
  shiftLeft: elementwise(2, { dtypes: ["int32", "uint8"], low: 0, high: 7 }),
  shiftRight: [
    ...elementwise(2, { dtypes: ["int32", "uint8"], low: 0, high: 7 }),
    {
      inputs: [
        { shape: [3], dtype: "int32", values: [-8, -1, 2147483647] },
        { shape: [3], dtype: "int32", values: [1, 31, 30] },
      ],
      name: "the sign stays",
    },
  ],

  // Choice, conversion
  select: [
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

  // Random numbers: bit for bit
  randomBits: elementwise(3, { dtypes: ["int32"], low: -2147483648, high: 2147483647 }),
  unitFloat: elementwise(1, {
    dtypes: ["int32"],
    low: -2147483648,
    high: 2147483647,
    relative: 0,
    absolute: 0,
  }),
  permutedIndex: [1, 2, 5, 16, 17, 1000, 65537].map((n) => ({
    name: `n = ${n}`,
    inputs: [
      { shape: [], dtype: "int32" as const, values: [-123456789], broadcastTo: [Math.min(n, 1000)] },
      {
        shape: [Math.min(n, 1000)],
        dtype: "int32" as const,
        values: Array.from({ length: Math.min(n, 1000) }, (_, i) => i),
      },
      { shape: [], dtype: "int32" as const, values: [n], broadcastTo: [Math.min(n, 1000)] },
    ],
  })),

  // Reductions
  sum: reduction({ dtypes: ["float32", "int32"], empty: true, absolute: 1e-4 }),
  prod: reduction({ low: 0.7, high: 1.4, empty: true, relative: 1e-4 }),
  max: [...reduction({ dtypes: everything, distinct: true }), withNaN],
  min: [...reduction({ dtypes: everything, distinct: true }), withNaN],
  argMax: [...positions, withNaN],
  argMin: [...positions, withNaN],

  // Views and what moves elements
  reshape: [
    { inputs: [{ shape: [2, 6] }], attributes: { shape: [3, 4] }, dtypes: everything },
    { inputs: [{ shape: [6] }], attributes: { shape: [1, 2, 3, 1] } },
    { inputs: [{ shape: [1] }], attributes: { shape: [] } },
    { inputs: [{ shape: [0, 3] }], attributes: { shape: [2, 0] } },
    {
      inputs: [{ shape: [4, 3], transposed: true }],
      attributes: { shape: [12] },
      name: "of a transposed matrix, which copies",
    },
    {
      inputs: [{ shape: [1, 3], broadcastTo: [2, 3] }],
      attributes: { shape: [6] },
      name: "of a stretched row, which copies",
    },
  ],
  transpose: [
    { inputs: [{ shape: [3, 5] }], attributes: { permutation: [1, 0] }, dtypes: everything },
    { inputs: [{ shape: [2, 3, 4] }], attributes: { permutation: [2, 0, 1] } },
    { inputs: [{ shape: [2, 3, 4, 5] }], attributes: { permutation: [0, 2, 1, 3] } },
    { inputs: [{ shape: [0, 3] }], attributes: { permutation: [1, 0] } },
    { inputs: [{ shape: [65, 130] }], attributes: { permutation: [1, 0] } },
  ],
  broadcastTo: [
    { inputs: [{ shape: [] }], attributes: { shape: [2, 3] }, dtypes: everything },
    { inputs: [{ shape: [4] }], attributes: { shape: [3, 4] } },
    { inputs: [{ shape: [3, 1] }], attributes: { shape: [2, 3, 5] } },
    { inputs: [{ shape: [1] }], attributes: { shape: [0] } },
  ],
  slice: [
    {
      inputs: [{ shape: [4, 5] }],
      attributes: { start: [1, 2], size: [2, 3], step: [1, 1] },
      dtypes: everything,
    },
    { inputs: [{ shape: [9] }], attributes: { start: [1], size: [4], step: [2] } },
    { inputs: [{ shape: [3, 4] }], attributes: { start: [2, 3], size: [3, 2], step: [-1, -3] } },
    { inputs: [{ shape: [3, 4] }], attributes: { start: [0, 0], size: [0, 4], step: [1, 1] } },
    {
      inputs: [{ shape: [5, 4], transposed: true }],
      attributes: { start: [1, 1], size: [3, 2], step: [1, 2] },
      name: "of a transposed matrix",
    },
  ],
  concat: [
    { inputs: [{ shape: [2, 3] }, { shape: [1, 3] }], attributes: { axis: 0 }, dtypes: everything },
    { inputs: [{ shape: [2, 3] }, { shape: [2, 1] }, { shape: [2, 4] }], attributes: { axis: 1 } },
    { inputs: [{ shape: [2, 0] }, { shape: [2, 3] }], attributes: { axis: 1 } },
    {
      inputs: [
        { shape: [3, 2], transposed: true },
        { shape: [1, 3], broadcastTo: [2, 3] },
      ],
      attributes: { axis: 0 },
      name: "of views",
    },
  ],
  embed: [
    {
      inputs: [{ shape: [2, 3] }],
      attributes: { shape: [4, 5], start: [1, 2], step: [1, 1], value: 0 },
      dtypes: everything,
    },
    {
      inputs: [{ shape: [3] }],
      attributes: { shape: [8], start: [1], step: [3], value: 7 },
      dtypes: numbers,
    },
    { inputs: [{ shape: [2, 2] }], attributes: { shape: [3, 3], start: [2, 2], step: [-1, -2], value: 0 } },
    { inputs: [{ shape: [0, 2] }], attributes: { shape: [2, 2], start: [0, 0], step: [1, 1], value: 1 } },
  ],
  iota: [
    { inputs: [], attributes: { shape: [7], strides: [1] } },
    { inputs: [], attributes: { shape: [3, 4], strides: [4, 1] } },
    { inputs: [], attributes: { shape: [3, 4], strides: [0, 1] } },
    { inputs: [], attributes: { shape: [0, 4], strides: [4, 1] } },
  ],
  matmul: matmuls,

  // Kernels
  softmax: rowCases,
  logSoftmax: rowCases,
  sparseCrossEntropy: classified(() => []),
  sparseCrossEntropyGradient: classified((rows) => [{ shape: [rows] }]),
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
  ],
  conv2d: convolution(["x", "kernel"]),
  conv2dInputGradient: convolution(["y", "kernel"], "inputShape"),
  conv2dKernelGradient: convolution(["x", "y"], "kernelShape"),
  maxPool2d: [...pooling(false, true), poolTies(false)],
  maxPool2dGradient: [...pooling(true, true), poolTies(true)],
};

function withoutRange({ low: _low, high: _high, ...input }: Input): Input {
  return input;
}

// ---- From a case to data -------------------------------------------------------------------------------------------

/** A sentence for the test's name: `transposed: [3, 5] · [5]`. */
export function describeCase(c: Case): string {
  const inputs = c.inputs.map((input) => {
    const dtype = input.dtype ? `${input.dtype} ` : "";
    const view = input.broadcastTo ? ` → [${input.broadcastTo.join(", ")}]` : "";
    return `${dtype}[${input.shape.join(", ")}]${view}`;
  });
  const attributes = c.attributes ? ` ${JSON.stringify(c.attributes)}` : "";
  return `${c.name ? `${c.name}: ` : ""}${inputs.join(" · ")}${attributes}`;
}

/** The elements of an operand: the same in every run. */
export function elementsOf(input: Input, dtype: DType, seed: number): NDArray {
  const length = sizeOf(input.shape);
  const data = allocateArray(dtype, length);
  const [low, high] = rangeOf(input, dtype);
  for (let i = 0; i < length; i++) {
    if (input.values) data[i] = input.values[i % input.values.length]!;
    else if (input.distinct) data[i] = distinctValue(i, length, dtype, seed);
    else if (isFloat(dtype)) data[i] = low + unitFloat(randomBits(seed, 0, i)) * (high - low);
    else data[i] = low + Math.floor(unitFloat(randomBits(seed, 0, i)) * (high - low + 1));
  }
  return { shape: input.shape, dtype, data };
}

function rangeOf({ low, high }: Input, dtype: DType): [number, number] {
  switch (dtype) {
    case "bool":
      return [0, 1];
    case "uint8":
      return [Math.max(0, Math.ceil(low ?? 0)), Math.max(1, Math.floor(high ?? 9))];
    case "int32":
      return [Math.ceil(low ?? -9), Math.floor(high ?? 9)];
    default:
      return [low ?? -2, high ?? 2];
  }
}

/** 7919 is prime, so the multiples visit all residues: no two equal while the dtype has room. */
function distinctValue(i: number, length: number, dtype: DType, seed: number): number {
  const rank = (i * 7919 + (seed >>> 0)) % Math.max(1, length);
  if (dtype === "bool") return rank % 2;
  if (dtype === "uint8") return rank % 256;
  return dtype === "int32" ? rank - (length >> 1) : (rank - length / 2) / 8;
}
