/** The Cholesky factor. */
import type { DType } from "../../base/dtype.js";
import { definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { type Floating, toFloat } from "../convert.js";
import { matmul } from "../matmul.js";
import { matrixTranspose } from "../movement.js";
import {
  batchExtent,
  eachMatrix,
  lowerHalf,
  Matrix,
  matricesOf,
  matrixFault,
  symmetric,
  toLowerTriangle,
} from "./matrices.js";
import { triangularSolve } from "./triangularSolve.js";

const notPositiveDefinite = (index: number, pivot: number) => ({
  expected: "positive definite matrices",
  received: `matrix ${index} of the batch, whose leading part of ${pivot + 1} rows is not`,
  fix: "Where rounding is to blame, add a small multiple of the identity.",
});

const choleskyPrimitive = definePrimitive<KernelPrimitive>({
  name: "cholesky",
  kind: "kernel",
  // Only the lower triangle is read; the public function makes the matrix symmetric first.
  infer: ([a]) => ({ ...a!, extent: batchExtent("cholesky", [a!]) }),
  reference: (inputs, _, outputs) =>
    eachMatrix(inputs, outputs, ([a], index) => {
      const n = a!.rows;
      const l = new Matrix(n, n);
      for (let j = 0; j < n; j++) {
        for (let i = j; i < n; i++) {
          let rest = a!.at(i, j);
          for (let k = 0; k < j; k++) rest -= l.at(i, k) * l.at(j, k);
          if (i === j && rest <= n * Number.EPSILON * Math.abs(a!.at(j, j))) {
            throw matrixFault("cholesky", notPositiveDefinite, index, j);
          }
          l.set(i, j, i === j ? Math.sqrt(rest) : rest / l.at(j, j));
        }
      }
      return [l.data];
    }),
  words: () => [],
  fault: notPositiveDefinite,
  flop: ([a]) => (matricesOf(a!) * a!.shape.at(-1)! ** 3) / 3,
  // A′ = L⁻ᵀ Φ(Lᵀ L′) L⁻¹ with Φ the lower half (Murray 2016, arXiv:1602.07527, eq. 10)
  vjp: ({ outputs: [l], gradients: [g] }) => {
    const inner = lowerHalf(matmul(matrixTranspose(l!), g!));
    const options = { transpose: true };
    const left = triangularSolve(l!, inner, options);
    const whole = matrixTranspose(triangularSolve(l!, matrixTranspose(left), options));
    return [toLowerTriangle(whole)];
  },
});

/**
 * The Cholesky factor of symmetric positive definite matrices: the lower triangular `L` with a positive diagonal and
 * `L · Lᵀ = a`.
 *
 * Shape `[…, n, n]`. Dtype: float. Of a matrix that is not symmetric the symmetric part `(a + aᵀ) / 2` is taken, so that the
 * gradient is symmetric too.
 * @throws {ShapeError} where the matrices are not square
 * @throws {DataError} when it runs, for a matrix that is not positive definite, naming its number in the batch
 * @example cholesky(tensor([[4, 2], [2, 5]])) // [[2, 0], [1, 2]]
 */
export function cholesky<D extends DType>(a: Tensor<D>): Tensor<Floating<D>> {
  const matrices = symmetric("cholesky", toFloat("cholesky", a));
  return createNode(choleskyPrimitive, [matrices]) as Tensor<Floating<D>>;
}
