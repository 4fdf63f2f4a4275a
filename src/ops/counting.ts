/** How often values occur. Counts are exact integers, and sums of weights are added in one fixed order. */
import type { DType } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { add, div, mul, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { equal, greaterEqual, less, lessEqual } from "./comparison.js";
import { toFloat, toIndices } from "./convert.js";
import { onesLike } from "./create.js";
import { stopGradient } from "./identity.js";
import { scatterAdd } from "./indexing.js";
import { iota } from "./iota.js";
import { checkTensor, constant } from "./leaf.js";
import { logicalAnd, logicalOr } from "./logic.js";
import { expandDims, reshape, slice } from "./movement.js";
import { max, min, sum } from "./reduce.js";

/** Options of `bincount` and `histogram`. */
export interface CountOptions {
  /** What each element counts, shaped like the elements; absent: 1. */
  readonly weights?: Tensor;
}

/**
 * How often each of the numbers 0 … length − 1 occurs: `result[k] = Σ_i [x_i = k]`, or the sum of the weights there.
 *
 * Shape: `x` of any shape → `[length]`. Dtype: int32, with weights that of the weights as a float. Only the weights have
 * a gradient.
 * @param length one more than the largest number, which has to be known before the data are
 * @throws {DTypeError} for floats
 * @throws {ShapeError} for weights of another shape
 * @throws {ConfigError} where `length` is no integer ≥ 0
 * @throws {DataError} when it runs, for a number outside 0 … length − 1
 * @example bincount(tensor([0, 2, 2, 1], { dtype: "int32" }), 4) // [1, 1, 2, 0]
 */
export function bincount(x: Tensor, length: number, options: CountOptions = {}): Tensor {
  checkTensor("bincount", x);
  const { weights } = options;
  if (!Number.isInteger(length) || length < 0) {
    throw new ConfigError({
      who: "bincount",
      expected: "a length that is an integer ≥ 0",
      received: String(length),
    });
  }
  const numbers = reshape(toIndices("bincount", "numbers", x), [x.size]);
  if (weights) {
    checkWeights("bincount", x, weights);
    return scatterAdd(numbers, reshape(toFloat("bincount", weights), [x.size]), length);
  }
  return scatterAdd(numbers, onesLike(numbers, "int32"), length);
}

/** Options of `histogram`. */
export interface HistogramOptions extends CountOptions {
  /** Where the bins begin and end; default: the smallest and the largest element. */
  readonly range?: readonly [number, number];
}

/**
 * How many elements fall into each bin: from its lower edge up to, but without, its upper one, which only the last bin
 * includes.
 *
 * Every element is compared with every bin, without memory for it: meant for up to some hundred bins. Elements outside
 * and NaN are not counted. Where all elements are equal, bins reach half a unit to both sides, as in NumPy.
 * Shapes: `x` of any shape → `counts [bins]` (int32, with weights a float) and `edges [bins + 1]`. Only the weights have
 * a gradient.
 * @param bins how many of equal width (10 unless given), or the edges in increasing order
 * @throws {ConfigError} for a number of bins that is no integer ≥ 1, edges that decrease, or a range that is empty
 * @throws {ShapeError} for weights of another shape
 * @example histogram(tensor([1, 2, 1, 4]), 3).counts // [2, 1, 1]
 * @example histogram(tensor([1, 2, 1, 4]), [0, 1.5, 2]).counts // [2, 1]
 */
export function histogram(
  x: Tensor,
  bins: number | readonly number[] = 10,
  options: HistogramOptions = {},
): { readonly counts: Tensor; readonly edges: Tensor } {
  checkTensor("histogram", x);
  const { weights } = options;
  if (weights) checkWeights("histogram", x, weights);
  const values = reshape(toFloat("histogram", x), [x.size]);
  const edges = stopGradient(
    typeof bins === "number" ? equalEdges(values, bins, options.range) : givenEdges(bins, values.dtype),
  ); // [bins + 1]
  const count = edges.size - 1;
  const element = expandDims(stopGradient(values), 1); // [n, 1]
  const lower = slice(edges, [0], [count]);
  const upper = slice(edges, [1], [count]);
  const below = logicalOr(
    less(element, upper),
    logicalAnd(equal(iota([count]), count - 1), lessEqual(element, upper)),
  );
  const inside = logicalAnd(greaterEqual(element, lower), below); // [n, bins]
  if (!weights) return { counts: sum(inside, 0), edges };
  const weight = expandDims(reshape(toFloat("histogram", weights), [x.size]), 1);
  return { counts: sum(where(inside, weight, 0), 0), edges };
}

function equalEdges(x: Tensor, bins: number, range: readonly [number, number] | undefined): Tensor {
  if (!Number.isInteger(bins) || bins < 1) {
    throw new ConfigError({
      who: "histogram",
      expected: "a number of bins that is an integer ≥ 1, or a list of edges",
      received: String(bins),
    });
  }
  if (range && !(Number.isFinite(range[0]) && Number.isFinite(range[1]) && range[0] <= range[1])) {
    throw new ConfigError({
      who: "histogram",
      expected: "a range [low, high] of finite numbers with low ≤ high",
      received: JSON.stringify(range),
    });
  }
  const [low, high]: readonly TensorLike[] = range ?? (x.size === 0 ? [0, 1] : [min(x), max(x)]);
  const t = div(cast(iota([bins + 1]), x.dtype), bins);
  const half = where(equal(low!, high!), 0.5, 0);
  return add(mul(sub(1, t), sub(low!, half)), mul(t, add(high!, half)));
}

function givenEdges(edges: readonly number[], dtype: DType): Tensor {
  if (edges.length < 2 || edges.some((edge, i) => Number.isNaN(edge) || edge < (edges[i - 1] ?? edge))) {
    throw new ConfigError({
      who: "histogram",
      expected: "at least two edges in increasing order",
      received: JSON.stringify(edges),
    });
  }
  const data = dtype === "float64" ? Float64Array.from(edges) : Float32Array.from(edges);
  return constant({ shape: [edges.length], dtype, data });
}

function checkWeights(who: string, x: Tensor, weights: Tensor): void {
  if (sameShape(x.shape, weights.shape)) return;
  throw new ShapeError({
    who,
    expected: `weights shaped like the elements, ${formatShape(x.shape)}`,
    received: `shape ${formatShape(weights.shape)}`,
  });
}
