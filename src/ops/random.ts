/**
 * Random numbers as functions of a counter: an element depends on (key, stream, index) only, so the same key gives the
 * same numbers on every backend, and a mask needed again is computed again instead of being stored.
 *
 * A key is an int32 scalar, a number or a tensor. Draws that must not be related need keys that differ: derive them
 * with `foldIn`.
 */

import { type DType, isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import * as prng from "../base/prng.js";
import { checkShape, formatShape, type Shape } from "../base/shape.js";
import { isTensor, type Tensor, type TensorLike } from "../graph/tensor.js";
import { add, mul, neg, sqrt, square, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { greaterEqual, less } from "./comparison.js";
import { toFloat } from "./convert.js";
import { applyElementwise, elementwise, inferElementwise } from "./define.js";
import { log } from "./exponential.js";
import { scalar } from "./leaf.js";
import { iota, linearIndex } from "./movement.js";
import { cos } from "./trigonometry.js";

const noGradient =
  "random bits do not depend on anything continuous; differentiate with respect to mean and scale";

const randomBitsPrimitive = elementwise(
  "randomBits",
  3,
  { noGradient },
  ([key, stream, index]) => prng.randomBits(key!, stream!, index!),
  { opcode: () => "randomBits.i" },
);

const unitFloatPrimitive = elementwise("unitFloat", 1, {}, ([bits]) => prng.unitFloat(bits!), {
  opcode: () => "unitFloat.i",
  vjp: () => [null], // bits are integers, which carry no gradient
  infer: (inputs) => inferElementwise("unitFloat", 1, inputs, "float32"),
});

const permutedIndexPrimitive = elementwise(
  "permutedIndex",
  3,
  { noGradient },
  ([key, position, n]) => prng.permutedIndex(key!, position!, n!),
  { opcode: () => "permutedIndex.i" },
);

/** A key of randomness: an int32 scalar. */
export type Key = number | Tensor;

/**
 * 32 random bits for each element, as int32: word 0 of Philox2x32-10 with counter (row-major index, stream).
 *
 * @param stream a second counter, for several draws or steps under one key; an int32 scalar
 * @throws {ConfigError} for a key that is no integer
 * @example randomBits(42, [2, 3])
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

/** Numbers uniform in [0, 1): the upper 24 of 32 random bits. @example unitFloat(randomBits(42, [3])) */
export function unitFloat(bits: Tensor): Tensor {
  return applyElementwise(unitFloatPrimitive, [bits], "integer");
}

/**
 * A new key from a key and a word (a step number, a layer's number): the same as `foldIn` on plain numbers, but
 * computed in the graph, so that the word may be a run-time value.
 *
 * @throws {ConfigError} for a key or word that is no integer
 * @example uniform(foldIn(key, step), [3])
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

/** Options all distributions share. */
export interface DrawOptions {
  /** float32 unless given; float64 holds the same 24 random bits. */
  readonly dtype?: DType;
  /** A second counter beside the index: an int32 scalar; 0 by default. */
  readonly stream?: Key;
}

/** Options of `uniform`. */
export interface UniformOptions extends DrawOptions {
  /** 0 by default. */
  readonly min?: TensorLike;
  /** 1 by default. */
  readonly max?: TensorLike;
}

/**
 * Numbers uniform in [min, max): `min + u·(max − min)`.
 *
 * @throws {ConfigError} for a key that is no integer
 * @example uniform(42, [2, 3], { min: -1, max: 1 })
 */
export function uniform(key: Key, shape: Shape, options: UniformOptions = {}): Tensor {
  const { min = 0, max = 1 } = options;
  const u = draw("uniform", key, shape, options);
  if (min === 0 && max === 1) return u;
  const range = isTensor(min) || isTensor(max) ? sub(max, min) : (max as number) - (min as number);
  return add(mul(u, range), min);
}

/** Options of `normal` and `truncatedNormal`. */
export interface NormalOptions extends DrawOptions {
  /** 0 by default. */
  readonly mean?: TensorLike;
  /** 1 by default. */
  readonly standardDeviation?: TensorLike;
}

/**
 * Numbers of the normal distribution, by Box and Muller: `mean + σ · √(−2 log(1 − u)) · cos(2π v)` with u and v from two
 * streams. With 24 random bits no number lies further than 5.77 σ from the mean.
 *
 * @throws {ConfigError} for a key that is no integer
 * @example normal(42, [784, 128], { standardDeviation: 0.05 })
 */
export function normal(key: Key, shape: Shape, options: NormalOptions = {}): Tensor {
  const u = draw("normal", key, shape, options);
  const angleStream = add(toKey("normal", options.stream ?? 0), angleOffset);
  const v = draw("normal", key, shape, { ...options, stream: angleStream });
  const radius = sqrt(mul(log(sub(1, u)), -2)); // 1 − u > 0: no logarithm of 0
  return scaled(mul(radius, cos(mul(v, 2 * Math.PI))), options);
}

/** Distance of the second number's stream: far from the small numbers users count steps with. */
const angleOffset = 0x3c6ef372;

/**
 * Numbers of the normal distribution within two standard deviations of the mean, as Keras draws initial weights.
 *
 * By the inverse of the distribution function, `√2 · erf⁻¹(u)` with u uniform in ±erf(√2), so one draw per number.
 * The standard deviation of what comes out is 0.8796 of `standardDeviation`.
 * @throws {ConfigError} for a key that is no integer
 * @example truncatedNormal(42, [784, 128], { standardDeviation: 0.05 })
 */
export function truncatedNormal(key: Key, shape: Shape, options: NormalOptions = {}): Tensor {
  const u = draw("truncatedNormal", key, shape, options);
  // The middle of each of the 2²⁴ steps: symmetric, and never at the edge.
  const centred = mul(add(mul(u, 2), 2 ** -24 - 1), erfOfSqrt2);
  return scaled(mul(centralErfInverse(centred), Math.SQRT2), options);
}

/** erf(√2): the share of a normal distribution within two standard deviations. */
const erfOfSqrt2 = 0.9544997361036416;

/** Inverse error function for |x| < 0.9966 (Giles 2012, "Approximating the erfinv function", table 5), about 3e-7. */
function centralErfInverse(x: Tensor): Tensor {
  const w = sub(neg(log(sub(1, square(x)))), 2.5);
  const coefficients = [
    2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941,
  ];
  const [first, ...rest] = coefficients;
  let polynomial = add(mul(w, first!), rest[0]!);
  for (const coefficient of rest.slice(1)) polynomial = add(mul(polynomial, w), coefficient);
  return mul(polynomial, x);
}

/**
 * true with the given probability, as bool.
 *
 * @param probability a number or a tensor that broadcasts to the shape; 0.5 by default
 * @throws {ConfigError} for a key that is no integer, or a probability that is a number outside 0 … 1
 * @example bernoulli(42, [10], { probability: 0.3 })
 */
export function bernoulli(
  key: Key,
  shape: Shape,
  options: { readonly probability?: TensorLike; readonly stream?: Key } = {},
): Tensor {
  const { probability = 0.5 } = options;
  if (typeof probability === "number" && !(probability >= 0 && probability <= 1)) {
    throw new ConfigError({
      who: "bernoulli",
      expected: "a probability from 0 to 1",
      received: String(probability),
    });
  }
  return less(draw("bernoulli", key, shape, options), probability);
}

/**
 * The numbers 0 … n − 1 in random order, as int32: `permutedIndex(key, [0, 1, …, n − 1], n)`.
 *
 * Shape `[n]`.
 * @throws {ConfigError} for a key that is no integer
 * @example gather(rows, permutation(42, 100))
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
 * @example permutedIndex(key, add(arange(batch), cursor), n) // the rows of the next batch
 */
export function permutedIndex(key: Key, position: Tensor, n: Key): Tensor {
  return applyElementwise(
    permutedIndexPrimitive,
    [toKey("permutedIndex", key), position, toKey("permutedIndex", n)],
    "integer",
  );
}

/**
 * Which elements dropout keeps, as bool: each with probability 1 − rate.
 *
 * @param stream usually the step number, so that one key serves the whole training; an int32 scalar
 * @throws {ConfigError} where `rate` is not in [0, 1)
 * @example dropoutMask(key, [batch, 1, channels], 0.2, step) // drops whole feature maps
 */
export function dropoutMask(key: Key, shape: Shape, rate: number, stream: Key = 0): Tensor {
  checkRate(rate);
  return greaterEqual(draw("dropout", key, shape, { stream }), rate);
}

/**
 * Elements set to 0 with probability `rate`, the others scaled by `1 / (1 − rate)`, so that the mean stays.
 *
 * The mask is a function of (key, stream, index): the backward pass computes it again, nothing is stored.
 * Shape: same as `x`. Dtype: float.
 * @param stream usually the step number; an int32 scalar
 * @throws {ConfigError} where `rate` is not in [0, 1)
 * @example dropout(x, 0.5, key, step)
 */
export function dropout(x: Tensor, rate: number, key: Key, stream: Key = 0): Tensor {
  checkRate(rate);
  const float = toFloat("dropout", x);
  if (rate === 0) return float;
  return where(dropoutMask(key, float.shape, rate, stream), mul(float, 1 / (1 - rate)), 0);
}

function checkRate(rate: number): void {
  if (rate >= 0 && rate < 1) return;
  throw new ConfigError({
    who: "dropout",
    expected: "a rate of at least 0 and below 1",
    received: String(rate),
  });
}

/** Uniform numbers in [0, 1) of the wanted float dtype. */
function draw(who: string, key: Key, shape: Shape, { dtype = "float32", stream = 0 }: DrawOptions): Tensor {
  checkShape(who, shape);
  if (!isFloat(dtype)) {
    throw new DTypeError({
      who,
      expected: "a float dtype",
      received: dtype,
      fix: "Draw floats and cast them.",
    });
  }
  return cast(unitFloat(randomBits(toKey(who, key), shape, toKey(who, stream))), dtype);
}

function scaled(standard: Tensor, { mean = 0, standardDeviation = 1 }: NormalOptions): Tensor {
  const stretched = standardDeviation === 1 ? standard : mul(standard, standardDeviation);
  return mean === 0 ? stretched : add(stretched, mean);
}

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
