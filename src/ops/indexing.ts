/** Rows picked by number, and the sum that is its derivative. */

import type { NDArray } from "../base/array.js";
import { allocateArray } from "../base/dtype.js";
import { ConfigError, DataError, ShapeError } from "../base/errors.js";
import { formatShape, normalizeAxis, sameShape, sizeOf } from "../base/shape.js";
import { definePrimitive, type Extent, type KernelPrimitive, type TensorType } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { add, mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { greaterEqual, less } from "./comparison.js";
import { toIndices, toSummable } from "./convert.js";
import { refuseTwoLengths } from "./fixedAxes.js";
import { iota } from "./iota.js";
import { checkTensor } from "./leaf.js";
import { logicalAnd } from "./logic.js";
import { broadcastTo, reshape, transpose } from "./movement.js";

const gatherPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "gather",
  kind: "kernel",
  // data [n, inner…], indices [rows…] → [rows…, inner…]
  infer: ([data, indices]) => ({
    shape: [...indices!.shape, ...data!.shape.slice(1)],
    dtype: data!.dtype,
    extent: gatheredExtent(data!, indices!),
  }),
  reference: ([data, indices]) => {
    const innerShape = data!.shape.slice(1);
    const inner = sizeOf(innerShape);
    const result = allocateArray(data!.dtype, indices!.data.length * inner);
    for (let row = 0; row < indices!.data.length; row++) {
      const index = checkedIndex("gather", indices!, row, data!.shape[0]!);
      result.set(data!.data.subarray(index * inner, (index + 1) * inner), row * inner);
    }
    return [{ shape: [...indices!.shape, ...innerShape], dtype: data!.dtype, data: result }];
  },
  words: () => [],
  fault: indexFault,
  lookedUpInputs: [0],
  flop: () => 0,
  vjp: ({ inputs: [data, indices], gradients: [g] }) => {
    const sums = scatterAdd(indices!, g!, data!.shape[0]!);
    return [broadcastTo(sums, data!.shape, data!.extent), null]; // a run-time number of rows stays one
  },
});

/** @throws {ShapeError} where the indices and what stays of the data have a run-time length each */
function checkLengths(data: TensorType, indices: TensorType, axis: number): void {
  if (!indices.extent || !data.extent || data.extent.axis === axis) return;
  refuseTwoLengths("gather", "data or indices of a fixed shape", data, indices);
}

/** The run-time length of the indices, or that of an inner axis of the data. */
function gatheredExtent(data: TensorType, indices: TensorType): Extent | undefined {
  if (!data.extent || data.extent.axis === 0) return indices.extent;
  checkLengths(data, indices, 0);
  return { ...data.extent, axis: data.extent.axis - 1 + indices.shape.length };
}

/**
 * Entries picked by number along an axis: `result[i…] = data[indices[i…]]` for axis 0.
 *
 * Shapes `data [n, inner…]`, `indices [rows…]` (int32 or uint8) → `[rows…, inner…]`; for another axis the index axes
 * take its place. The gradient adds up what was picked several times.
 * @throws {DTypeError} for float indices
 * @throws {ShapeError} for an axis out of range
 * @throws {DataError} when it runs, for an index outside 0 … n − 1, naming position and index
 * @example gather(tensor([[1, 2], [3, 4], [5, 6]]), tensor([2, 0], { dtype: "int32" })) // [[5, 6], [1, 2]]
 */
export function gather(data: Tensor, indices: Tensor, axis = 0): Tensor {
  checkTensor("gather", data);
  const at = normalizeAxis("gather", axis, data.rank);
  const rows = toIndices("gather", "indices", indices);
  checkLengths(data, rows, at); // here, for the axes as the caller has them
  if (at === 0) return createNode(gatherPrimitive, [data, rows]);
  const others = data.shape.map((_, a) => a).filter((a) => a !== at);
  const picked = createNode(gatherPrimitive, [transpose(data, [at, ...others]), rows]); // [rows…, others…]
  const rowAxes = rows.shape.map((_, a) => a);
  const otherAxes = others.map((_, a) => a + rows.rank);
  return transpose(picked, [...otherAxes.slice(0, at), ...rowAxes, ...otherAxes.slice(at)]);
}

/**
 * One entry of each row picked by number: `result[…, j] = x[…, indices[…, j]]` along the last axis.
 *
 * Shapes `x [rows…, n]`, `indices [rows…, k]` (int32 or uint8) → `[rows…, k]`; for another axis that one takes the part
 * of the last.
 * @throws {DTypeError} for float indices
 * @throws {ShapeError} where the shapes differ beside that axis
 * @throws {DataError} when it runs, for an index outside 0 … n − 1 (reported as −1)
 * @example takeAlongAxis(tensor([[1, 2], [3, 4]]), tensor([[1], [0]], { dtype: "int32" })) // [[2], [3]]
 */
