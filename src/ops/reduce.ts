/** Reductions: axes folded to one value. They take `(x, axis?, { keepDims })`; no axis means all of them. */
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, normalizeAxes, normalizeAxis } from "../base/shape.js";
import { definePrimitive, type ReducePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { abs, add, div, mul, sqrt, square, sub } from "./arithmetic.js";
import { dropAxes, type ReduceOptions, reducedType, reshape, sum as sumPlain } from "./broadcast.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { equal, isFinite as isFiniteElement, notEqual } from "./comparison.js";
import { toFloat, toSummable } from "./convert.js";
import { exp, log, pow } from "./exponential.js";
import { stopGradient } from "./identity.js";

export type { ReduceOptions };

/** One axis or several, negative ones counted from the end; absent: all. */
export type Axes = number | readonly number[];

/**
 * Sum over the axes; bool and uint8 are added up as int32.
 *
 * Shape: that of `x` without the axes, or with length 1 there (`keepDims`). An empty axis gives 0.
 * @throws {ShapeError} for an axis out of range or named twice
 * @example sum(tensor([[1, 2], [3, 4]]), 0) // [4, 6]
 */
export function sum(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return sumPlain(toSummable("sum", x), axis, options);
}

/**
 * Arithmetic mean `Σ x / n` over the axes; integers give float32.
 *
 * Where the batch axis, whose length is known at run time only, is among the axes, `n` is its run-time length.
 * @throws {ShapeError} for an empty axis
 * @example mean(tensor([[1, 2], [3, 4]]), -1) // [1.5, 3.5]
 */
export function mean(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return meanOf("mean", x, axis, options);
}

function meanOf(who: string, x: Tensor, axis: Axes | undefined, options: ReduceOptions): Tensor {
  const axes = checkedAxes(who, x, axis);
  const float = toFloat(who, x);
  if (axes.length === 0) return float;
  return div(sumPlain(float, axes, options), elementCount(float, axes));
}

/** How many elements one result is folded from: a number, or a scalar tensor where the batch axis is among the axes. */
function elementCount(x: Tensor, axes: readonly number[]): TensorLike {
  const batch = x.extent && axes.includes(x.extent.axis) ? x.extent : undefined;
  const count = axes.reduce((n, axis) => n * (axis === batch?.axis ? batch.factor : x.shape[axis]!), 1);
  return batch ? mul(cast(batch.length, x.dtype), count) : count;
}

const prodPrimitive = definePrimitive({
  name: "prod",
  kind: "reduce",
  infer: ([x], { axes }) => reducedType(x!, axes as number[]),
  reference: { initial: 1, combine: (accumulator, value) => accumulator * value },
  // ∂y/∂x_i is the product of the others: y / x_i without zeros; with exactly one zero only that element has a gradient.
  vjp: ({ node, inputs: [x], gradients: [g] }) => {
    const axes = node.attributes.axes as number[];
    const zero = equal(x!, 0);
    const nonzero = where(zero, 1, x!);
    const product = createNode(prodPrimitive, [nonzero], { axes });
    const zeros = sum(zero, axes, { keepDims: true });
    const others = where(
      zero,
      where(equal(zeros, 1), product, 0),
      where(equal(zeros, 0), div(product, nonzero), 0),
    );
    return [mul(g!, others)];
  },
});

/**
 * Product over the axes; bool and uint8 are multiplied as int32.
 *
 * An empty axis gives 1. The derivative is right at zeros too; the second derivative only where no element is 0.
 * @example prod(tensor([2, 3, 4])) // 24
 */
export function prod(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return fold(prodPrimitive, toSummable("prod", x), normalizeAxes("prod", axis, x.rank), options);
}

const maxPrimitive = extremum("max", -Infinity, (accumulator, value) => Math.max(accumulator, value));
const minPrimitive = extremum("min", Infinity, (accumulator, value) => Math.min(accumulator, value));

/** Math.max and Math.min propagate NaN, as the kernels do. */
function extremum(
  name: string,
  initial: number,
  combine: (accumulator: number, value: number) => number,
): ReducePrimitive {
  return definePrimitive({
    name,
    kind: "reduce",
    infer: ([x], { axes }) => reducedType(x!, axes as number[]),
    reference: { initial, combine },
    // Equal winners share the gradient, so that the result does not depend on the order of elements.
    vjp: ({ node, inputs: [x], outputs: [y], gradients: [g] }) => {
      const winners = equal(x!, y!);
      const count = sum(winners, node.attributes.axes as number[], { keepDims: true });
      return [where(winners, div(g!, cast(count, g!.dtype)), 0)];
    },
  });
}

/**
 * Largest element along the axes, NaN if any is NaN. Equal maxima share the gradient equally.
 *
 * @throws {ShapeError} for an empty axis: there is no largest of nothing
 * @example max(tensor([[1, 5], [7, 3]]), 1) // [5, 7]
 */
export function max(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return fold(maxPrimitive, x, checkedAxes("max", x, axis), options);
}

/**
 * Smallest element along the axes, NaN if any is NaN. Equal minima share the gradient equally.
 *
 * @throws {ShapeError} for an empty axis
 * @example min(tensor([[1, 5], [7, 3]]), 1) // [1, 3]
 */
export function min(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return fold(minPrimitive, x, checkedAxes("min", x, axis), options);
}

/** Whether any element is true (not 0), as bool; an empty axis gives false. @example any(greater(x, 0), -1) */
export function any(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor<"bool"> {
  return notEqual(sum(notEqual(x, 0), axis, options), 0);
}

/** Whether all elements are true (not 0), as bool; an empty axis gives true. @example all(isFinite(x)) */
export function all(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor<"bool"> {
  return equal(sum(equal(x, 0), axis, options), 0);
}

const argMaxPrimitive = position("argMax");
const argMinPrimitive = position("argMin");

function position(name: "argMax" | "argMin"): ReducePrimitive {
  return definePrimitive({
    name,
    kind: "reduce",
    infer: ([x], { axes }) => reducedType(x!, axes as number[], "int32"),
    reference: name,
    noGradient: "an index is constant almost everywhere; use softmax for a choice that can be differentiated",
  });
}

/**
 * Index of the largest element along one axis, as int32; the first among equals; where there is a NaN, the first NaN.
 *
 * @param axis absent: the index in row-major order over all elements
 * @throws {ShapeError} for an empty axis
 * @example argMax(tensor([[1, 5], [7, 3]]), -1) // [1, 0]
 */
export function argMax(x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor<"int32"> {
  return locate(argMaxPrimitive, x, axis, options) as Tensor<"int32">;
}

/**
 * Index of the smallest element along one axis, as int32; the first among equals; where there is a NaN, the first NaN.
 *
 * @param axis absent: the index in row-major order over all elements
 * @throws {ShapeError} for an empty axis
 * @example argMin(tensor([[1, 5], [7, 3]]), -1) // [0, 1]
 */
export function argMin(x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor<"int32"> {
  return locate(argMinPrimitive, x, axis, options) as Tensor<"int32">;
}

function locate(
  primitive: ReducePrimitive,
  x: Tensor,
  axis: number | undefined,
  options: ReduceOptions,
): Tensor {
  if (axis === undefined) {
    const index = locate(primitive, reshape(x, [x.size]), 0, {});
    return options.keepDims
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : index;
  }
  const at = normalizeAxis(primitive.name, axis, x.rank);
  return fold(primitive, x, checkedAxes(primitive.name, x, at), options);
}

/**
 * Mean of the squared deviations from the mean over the axes (divided by n, not n − 1).
 *
 * Two passes, because `mean(x²) − mean(x)²` cancels where the mean is large.
 * @throws {ShapeError} for an empty axis
 * @example variance(tensor([1, 2, 3, 4])) // 1.25
 */
export function variance(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return varianceOf("variance", x, axis, options);
}

/**
 * Standard deviation `√variance` over the axes (divided by n); where it is 0 its gradient is 0.
 *
 * @throws {ShapeError} for an empty axis
 * @example std(tensor([1, 2, 3, 4])) // 1.118
 */
export function std(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  return sqrtFlatAtZero(varianceOf("std", x, axis, options));
}

function varianceOf(who: string, x: Tensor, axis: Axes | undefined, options: ReduceOptions): Tensor {
  const float = toFloat(who, x);
  const deviation = sub(float, meanOf(who, float, axis, { keepDims: true }));
  return meanOf(who, square(deviation), axis, options);
}

/**
 * `log Σ exp(x)` over the axes, without overflow: the maximum is taken out first.
 *
 * @throws {ShapeError} for an empty axis
 * @example logSumExp(tensor([1000, 1000])) // 1000.693
 */
export function logSumExp(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor {
  const axes = checkedAxes("logSumExp", x, axis);
  const float = toFloat("logSumExp", x);
  const largest = stopGradient(max(float, axes, { keepDims: true })); // the result does not depend on it
  const shift = where(isFiniteElement(largest), largest, 0);
  const result = add(log(sumPlain(exp(sub(float, shift)), axes, { keepDims: true })), shift);
  return options.keepDims ? result : reshape(result, dropAxes(result.shape, axes));
}

/** Options of `norm`. */
export interface NormOptions extends ReduceOptions {
  /** p of the p-norm: 2 (default) is Euclidean, 1 the sum of magnitudes, Infinity the largest magnitude. */
  readonly order?: number;
}

/**
 * Length `(Σ |x|^p)^(1/p)` of the vectors along the axes (p = 2 unless `order` says otherwise); matrices count as
 * vectors (Frobenius norm). Where the length is 0 its gradient is 0.
 *
 * @throws {ConfigError} where `order` is not positive
 * @example norm(tensor([3, 4])) // 5
 */
export function norm(x: Tensor, axis?: Axes, options: NormOptions = {}): Tensor {
  const { order = 2, ...rest } = options;
  const float = toFloat("norm", x);
  if (order === 2) return sqrtFlatAtZero(sumPlain(square(float), axis, rest));
  if (order === 1) return sumPlain(abs(float), axis, rest);
  if (order === Infinity) return max(abs(float), axis, rest);
  if (!(order > 0)) {
    throw new ConfigError({ who: "norm", expected: "an order above 0", received: String(order) });
  }
  const total = sumPlain(pow(abs(float), order), axis, rest);
  return flatAtZero(total, (positive) => pow(positive, 1 / order));
}

function sqrtFlatAtZero(x: Tensor): Tensor {
  return flatAtZero(x, sqrt);
}

/** A root, whose slope at 0 is infinite, with the gradient 0 there: infinite times a zero deviation would be NaN. */
function flatAtZero(x: Tensor, root: (positive: Tensor) => Tensor): Tensor {
  const zero = equal(x, 0);
  return where(zero, 0, root(where(zero, 1, x)));
}

/** The node keeps the rank; the axes of length 1 are dropped afterwards. */
function fold(
  primitive: ReducePrimitive,
  x: Tensor,
  axes: readonly number[],
  options: ReduceOptions,
): Tensor {
  if (axes.length === 0) return x;
  const reduced = createNode(primitive, [x], { axes: [...axes] });
  return options.keepDims ? reduced : reshape(reduced, dropAxes(reduced.shape, axes));
}

/** Normalized axes of a reduction that has no value for nothing. */
function checkedAxes(who: string, x: Tensor, axis: Axes | undefined): number[] {
  const axes = normalizeAxes(who, axis, x.rank);
  for (const a of axes) {
    if (x.shape[a] === 0) {
      throw new ShapeError({
        who,
        expected: `at least one element along axis ${a}`,
        received: `shape ${formatShape(x.shape)}`,
        fix: `${who} of nothing is not defined.`,
      });
    }
  }
  return axes;
}
