/** Linear algebra against NumPy, on every backend. test/golden/README.md names the fields. */
import { describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { allocateArray } from "../../src/base/dtype.js";
import { ConfigError, type MyelinError, ShapeError } from "../../src/base/errors.js";
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
};

for (const [number, { name, inputs, options, outputs }] of golden<LinalgCase>("numpy-linalg").entries()) {
  if (!computed[name]) continue;
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

const matrix = ops.zeros([2, 3]);

/** [what the user writes, class, message] */
const mistakes: readonly (readonly [
  call: () => unknown,
  kind: new (...args: never[]) => MyelinError,
  message: string,
])[] = [
  [
    () => ops.einsum("ij,j?->i", matrix, matrix),
    ConfigError,
    '[einsum] expected letters, commas, ... and one ->, received "?" at position 4. Here:\n  ij,j?->i\n      ^',
  ],
  [
    () => ops.einsum("ij->ix", matrix),
    ConfigError,
    '[einsum] expected letters of the operands in the result, received "x", which no operand has at position 5. Here:\n  ij->ix\n       ^',
  ],
  [
    () => ops.einsum("ij->ii", matrix),
    ConfigError,
    '[einsum] expected each letter once in the result, received "i" a second time at position 5. Here:\n  ij->ii\n       ^',
  ],
  [
    () => ops.einsum("i->j->k", matrix),
    ConfigError,
    "[einsum] expected one ->, received a second one at position 4. Here:\n  i->j->k\n      ^",
  ],
  [
    () => ops.einsum("ij->i,j", matrix),
    ConfigError,
    "[einsum] expected one result behind ->, received a comma at position 5. Here:\n  ij->i,j\n       ^",
  ],
  [
    () => ops.einsum("...i...", matrix),
    ConfigError,
    "[einsum] expected one ... in a term, received a second one at position 4. Here:\n  ...i...\n      ^",
  ],
  [
    () => ops.einsum("...i->i", matrix),
    ConfigError,
    "[einsum] expected ... in the result, as in the operands, received none at position 7. Here:\n  ...i->i\n         ^",
  ],
  [
    () => ops.einsum("ij,jk->ik", matrix),
    ConfigError,
    '[einsum] expected 2 operands for "ij,jk->ik", received 1. A comma stands between the terms of two operands.',
  ],
  [
    () => ops.einsum("ijk->k", matrix),
    ShapeError,
    '[einsum] expected operand 0 of rank 3 for "ijk", received rank 2. Name each axis by a letter, or the further ones by ....',
  ],
  [
    () => ops.einsum("ij,jk->ik", matrix, matrix),
    ShapeError,
    '[einsum] expected one length for "j", received 3 and 2 (axis 0 of operand 1, [2, 3]).',
  ],
  [
    () => ops.einsum("ii->i", matrix),
    ShapeError,
    '[einsum] expected one length for "i", received 2 and 3 (axis 1 of operand 0, [2, 3]).',
  ],
  [
    () => ops.einsum("i,i"),
    ConfigError,
    '[einsum] expected 2 operands for "i,i", received 0. A comma stands between the terms of two operands.',
  ],
  [
    () => ops.dot(matrix, matrix),
    ShapeError,
    "[dot] expected axis 1 of [2, 3] and axis 0 of [2, 3] to be equally long, received lengths 3 and 2.",
  ],
  [
    () => ops.tensordot(matrix, matrix, 3),
    ConfigError,
    "[tensordot] expected a number of axes from 0 to 2, received 3. The operands have shapes [2, 3] and [2, 3].",
  ],
  [
    () =>
      ops.tensordot(matrix, matrix, [
        [0, 0],
        [0, 1],
      ]),
    ShapeError,
    "[tensordot] expected axes that differ, received axes [0, 0].",
  ],
  [
    () => ops.tensordot(matrix, matrix, [[0], [0, 1]]),
    ConfigError,
    "[tensordot] expected as many axes of the one as of the other, received 1 and 2.",
  ],
  [
    () => ops.diagonal(ops.zeros([3])),
    ShapeError,
    "[diagonal] expected matrices […, rows, columns], received shape [3].",
  ],
  [
    () => ops.trace(matrix, { axes: [1, -1] }),
    ShapeError,
    "[trace] expected two axes that differ, received axes [1, -1].",
  ],
  [
    () => ops.trace(matrix, { offset: 0.5 }),
    ConfigError,
    "[trace] expected an integer offset, received 0.5.",
  ],
];

describe("mistakes", () => {
  it.each(mistakes.map(([call, kind, message]) => ({ call, kind, message })))(
    "$message",
    ({ call, kind, message }) => {
      expect(call).toThrow(kind);
      expect(messageOf(call)).toBe(message);
    },
  );
});

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
}

function arrayOf(values: GoldenArray): NDArray {
  const data = allocateArray(values.dtype, values.data.length);
  data.set(goldenNumbers(values));
  return { shape: values.shape, dtype: values.dtype, data };
}
