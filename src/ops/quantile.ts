/** Quantiles, and the median. */
import { ConfigError, ShapeError, unknownName } from "../base/errors.js";
import { formatShape, normalizeAxes, sizeOf } from "../base/shape.js";
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { add, mul, sub } from "./arithmetic.js";
import { where } from "./choice.js";
import { isNaN } from "./comparison.js";
import { toFloat } from "./convert.js";
import { stack } from "./join.js";
import { reshape, slice, transpose } from "./movement.js";
import type { Axes, ReduceOptions } from "./reduce.js";
import { sort } from "./sort.js";

const interpolations = ["linear", "lower", "higher", "nearest", "midpoint"] as const;

/** Options of `quantile`. */
export interface QuantileOptions extends ReduceOptions {
  /** What stands for a quantile between two elements; `linear` unless given. `nearest` takes the even place of two. */
  readonly interpolation?: (typeof interpolations)[number];
}

/**
 * The value below which a share q of the elements lies: of n sorted elements the one at place `q · (n − 1)`, between two
 * places `lower + (higher − lower) · fraction`.
 *
 * Shape: without the axes (all by default), or with length 1 under `keepDims`; several quantiles stand along a new first
 * axis. Dtype: float. NaN where any element is NaN. The gradient goes to the one or two elements that make the value.
 * @param q a number from 0 to 1, or a list of them
 * @throws {ConfigError} where q is not from 0 to 1, or for an unknown interpolation
 * @throws {ShapeError} for an axis out of range, an empty axis, or the batch axis of a run-time length
 * @example quantile(tensor([1, 2, 3, 4]), 0.5) // 2.5
 * @example quantile(tensor([[1, 2, 3], [4, 6, 8]]), [0, 0.25], 1) // [[1, 4], [1.5, 5]]
 */
export function quantile(
  x: TensorLike,
  q: number | readonly number[],
  axis?: Axes,
  options: QuantileOptions = {},
): Tensor {
  return quantiles("quantile", x, q, axis, options);
}

/**
 * The middle of the sorted elements; of an even number the mean of the middle two: `quantile(x, 0.5)`.
 *
 * Shape: without the axes (all by default), or with length 1 under `keepDims`. Dtype: float. NaN where any element is
 * NaN.
 * @throws {ShapeError} for an axis out of range, an empty axis, or the batch axis of a run-time length
 * @example median(tensor([7, 1, 3])) // 3
 * @example median(tensor([[7, 1], [3, 4]]), 0) // [5, 2.5]
 */
export function median(x: TensorLike, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return quantiles("median", x, 0.5, axis, options);
}

function quantiles(
  who: string,
  x: TensorLike,
  q: number | readonly number[],
  axis: Axes | undefined,
  options: QuantileOptions,
): Tensor {
  const { interpolation = "linear", keepDims = false } = options;
  if (!interpolations.includes(interpolation))
    throw unknownName(who, "an interpolation", String(interpolation), interpolations);
  const shares = typeof q === "number" ? [q] : q;
  if (!Array.isArray(shares) || shares.length === 0) {
    throw new ConfigError({
      who,
      expected: "a share from 0 to 1, or a list of them",
      received: JSON.stringify(q),
    });
  }
  for (const share of shares) {
    if (!(share >= 0 && share <= 1))
      throw new ConfigError({ who, expected: "shares from 0 to 1", received: String(share) });
  }
  const float = toFloat(who, x);
  const axes = normalizeAxes(who, axis, float.rank);
  const others = float.shape.map((_, a) => a).filter((a) => !axes.includes(a));
  const lead = others.map((a) => float.shape[a]!);
  const n = sizeOf(axes.map((a) => float.shape[a]!));
  if (n === 0) {
    throw new ShapeError({
      who,
      expected: "axes with elements",
      received: `shape ${formatShape(float.shape)}`,
      fix: "There is no quantile of nothing.",
    });
  }
  const sorted = sort(reshape(transpose(float, [...others, ...axes]), [...lead, n]));
  const at = (place: number) => reshape(slice(sorted, [...lead.map(() => 0), place], [...lead, 1]), lead);
  const shape = keepDims ? float.shape.map((length, a) => (axes.includes(a) ? 1 : length)) : lead;
  const largest = at(n - 1);
  const valueOf = (share: number) => {
    const value = between(at, share * (n - 1), interpolation);
    return reshape(where(isNaN(largest), largest, value), shape);
  };
  return typeof q === "number" ? valueOf(q) : stack(q.map(valueOf));
}

/** What stands at a place between two elements. */
function between(
  at: (place: number) => Tensor,
  place: number,
  interpolation: NonNullable<QuantileOptions["interpolation"]>,
): Tensor {
  const [lower, higher] = [Math.floor(place), Math.ceil(place)];
  if (lower === higher || interpolation === "lower") return at(lower);
  if (interpolation === "higher") return at(higher);
  const fraction = place - lower;
  if (interpolation === "nearest") {
    const isUpper = fraction > 0.5 || (fraction === 0.5 && lower % 2 === 1);
    return at(isUpper ? higher : lower);
  }
  const step = sub(at(higher), at(lower));
  return add(at(lower), mul(step, interpolation === "midpoint" ? 0.5 : fraction));
}
