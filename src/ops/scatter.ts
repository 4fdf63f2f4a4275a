/** Rows put over others by number: replaced, or the larger or smaller of both kept. */
import type { NDArray } from "../base/array.js";
import { allocateArray, type DType, promote } from "../base/dtype.js";
import { DTypeError, ShapeError } from "../base/errors.js";
import { broadcastsTo, formatShape, sizeOf } from "../base/shape.js";
import { definePrimitive, type KernelPrimitive, type TensorType, type VjpRule } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { add, div } from "./arithmetic.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { equal } from "./comparison.js";
import { toIndices } from "./convert.js";
import { full } from "./create.js";
import { checkedIndex, gather, indexFault, scatterAdd } from "./indexing.js";
import { iota } from "./iota.js";
import { checkTensor, toTensors } from "./leaf.js";
import { broadcastTo, reshape } from "./movement.js";

/** A record on `x [n, inner…], indices [rows], updates [rows, inner…]` that gives a tensor like x. */
function scatter(
  name: string,
  merge: (present: number, update: number) => number,
  vjp: VjpRule,
): KernelPrimitive {
  return definePrimitive<KernelPrimitive>({
    name,
    kind: "kernel",
    infer: ([x, , updates]) => {
      checkRows(name, x!, updates!);
      return { shape: x!.shape, dtype: x!.dtype, extent: x!.extent };
    },
    reference: ([x, indices, updates]) => {
      const data = allocateArray(x!.dtype, x!.data.length);
      data.set(x!.data);
      const inner = sizeOf(x!.shape.slice(1));
      for (let row = 0; row < indices!.data.length; row++) {
        const at = checkedIndex(name, indices as NDArray, row, x!.shape[0]!) * inner;
        for (let k = 0; k < inner; k++) data[at + k] = merge(data[at + k]!, updates!.data[row * inner + k]!);
      }
      return [{ ...x!, data }];
    },
    words: () => [],
    fault: indexFault,
    vjp,
  });
}

const scatterUpdatePrimitive = scatter(
  "scatterUpdate",
  (_, update) => update,
  ({ inputs: [x, indices, updates], gradients: [g] }) => {
    // Of several updates of one row the last one stands, and has the gradient.
    const order = iota([indices!.size]);
    const last = gather(scatterUpdate(full([x!.shape[0]!], -1, "int32"), indices!, order), indices!);
    const stands = alignedWith(updates!, equal(last, order));
    return [scatterUpdate(g!, indices!, 0), null, where(stands, gather(g!, indices!), 0)];
  },
);

const scatterMaximumPrimitive = scatter("scatterMaximum", Math.max, sharedGradient);
const scatterMinimumPrimitive = scatter("scatterMinimum", Math.min, sharedGradient);

/** Equal winners share the gradient, as in `max`. */
function sharedGradient({
  inputs: [x, indices, updates],
  outputs: [y],
  gradients: [g],
}: Parameters<VjpRule>[0]): (Tensor | null)[] {
  const stays = equal(x!, y!);
  const wins = equal(updates!, gather(y!, indices!));
  const winners = add(cast(stays, g!.dtype), scatterAdd(indices!, cast(wins, g!.dtype), x!.shape[0]!));
  const share = div(g!, winners);
  return [where(stays, share, 0), null, where(wins, gather(share, indices!), 0)];
}

/** @throws {ShapeError} where the rows of one have a run-time length and those of the other have not */
function checkRows(who: string, x: TensorType, updates: TensorType): void {
  const [ofX, ofUpdates] = [x, updates].map(({ extent }) => extent?.axis || undefined);
  if (ofX === ofUpdates) return;
  const { shape } = ofX === undefined ? updates : x;
  throw new ShapeError({
    who,
    expected: "updates whose rows are as long as those of the tensor",
    received: `rows of a run-time length, axis ${ofX ?? ofUpdates} of ${formatShape(shape)}, and others of a fixed length`,
    fix: "Take both from the same batch.",
  });
}

/** One value per row under the shape of the rows. */
function alignedWith(rows: Tensor, values: Tensor): Tensor {
  return reshape(values, [...values.shape, ...rows.shape.slice(1).map(() => 1)]);
}

