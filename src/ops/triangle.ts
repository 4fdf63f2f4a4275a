/** The part of matrices on one side of a diagonal. */
import type { DType } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import { where } from "./choice.js";
import { greaterEqual, lessEqual } from "./comparison.js";
import { iota } from "./iota.js";
import { checkTensor, scalar } from "./leaf.js";

/** Options of `tril` and `triu`. */
export interface TriangleOptions {
  /** 0 (default): the main diagonal; above 0 towards the upper right, below 0 towards the lower left. */
  readonly offset?: number;
}

/**
 * The lower triangle of each matrix: what lies on the diagonal or below it, zeros elsewhere.
 *
 * Shape and dtype: those of `x`, `[…, rows, columns]`.
 * @throws {ShapeError} where there are fewer than two axes
 * @throws {ConfigError} where `offset` is no integer
 * @example tril(ones([3, 3])) // [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
 * @example tril(ones([2, 2]), { offset: -1 }) // [[0, 0], [1, 0]]
 */
export function tril<D extends DType>(x: Tensor<D>, options: TriangleOptions = {}): Tensor<D> {
  return triangle("tril", x, options, lessEqual);
}

/**
 * The upper triangle of each matrix: what lies on the diagonal or above it, zeros elsewhere.
 *
 * Shape and dtype: those of `x`, `[…, rows, columns]`.
 * @throws {ShapeError} where there are fewer than two axes
 * @throws {ConfigError} where `offset` is no integer
 * @example triu(ones([3, 3])) // [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
 * @example triu(ones([2, 2]), { offset: 1 }) // [[0, 1], [0, 0]]
 */
export function triu<D extends DType>(x: Tensor<D>, options: TriangleOptions = {}): Tensor<D> {
  return triangle("triu", x, options, greaterEqual);
}

function triangle<D extends DType>(
  who: string,
  x: Tensor<D>,
  { offset = 0 }: TriangleOptions,
  side: (column: Tensor, diagonal: Tensor) => Tensor,
): Tensor<D> {
  checkTensor(who, x);
  if (x.rank < 2) {
    throw new ShapeError({
      who,
      expected: "matrices […, rows, columns]",
      received: `shape ${formatShape(x.shape)}`,
      fix: "Add an axis with expandDims(x, 0).",
    });
  }
  if (!Number.isInteger(offset)) {
    throw new ConfigError({ who, expected: "an integer offset", received: String(offset) });
  }
  const matrix = x.shape.slice(-2);
  const kept = side(iota(matrix, 1), add(iota(matrix, 0), offset)); // [rows, columns]
  return where(kept, x, scalar(0, x.dtype)) as Tensor<D>;
}
