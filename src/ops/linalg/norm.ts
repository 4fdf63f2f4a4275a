/** Lengths of vectors and norms of matrices. */
import type { DType } from "../../base/dtype.js";
import { ConfigError, ShapeError } from "../../base/errors.js";
import { formatShape, normalizeAxes, normalizeAxis } from "../../base/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { abs, sqrt, square } from "../arithmetic.js";
import { cast } from "../cast.js";
import { notEqual } from "../comparison.js";
import { type Floating, toFloat } from "../convert.js";
import { pow } from "../exponential.js";
import { reshape, transpose } from "../movement.js";
import { type Axes, flatAtZero, max, min, type ReduceOptions, sum } from "../reduce.js";
import { svd } from "./svd.js";

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /**
   * Of vectors: p of `(Σ |x|^p)^(1/p)`; Infinity: the largest magnitude, −Infinity: the smallest, 0: how many are not 0. Of
   * matrices: 1, −1: largest and smallest sum of a column's magnitudes; Infinity, −Infinity: of a row's; 2, −2: largest and
   * smallest singular value; `"nuclear"`: the sum of them; `"frobenius"`: the root of all squares. Default: the root of all squares.
   */
  readonly order?: number | "frobenius" | "nuclear";
}

/**
 * Length of vectors along an axis, or norm of matrices along two; without an order the root of the sum of squares over the
 * axes, however many (all of them unless named). Where the length is 0 its gradient is 0.
 *
 * Shape: that of `x` without the axes, or with length 1 there (`keepDims`). Dtype: float. As in NumPy, an order other than the
 * default means the norm of matrices where two axes are named, or where none is and `x` is a matrix.
 * @throws {ConfigError} for an order that is not among those of `NormOptions`
 * @throws {ShapeError} for an axis out of range or named twice; for an order beside more than two axes
 * @example norm(tensor([3, 4])) // 5
 * @example norm(tensor([[1, -2], [3, 4]]), [0, 1], { order: 1 }) // 6
 */
export function norm<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: NormOptions = {},
): Tensor<Floating<D>> {
  return normOf(toFloat("norm", x), axis, options) as Tensor<Floating<D>>;
}

function normOf(x: Tensor, axis: Axes | undefined, options: NormOptions): Tensor {
  const { order, ...rest } = options;
  const sorted = normalizeAxes("norm", axis, x.rank);
  if (order === undefined) return flatAtZero(sum(square(x), sorted, rest), sqrt);
  const isExtreme =
    Math.abs(Number(order)) === Infinity || (sorted.length === 2 && typeof order === "number");
  const empty = sorted.find((a) => x.shape[a] === 0);
  if (isExtreme && empty !== undefined) {
    throw new ShapeError({
      who: "norm",
      expected: `at least one element along axis ${empty} for order ${order}`,
      received: `shape ${formatShape(x.shape)}`,
      fix: "The largest or smallest of nothing is not defined.",
    });
  }
  if (sorted.length === 1) return vectorNorm(x, sorted[0]!, order, rest);
  if (sorted.length === 2) {
    const [row, column] = (axis === undefined ? sorted : (axis as readonly number[])).map((a) =>
      normalizeAxis("norm", a, x.rank),
    ) as [number, number];
    return matrixNorm(x, row, column, order, rest);
  }
  throw new ShapeError({
    who: "norm",
    expected: "one axis (vectors) or two (matrices) beside an order",
    received: `${sorted.length} axes of shape ${formatShape(x.shape)}`,
    fix: "Name the axes: norm(x, axis, { order }).",
  });
}

function vectorNorm(x: Tensor, axis: number, order: number | string, options: ReduceOptions): Tensor {
  if (typeof order !== "number" || Number.isNaN(order)) {
    throw new ConfigError({
      who: "norm",
      expected: "a number as order of a vector",
      received: String(order),
    });
  }
  if (order === 0) return cast(sum(notEqual(x, 0), axis, options), x.dtype);
  if (order === 1) return sum(abs(x), axis, options);
  if (order === 2) return flatAtZero(sum(square(x), axis, options), sqrt);
  if (order === Number.POSITIVE_INFINITY) return max(abs(x), axis, options);
  if (order === Number.NEGATIVE_INFINITY) return min(abs(x), axis, options);
  const total = sum(pow(abs(x), order), axis, options);
  return flatAtZero(total, (positive) => pow(positive, 1 / order));
}

function matrixNorm(
  x: Tensor,
  row: number,
  column: number,
  order: number | string,
  { keepDims = false }: ReduceOptions,
): Tensor {
  const kept = { keepDims: true };
  const sums = (axis: number) => sum(abs(x), axis, kept);
  const compute = new Map<number | string, () => Tensor>([
    ["frobenius", () => flatAtZero(sum(square(x), [row, column], kept), sqrt)],
    ["nuclear", () => sum(singularValues(x, row, column), -1)],
    [2, () => max(singularValues(x, row, column), -1)],
    [-2, () => min(singularValues(x, row, column), -1)],
    [1, () => max(sums(row), column, kept)],
    [-1, () => min(sums(row), column, kept)],
    [Number.POSITIVE_INFINITY, () => max(sums(column), row, kept)],
    [Number.NEGATIVE_INFINITY, () => min(sums(column), row, kept)],
  ]);
  const chosen = compute.get(order);
  if (!chosen) {
    throw new ConfigError({
      who: "norm",
      expected: `an order of matrices (${[...compute.keys()].join(", ")})`,
      received: String(order),
      fix: "For vectors along several axes, merge these with reshape first.",
    });
  }
  const shape = keepDims
    ? x.shape.map((length, axis) => (axis === row || axis === column ? 1 : length))
    : x.shape.filter((_, axis) => axis !== row && axis !== column);
  return reshape(chosen(), shape);
}

/** Of the matrices along the two axes; they come last. */
function singularValues(x: Tensor, row: number, column: number): Tensor {
  const others = x.shape.map((_, axis) => axis).filter((axis) => axis !== row && axis !== column);
  return svd(transpose(x, [...others, row, column]), { fullMatrices: false }).s;
}
