/** Dropout: elements set to zero at random, by a mask that is computed again instead of stored. */
import { ConfigError } from "../base/errors.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { where } from "./choice.js";
import { greaterEqual } from "./comparison.js";
import { toFloat } from "./convert.js";
import type { Key } from "./key.js";
import { draw } from "./random.js";

/**
 * Which elements dropout keeps, as bool: each with probability 1 − rate.
 *
 * @param stream usually the step number, so that one key serves the whole training; an int32 scalar
 * @throws {ConfigError} where `rate` is not in [0, 1)
 * @example dropoutMask(42, [2, 1, 3], 0.2, 7) // [[[true, true, false]], [[true, false, true]]]
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
 * @example dropout(ones([4]), 0.5, 1) // [2, 2, 2, 0]
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
