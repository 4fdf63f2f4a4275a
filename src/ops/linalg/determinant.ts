/** Determinants. */
import type { DType } from "../../base/dtype.js";
import { definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { add, mul } from "../arithmetic.js";
import { type Floating, toFloat } from "../convert.js";
import { expandDims, matrixTranspose } from "../movement.js";
import { results } from "../pick.js";
import { eliminate } from "./lu.js";
import { batchExtent, batchOf, checkSquare, eachMatrix, matricesOf } from "./matrices.js";
import { inverse } from "./solve.js";

const determinantPrimitive = definePrimitive<KernelPrimitive>({
  name: "determinant",
  kind: "kernel",
  // a [batch…, n, n] → det, sign, log |det| [batch…]
  infer: ([a]) => {
    const one = { shape: batchOf(a!.shape), dtype: a!.dtype, extent: batchExtent("determinant", [a!]) };
    return [one, one, one];
  },
  reference: (inputs, _, outputs) =>
    eachMatrix(inputs, outputs, ([a]) => {
      const { factors, sign, zeroAt } = eliminate(a!);
      if (zeroAt !== undefined) return [[0], [0], [Number.NEGATIVE_INFINITY]];
      let [whole, direction, logarithm] = [sign, sign, 0];
      for (let i = 0; i < factors.rows; i++) {
        const pivot = factors.at(i, i);
        whole *= pivot;
        direction *= Math.sign(pivot);
        logarithm += Math.log(Math.abs(pivot));
      }
      return [[whole], [direction], [logarithm]];
    }),
  words: () => [],
  flop: ([a]) => (2 / 3) * matricesOf(a!) * a!.shape.at(-1)! ** 3,
  // ∂ det = det · a⁻ᵀ, ∂ log |det| = a⁻ᵀ; the sign is constant
  vjp: ({ inputs: [a], outputs: [det], gradients: [toDet, , toLogarithm] }) => {
    const scaled = toDet && mul(toDet, det!);
    const factor = scaled && toLogarithm ? add(scaled, toLogarithm) : (scaled ?? toLogarithm);
    if (!factor) return [null];
    return [mul(expandDims(expandDims(factor, -1), -1), matrixTranspose(inverse(a!)))];
  },
});

/**
 * The determinant of square matrices; of a singular one it is 0.
 *
 * Shape `[…, n, n] → […]`. Dtype: float. Large matrices soon leave the range of float32: see `slogDet`. The gradient
 * `det · a⁻ᵀ` needs an inverse and is a `DataError` where there is none.
 * @throws {ShapeError} where the matrices are not square
 * @example det(tensor([[1, 2], [3, 4]])) // -2
 */
export function det<D extends DType>(a: Tensor<D>): Tensor<Floating<D>> {
  return determinant("det", a)[0]! as Tensor<Floating<D>>;
}

/** The results of `slogDet`. */
export interface SignAndLogarithm {
  /** −1, 0 or 1. */
  readonly sign: Tensor;
  /** `log |det a|`, −∞ for a singular matrix. */
  readonly logAbsDet: Tensor;
}

/**
 * Sign and logarithm of the magnitude of the determinant: `det a = sign · exp(logAbsDet)`, also where that leaves the range
 * of floats.
 *
 * Shapes `[…, n, n] → […]` twice. Dtype: float.
 * @throws {ShapeError} where the matrices are not square
 * @example slogDet(tensor([[1, 2], [3, 4]])).logAbsDet // 0.6931
 */
export function slogDet(a: Tensor): SignAndLogarithm {
  const [, sign, logAbsDet] = determinant("slogDet", a);
  return { sign: sign!, logAbsDet: logAbsDet! };
}

function determinant(who: string, a: Tensor): Tensor[] {
  const matrices = toFloat(who, a);
  checkSquare(who, matrices);
  return results(createNode(determinantPrimitive, [matrices]));
}
