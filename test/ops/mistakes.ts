/**
 * Mistakes generated for the public operations, in families: what holds for one operation of a family holds for all. An
 * operation joins by its name in a table at the end; elementwise records join by themselves.
 */
import { DTypeError, type MyelinError, ShapeError } from "../../src/base/errors.js";
import type { TensorType } from "../../src/graph/primitive.js";
import { primitives } from "../../src/graph/primitive.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { placeholder } from "../../src/ops/leaf.js";
import { cases } from "./cases.js";

/** One call that must fail. */
export interface Mistake {
  /** The public name, which the message starts with. */
  readonly name: string;
  /** What is wrong. */
  readonly title: string;
  readonly call: () => unknown;
  readonly kind: new (...args: never[]) => MyelinError;
  /** What came, as the message has to say it. */
  readonly received: string;
}

type Operation = (...args: readonly unknown[]) => unknown;

/** The public operation of that name; also of wrong arguments, so its types are forgotten. */
export function operation(name: string): Operation | undefined {
  return (ops as unknown as Readonly<Record<string, Operation>>)[name];
}

// ---- Families ------------------------------------------------------------------------------------------------------

const noTensors: readonly (readonly [value: unknown, received: string])[] = [
  [[1, 2], "an array"],
  [null, "null"],
  [undefined, "undefined"],
  ["1", "string"],
  [1n, "bigint"],
  [new Float32Array(2), "object"],
];

/** Something else than a tensor or number, in the place of each of the operands; `rest` are further arguments. */
export function whatIsNoTensor(
  name: string,
  operands: readonly Tensor[],
  rest: readonly unknown[] = [],
): Mistake[] {
  return operands.flatMap((_, at) =>
    noTensors.map(([value, received]) => ({
      name,
      title: `${received} as operand ${at}`,
      call: () => operation(name)!(...operands.map((x, i) => (i === at ? value : x)), ...rest),
      kind: DTypeError,
      received,
    })),
  );
}

/** Two operands whose shapes do not broadcast, in each pair of places. */
export function shapesThatDoNotMeet(name: string, operands: readonly Tensor[]): Mistake[] {
  return pairs(operands.length).flatMap(([first, second]) =>
    (
      [
        [[2, 3], [4]],
        [
          [5, 1, 2],
          [4, 3],
        ],
        [[0], [2]],
      ] as const
    ).map(([a, b]) => ({
      name,
      title: `shapes [${a}] and [${b}] as operands ${first} and ${second}`,
      call: () =>
        operation(name)!(
          ...operands.map((x, i) =>
            i === first ? ops.zeros(a, x.dtype) : i === second ? ops.zeros(b, x.dtype) : x,
          ),
        ),
      kind: ShapeError,
      received: `[${b.join(", ")}]`,
    })),
  );
}

/** Batches of two origins, whose lengths at run time may differ, in each pair of places. */
export function batchesOfTwoOrigins(name: string, operands: readonly Tensor[]): Mistake[] {
  return pairs(operands.length).map(([first, second]) => ({
    name,
    title: `batches of two origins as operands ${first} and ${second}`,
    call: () => {
      const mixed = operands.map((x, i) => (i === first || i === second ? batch(x.dtype, i) : x));
      return operation(name)!(...mixed);
    },
    kind: ShapeError,
    received: "run-time lengths of two origins",
  }));
}

/** Floats where bits are meant. */
export function floats(name: string, operands: readonly Tensor[]): Mistake[] {
  return operands.map((_, at) => ({
    name,
    title: `floats as operand ${at}`,
    call: () => operation(name)!(...operands.map((x, i) => (i === at ? ops.zeros([2]) : x))),
    kind: DTypeError,
    received: "dtype float32",
  }));
}

