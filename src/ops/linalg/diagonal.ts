/** The diagonal of matrices, as a view, and matrices made of a diagonal. */
import type { DType } from "../../base/dtype.js";
import { ConfigError, ShapeError } from "../../base/errors.js";
import { formatShape, normalizeAxis } from "../../base/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { checkTensor } from "../leaf.js";
import { embed, reshape, slice, transpose } from "../movement.js";

/** Options of `diagonal` and `trace`. */
export interface DiagonalOptions {
  /** 0 (default): the main diagonal; above 0 towards the upper right, below 0 towards the lower left. */
  readonly offset?: number;
  /** Which two axes are the rows and columns. Default: the last two. */
  readonly axes?: readonly [number, number];
}

/**
 * A diagonal of each matrix: `result[…, i] = x[…, i, i + offset]`. A view: nothing is copied.
 *
 * Shape: that of `x` without the two axes, the diagonal's length last. Dtype: that of `x`.
 * @throws {ShapeError} where `x` has fewer than two axes, or the two are one
 * @example diagonal(tensor([[1, 2, 3], [4, 5, 6]]), { offset: 1 }) // [2, 6]
 */
export function diagonal<D extends DType>(x: Tensor<D>, options: DiagonalOptions = {}): Tensor<D> {
  return diagonalOf("diagonal", x, options);
}

/** The same; `who` is named in errors. */
export function diagonalOf<D extends DType>(
  who: string,
  x: Tensor<D>,
  options: DiagonalOptions = {},
): Tensor<D> {
  const { offset = 0, axes = [-2, -1] } = options;
  checkTensor(who, x);
  if (x.rank < 2) {
    throw new ShapeError({
      who,
      expected: "matrices […, rows, columns]",
      received: `shape ${formatShape(x.shape)}`,
    });
  }
  if (!Number.isInteger(offset)) {
    throw new ConfigError({ who, expected: "an integer offset", received: String(offset) });
  }
  const [row, column] = axes.map((axis) => normalizeAxis(who, axis, x.rank)) as [number, number];
  if (axes.length !== 2 || row === column) {
    throw new ShapeError({
      who,
      expected: "two axes that differ",
      received: `axes ${formatShape(axes)}`,
    });
  }
  const others = x.shape.map((_, axis) => axis).filter((axis) => axis !== row && axis !== column);
  const batch = others.map((axis) => x.shape[axis]!);
  const [rows, columns] = [x.shape[row]!, x.shape[column]!];
  const length = Math.max(
    0,
    offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns),
  );
  const flat = reshape(transpose(x, [...others, row, column]), [...batch, rows * columns]);
  const first = length === 0 ? 0 : offset >= 0 ? offset : -offset * columns;
  return slice(
    flat,
    [...batch.map(() => 0), first],
    [...batch, length],
    [...batch.map(() => 1), columns + 1],
  );
}

/** Options of `diag` and `diagEmbed`. */
export type OffsetOptions = Pick<DiagonalOptions, "offset">;

/**
 * Square matrices with the given diagonal and zeros elsewhere: `result[…, i, i + offset] = x[…, i]`; the reverse of
 * `diagonal`.
 *
 * Shape `[…, n]` → `[…, n + |offset|, n + |offset|]`. Dtype: that of `x`.
 * @throws {ShapeError} for a scalar, or where the last axis has a length known at run time only
 * @throws {ConfigError} where `offset` is no integer
 * @example diagEmbed(tensor([[1, 2], [3, 4]])) // [[[1, 0], [0, 2]], [[3, 0], [0, 4]]]
 */
export function diagEmbed<D extends DType>(x: Tensor<D>, options: OffsetOptions = {}): Tensor<D> {
  return embedded("diagEmbed", x, options);
}

function embedded<D extends DType>(who: string, x: Tensor<D>, { offset = 0 }: OffsetOptions): Tensor<D> {
  checkTensor(who, x);
  if (x.rank === 0) {
    throw new ShapeError({ who, expected: "diagonals […, n]", received: "a scalar" });
  }
  if (!Number.isInteger(offset)) {
    throw new ConfigError({ who, expected: "an integer offset", received: String(offset) });
  }
  const batch = x.shape.slice(0, -1);
  const n = x.shape.at(-1)! + Math.abs(offset);
  const first = offset >= 0 ? offset : -offset * n;
  // Row-major, one place of the diagonal follows the other n + 1 elements later.
  const flat = embed(
    x,
    [...batch, n * n],
    [...batch.map(() => 0), x.shape.at(-1) === 0 ? 0 : first],
    [...batch.map(() => 1), n + 1],
  );
  return reshape(flat, [...batch, n, n]);
}

/**
 * The matrix with a vector as its diagonal, or the diagonal of a matrix.
 *
 * Shape `[n]` → `[n + |offset|, n + |offset|]`; `[rows, columns]` → a vector. For batches: `diagEmbed` and `diagonal`.
 * @throws {ShapeError} for anything but a vector or a matrix
 * @throws {ConfigError} where `offset` is no integer
 * @example diag(tensor([1, 2])) // [[1, 0], [0, 2]]
 * @example diag(tensor([[1, 2], [3, 4]]), { offset: 1 }) // [2]
 */
export function diag<D extends DType>(x: Tensor<D>, options: OffsetOptions = {}): Tensor<D> {
  checkTensor("diag", x);
  if (x.rank === 1) return embedded("diag", x, options);
  if (x.rank === 2) return diagonalOf("diag", x, options);
  throw new ShapeError({
    who: "diag",
    expected: "a vector or a matrix",
    received: `shape ${formatShape(x.shape)}`,
    fix: "For batches use diagEmbed or diagonal.",
  });
}
