/** Where a tensor is not zero, in a result of fixed size; the exact one needs to read a number and stands in the engine. */

import { stridesOf } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { where } from "./choice.js";
import { equal, less, notEqual } from "./comparison.js";
import { iota } from "./iota.js";
import { constant } from "./leaf.js";
import { expandDims, reshape, slice } from "./movement.js";
import { pad } from "./pad.js";
import { sum } from "./reduce.js";
import { floorDiv, mod } from "./rounding.js";
import { argSort } from "./sort.js";

/** What `firstNonzero` finds. */
export interface Found {
  /** int32 `[size]`: row-major positions in ascending order, then `fill`. */
  readonly positions: Tensor<"int32">;
  /** bool `[size]`: which of them are found, not filled. */
  readonly isFound: Tensor<"bool">;
  /** int32 scalar: how many elements are not zero, whatever `size` is. */
  readonly count: Tensor<"int32">;
}

/** The first `size` positions whose elements are not zero. */
export function firstNonzero(x: Tensor, size: number, fill: number): Found {
  const flat = reshape(x, [x.size]);
  // Zeros behind the others, each in their order: one pass of a radix sort over bytes.
  const order = argSort(equal(flat, 0));
  const taken = slice(order, [0], [Math.min(size, x.size)]);
  const count = sum(notEqual(flat, 0)) as Tensor<"int32">;
  const isFound = less(iota([size]), count);
  const positions = where(isFound, pad(taken, [[0, size - taken.size]]), fill) as Tensor<"int32">;
  return { positions, isFound, count };
}

/** Row-major positions `[size]` as coordinates `[size, rank]`, `fill` where nothing was found. */
export function coordinatesOf(
  { positions, isFound }: Found,
  shape: readonly number[],
  fill: number,
): Tensor<"int32"> {
  const vector = (values: readonly number[]) =>
    constant({ shape: [values.length], dtype: "int32", data: Int32Array.from(values) });
  const safe = shape.map((length) => Math.max(1, length)); // without elements nothing is found
  const coordinates = mod(floorDiv(expandDims(positions, -1), vector(stridesOf(shape))), vector(safe));
  return where(expandDims(isFound, -1), coordinates, fill) as Tensor<"int32">;
}
