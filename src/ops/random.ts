/** Uniform and normal numbers: functions of (key, stream, index), see key.ts. */
import { type DType, isFloat } from "../base/dtype.js";
import { DTypeError } from "../base/errors.js";
import * as prng from "../base/prng.js";
import { checkShape, type Shape } from "../base/shape.js";
import { isTensor, type Tensor, type TensorLike } from "../graph/tensor.js";
import { add, mul, neg, sqrt, square, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { applyElementwise, elementwise, inferElementwise } from "./define.js";
import { log } from "./exponential.js";
import { type Key, randomBits, toKey } from "./key.js";
import { cos } from "./trigonometry.js";

const unitFloatPrimitive = elementwise(
  "unitFloat",
  1,
  { opcode: () => "unitFloat.i" },
  ([bits]) => prng.unitFloat(bits!),
  {
    vjp: () => [null], // bits are integers, which carry no gradient
    infer: (inputs) => inferElementwise("unitFloat", 1, inputs, "float32"),
  },
);

/**
 * Numbers uniform in [0, 1): the upper 24 of 32 random bits, as float32.
 *
 * @throws {DTypeError} for floats
 * @example unitFloat(tensor([0, 1 << 30], { dtype: "int32" })) // [0, 0.25]
 */
export function unitFloat(bits: Tensor): Tensor {
  return applyElementwise(unitFloatPrimitive, [bits], "integer");
}

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
 * @example uniform(42, [2, 3], { min: -1, max: 1 }).shape // [2, 3]
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
 * @example normal(42, [784, 128], { standardDeviation: 0.05 }).shape // [784, 128]
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
 * @example truncatedNormal(42, [784, 128], { standardDeviation: 0.05 }).shape // [784, 128]
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

/** Uniform numbers in [0, 1) of the wanted float dtype. */
export function draw(
  who: string,
  key: Key,
  shape: Shape,
  { dtype = "float32", stream = 0 }: DrawOptions,
): Tensor {
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
