/** The diagonal of matrices, as a view. */
import { ConfigError, ShapeError } from "../../base/errors.js";
import { formatShape, normalizeAxis } from "../../base/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { reshape, slice, transpose } from "../movement.js";

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
export function diagonal(x: Tensor, options: DiagonalOptions = {}): Tensor {
  return diagonalOf("diagonal", x, options);
}

/** The same; `who` is named in errors. */
export function diagonalOf(who: string, x: Tensor, options: DiagonalOptions = {}): Tensor {
  const { offset = 0, axes = [-2, -1] } = options;
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
  if (row === column) {
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
