/** Values and gradients that NumPy, PyTorch and Keras compute, on every backend. test/golden/README.md names the fields. */
import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import { allocateArray } from "../../src/base/dtype.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { type GoldenArray, type GoldenArrays, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectClose, expectCloseValues } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { operation } from "./mistakes.js";

const { add, matmul, mean, mul, relu, slice, square, stack, sub, sum, tanh } = ops;

/** Operands by name. */
type Named = Readonly<Record<string, Tensor>>;

/** Everything a case may say; each reads what it needs. */
interface Options {
  readonly axis?: number;
  readonly keepDims?: boolean;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly shape?: number[];
  readonly depth?: number;
  readonly permutation?: number[];
  readonly start?: number[];
  readonly size?: number[];
  readonly padding?: [number, number][];
  readonly repetitions?: number[];
  readonly mode?: ops.PadMode;
  readonly value?: number;
  readonly shift?: number | number[];
  readonly offset?: number;
  readonly indexing?: "xy" | "ij";
  readonly times?: number | number[];
  readonly parts?: number | ops.AxisPart[];
  readonly which?: number;
  readonly correction?: number;
  readonly length?: number;
  readonly bins?: number | number[];
  readonly range?: [number, number];
  readonly epsilon?: number;
}

/** Options of Keras's layers. */
interface LayerOptions {
  readonly strides?: ops.Pair;
  readonly padding?: "valid" | "same";
  readonly dilationRate?: ops.Pair;
  readonly groups?: number;
  readonly activation?: string;
  readonly poolSize?: ops.Pair;
}

interface NumpyCase {
  readonly name: string;
  readonly inputs: GoldenArrays;
  readonly options?: Options;
  readonly output: GoldenArray;
}

interface ElementwiseCase {
  readonly name: string;
  readonly x: GoldenArray;
  readonly output: GoldenArray;
  readonly gradient: GoldenArray;
}

interface TorchCase {
  readonly name: string;
  readonly inputs: GoldenArrays;
  readonly constants?: GoldenArrays;
  readonly options?: Options;
  readonly value: number;
  readonly gradients: GoldenArrays;
}

interface LayerCase {
  readonly name: string;
  readonly options: LayerOptions;
  readonly x: GoldenArray;
  readonly weights: GoldenArrays;
  readonly upstream: GoldenArray;
  readonly output: GoldenArray;
  readonly gradients: GoldenArrays;
}

const everywhere = [referenceBackend, ...backends];

// ---- NumPy ---------------------------------------------------------------------------------------------------------

type Binary = (a: Tensor, b: Tensor) => Tensor;
type Reduction = (x: Tensor, axis?: number, options?: ops.ReduceOptions) => Tensor;

