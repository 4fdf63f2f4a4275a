/** Kernels that work on rows: the last axis, of a length that is known. */

import { ShapeError } from "../base/errors.js";
import { formatShape, normalizeAxis } from "../base/shape.js";
import type { TensorType } from "../graph/primitive.js";
import type { Tensor } from "../graph/tensor.js";
import { checkTensor } from "./leaf.js";
import { transpose } from "./movement.js";

/** What `compute` makes of the last axis, done along any: that axis is brought there and back. */
export function alongLastAxis(who: string, x: Tensor, axis: number, compute: (x: Tensor) => Tensor): Tensor {
  checkTensor(who, x);
  const at = normalizeAxis(who, axis, x.rank);
  if (at === x.rank - 1) return compute(x);
  const order = x.shape.map((_, a) => (a === at ? x.rank - 1 : a === x.rank - 1 ? at : a)); // its own inverse
  return transpose(compute(transpose(x, order)), order);
}

/** @throws {ShapeError} where the last axis is the batch axis of a run-time length */
export function checkStaticRow(who: string, x: TensorType): void {
  if (x.extent?.axis !== x.shape.length - 1) return;
  throw new ShapeError({
    who,
    expected: "an axis of a fixed length",
    received: `shape ${formatShape(x.shape)} whose last axis has a run-time length`,
    fix: "Apply it along another axis than the batch axis.",
  });
}
