/** Draws from further distributions, each made of uniform and normal numbers under the same keys. */
import { ConfigError, ShapeError } from "../base/errors.js";
import {
  broadcastShapes,
  checkShape,
  formatShape,
  normalizeAxis,
  type Shape,
  sameShape,
} from "../base/shape.js";
import { isTensor, type Tensor, type TensorLike } from "../graph/tensor.js";
import { sigmoid } from "./activations.js";
import { add, div, mul, neg, rsqrt, square, sub } from "./arithmetic.js";
import { maximum, where } from "./choice.js";
import { less } from "./comparison.js";
import { toFloat } from "./convert.js";
import { applyElementwise, elementwise } from "./define.js";
import { exp, log } from "./exponential.js";
import { type Key, randomBits, splitKey, toKey } from "./key.js";
import { logicalAnd } from "./logic.js";
import { expandDims } from "./movement.js";
import { softmax } from "./nn.js";
import { type DrawOptions, draw, normal } from "./random.js";
import { argMax } from "./reduce.js";
import { mod } from "./rounding.js";

/**
 * true with the given probability, as bool.
 *
 * @param probability a number or a tensor that broadcasts to the shape; 0.5 by default
 * @throws {ConfigError} for a key that is no integer, or a probability that is a number outside 0 … 1
 * @example bernoulli(42, [4], { probability: 0.3 }) // [true, false, true, true]
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

/** Options of `randomInt`. */
export interface RandomIntOptions {
  /** The smallest value; 0 by default. */
  readonly min?: number;
  /** One more than the largest value. */
  readonly max: number;
  /** A second counter beside the index: an int32 scalar; 0 by default. */
  readonly stream?: Key;
}

/**
 * Integers from min to max − 1, each as likely as the others, as int32.
 *
 * Of 2³² random words the last incomplete cycle is drawn again, once; what bias is left is below (range / 2³²)².
 * @throws {ConfigError} for a key or bounds that are no int32, or max ≤ min
 * @example randomInt(42, [2, 3], { max: 6 }).dtype // "int32"
 */
export function randomInt(key: Key, shape: Shape, options: RandomIntOptions): Tensor {
  const { min = 0, max, stream = 0 } = options;
  const range = max - min;
  if ((min | 0) !== min || !Number.isInteger(max) || range < 1 || range > 2 ** 31 - 1 || max > 2 ** 31) {
    throw new ConfigError({
      who: "randomInt",
      expected: "int32 bounds with min < max, less than 2³¹ apart",
      received: `min ${min}, max ${max}`,
      fix: "The largest value drawn is max − 1.",
    });
  }
  const first = randomBits(toKey("randomInt", key), shape, toKey("randomInt", stream));
  const complete = Math.floor(2 ** 32 / range) * range;
  if (complete === 2 ** 32) return add(mod(first, range), min);
  const second = randomBits(key, shape, add(toKey("randomInt", stream), secondDraw));
  // Signed words are as good as unsigned ones: the residues of any full cycle are equally many.
  return add(mod(where(less(first, complete - 2 ** 31), first, second), range), min);
}

/** Distance of the stream of a second number: far from the small numbers users count steps with. */
const secondDraw = 0x1b873593;

/** Options of `exponential`. */
export interface ExponentialOptions extends DrawOptions {
  /** 1 / mean; 1 by default. */
  readonly rate?: TensorLike;
}

/**
 * Numbers of the exponential distribution, by its inverse: `−log(1 − u) / rate`. With 24 random bits none is above 16.7 / rate.
 *
 * The gradient with respect to the rate is that of the formula.
 * @throws {ConfigError} for a key that is no integer, or a rate that is a number ≤ 0
 * @example exponential(42, [3], { rate: 2 }).shape // [3]
 */
export function exponential(key: Key, shape: Shape, options: ExponentialOptions = {}): Tensor {
  const rate = positive("exponential", "rate", options.rate ?? 1, shape);
  const standard = neg(log(sub(1, draw("exponential", key, shape, options)))); // 1 − u > 0
  return rate === 1 ? standard : div(standard, rate);
}

/** Options of `gumbel`. */
export interface GumbelOptions extends DrawOptions {
  /** Where the density is highest; 0 by default. */
  readonly location?: TensorLike;
  /** 1 by default. */
  readonly scale?: TensorLike;
}

/**
 * Numbers of the Gumbel distribution: `location − scale · log(−log(1 − u))`. The largest of `logits + gumbel` stands at
 * class k with probability `softmax(logits)[k]`.
 *
 * @throws {ConfigError} for a key that is no integer, or a scale that is a number ≤ 0
 * @example gumbel(42, [3]).shape // [3]
 */