/** What a case of each name computes. */
const numpy: Readonly<Record<string, (inputs: Named, options: Options) => Tensor>> = {
  ...each(binary, { add, sub, mul, div: ops.div, maximum: ops.maximum, minimum: ops.minimum, pow: ops.pow }),
  ...each(binary, { floorDiv: ops.floorDiv, mod: ops.mod, equal: ops.equal, notEqual: ops.notEqual }),
  ...each(binary, {
    less: ops.less,
    lessEqual: ops.lessEqual,
    greater: ops.greater,
    greaterEqual: ops.greaterEqual,
  }),
  ...each(binary, { logicalAnd: ops.logicalAnd, logicalOr: ops.logicalOr, logicalXor: ops.logicalXor }),
  where: ({ condition, x, y }) => ops.where(condition!, x!, y!),
  matmul: ({ a, b }, { transposeA, transposeB }) =>
    matmul(transposeA ? ops.matrixTranspose(a!) : a!, transposeB ? ops.matrixTranspose(b!) : b!),
  ...each(reduction, { sum, mean, max: ops.max, min: ops.min, prod: ops.prod, any: ops.any, all: ops.all }),
  variance: ({ x }, { axis, keepDims = false, correction = 0 }) =>
    ops.variance(x!, axis, { keepDims, correction }),
  std: ({ x }, { axis, keepDims = false, correction = 0 }) => ops.std(x!, axis, { keepDims, correction }),
  ...each(reduction, { logSumExp: ops.logSumExp }),
  bincount: ({ x, weights }, { length }) => ops.bincount(x!, length!, weights ? { weights } : {}),
  histogram: ({ x, weights }, { bins, range }) =>
    ops.histogram(x!, bins!, { ...(range ? { range } : {}), ...(weights ? { weights } : {}) }).counts,
  ...each(reduction, { argMax: ops.argMax, argMin: ops.argMin }),
  gather: ({ x, indices }, { axis }) => ops.gather(x!, indices!, axis),
  scatterAdd: ({ indices, updates }, { shape }) => ops.scatterAdd(indices!, updates!, shape![0]!),
  oneHot: ({ indices }, { depth }) => ops.oneHot(indices!, depth!),
  transpose: ({ x }, { permutation }) => ops.transpose(x!, permutation),
  reshape: ({ x }, { shape }) => ops.reshape(x!, shape!),
  concat: ({ a, b }, { axis }) => ops.concat([a!, b!], axis),
  stack: ({ a, b }, { axis }) => stack([a!, b!], axis),
  flip: ({ x }, { axis }) => ops.flip(x!, axis),
  slice: ({ x }, { start, size }) => slice(x!, start!, size!),
  pad: ({ x }, { padding, mode = "constant", value = 0 }) => ops.pad(x!, padding!, { mode, value }),
  roll: ({ x }, { shift, axis }) => ops.roll(x!, shift!, axis),
  diag: ({ x }, { offset = 0 }) => ops.diag(x!, { offset }),
  tril: ({ x }, { offset = 0 }) => ops.tril(x!, { offset }),
  triu: ({ x }, { offset = 0 }) => ops.triu(x!, { offset }),
  meshgrid: ({ a, b }, { indexing = "xy" }) => stack(ops.meshgrid([a!, b!], { indexing })),
  repeat: ({ x }, { times, axis }) => ops.repeat(x!, times!, axis),
  split: ({ x }, { parts, axis }) => ops.split(x!, parts as number, axis)[1]!,
  unstack: ({ x }, { which, axis }) => ops.unstack(x!, axis)[which!]!,
  at: ({ x }, { parts }) => ops.at(x!, ...(parts as ops.AxisPart[])),
  tile: ({ x }, { repetitions }) => ops.tile(x!, repetitions!),
  broadcastTo: ({ x }, { shape }) => ops.broadcastTo(x!, shape!),
  cumSum: ({ x }, { axis }) => ops.cumSum(x!, axis),
  cumProd: ({ x }, { axis }) => ops.cumProd(x!, axis),
  cumMax: ({ x }, { axis }) => ops.cumMax(x!, axis),
  cumMin: ({ x }, { axis }) => ops.cumMin(x!, axis),
};

/** A table of functions of one kind, each called as the cases say. */
function each<F, R>(call: (fn: F) => R, functions: Readonly<Record<string, F>>): Record<string, R> {
  return Object.fromEntries(Object.entries(functions).map(([name, fn]) => [name, call(fn)]));
}

function binary(fn: Binary) {
  return ({ a, b }: Named) => fn(a!, b!);
}

function reduction(fn: Reduction) {
  return ({ x }: Named, { axis, keepDims }: Options) => fn(x!, axis, { keepDims: keepDims ?? false });
}

for (const file of ["numpy-elementwise", "numpy-matmul", "numpy-reductions", "numpy-movement"]) {
  describe(file, () => {
    for (const [number, { name, inputs, options = {}, output }] of golden<NumpyCase>(file).entries()) {
      it.each(everywhere)(`$name: ${name} ${number} ${JSON.stringify(options)}`, (on) => {
        const names = Object.keys(inputs);
        const compute = numpy[name];
        expect(compute, `the table of this test has no ${name}`).toBeDefined();
        const [actual] = evaluate(
          Object.values(inputs).map(arrayOf),
          (operands) => [compute!(named(names, operands), options)],
          { on },
        );
        expectClose(actual!, arrayOf(output));
      });
    }
  });
}