/** Axes that are not there, that are no whole numbers, or that are named twice. `call` gives the axis to the operation. */
export function axes(
  name: string,
  call: (axis: never) => unknown,
  { rank = 2, several = false }: { rank?: number; several?: boolean } = {},
): Mistake[] {
  const wrong: (readonly [title: string, axis: unknown, received: string])[] = [
    ["an axis beyond the last", rank, `axis ${rank}`],
    ["an axis before the first", -rank - 1, `axis ${-rank - 1}`],
    ["an axis between two", 0.5, "axis 0.5"],
    ["the name of an axis", "0", 'axis "0"'],
    ["null for an axis", null, "axis null"],
  ];
  if (several) {
    wrong.push(["an axis twice", [0, 0], "axes [0, 0]"]);
    wrong.push(["an axis twice, once from the end", [1, 1 - rank], `axes [1, ${1 - rank}]`]);
    wrong.push(["one of several beyond the last", [0, rank], `axis ${rank}`]);
  }
  return wrong.map(([title, axis, received]) => ({
    name,
    title,
    call: () => call(axis as never),
    kind: ShapeError,
    received,
  }));
}

/** Lengths that no axis has, and more axes than backends can address. `call` makes a tensor of the shape. */
export function lengths(name: string, call: (shape: number[]) => unknown): Mistake[] {
  const wrong: (readonly [title: string, shape: number[], received: string])[] = [
    ["a negative length", [2, -3], "shape [2, -3]"],
    ["half an element", [2.5], "shape [2.5]"],
    ["a length that is no number", [Number.NaN], "shape [NaN]"],
    ["nine axes", [1, 1, 1, 1, 1, 1, 1, 1, 1], "9 axes"],
  ];
  return wrong.map(([title, shape, received]) => ({
    name,
    title,
    call: () => call(shape),
    kind: ShapeError,
    received,
  }));
}

/** Something else than a list where one value is needed for each axis. */
export function whatIsNoList(name: string, call: (list: never) => unknown): Mistake[] {
  const wrong: (readonly [value: unknown, received: string])[] = [
    [3, "3"],
    [undefined, "undefined"],
    [null, "null"],
    [new Int32Array(1), "Int32Array"],
  ];
  return wrong.map(([value, received]) => ({
    name,
    title: `${received} for a list`,
    call: () => call(value as never),
    kind: ShapeError,
    received,
  }));
}

/** A reduction of nothing that has no value. */
export function nothing(name: string): Mistake {
  return {
    name,
    title: "an axis without elements",
    call: () => operation(name)!(ops.zeros([3, 0]), 1),
    kind: ShapeError,
    received: "shape [3, 0]",
  };
}

function pairs(n: number): [number, number][] {
  return Array.from({ length: n }, (_, second) =>
    Array.from({ length: second }, (__, first): [number, number] => [first, second]),
  ).flat();
}

let origins = 0;

function batch(dtype: TensorType["dtype"], index: number): Tensor {
  const trace = {};
  const length = placeholder({ shape: [], dtype: "int32" }, origins++, trace);
  return placeholder({ shape: [32, 3], dtype, extent: { axis: 0, length, factor: 1 } }, index, trace);
}

// ---- Tables --------------------------------------------------------------------------------------------------------

/** Composites of one and of two tensors that behave as elementwise records do. */
const composites: Readonly<Record<string, number>> = {
  logSigmoid: 1,
  relu6: 1,
  leakyRelu: 1,
  elu: 1,
  selu: 1,
  celu: 1,
  gelu: 1,
  silu: 1,
  mish: 1,
  softsign: 1,
  hardSigmoid: 1,
  hardSwish: 1,
  hardTanh: 1,
  tanhShrink: 1,
  threshold: 1,
  glu: 1,
  prelu: 2,
  logicalAnd: 2,
  logicalOr: 2,
  logicalXor: 2,
  clip: 3,
};

/** Operations on integers that take their operands' truth from any dtype. */
const takesTruth = new Set(["logicalNot"]);