export function gumbel(key: Key, shape: Shape, options: GumbelOptions = {}): Tensor {
  const { location = 0 } = options;
  const scale = positive("gumbel", "scale", options.scale ?? 1, shape);
  const u = draw("gumbel", key, shape, options);
  // The first of the 2²⁴ steps stands for its middle: its logarithm would be −∞.
  const standard = neg(log(maximum(neg(log(sub(1, u))), 2 ** -25)));
  const scaled = scale === 1 ? standard : mul(standard, scale);
  return location === 0 ? scaled : add(scaled, location);
}

/** Options of `categorical`. */
export interface CategoricalOptions {
  /** So many draws from each distribution, along a new last axis; one, without the axis, unless given. */
  readonly samples?: number;
  /** A second counter beside the index: an int32 scalar; 0 by default. */
  readonly stream?: Key;
}

/**
 * Class numbers drawn with probability `softmax(logits)`, as int32, by the Gumbel-max trick: `argMax(logits + gumbel)`.
 *
 * Shapes `logits [batch…, classes]` → `[batch…]`, or `[batch…, samples]`. A logit of −∞ is never drawn. Logits need not be
 * normalized; for probabilities take `log(p)`.
 * @throws {ConfigError} for a key that is no integer, or a number of samples that is no integer ≥ 0
 * @throws {ShapeError} for logits without an axis of classes
 * @example categorical(42, tensor([[0, -Infinity], [-Infinity, 0]])) // [0, 1]
 */
export function categorical(key: Key, logits: Tensor, options: CategoricalOptions = {}): Tensor {
  const { samples, stream = 0 } = options;
  const float = toFloat("categorical", logits);
  normalizeAxis("categorical", -1, float.rank);
  if (float.shape.at(-1) === 0) {
    throw new ShapeError({
      who: "categorical",
      expected: "logits of at least one class",
      received: `shape ${formatShape(float.shape)}`,
    });
  }
  if (samples === undefined) return argMax(add(float, gumbel(key, float.shape, { stream })), -1);
  if (!Number.isInteger(samples) || samples < 0) {
    throw new ConfigError({
      who: "categorical",
      expected: "a number of samples that is an integer ≥ 0",
      received: String(samples),
    });
  }
  const shape = [...float.shape.slice(0, -1), samples, float.shape.at(-1)!];
  return argMax(add(expandDims(float, -2), gumbel(key, shape, { stream })), -1);
}

// ---- Gamma, and what is made of it ---------------------------------------------------------------------------------

/** Options of `gamma`. */
export interface GammaOptions extends DrawOptions {
  /** 1 / scale; 1 by default. */
  readonly rate?: TensorLike;
}

/**
 * Numbers of the gamma distribution with density proportional to `x^(α − 1) · exp(−rate · x)`, α the concentration.
 *
 * By Marsaglia and Tsang (2000), "A simple method for generating gamma variables": the first of six keyed proposals that
 * is accepted. Each is with probability 0.95 and more, so that one draw in 60 million stands at the last proposal
 * unaccepted. α < 1 draws at α + 1 and multiplies by `u^(1/α)`. There is a gradient with respect to the rate; with respect
 * to the concentration there is none: which proposal is accepted changes by jumps.
 * @param concentration a number > 0 or a tensor that broadcasts to the shape
 * @throws {ConfigError} for a key that is no integer, or a concentration or rate that is a number ≤ 0
 * @throws {ShapeError} where the concentration or the rate does not broadcast to the shape
 * @example gamma(42, [1000], 3).shape // [1000]
 */
export function gamma(key: Key, shape: Shape, concentration: TensorLike, options: GammaOptions = {}): Tensor {
  const rate = positive("gamma", "rate", options.rate ?? 1, shape);
  const { sample, logBoost } = gammaParts("gamma", key, shape, concentration, options);
  const standard = withoutGradient(logBoost ? mul(sample, exp(logBoost)) : sample);
  return rate === 1 ? standard : div(standard, rate);
}

/**
 * Numbers of the beta distribution with density proportional to `x^(α − 1) · (1 − x)^(β − 1)`: `a / (a + b)` with a and b
 * gamma of concentration α and β, from their logarithms, so that small concentrations do not give 0 / 0.
 *
 * There is no gradient, as for `gamma`.
 * @throws {ConfigError} for a key that is no integer, or an α or β that is a number ≤ 0
 * @throws {ShapeError} where α or β does not broadcast to the shape
 * @example beta(42, [1000], 2, 3).shape // [1000]
 */