// ---- PyTorch -------------------------------------------------------------------------------------------------------

/** Cases that call an operation with arguments of its own; the others are called by their name. */
const elementwise: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  angle: (x) => ops.atan2(x, 0),
  celu: (x) => ops.celu(x, 1.5),
  clip: (x) => ops.clip(x, -1, 1),
  cube: (x) => ops.pow(x, 3),
  geluApproximate: (x) => ops.gelu(x, { approximate: true }),
  largerOf0: (x) => ops.maximum(x, 0),
  one: (x) => ops.pow(x, 0),
  polygamma4: (x) => ops.polygamma(4, x),
  powerOf0: (x) => ops.pow(0, x),
  powerOf2: (x) => ops.pow(2, x),
  smallerOf0: (x) => ops.minimum(x, 0),
  square2: (x) => ops.pow(x, 2),
  threshold: (x) => ops.threshold(x, 0.5, -1),
  trigamma: (x) => ops.polygamma(1, x),
};

describe("torch-elementwise", () => {
  for (const { name, x, output, gradient } of golden<ElementwiseCase>("torch-elementwise")) {
    const compute = elementwise[name] ?? (operation(name) as (x: Tensor) => Tensor);
    it.each(everywhere)(`$name: ${name} and its derivative`, (on) => {
      const [value, slope] = evaluate(
        [arrayOf(x)],
        ([t]) => {
          const y = compute(t!);
          return [y, vjp([y], [t!])[0]!];
        },
        { on },
      );
      expectClose(value!, arrayOf(output));
      expectClose(slope!, arrayOf(gradient));
    });
  }
});

/** The scalar of each case. */
const models: Readonly<Record<string, (inputs: Named, constants: Named, options: Options) => Tensor>> = {
  mlpCrossEntropy: ({ x, kernel1, bias1, kernel2, bias2 }, { labels }) => {
    const hidden = relu(add(matmul(x!, kernel1!), bias1!));
    return mean(ops.sparseCrossEntropy(add(matmul(hidden, kernel2!), bias2!), labels!));
  },
  convolutionNetwork: ({ x, kernel1, bias1, kernel2, bias2, kernel3 }, { labels }) => {
    const first = ops.maxPool2d(relu(add(ops.conv2d(x!, kernel1!), bias1!))); // [2, 3, 3, 3]
    const second = tanh(add(ops.conv2d(first, kernel2!), bias2!)); // [2, 2, 2, 4]
    return mean(ops.sparseCrossEntropy(matmul(ops.flatten(second, 1), kernel3!), labels!));
  },
  softmax: ({ x }, { upstream }, { axis }) => sum(mul(ops.softmax(x!, axis), upstream!)),
  logSoftmax: ({ x }, { upstream }, { axis }) => sum(mul(ops.logSoftmax(x!, axis), upstream!)),
  tanhRecurrence: ({ x, kernel, recurrent, bias }, { target }) => {
    let state: Tensor = ops.zeros([3, 5]);
    const states = [0, 1, 2, 3].map((t) => {
      const element = ops.squeeze(slice(x!, [0, t, 0], [3, 1, 2]), 1);
      state = tanh(add(add(matmul(element, kernel!), matmul(state, recurrent!)), bias!));
      return state;
    });
    return mean(square(sub(stack(states, 1), target!)));
  },
  gradientPenalty: ({ x, kernel }) => {
    const [first] = vjp([sum(square(tanh(matmul(x!, kernel!))))], [x!]);
    return sum(square(first!));
  },
  layerNormalization: ({ x, gamma, beta }, { upstream }, { epsilon }) => {
    const centred = sub(x!, mean(x!, -1, { keepDims: true }));
    const scale = ops.rsqrt(add(ops.variance(x!, -1, { keepDims: true }), epsilon!));
    return sum(mul(add(mul(mul(centred, scale), gamma!), beta!), upstream!));
  },
  causalAttention: ({ query, key, value }, { upstream }) => {
    const scores = mul(matmul(query!, ops.matrixTranspose(key!)), 1 / Math.sqrt(3)); // [2, 4, 4]
    const future = ops.greater(ops.iota([4, 4], 1), ops.iota([4, 4], 0));
    return sum(mul(matmul(ops.softmax(ops.where(future, -Infinity, scores)), value!), upstream!));
  },
};

