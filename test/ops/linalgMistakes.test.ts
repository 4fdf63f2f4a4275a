/** Mistakes with linear algebra and the notation of einsum: which error, and what it says. */
import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { ConfigError, type MyelinError, ShapeError } from "../../src/base/errors.js";
import * as ops from "../../src/ops/index.js";
import { placeholder } from "../../src/ops/leaf.js";

const matrix = ops.zeros([2, 3]);
/** An argument whose axis has a run-time length. */
const batchAs = (shape: readonly number[], axis: number) => {
  const length = placeholder({ shape: [], dtype: "int32" }, 1, {});
  return placeholder({ shape, dtype: "float32", extent: { axis, length, factor: 1 } }, 0, {});
};

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
    () => ops.tensordot(matrix, matrix, [1] as never),
    ShapeError,
    "[tensordot] expected a list of two lists of axes, received a list of 1. The first names axes of a, the second those of b that they meet.",
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
  [
    () => ops.cholesky(matrix),
    ShapeError,
    "[cholesky] expected square matrices […, n, n], received shape [2, 3]. For more equations than unknowns, or fewer, use lstsq(a, b).",
  ],
  [
    () => ops.det(ops.zeros([3])),
    ShapeError,
    "[det] expected square matrices […, n, n], received shape [3].",
  ],
  [
    () => ops.solve(ops.zeros([2, 2]), ops.zeros([3])),
    ShapeError,
    "[solve] expected right sides of 2 rows […, 2, columns], or a vector [2], received shape [3].",
  ],
  [
    () => ops.triangularSolve(ops.zeros([3, 2, 2]), ops.zeros([3, 2])),
    ShapeError,
    "[triangularSolve] expected right sides of 2 rows […, 2, columns], or a vector [2], received shape [3, 2]. A batch of vectors needs an axis: expandDims(b, -1).",
  ],
  [
    () => ops.solve(ops.zeros([4, 2, 2]), ops.zeros([3, 2, 1])),
    ShapeError,
    "[solve] expected shapes that broadcast (equal lengths or 1, aligned at the last axis), received [4] and [3]. Axis -1 has lengths 4 and 3; reshape or expandDims one of them.",
  ],
  [
    () => ops.lstsq(matrix, ops.zeros([3])),
    ShapeError,
    "[lstsq] expected right sides of 2 rows […, 2, columns], or a vector [2], received shape [3].",
  ],
  [
    () => ops.svd(ops.zeros([3])),
    ShapeError,
    "[svd] expected matrices […, rows, columns], received shape [3].",
  ],
  [
    () => ops.qr(matrix, { mode: "economic" as "reduced" }),
    ConfigError,
    '[qr] expected mode "reduced" or "complete", received economic.',
  ],
  [
    () => ops.norm(matrix, [0, 1], { order: 3 }),
    ConfigError,
    "[norm] expected an order of matrices (frobenius, nuclear, 2, -2, 1, -1, Infinity, -Infinity), received 3. For vectors along several axes, merge these with reshape first.",
  ],
  [
    () => ops.norm(matrix, 0, { order: "nuclear" }),
    ConfigError,
    "[norm] expected a number as order of a vector, received nuclear.",
  ],
  [
    () => ops.norm(ops.zeros([2, 3, 4]), undefined, { order: 1 }),
    ShapeError,
    "[norm] expected one axis (vectors) or two (matrices) beside an order, received 3 axes of shape [2, 3, 4]. Name the axes: norm(x, axis, { order }).",
  ],
  [
    () => ops.norm(ops.zeros([2, 0]), 1, { order: Infinity }),
    ShapeError,
    "[norm] expected at least one element along axis 1 for order Infinity, received shape [2, 0]. The largest or smallest of nothing is not defined.",
  ],
  [
    () => ops.einsum(matrix as unknown as string, matrix),
    ConfigError,
    '[einsum] expected the notation first, as in einsum("ij,jk->ik", a, b), received a tensor.',
  ],
  [
    () => ops.trace(matrix, { axes: [0] as unknown as [number, number] }),
    ShapeError,
    "[trace] expected two axes that differ, received axes [0].",
  ],
  [
    () => ops.eigh(batchAs([3, 3], 0)),
    ShapeError,
    "[eigh] expected matrices whose numbers of rows and columns are known, received axis 0 of [3, 3], whose length is known at run time only. Only the axes before the last two may be a batch of run-time length.",
  ],
  [
    () => {
      const a = ops.zeros([3, 2]);
      return vjp([ops.qr(a, { mode: "complete" }).q], [a]);
    },
    ConfigError,
    '[qr] expected mode "reduced" where a gradient is asked for, received a gradient for mode "complete". The columns that complete the basis may be any, so they have no derivative.',
  ],
];

describe("linear algebra refuses", () => {
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
