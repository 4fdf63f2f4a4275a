/** Parts whose place is known at run time only. */
import type { DType } from "../base/dtype.js";
import { DTypeError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sameShape, sizeOf, stridesOf } from "../base/shape.js";
import { isTensor, type Tensor, type TensorLike } from "../graph/tensor.js";
import { add, mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { clip } from "./choice.js";
import { toIndices } from "./convert.js";
import { gather } from "./indexing.js";
import { iota } from "./iota.js";
import { checkTensor, scalar } from "./leaf.js";
import { reshape, slice } from "./movement.js";
import { scatterUpdate } from "./scatter.js";

/** Where a part begins: a number or an int32 scalar for each axis, or all of them as one int32 vector. */
export type Starts = Tensor | readonly TensorLike[];

/**
 * The part of a tensor of a fixed size at a place that is computed: `size[i]` elements from `starts[i]` on. A start that
 * would let the part reach outside is moved inside: `start = clip(start, 0, length − size)`.
 *
 * Other starts do not compile anew. Shape: `size`. Dtype: that of `x`.
 * @param starts a number or an int32 scalar for each axis, or an int32 vector
 * @throws {ShapeError} where there is not one start and size for each axis, for a size larger than its axis, or a part of
 *   the batch axis of a run-time length
 * @throws {DTypeError} for float starts
 * @example dynamicSlice(tensor([1, 2, 3, 4, 5]), [2], [2]) // [3, 4]
 * @example dynamicSlice(tensor([1, 2, 3, 4, 5]), [9], [2]) // [4, 5]
 */
export function dynamicSlice<D extends DType>(x: Tensor<D>, starts: Starts, size: Shape): Tensor<D> {
  checkPart("dynamicSlice", x, size);
  const place = placeOf("dynamicSlice", x, starts, size);
  if (!place) return x;
  return reshape(gather(reshape(x, place.rows), place.position), size) as Tensor<D>;
}

/**
 * The tensor with a part replaced at a place that is computed: `update` from `starts[i]` on along each axis. A start that
 * would let the update reach outside is moved inside, as in `dynamicSlice`.
 *
 * Shape and dtype: those of `x`.
 * @param starts a number or an int32 scalar for each axis, or an int32 vector
 * @throws {ShapeError} where there is not one start for each axis, for an update larger than an axis, or a part of the
 *   batch axis of a run-time length
 * @throws {DTypeError} for float starts, or an update that the dtype of `x` does not hold
 * @example dynamicUpdateSlice(tensor([1, 2, 3, 4, 5]), tensor([8, 9]), [1]) // [1, 8, 9, 4, 5]
 */
export function dynamicUpdateSlice<D extends DType>(x: Tensor<D>, update: Tensor, starts: Starts): Tensor<D> {
  checkTensor("dynamicUpdateSlice", update);
  checkPart("dynamicUpdateSlice", x, update.shape);
  if (update.extent) throw dynamicError("dynamicUpdateSlice", update, update.extent.axis);
  const place = placeOf("dynamicUpdateSlice", x, starts, update.shape) ?? whole(x);
  const rows = reshape(update, [place.position.size, ...place.rows.slice(1)]);
  return reshape(scatterUpdate(reshape(x, place.rows), place.position, rows), x.shape);
}

/** Rows `[count, inner…]` of which a part is, and the numbers of those that are inside. */
interface PlaceOfPart {
  readonly rows: readonly number[];
  readonly position: Tensor;
}

/** Null where the part is the whole. */
function placeOf(who: string, x: Tensor, starts: Starts, size: Shape): PlaceOfPart | null {
  const first = startsOf(who, x, starts);
  if (sameShape(size, x.shape)) return null;
  const last = size.reduce((found, length, axis) => (length !== x.shape[axis] ? axis : found), 0);
  if (x.extent && x.extent.axis <= last) throw dynamicError(who, x, x.extent.axis);
  const outer = x.shape.slice(0, last + 1);
  const part = size.slice(0, last + 1);
  const strides = stridesOf(outer);
  let position: Tensor = scalar(0, "int32");
  part.forEach((length, axis) => {
    const start = length === outer[axis] ? scalar(0, "int32") : clip(first[axis]!, 0, outer[axis]! - length);
    position = add(position, mul(add(iota(part, axis), start), strides[axis]!));
  });
  // Axes behind the last one that is cut stay whole: rows are moved, not elements.
  return {
    rows: [sizeOf(outer), ...x.shape.slice(last + 1)],
    position: reshape(position, [sizeOf(part)]),
  };
}

function whole(x: Tensor): PlaceOfPart {
  return { rows: [1, ...x.shape], position: iota([1]) };
}

function startsOf(who: string, x: Tensor, starts: Starts): Tensor[] {
  const list = isTensor(starts) ? entries(who, starts) : starts;
  if (list.length !== x.rank) {
    throw new ShapeError({
      who,
      expected: `a start for each of ${x.rank} axes`,
      received: String(list.length),
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  return list.map((start) => startOf(who, start));
}

function entries(who: string, starts: Tensor): Tensor[] {
  if (starts.rank !== 1) {
    throw new ShapeError({
      who,
      expected: "starts as a vector or a list",
      received: `shape ${formatShape(starts.shape)}`,
    });
  }
  return Array.from({ length: starts.shape[0]! }, (_, i) => reshape(slice(starts, [i], [1]), []));
}

function startOf(who: string, start: TensorLike): Tensor {
  if (!isTensor(start)) {
    if (Number.isInteger(start)) return scalar(start, "int32");
    throw new DTypeError({ who, expected: "starts that are integers", received: String(start) });
  }
  if (start.rank !== 0) {
    throw new ShapeError({
      who,
      expected: "a scalar for each start",
      received: `shape ${formatShape(start.shape)}`,
    });
  }
  return cast(toIndices(who, "starts", start), "int32");
}

function checkPart(who: string, x: Tensor, size: Shape): void {
  checkTensor(who, x);
  checkShape(who, size);
  if (size.length === x.rank && size.every((length, axis) => length <= x.shape[axis]!)) return;
  throw new ShapeError({
    who,
    expected: `a part of shape ${formatShape(x.shape)}: ${x.rank} lengths, none larger than its axis`,
    received: formatShape(size),
  });
}

function dynamicError(who: string, x: Tensor, axis: number): ShapeError {
  return new ShapeError({
    who,
    expected: "axes of fixed lengths up to the last one that is cut",
    received: `shape ${formatShape(x.shape)} whose axis ${axis} has a run-time length`,
    fix: "Move the batch axis behind the axes that are cut, with transpose.",
  });
}