describe("torch-gradients", () => {
  for (const { name, inputs, constants = {}, options = {}, value, gradients } of golden<TorchCase>(
    "torch-gradients",
  )) {
    it.each(everywhere)(`$name: ${name} ${JSON.stringify(options)}`, (on) => {
      const names = Object.keys(inputs);
      const [actual, ...slopes] = evaluate(
        [...Object.values(inputs), ...Object.values(constants)].map(arrayOf),
        (operands) => {
          const variables = operands.slice(0, names.length);
          const fixed = named(Object.keys(constants), operands.slice(names.length));
          const scalar = models[name]!(named(names, variables), fixed, options);
          return [scalar, ...vjp([scalar], variables).map((gradient) => gradient!)];
        },
        { on },
      );
      expectCloseValues(actual!.data, [value]);
      slopes.forEach((slope, i) => {
        expectClose(slope, arrayOf(gradients[names[i]!]!), { relative: 1e-4, absolute: 2e-6 });
      });
    });
  }
});

// ---- Keras ---------------------------------------------------------------------------------------------------------

const keras: Readonly<Record<string, (x: Tensor, weights: Named, options: LayerOptions) => Tensor>> = {
  conv2d: (x, { kernel, bias }, { strides, padding, dilationRate, groups, activation }) => {
    const y = ops.conv2d(x, kernel!, {
      strides: strides ?? 1,
      padding: padding ?? "valid",
      dilation: dilationRate ?? 1,
      groups: groups ?? 1,
    });
    const shifted = bias ? add(y, bias) : y;
    return activation === "relu" ? relu(shifted) : shifted;
  },
  maxPooling2d: (x, _, { poolSize, strides, padding }) =>
    ops.maxPool2d(x, { size: poolSize ?? 2, strides: strides ?? poolSize ?? 2, padding: padding ?? "valid" }),
};

for (const file of ["keras-convolution", "keras-pooling"]) {
  describe(file, () => {
    for (const [number, { name, options, x, weights, upstream, output, gradients }] of golden<LayerCase>(
      file,
    ).entries()) {
      it.each(everywhere)(`$name: ${name} ${number} ${JSON.stringify(options)}`, (on) => {
        const names = Object.keys(weights);
        const [actual, ...slopes] = evaluate(
          [x, upstream, ...Object.values(weights)].map(arrayOf),
          ([input, seed, ...variables]) => {
            const y = keras[name]!(input!, named(names, variables), options);
            return [y, ...vjp([y], [input!, ...variables], [seed!]).map((gradient) => gradient!)];
          },
          { on },
        );
        expectClose(actual!, arrayOf(output), { absolute: 1e-5 });
        ["x", ...names].forEach((which, i) => {
          expectClose(slopes[i]!, arrayOf(gradients[which]!), { absolute: 1e-5 });
        });
      });
    }
  });
}

function arrayOf(values: GoldenArray): NDArray {
  const data = allocateArray(values.dtype, values.data.length);
  data.set(goldenNumbers(values));
  return { shape: values.shape, dtype: values.dtype, data };
}

function named(names: readonly string[], tensors: readonly Tensor[]): Named {
  return Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
}