export function takeAlongAxis(x: Tensor, indices: Tensor, axis = -1): Tensor {
  checkTensor("takeAlongAxis", x);
  const at = normalizeAxis("takeAlongAxis", axis, x.rank);
  const chosen = cast(toIndices("takeAlongAxis", "indices", indices), "int32");
  if (x.rank !== chosen.rank || x.shape.some((length, a) => a !== at && length !== chosen.shape[a])) {
    throw new ShapeError({
      who: "takeAlongAxis",
      expected: `indices shaped like ${formatShape(x.shape)} but for axis ${at}`,
      received: `shape ${formatShape(chosen.shape)}`,
      fix: "For whole rows of one number each use gather(x, indices, axis).",
    });
  }
  const last = x.rank - 1;
  if (at !== last) {
    const order = x.shape.map((_, a) => (a === at ? last : a === last ? at : a)); // its own inverse
    return transpose(takeAlongAxis(transpose(x, order), transpose(chosen, order)), order);
  }
  const n = x.shape[last]!;
  // Beyond its own row an index would silently read the next one: −1 makes gather complain.
  const inside = logicalAnd(greaterEqual(chosen, 0), less(chosen, n));
  const position = where(inside, positionInRows(chosen, n), -1);
  return reshape(gather(reshape(x, [x.size]), reshape(position, [position.size])), chosen.shape);
}

/** Where entry `indices[…, j]` of each row stands among all elements of rows of length n. */
function positionInRows(indices: Tensor, n: number): Tensor {
  const lead = indices.shape.slice(0, -1);
  const rowNumber = iota([sizeOf(lead), 1]);
  return add(indices, mul(reshape(rowNumber, [...lead, 1]), n));
}

/**
 * What `takeAlongAxis(x, indices)` has as its gradient: the updates added up in rows shaped like those of `x`. The
 * indices are known to be inside.
 */
export function addAlongRows(indices: Tensor, updates: Tensor, x: Tensor): Tensor {
  const position = reshape(positionInRows(indices, x.shape.at(-1)!), [indices.size]);
  const sums = scatterAdd(position, reshape(updates, [updates.size]), x.size);
  const { extent } = reshape(x, [x.size]);
  return reshape(broadcastTo(sums, [x.size], extent), x.shape); // a run-time number of rows stays one
}

const scatterAddPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "scatterAdd",
  kind: "kernel",
  // indices [rows], updates [rows, inner…] → [n, inner…]; the rows' axis, run-time length or not, is summed away
  infer: ([, updates], { n }) => ({
    shape: [n as number, ...updates!.shape.slice(1)],
    dtype: updates!.dtype,
    extent: updates!.extent?.axis === 0 ? undefined : updates!.extent,
  }),
  reference: ([indices, updates], { n }) => {
    const shape = [n as number, ...updates!.shape.slice(1)];
    const inner = sizeOf(shape.slice(1));
    const data = allocateArray(updates!.dtype, sizeOf(shape));
    for (let row = 0; row < indices!.data.length; row++) {
      const index = checkedIndex("scatterAdd", indices!, row, n as number);
      for (let k = 0; k < inner; k++) data[index * inner + k]! += updates!.data[row * inner + k]!;
    }
    return [{ shape, dtype: updates!.dtype, data }];
  },
  words: () => [],
  fault: indexFault,
  flop: ([, updates]) => sizeOf(updates!.shape),
  vjp: ({ inputs: [indices], gradients: [g] }) => [null, gather(g!, indices!)],
});

/**
 * Rows added up by number: `result[k] = Σ updates[i…]` over all `i…` with `indices[i…] = k`, zeros elsewhere. Added in
 * the order of the rows, so that the bits are always the same.
 *
 * Shapes `indices [rows…]` (int32 or uint8), `updates [rows…, inner…]` → `[n, inner…]`. Dtype: that of the updates; bool
 * and uint8 are added up as int32.
 * @param n number of rows of the result
 * @throws {DTypeError} for float indices
 * @throws {ShapeError} where the shape of `updates` does not begin with that of `indices`
 * @throws {DataError} when it runs, for an index outside 0 … n − 1
 * @example scatterAdd(tensor([0, 2, 0], { dtype: "int32" }), tensor([1, 2, 3]), 3) // [4, 0, 2]
 */
export function scatterAdd(indices: Tensor, updates: Tensor, n: number): Tensor {
  if (!Number.isInteger(n) || n < 0) {
    throw new ConfigError({
      who: "scatterAdd",
      expected: "a number of rows that is an integer ≥ 0",
      received: String(n),
    });
  }
  const rows = cast(toIndices("scatterAdd", "indices", indices), "int32");
  const values = toSummable("scatterAdd", updates);
  if (!sameShape(rows.shape, values.shape.slice(0, rows.rank))) {
    throw new ShapeError({
      who: "scatterAdd",
      expected: `updates whose shape begins with that of the indices ${formatShape(rows.shape)}`,
      received: `shape ${formatShape(values.shape)}`,
      fix: "Each index needs one row of updates.",
    });
  }
  const inner = values.shape.slice(rows.rank);
  return createNode(
    scatterAddPrimitive,
    [reshape(rows, [rows.size]), reshape(values, [rows.size, ...inner])],
    { n },
  );
}

/** What is said about an index outside: of a run, which does not know how many rows there were. */
export function indexFault(row: number, index: number) {
  return {
    expected: "indices from 0 to the number of rows − 1",
    received: `index ${index} at row ${row}`,
  };
}

/** The index at a position; where it is out of range, an error that also carries both as numbers for the run's report. */
export function checkedIndex(who: string, indices: NDArray, position: number, n: number): number {
  const index = indices.data[position]!;
  if (index >= 0 && index < n) return index;
  const parts = {
    who,
    expected: n === 0 ? "no index, since there are no rows" : `indices from 0 to ${n - 1}`,
    received: `index ${index} at position ${position}`,
    fix: "Indices count from 0; negative ones are not counted from the end.",
  };
  throw new DataError(parts, { cause: { index: position, value: index } });
}
