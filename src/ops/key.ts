/**
 * Keys: where random numbers start. An element is a function of (key, stream, index), so one key gives the same numbers
 * on every backend and for any number of threads, and a mask that is needed again is computed again instead of stored.
 *
 * How the words relate:
 * - a `key` is 32 bits, an int32 scalar: every function that draws takes one, and draws the same under the same key;
 * - draws that must not be related need keys that differ: `splitKey(key, n)` makes n of one, `foldIn(key, word)` one for
 *   each step, row or layer;
 * - a `seed` is the number a person chooses; it is a key already (`normal(42, [3])`), and the option `seed` of layers,
 *   initializers and `fit` is one for that object;
 * - `setSeed` sets the seed from which everything without a seed of its own derives its key, by its path and by how
 *   often the path came up. The functions here never look at it: their key is all they know.
 */
import { isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import * as prng from "../base/prng.js";
import { checkShape, formatShape, type Shape } from "../base/shape.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { applyElementwise, elementwise } from "./define.js";
import { linearIndex } from "./iota.js";
import { scalar } from "./leaf.js";
import { reshape, slice } from "./movement.js";

/** A key of randomness: an int32 scalar. */
export type Key = number | Tensor;

const randomBitsPrimitive = elementwise(
  "randomBits",
  3,
  {
    noGradient:
      "random bits do not depend on anything continuous; differentiate with respect to mean and scale",
    opcode: () => "randomBits.i",
  },
  ([key, stream, index]) => prng.randomBits(key!, stream!, index!),
);

/**
 * 32 random bits for each element, as int32: word 0 of Philox2x32-10 with counter (row-major index, stream).
 *
 * @param stream a second counter, for several draws or steps under one key; an int32 scalar
 * @throws {ConfigError} for a key that is no integer
 * @example randomBits(42, [3]) // [624017136, 1309680519, 284814323]
 */
export function randomBits(key: Key, shape: Shape, stream: Key = 0): Tensor {
  checkShape("randomBits", shape);
  const counter = linearIndex(shape);
  return applyElementwise(
    randomBitsPrimitive,
    [toKey("randomBits", key), toKey("randomBits", stream), counter],
    "integer",
  );
}

/**
 * A new key from a key and a word (a step number, a layer's number): the same as `foldIn` on plain numbers, but
 * computed in the graph, so that the word may be a run-time value.
 *
 * @throws {ConfigError} for a key or word that is no integer
 * @example foldIn(42, 7) // 576398641
 */
export function foldIn(key: Key, word: Key): Tensor {
  return applyElementwise(
    randomBitsPrimitive,
    [toKey("foldIn", key), scalar(foldInStream, "int32"), toKey("foldIn", word)],
    "integer",
  );
}

/** The stream `foldIn` of base/prng.ts draws from; a test holds the two together. */
const foldInStream = 0x5bf03635;

/**
 * n keys from one: the draws under each are independent of those under the others and under `key` itself.
 *
 * @throws {ConfigError} for a key that is no integer, or an n that is no integer ≥ 0
 * @example splitKey(42, 2).length // 2
 */
export function splitKey(key: Key, n: number): Tensor[] {
  if (!Number.isInteger(n) || n < 0) {
    throw new ConfigError({
      who: "splitKey",
      expected: "a number of keys that is an integer ≥ 0",
      received: String(n),
    });
  }
  const keys = randomBits(toKey("splitKey", key), [n], splitStream);
  return Array.from({ length: n }, (_, i) => reshape(slice(keys, [i], [1]), []));
}

/** The stream `splitKey` draws from: neither that of `foldIn` nor the small numbers users count steps with. */
const splitStream = 0x2545f491;

/** A key as an int32 scalar; integers beyond 32 bits are hashed, so that a time stamp makes a good seed. */
export function toKey(who: string, key: Key): Tensor {
  if (!isTensor(key)) {
    if (!Number.isSafeInteger(key)) {
      throw new ConfigError({ who, expected: "a key that is an integer", received: String(key) });
    }
    const low = key | 0;
    return scalar(low === key ? low : prng.foldIn(low, Math.floor(key / 2 ** 32)), "int32");
  }
  if (isFloat(key.dtype)) {
    throw new DTypeError({ who, expected: "a key of dtype int32", received: `dtype ${key.dtype}` });
  }
  if (key.rank !== 0) {
    throw new ShapeError({
      who,
      expected: "a key that is a scalar",
      received: `shape ${formatShape(key.shape)}`,
    });
  }
  return cast(key, "int32");
}
