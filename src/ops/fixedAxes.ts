/** Which axes of an operand may have a run-time length. */
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { Extent, TensorType } from "../graph/primitive.js";

/**
 * The run-time length of a batch.
 *
 * @throws {ShapeError} where an axis other than the first has one
 */
export function batchLength(who: string, { shape, extent }: TensorType): Extent | undefined {
  if (!extent || extent.axis === 0) return extent;
  throw new ShapeError({
    who,
    expected: "a run-time length on the batch axis only",
    received: `one on axis ${extent.axis} of shape ${formatShape(shape)}`,
    fix: "Bring that axis to the front with transpose(x, axes).",
  });
}

/** @throws {ShapeError} where any axis has a run-time length */
export function checkFixedShape(who: string, what: string, { shape, extent }: TensorType): void {
  if (!extent) return;
  throw new ShapeError({
    who,
    expected: `${what} of a fixed shape`,
    received: `shape ${formatShape(shape)} with a run-time length on axis ${extent.axis}`,
    fix: "Only the batch may have a run-time length.",
  });
}

/** @throws {ShapeError} always: two operands bring a run-time length each to a result that can have one */
export function refuseTwoLengths(who: string, expected: string, a: TensorType, b: TensorType): never {
  throw new ShapeError({
    who,
    expected,
    received: `${formatShape(a.shape)} and ${formatShape(b.shape)}, each with an axis of a run-time length`,
    fix: "Take one of them from outside of the batch.",
  });
}
