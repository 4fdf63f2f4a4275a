/** Products of tensors over chosen axes, and the sum of a diagonal: all of them `matmul`, views and sums. */
import { ConfigError, ShapeError } from "../../base/errors.js";
import { checkList, formatShape, normalizeAxes, normalizeAxis, sizeOf } from "../../base/shape.js";
import type { Tensor, TensorLike } from "../../graph/tensor.js";
import { mul } from "../arithmetic.js";
import { toFloats } from "../convert.js";
import { matmul } from "../matmul.js";
import { reshape, transpose } from "../movement.js";
import { sum } from "../reduce.js";
import { type DiagonalOptions, diagonalOf } from "./diagonal.js";

/**
 * Product as NumPy's `dot`: of two vectors the number `Σ aᵢ bᵢ`, of matrices their product, with a scalar the multiple;
 * else the sum over the last axis of `a` and the last but one of `b`.
 *
 * Shapes `[A…, K] · [B…, K, N] → [A…, B…, N]` (a vector counts as `[K]` on both sides). Dtype: float. For batches of
 * matrices use `matmul`.
 * @throws {ShapeError} where the inner lengths differ
 * @example dot(tensor([1, 2, 3]), tensor([4, 5, 6])) // 32
 */
export function dot(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = toFloats("dot", [a, b]) as [Tensor, Tensor];
  if (left.rank === 0 || right.rank === 0) return mul(left, right);
  return contract("dot", left, right, [left.rank - 1], [Math.max(0, right.rank - 2)]);
}

/**
 * All products of an element of `a` with one of `b`: `result[i, j] = a[i] · b[j]`, both flattened first.
 *
 * Shape `[size of a, size of b]`. Dtype: float.
 * @example outer(tensor([1, 2]), tensor([3, 4, 5])) // [[3, 4, 5], [6, 8, 10]]
 */
export function outer(a: TensorLike, b: TensorLike): Tensor {
  const [left, right] = toFloats("outer", [a, b]) as [Tensor, Tensor];
  return mul(reshape(left, [left.size, 1]), reshape(right, [1, right.size]));
}

/**
 * Sum of products over pairs of axes.
 *
 * Shape: the other axes of `a`, then those of `b`. Dtype: float.
 * @param axes how many: the last ones of `a` with the first ones of `b` (2 unless given); or which, `[axes of a, axes of b]`
 * @throws {ShapeError} where paired axes differ in length, or an axis is out of range or named twice
 * @throws {ConfigError} where the two lists differ in length
 * @example tensordot(tensor([[1, 2], [3, 4]]), tensor([[5, 6], [7, 8]]), [[0], [1]]) // [[23, 31], [34, 46]]
 */
export function tensordot(
  a: TensorLike,
  b: TensorLike,
  axes: number | readonly [number | readonly number[], number | readonly number[]] = 2,
): Tensor {
  const [left, right] = toFloats("tensordot", [a, b]) as [Tensor, Tensor];
  if (typeof axes !== "number") {
    checkList("tensordot", "two lists of axes", axes);
    if (axes.length !== 2) {
      throw new ShapeError({
        who: "tensordot",
        expected: "a list of two lists of axes",
        received: `a list of ${axes.length}`,
        fix: "The first names axes of a, the second those of b that they meet.",
      });
    }
    return contract("tensordot", left, right, listOf(axes[0]), listOf(axes[1]));
  }
  const most = Math.min(left.rank, right.rank);
  if (!Number.isInteger(axes) || axes < 0 || axes > most) {
    throw new ConfigError({
      who: "tensordot",
      expected: `a number of axes from 0 to ${most}`,
      received: String(axes),
      fix: `The operands have shapes ${formatShape(left.shape)} and ${formatShape(right.shape)}.`,
    });
  }
  const counted = Array.from({ length: axes }, (_, i) => i);
  return contract(
    "tensordot",
    left,
    right,
    counted.map((i) => left.rank - axes + i),
    counted,
  );
}

const listOf = (axes: number | readonly number[]): readonly number[] =>
  typeof axes === "number" ? [axes] : axes;

/** [others of a, paired] · [paired, others of b]. */
function contract(
  who: string,
  a: Tensor,
  b: Tensor,
  axesA: readonly number[],
  axesB: readonly number[],
): Tensor {
  if (axesA.length !== axesB.length) {
    throw new ConfigError({
      who,
      expected: "as many axes of the one as of the other",
      received: `${axesA.length} and ${axesB.length}`,
    });
  }
  normalizeAxes(who, axesA, a.rank); // in range, none twice
  normalizeAxes(who, axesB, b.rank);
  const ofA = axesA.map((axis) => normalizeAxis(who, axis, a.rank));
  const ofB = axesB.map((axis) => normalizeAxis(who, axis, b.rank));
  ofA.forEach((axis, i) => {
    if (a.shape[axis] === b.shape[ofB[i]!]) return;
    throw new ShapeError({
      who,
      expected: `axis ${axis} of ${formatShape(a.shape)} and axis ${ofB[i]} of ${formatShape(b.shape)} to be equally long`,
      received: `lengths ${a.shape[axis]} and ${b.shape[ofB[i]!]}`,
    });
  });
  const othersA = a.shape.map((_, axis) => axis).filter((axis) => !ofA.includes(axis));
  const othersB = b.shape.map((_, axis) => axis).filter((axis) => !ofB.includes(axis));
  const shapeA = othersA.map((axis) => a.shape[axis]!);
  const shapeB = othersB.map((axis) => b.shape[axis]!);
  const inner = sizeOf(ofA.map((axis) => a.shape[axis]!));
  const product = matmul(
    reshape(transpose(a, [...othersA, ...ofA]), [sizeOf(shapeA), inner]),
    reshape(transpose(b, [...ofB, ...othersB]), [inner, sizeOf(shapeB)]),
  );
  return reshape(product, [...shapeA, ...shapeB]);
}

/**
 * Sum of a diagonal of each matrix: `Σ x[…, i, i + offset]`.
 *
 * Shape: that of `x` without the two axes. Dtype: that of `x`; bool and uint8 are added up as int32.
 * @throws {ShapeError} where `x` has fewer than two axes
 * @example trace(tensor([[1, 2], [3, 4]])) // 5
 */
export function trace(x: Tensor, options: DiagonalOptions = {}): Tensor {
  return sum(diagonalOf("trace", x, options), -1);
}