/**
 * The tensor with rows replaced by number: `result[indices[i…]] = updates[i…]`, the other rows as they are. Of several
 * updates of one row the last one stands.
 *
 * Shapes `x [n, inner…]`, `indices [rows…]` (int32 or uint8), `updates [rows…, inner…]` or what broadcasts to it → that
 * of `x`. Dtype: that of `x`.
 * @throws {DTypeError} for float indices, or updates that the dtype of `x` does not hold
 * @throws {ShapeError} for a scalar `x`, or updates that do not broadcast to `[rows…, inner…]`
 * @throws {DataError} when it runs, for an index outside 0 … n − 1
 * @example scatterUpdate(tensor([1, 2, 3]), tensor([2, 0], { dtype: "int32" }), tensor([7, 8])) // [8, 2, 7]
 */
export function scatterUpdate<D extends DType>(
  x: Tensor<D>,
  indices: Tensor,
  updates: TensorLike,
): Tensor<D> {
  return put(scatterUpdatePrimitive, x, indices, updates);
}

/**
 * The tensor with rows raised by number: `result[k] = max(x[k], updates[i…] …)` over all `i…` with `indices[i…] = k`;
 * NaN if any is NaN. Equal maxima share the gradient equally.
 *
 * Shapes as in `scatterUpdate`. Dtype: that of `x`, bool and uint8 as int32.
 * @throws {DTypeError} for float indices, or updates that the dtype of `x` does not hold
 * @throws {ShapeError} for a scalar `x`, or updates that do not broadcast to `[rows…, inner…]`
 * @throws {DataError} when it runs, for an index outside 0 … n − 1
 * @example scatterMaximum(tensor([1, 5, 3]), tensor([0, 1], { dtype: "int32" }), tensor([4, 4])) // [4, 5, 3]
 */
export function scatterMaximum(x: Tensor, indices: Tensor, updates: TensorLike): Tensor {
  return put(scatterMaximumPrimitive, comparable("scatterMaximum", x), indices, updates);
}

/**
 * The tensor with rows lowered by number: `result[k] = min(x[k], updates[i…] …)`, as `scatterMaximum`.
 *
 * @throws {DTypeError} for float indices, or updates that the dtype of `x` does not hold
 * @throws {ShapeError} for a scalar `x`, or updates that do not broadcast to `[rows…, inner…]`
 * @throws {DataError} when it runs, for an index outside 0 … n − 1
 * @example scatterMinimum(tensor([1, 5, 3]), tensor([0, 1], { dtype: "int32" }), tensor([4, 4])) // [1, 4, 3]
 */
export function scatterMinimum(x: Tensor, indices: Tensor, updates: TensorLike): Tensor {
  return put(scatterMinimumPrimitive, comparable("scatterMinimum", x), indices, updates);
}

function comparable(who: string, x: Tensor): Tensor {
  checkTensor(who, x);
  return x.dtype === "bool" || x.dtype === "uint8" ? cast(x, "int32") : x;
}

function put<D extends DType>(
  primitive: KernelPrimitive,
  x: Tensor<D>,
  indices: Tensor,
  updates: TensorLike,
): Tensor<D> {
  const who = primitive.name;
  checkTensor(who, x);
  const rows = toIndices(who, "indices", indices);
  if (x.rank === 0) {
    throw new ShapeError({ who, expected: "a tensor of rows [n, inner…]", received: "a scalar" });
  }
  const { tensors, dtype } = toTensors(who, [x, updates]);
  const values = tensors[1]!;
  if (promote(x.dtype, dtype) !== x.dtype) {
    throw new DTypeError({
      who,
      expected: `updates that ${x.dtype} holds`,
      received: `dtype ${values.dtype}`,
      fix: "Cast one of the two: cast(x, …).",
    });
  }
  const inner = x.shape.slice(1);
  const shape = [...rows.shape, ...inner];
  if (!broadcastsTo(values.shape, shape)) {
    throw new ShapeError({
      who,
      expected: `updates of shape ${formatShape(shape)}, or what broadcasts to it`,
      received: `shape ${formatShape(values.shape)}`,
      fix: `There are indices of shape ${formatShape(rows.shape)}, and each row has shape ${formatShape(inner)}.`,
    });
  }
  const along =
    x.extent && x.extent.axis > 0 ? { ...x.extent, axis: x.extent.axis - 1 + rows.rank } : undefined;
  const aligned = broadcastTo(cast(values, x.dtype), shape, rows.extent ?? along);
  return createNode(primitive, [
    x,
    reshape(rows, [rows.size]),
    reshape(aligned, [rows.size, ...inner]),
  ]) as Tensor<D>;
}
