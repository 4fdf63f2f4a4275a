/** Random order: a keyed bijection, of which any part can be had without the whole. */
import * as prng from "../base/prng.js";
import { checkShape, normalizeAxis } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { applyElementwise, elementwise } from "./define.js";
import { gather } from "./indexing.js";
import { iota } from "./iota.js";
import { type Key, toKey } from "./key.js";
import { checkTensor } from "./leaf.js";

const permutedIndexPrimitive = elementwise(
  "permutedIndex",
  3,
  {
    noGradient: "an order consists of whole numbers, and they jump; differentiate what is picked by it",
    opcode: () => "permutedIndex.i",
  },
  ([key, position, n]) => prng.permutedIndex(key!, position!, n!),
);

/**
 * The numbers 0 … n − 1 in random order, as int32: `permutedIndex(key, [0, 1, …, n − 1], n)`.
 *
 * Shape `[n]`.
 * @throws {ConfigError} for a key that is no integer
 * @example permutation(42, 5) // [1, 0, 4, 3, 2]
 */
export function permutation(key: Key, n: number): Tensor {
  checkShape("permutation", [n]);
  return permutedIndex(key, iota([n]), n);
}

/**
 * Where a random order of 0 … n − 1 has its entry number `position`: any part of the order without making the whole.
 *
 * @param position int32, from 0 to n − 1 (elsewhere the result means nothing)
 * @throws {ConfigError} for a key that is no integer
 * @example permutedIndex(42, arange(3), 100) // [38, 84, 95]
 */
export function permutedIndex(key: Key, position: Tensor, n: Key): Tensor {
  return applyElementwise(
    permutedIndexPrimitive,
    [toKey("permutedIndex", key), position, toKey("permutedIndex", n)],
    "integer",
  );
}

/**
 * The entries along an axis in random order: `gather(x, permutation(key, n), axis)`. Rows stay whole.
 *
 * Shape: same as `x`. Dtype: any. The gradient goes back to where each entry came from.
 * @throws {ConfigError} for a key that is no integer
 * @throws {ShapeError} for an axis out of range
 * @example shuffle(42, tensor([[1, 2], [3, 4], [5, 6]])).shape // [3, 2]
 */
export function shuffle(key: Key, x: Tensor, axis = 0): Tensor {
  checkTensor("shuffle", x);
  const at = normalizeAxis("shuffle", axis, x.rank);
  const n = x.shape[at]!;
  if (x.extent?.axis !== at) return gather(x, permutation(key, n), at);
  const { length, factor } = x.extent;
  const order = permutedIndex(key, iota([n]), mul(length, factor));
  return gather(x, broadcastTo(order, [n], { ...x.extent, axis: 0 }), at);
}
