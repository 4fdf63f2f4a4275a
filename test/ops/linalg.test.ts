/** Linear algebra against NumPy, on every backend. test/golden/README.md names the fields. */
import { describe, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { allocateArray } from "../../src/base/dtype.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { type GoldenArray, type GoldenArrays, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";

interface Options {
  readonly equation?: string;
  readonly axes?: number | [number[], number[]] | [number, number];
  readonly axis?: number | number[];
  readonly offset?: number;
  readonly keepDims?: boolean;
  readonly order?: number | "Infinity" | "-Infinity" | "frobenius" | "nuclear";
}

interface LinalgCase {
  readonly name: string;
  readonly inputs: GoldenArrays;
  readonly options: Options;
  readonly outputs: GoldenArrays;
}

type Compute = (inputs: readonly Tensor[], options: Options) => Readonly<Record<string, Tensor>>;

const computed: Readonly<Record<string, Compute>> = {
  einsum: (operands, { equation }) => ({ y: ops.einsum(equation!, ...operands) }),
  dot: ([a, b]) => ({ y: ops.dot(a!, b!) }),
  outer: ([a, b]) => ({ y: ops.outer(a!, b!) }),
  tensordot: ([a, b], { axes }) => ({ y: ops.tensordot(a!, b!, axes!) }),
  diagonal: ([x], options) => ({ y: ops.diagonal(x!, options as ops.DiagonalOptions) }),
  trace: ([x], options) => ({ y: ops.trace(x!, options as ops.DiagonalOptions) }),
  cholesky: ([a]) => ({ l: ops.cholesky(a!) }),
  solve: ([a, b]) => ({ x: ops.solve(a!, b!) }),
  inverse: ([a]) => ({ y: ops.inverse(a!) }),
  det: ([a]) => ({ y: ops.det(a!) }),
  slogDet: ([a]) => ({ ...ops.slogDet(a!) }),
  eigh: ([a]) => {
    const { values, vectors } = ops.eigh(a!);
    const scaled = ops.mul(vectors, ops.expandDims(ops.exp(values), -2));
    return { values, exponential: ops.matmul(scaled, ops.matrixTranspose(vectors)) };
  },
  qr: ([a]) => ({ ...ops.qr(a!) }),
  svd: ([a]) => {
    const { u, s, vh } = ops.svd(a!, { fullMatrices: false });
    return { s, polar: ops.matmul(u, vh) };
  },
  norm: ([x], { axis, order, keepDims = false }) => ({
    y: ops.norm(x!, axis, {
      keepDims,
      ...(order === undefined
        ? {}
        : { order: order === "Infinity" || order === "-Infinity" ? Number(order) : order }),
    }),
  }),
  lstsq: ([a, b]) => ({ x: ops.lstsq(a!, b!) }),
};

for (const [number, { name, inputs, options, outputs }] of golden<LinalgCase>("numpy-linalg").entries()) {
  describe(`${name} ${number} ${JSON.stringify(options)}`, () => {
    it.each([referenceBackend, ...backends])("$name", (on) => {
      const names = Object.keys(outputs);
      const results = evaluate(
        Object.values(inputs).map(arrayOf),
        (operands) => {
          const values = computed[name]!(operands, options);
          return names.map((output) => values[output]!);
        },
        { on },
      );
      results.forEach((result, i) => {
        expectClose(result, arrayOf(outputs[names[i]!]!), { relative: 2e-5, absolute: 2e-6 });
      });
    });
  });
}

function arrayOf(values: GoldenArray): NDArray {
  const data = allocateArray(values.dtype, values.data.length);
  data.set(goldenNumbers(values));
  return { shape: values.shape, dtype: values.dtype, data };
}