/** Reductions over any axes, and over one. */
const reductions: readonly string[] = ["sum", "mean", "prod", "max", "min"];
const measures: readonly string[] = ["variance", "std", "logSumExp"];
const positions: readonly string[] = ["argMax", "argMin"];
const withoutIdentity: readonly string[] = ["mean", "max", "min", "variance", "std", "argMax", "argMin"];
const alongOneAxis: readonly string[] = ["softmax", "logSoftmax", "cumSum", "cumProd", "cumMax", "cumMin"];

/** Operations that move elements, with the arguments behind the tensor. */
const movements: Readonly<Record<string, readonly unknown[]>> = {
  at: [0],
  broadcastTo: [[2, 3]],
  diag: [],
  diagEmbed: [],
  expandDims: [0],
  flatten: [],
  flip: [],
  fullLike: [1],
  matrixTranspose: [],
  onesLike: [],
  pad: [[[1, 1]]],
  permute: [[1, 0]],
  repeat: [2],
  reshape: [[6]],
  roll: [1],
  slice: [[0], [1]],
  split: [1],
  squeeze: [],
  tile: [[2]],
  transpose: [],
  tril: [],
  triu: [],
  unstack: [],
  zerosLike: [],
};

/** Records whose public function takes other arguments than the record's inputs. */
export const ownArguments: ReadonlySet<string> = new Set([
  "cast",
  "polygamma",
  "randomBits",
  "unitFloat",
  "permutedIndex",
]);

/** Elementwise records with a public function of the same name, and how many operands it takes. */
export const elementwiseOperations: ReadonlyMap<string, number> = new Map([
  ...[...primitives().values()]
    .filter(({ name, kind }) => kind === "elementwise" && operation(name) && !ownArguments.has(name))
    .filter(({ name }) => cases[name])
    .map(({ name }): [string, number] => [name, cases[name]![0]!.inputs.length]),
  ...Object.entries(composites),
]);

function isOfIntegers(name: string): boolean {
  return (
    !takesTruth.has(name) &&
    primitives().has(name) &&
    cases[name]!.every(
      (c) => c.dtypes?.every((dtype) => dtype !== "float32") ?? c.inputs[0]!.dtype === "int32",
    )
  );
}

const ofElementwise = [...elementwiseOperations].flatMap(([name, arity]) => {
  const operands = Array.from({ length: arity }, () =>
    ops.zeros([], isOfIntegers(name) ? "int32" : "float32"),
  );
  return [
    ...whatIsNoTensor(name, operands),
    ...shapesThatDoNotMeet(name, operands),
    ...batchesOfTwoOrigins(name, operands),
    ...(isOfIntegers(name) ? floats(name, operands) : []),
  ];
});

const x23 = ops.zeros([2, 3]);

const ofReductions = [
  ...[...reductions, ...measures].flatMap((name) =>
    axes(name, (axis) => operation(name)!(x23, axis), { several: true }),
  ),
  ...[...positions, ...alongOneAxis].flatMap((name) => axes(name, (axis) => operation(name)!(x23, axis))),
  ...withoutIdentity.map(nothing),
  ...[
    ...reductions,
    ...measures,
    ...positions,
    "any",
    "all",
    "cumSum",
    "cumProd",
    "cumMax",
    "cumMin",
  ].flatMap((name) => whatIsNoTensor(name, [x23])),
];

