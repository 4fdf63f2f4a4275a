/** Systems of equations, and the inverse. */
import type { DType } from "../../base/dtype.js";
import { sizeOf } from "../../base/shape.js";
import { definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { neg } from "../arithmetic.js";
import { type Floating, toFloat } from "../convert.js";
import { matmul } from "../matmul.js";
import { matrixTranspose, reshape, transpose } from "../movement.js";
import { eliminate } from "./lu.js";
import {
  batchExtent,
  checkSquare,
  eachMatrix,
  identityLike,
  Matrix,
  matricesOf,
  matrixFault,
  sameBatch,
} from "./matrices.js";
import { solveWith } from "./triangularSolve.js";

const singular = (index: number, pivot: number) => ({
  expected: "matrices that have an inverse",
  received: `matrix ${index} of the batch, which is singular (pivot ${pivot} is 0)`,
  fix: "Rows or columns depend on each other; lstsq or a small multiple of the identity may be what you want.",
});

const solvePrimitive = definePrimitive<KernelPrimitive>({
  name: "solve",
  kind: "kernel",
  // a [batch…, n, n], b [batch…, n, k] → [batch…, n, k]
  infer: ([a, b]) => ({ ...b!, extent: batchExtent("solve", [a!, b!]) }),
  reference: (inputs, _, outputs) =>
    eachMatrix(inputs, outputs, ([a, b], index) => {
      const { factors, order, zeroAt } = eliminate(a!);
      if (zeroAt !== undefined) throw matrixFault("solve", singular, index, zeroAt);
      const [n, k] = [b!.rows, b!.columns];
      const x = new Matrix(n, k);
      for (let column = 0; column < k; column++) {
        for (let i = 0; i < n; i++) {
          let rest = b!.at(order[i]!, column);
          for (let j = 0; j < i; j++) rest -= factors.at(i, j) * x.at(j, column);
          x.set(i, column, rest);
        }
        for (let i = n - 1; i >= 0; i--) {
          let rest = x.at(i, column);
          for (let j = i + 1; j < n; j++) rest -= factors.at(i, j) * x.at(j, column);
          x.set(i, column, rest / factors.at(i, i));
        }
      }
      return [x.data];
    }),
  words: () => [],
  fault: singular,
  flop: ([a, b]) => {
    const n = a!.shape.at(-1)!;
    return matricesOf(a!) * ((2 / 3) * n ** 3 + 2 * n ** 2 * b!.shape.at(-1)!);
  },
  // b′ = a⁻ᵀ x′, a′ = −b′ xᵀ
  vjp: ({ inputs: [a], outputs: [x], gradients: [g] }) => {
    const toB = createNode(solvePrimitive, [matrixTranspose(a!), g!]);
    return [neg(matmul(toB, matrixTranspose(x!))), toB];
  },
});

/**
 * The solution of `a x = b`, by elimination with row exchanges.
 *
 * Shapes `a […, n, n]`, `b […, n, k]` → `[…, n, k]`, or `b [n]` → `[…, n]`; the axes before broadcast. Dtype: float.
 * @throws {ShapeError} where `a` is not square or `b` does not have as many rows
 * @throws {DataError} when it runs, for a singular matrix, naming its number in the batch
 * @example solve(tensor([[3, 1], [1, 2]]), tensor([9, 8])) // [2, 3]
 */
export function solve(a: Tensor, b: Tensor): Tensor {
  return solveWith("solve", a, b, (matrices, right) => {
    if (matrices.rank === 2 && right.rank > 2 && !right.extent) return solveColumns(matrices, right);
    return createNode(solvePrimitive, sameBatch("solve", matrices, right));
  });
}

/** One matrix for a batch of right sides is factorized once: all of them are its columns. */
function solveColumns(a: Tensor, b: Tensor): Tensor {
  const batch = b.shape.slice(0, -2);
  const [n, k] = b.shape.slice(-2) as [number, number];
  const axes = batch.map((_, axis) => axis);
  const rows = batch.length;
  const columns = reshape(transpose(b, [rows, ...axes, rows + 1]), [n, sizeOf(batch) * k]);
  const x = reshape(createNode(solvePrimitive, [a, columns]), [n, ...batch, k]);
  return transpose(x, [...axes.map((axis) => axis + 1), 0, rows + 1]);
}

/**
 * The inverse of square matrices. To solve equations use `solve(a, b)`: it is faster and more exact than `inverse(a) · b`.
 *
 * Shape `[…, n, n]`. Dtype: float.
 * @throws {ShapeError} where the matrices are not square
 * @throws {DataError} when it runs, for a singular matrix, naming its number in the batch
 * @example inverse(tensor([[2, 1], [1, 1]])) // [[1, -1], [-1, 2]]
 */
export function inverse<D extends DType>(a: Tensor<D>): Tensor<Floating<D>> {
  const matrices = toFloat("inverse", a);
  checkSquare("inverse", matrices);
  const operands = sameBatch("inverse", matrices, identityLike(matrices));
  return createNode(solvePrimitive, operands) as Tensor<Floating<D>>;
}