export function beta(
  key: Key,
  shape: Shape,
  alpha: TensorLike,
  betaParameter: TensorLike,
  options: DrawOptions = {},
): Tensor {
  const [first, second] = splitKey(key, 2) as [Tensor, Tensor];
  const a = logGamma("beta", first, shape, alpha, options);
  const b = logGamma("beta", second, shape, betaParameter, options);
  return withoutGradient(sigmoid(sub(a, b)));
}

/**
 * Shares that add up to 1 along the last axis, of the Dirichlet distribution: gamma numbers divided by their sum.
 *
 * There is no gradient, as for `gamma`.
 * @param concentration a number > 0 or a tensor that broadcasts to the shape
 * @throws {ConfigError} for a key that is no integer, or a concentration that is a number ≤ 0
 * @throws {ShapeError} for a shape without axes, or where the concentration does not broadcast to it
 * @example dirichlet(42, [10, 3], tensor([1, 2, 3])).shape // [10, 3]
 */
export function dirichlet(
  key: Key,
  shape: Shape,
  concentration: TensorLike,
  options: DrawOptions = {},
): Tensor {
  normalizeAxis("dirichlet", -1, shape.length);
  return withoutGradient(softmax(logGamma("dirichlet", key, shape, concentration, options)));
}

function logGamma(
  who: string,
  key: Key,
  shape: Shape,
  concentration: TensorLike,
  options: DrawOptions,
): Tensor {
  const { sample, logBoost } = gammaParts(who, key, shape, concentration, options);
  return logBoost ? add(log(sample), logBoost) : log(sample);
}

/** A gamma number is `sample · exp(logBoost)`; without `logBoost` no concentration is below 1. */
function gammaParts(
  who: string,
  key: Key,
  shape: Shape,
  concentration: TensorLike,
  options: DrawOptions,
): { sample: Tensor; logBoost?: Tensor } {
  checkShape(who, shape);
  const alpha = positive(who, "concentration", concentration, shape);
  const mayBeSmall = typeof alpha !== "number" || alpha < 1;
  const isSmall = less(alpha, 1);
  const d = sub(mayBeSmall ? where(isSmall, add(alpha, 1), alpha) : alpha, 1 / 3);
  const c = mul(rsqrt(d), 1 / 3);
  const keys = splitKey(toKey(who, key), 2 * rounds + 1);
  let v: Tensor | undefined;
  for (let round = rounds - 1; round >= 0; round--) {
    const x = normal(keys[2 * round]!, shape, options);
    const u = draw(who, keys[2 * round + 1]!, shape, options);
    const root = add(mul(x, c), 1);
    const cube = mul(square(root), root);
    const isInside = less(0, cube);
    const proposal = where(isInside, cube, 1); // outside the logarithm would be NaN
    if (!v) {
      v = proposal;
      continue;
    }
    // log u < x²/2 + d (1 − v + log v)
    const bound = add(mul(square(x), 0.5), mul(d, add(sub(1, proposal), log(proposal))));
    v = where(logicalAnd(isInside, less(log(sub(1, u)), bound)), proposal, v);
  }
  const sample = mul(v!, d);
  if (!mayBeSmall) return { sample };
  const boost = div(log(sub(1, draw(who, keys[2 * rounds]!, shape, options))), alpha);
  return { sample, logBoost: where(isSmall, boost, 0) };
}

/** Proposals drawn for a gamma number. */
const rounds = 6;

const rejectedPrimitive = elementwise(
  "rejected",
  1,
  {
    noGradient:
      "which proposal a rejection method accepts changes by jumps; the gradients with respect to rate and scale exist",
    opcode: () => "identity",
  },
  ([x]) => x!,
);

/** A sample of a rejection method: its gradient is refused instead of being wrong. */
function withoutGradient(sample: Tensor): Tensor {
  return applyElementwise(rejectedPrimitive, [sample], "float");
}

/** A parameter above 0 that broadcasts to the shape of the draw. */
function positive(who: string, name: string, value: TensorLike, shape: Shape): TensorLike {
  if (isTensor(value)) {
    if (sameShape(broadcastShapes(who, value.shape, shape), shape)) return value;
    throw new ShapeError({
      who,
      expected: `a ${name} that broadcasts to shape ${formatShape(shape)}`,
      received: `shape ${formatShape(value.shape)}`,
      fix: "Give the shape of the result as the shape of the draw.",
    });
  }
  if (Number(value) > 0) return value;
  throw new ConfigError({ who, expected: `a ${name} above 0`, received: String(value) });
}