const ofMovement = [
  ...Object.entries(movements).flatMap(([name, rest]) => whatIsNoTensor(name, [x23], rest)),
  ...axes("squeeze", (axis) => ops.squeeze(x23, axis), { several: true }),
  ...axes("flip", (axis) => ops.flip(x23, axis), { several: true }),
  ...axes("expandDims", (axis) => ops.expandDims(x23, axis), { rank: 3 }),
  ...axes("transpose", (axis) => ops.transpose(x23, [axis, 0])),
  ...axes("permute", (axis) => ops.permute(x23, [0, axis])),
  ...axes("flatten", (axis) => ops.flatten(x23, axis)),
  ...axes("concat", (axis) => ops.concat([x23, x23], axis)),
  ...axes("stack", (axis) => ops.stack([x23, x23], axis), { rank: 3 }),
  ...axes("split", (axis) => ops.split(x23, 1, axis)),
  ...axes("unstack", (axis) => ops.unstack(x23, axis)),
  ...axes("roll", (axis) => ops.roll(x23, 1, axis)),
  ...axes("repeat", (axis) => ops.repeat(x23, 2, axis)),
  ...axes("iota", (axis) => ops.iota([2, 3], axis)),
  ...axes("linearRecurrence", (axis) => ops.linearRecurrence(0.5, x23, axis)),
  ...whatIsNoList("zeros", (shape) => ops.zeros(shape)),
  ...whatIsNoList("ones", (shape) => ops.ones(shape)),
  ...whatIsNoList("full", (shape) => ops.full(shape, 1)),
  ...whatIsNoList("iota", (shape) => ops.iota(shape)),
  ...whatIsNoList("uniform", (shape) => ops.uniform(1, shape)),
  ...whatIsNoList("normal", (shape) => ops.normal(1, shape)),
  ...whatIsNoList("reshape", (shape) => ops.reshape(x23, shape)),
  ...whatIsNoList("broadcastTo", (shape) => ops.broadcastTo(x23, shape)),
  ...whatIsNoList("permute", (order) => ops.permute(x23, order)),
  ...whatIsNoList("tile", (repetitions) => ops.tile(x23, repetitions)),
  ...whatIsNoList("pad", (widths) => ops.pad(x23, widths)),
  ...whatIsNoList("slice", (start) => ops.slice(x23, start, [1, 1])),
  ...whatIsNoList("slice", (size) => ops.slice(x23, [0, 0], size)),
  ...lengths("zeros", (shape) => ops.zeros(shape)),
  ...lengths("ones", (shape) => ops.ones(shape)),
  ...lengths("full", (shape) => ops.full(shape, 1)),
  ...lengths("iota", (shape) => ops.iota(shape)),
  ...lengths("broadcastTo", (shape) => ops.broadcastTo(ops.zeros([]), shape)),
  ...lengths("slice", (shape) =>
    ops.slice(
      ops.zeros(shape.map(() => 1).slice(0, 8)),
      shape.map(() => 0),
      shape,
    ),
  ).slice(0, 3),
];

const ofActivations: Mistake[] = [
  ...axes("glu", (axis) => ops.glu(x23, axis)),
  {
    name: "glu",
    title: "an axis of odd length",
    call: () => ops.glu(x23, 1),
    kind: ShapeError,
    received: "shape [2, 3]",
  },
];

const whole = ops.zeros([2], "int32");
const image = ops.zeros([1, 4, 4, 1]);
const kernel = ops.zeros([2, 2, 1, 1]);

/** Operations whose operands all have to be tensors, called with the operands given. */
const ofTensors: Readonly<Record<string, readonly [operands: readonly Tensor[], ...rest: unknown[]]>> = {
  argSort: [[x23]],
  binaryCrossEntropyWithLogits: [[x23, x23]],
  cast: [[x23], "int32"],
  conv1d: [[ops.zeros([1, 4, 1]), ops.zeros([2, 1, 1])]],
  conv2d: [[image, kernel]],
  conv2dTranspose: [[image, kernel]],
  crossEntropy: [[x23, x23]],
  depthwiseConv2d: [[image, kernel]],
  dynamicSlice: [[x23], [0, 0], [1, 1]],
  gather: [[x23, whole]],
  gatherNd: [[x23, ops.zeros([4, 2], "int32")]],
  sort: [[x23]],
  takeAlongAxis: [[x23, ops.zeros([2, 1], "int32")]],
  topK: [[x23], 1],
};

const ofTensorsAlone = Object.entries(ofTensors).flatMap(([name, [operands, ...rest]]) =>
  whatIsNoTensor(name, operands, rest),
);

export const mistakes: readonly Mistake[] = [
  ...ofElementwise,
  ...ofReductions,
  ...ofMovement,
  ...ofTensorsAlone,
  ...ofActivations,
];
