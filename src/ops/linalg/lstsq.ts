/** Least squares. */
import { ShapeError } from "../../base/errors.js";
import { formatShape } from "../../base/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { toFloats } from "../convert.js";
import { matmul } from "../matmul.js";
import { expandDims, matrixTranspose, squeeze } from "../movement.js";
import { checkMatrices } from "./matrices.js";
import { qr } from "./qr.js";
import { solveTriangle } from "./triangularSolve.js";

/**
 * The `x` for which `‖a x − b‖` is smallest, by QR; where several solve `a x = b` exactly (fewer rows than columns), the
 * shortest of them.
 *
 * Shapes `a […, m, n]`, `b […, m, k]` → `[…, n, k]`, or `b [m]` → `[…, n]`; the axes before broadcast. Dtype: float. `a` must have
 * full rank to the precision of its dtype.
 * @throws {ShapeError} where `a` has fewer than two axes or `b` does not have as many rows
 * @throws {DataError} when it runs, for a matrix without full rank, naming its number in the batch
 * @example lstsq(tensor([[1, 0], [1, 1], [1, 2]]), tensor([1, 3, 5])) // [1, 2]
 */
export function lstsq(a: Tensor, b: Tensor): Tensor {
  const [matrices, right] = toFloats("lstsq", [a, b]) as [Tensor, Tensor];
  checkMatrices("lstsq", matrices);
  const [m, n] = matrices.shape.slice(-2) as [number, number];
  const isVector = right.rank === 1;
  if (right.rank === 0 || right.shape.at(isVector ? -1 : -2) !== m) {
    throw new ShapeError({
      who: "lstsq",
      expected: `right sides of ${m} rows […, ${m}, columns], or a vector [${m}]`,
      received: `shape ${formatShape(right.shape)}`,
    });
  }
  const columns = isVector ? expandDims(right, -1) : right;
  const tolerance = Math.max(m, n) * (matrices.dtype === "float64" ? Number.EPSILON : 2 ** -23);
  const upper = (transpose: boolean) => ({ lower: false, transpose });
  let x: Tensor;
  if (m >= n) {
    const { q, r } = qr(matrices);
    x = solveTriangle("lstsq", r, matmul(matrixTranspose(q), columns), upper(false), tolerance);
  } else {
    const { q, r } = qr(matrixTranspose(matrices)); // aᵀ = q r, so the shortest x is q r⁻ᵀ b
    x = matmul(q, solveTriangle("lstsq", r, columns, upper(true), tolerance));
  }
  return isVector ? squeeze(x, -1) : x;
}
