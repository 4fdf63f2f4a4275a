/** Reductions: axes folded to one value. They take `(x, axis?, { keepDims })`; no axis means all of them. */
import type { DType } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, normalizeAxes, normalizeAxis, sizeOf } from "../base/shape.js";
import { definePrimitive, type ReducePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { add, div, mul, sqrt, square, sub } from "./arithmetic.js";
import { dropAxes, type ReduceOptions, reducedType, reshape, sum as sumPlain } from "./broadcast.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { equal, isFinite as isFiniteElement, notEqual } from "./comparison.js";
import { type Floating, type Summable, toFloat, toSummable } from "./convert.js";
import { zerosLike } from "./create.js";
import { exp, log } from "./exponential.js";
import { stopGradient } from "./identity.js";
import { checkTensor } from "./leaf.js";
import { transpose } from "./movement.js";
import { recurrence } from "./recurrence.js";

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
export function sum<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: ReduceOptions = {},
): Tensor<Summable<D>> {
  return sumPlain(toSummable("sum", x), axis, options) as Tensor<Summable<D>>;
}

/**
 * Arithmetic mean `Σ x / n` over the axes; integers give float32.
 *
 * Where the batch axis, whose length is known at run time only, is among the axes, `n` is its run-time length.
 * @throws {ShapeError} for an empty axis
 * @example mean(tensor([[1, 2], [3, 4]]), -1) // [1.5, 3.5]
 */
export function mean<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: ReduceOptions = {},
): Tensor<Floating<D>> {
  return meanOf("mean", x, axis, options) as Tensor<Floating<D>>;
}

function meanOf(who: string, x: Tensor, axis: Axes | undefined, options: ReduceOptions): Tensor {
  checkTensor(who, x);
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
  // ∂y/∂x_i is the product of the others: of those before times those behind, which is right at zeros too.
  vjp: ({ node, inputs: [x], gradients: [g] }) => [
    mul(g!, productOfOthers(x!, node.attributes.axes as number[])),
  ],
});

function productOfOthers(x: Tensor, axes: readonly number[]): Tensor {
  // The axes merged into one; a run-time length comes first, where reshape and the recurrence take it.
  const dynamic = x.extent?.axis ?? -1;
  const byExtent = (list: readonly number[]) => [
    ...list.filter((axis) => axis === dynamic),
    ...list.filter((axis) => axis !== dynamic),
  ];
  const rest = byExtent(x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)));
  const leads = axes.includes(dynamic);
  const order = leads ? [...byExtent(axes), ...rest] : [...rest, ...axes];
  const restShape = rest.map((axis) => x.shape[axis]!);
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  const moved = transpose(x, order);
  const flat = reshape(moved, leads ? [count, ...restShape] : [...restShape, count]);
  const run = { axis: leads ? 0 : rest.length, exclusive: true, start: 1 } as const;
  const nothing = zerosLike(flat);
  const before = recurrence(flat, nothing, { ...run, reverse: false });
  const behind = recurrence(flat, nothing, { ...run, reverse: true });
  const back = order.map((_, axis) => order.indexOf(axis));
  return transpose(reshape(mul(before, behind), moved.shape), back);
}

/**
 * Product over the axes; bool and uint8 are multiplied as int32.
 *
 * An empty axis gives 1. The derivatives of every order are right where elements are 0 too.
 * @example prod(tensor([2, 3, 4])) // 24
 */
export function prod<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: ReduceOptions = {},
): Tensor<Summable<D>> {
  checkTensor("prod", x);
  const axes = normalizeAxes("prod", axis, x.rank);
  return fold(prodPrimitive, toSummable("prod", x), axes, options) as Tensor<Summable<D>>;
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
export function max<D extends DType>(x: Tensor<D>, axis?: Axes, options: ReduceOptions = {}): Tensor<D> {
  checkTensor("max", x);
  return fold(maxPrimitive, x, checkedAxes("max", x, axis), options);
}

/**
 * Smallest element along the axes, NaN if any is NaN. Equal minima share the gradient equally.
 *
 * @throws {ShapeError} for an empty axis
 * @example min(tensor([[1, 5], [7, 3]]), 1) // [1, 3]
 */
export function min<D extends DType>(x: Tensor<D>, axis?: Axes, options: ReduceOptions = {}): Tensor<D> {
  checkTensor("min", x);
  return fold(minPrimitive, x, checkedAxes("min", x, axis), options);
}

/**
 * Whether any element is true (not 0), as bool; NaN is true. An empty axis gives false.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 * @example any(tensor([[true, false], [false, false]]), 1) // [true, false]
 */
export function any(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor<"bool"> {
  checkTensor("any", x);
  return notEqual(sum(notEqual(x, 0), normalizeAxes("any", axis, x.rank), options), 0);
}

/**
 * Whether all elements are true (not 0), as bool; NaN is true. An empty axis gives true.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 * @example all(tensor([[true, false], [true, true]]), 1) // [false, true]
 */
export function all(x: Tensor, axis?: Axes, options: ReduceOptions = {}): Tensor<"bool"> {
  checkTensor("all", x);
  return equal(sum(equal(x, 0), normalizeAxes("all", axis, x.rank), options), 0);
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
  checkTensor("argMax", x);
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
  checkTensor("argMin", x);
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

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** What is taken off the number of elements before dividing by it: 0 (default), or 1 for an estimate from a sample. */
  readonly correction?: number;
}

/**
 * Mean of the squared deviations from the mean over the axes: `Σ (x − mean)² / (n − correction)`.
 *
 * Two passes, because `mean(x²) − mean(x)²` cancels where the mean is large. Integers give float32.
 * @throws {ShapeError} for an empty axis, or one with no more elements than the correction
 * @throws {ConfigError} where the correction is no number ≥ 0
 * @example variance(tensor([1, 2, 3, 4])) // 1.25
 * @example variance(tensor([1, 2, 3]), 0, { correction: 1 }) // 1
 */
export function variance<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: VarianceOptions = {},
): Tensor<Floating<D>> {
  return varianceOf("variance", x, axis, options) as Tensor<Floating<D>>;
}

/**
 * Standard deviation `√variance` over the axes; where it is 0 its gradient is 0. Integers give float32.
 *
 * @throws {ShapeError} for an empty axis, or one with no more elements than the correction
 * @throws {ConfigError} where the correction is no number ≥ 0
 * @example std(tensor([1, 2, 3, 4])) // 1.118034
 * @example std(tensor([1, 2, 3]), 0, { correction: 1 }) // 1
 */
export function std<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: VarianceOptions = {},
): Tensor<Floating<D>> {
  return sqrtFlatAtZero(varianceOf("std", x, axis, options)) as Tensor<Floating<D>>;
}

function varianceOf(who: string, x: Tensor, axis: Axes | undefined, options: VarianceOptions): Tensor {
  checkTensor(who, x);
  const { correction = 0, ...rest } = options;
  const axes = checkedAxes(who, x, axis);
  const float = toFloat(who, x);
  const squares = square(sub(float, meanOf(who, float, axes, { keepDims: true })));
  if (correction === 0) return meanOf(who, squares, axes, rest);
  if (!(correction >= 0 && correction < Number.POSITIVE_INFINITY)) {
    throw new ConfigError({ who, expected: "a correction ≥ 0", received: String(correction) });
  }
  const count = elementCount(float, axes);
  if (typeof count === "number" && count <= correction) {
    throw new ShapeError({
      who,
      expected: `more than ${correction} elements for a correction of ${correction}`,
      received: `${count} of shape ${formatShape(x.shape)}`,
    });
  }
  return div(sumPlain(squares, axes, rest), sub(count, correction));
}

/**
 * `log Σ exp(x)` over the axes, without overflow: the maximum is taken out first. Integers give float32.
 *
 * An empty axis gives −Infinity, the logarithm of 0.
 * @throws {ShapeError} for an axis out of range or named twice
 * @example logSumExp(tensor([1000, 1000])) // 1000.6931
 */
export function logSumExp<D extends DType>(
  x: Tensor<D>,
  axis?: Axes,
  options: ReduceOptions = {},
): Tensor<Floating<D>> {
  return logSumExpOf(toFloat("logSumExp", x), axis, options) as Tensor<Floating<D>>;
}

function logSumExpOf(float: Tensor, axis: Axes | undefined, options: ReduceOptions): Tensor {
  const axes = normalizeAxes("logSumExp", axis, float.rank);
  if (axes.some((a) => float.shape[a] === 0)) return log(sumPlain(float, axes, options));
  const largest = stopGradient(max(float, axes, { keepDims: true })); // the result does not depend on it
  const shift = where(isFiniteElement(largest), largest, 0);
  const result = add(log(sumPlain(exp(sub(float, shift)), axes, { keepDims: true })), shift);
  return options.keepDims ? result : reshape(result, dropAxes(result.shape, axes));
}

function sqrtFlatAtZero(x: Tensor): Tensor {
  return flatAtZero(x, sqrt);
}

/** A root, whose slope at 0 is infinite, with the gradient 0 there: infinite times a zero deviation would be NaN. */
export function flatAtZero(x: Tensor, root: (positive: Tensor) => Tensor): Tensor {
  const zero = equal(x, 0);
  return where(zero, 0, root(where(zero, 1, x)));
}

/** The node keeps the rank; the axes of length 1 are dropped afterwards. */
function fold<D extends DType>(
  primitive: ReducePrimitive,
  x: Tensor<D>,
  axes: readonly number[],
  options: ReduceOptions,
): Tensor<D> {
  if (axes.length === 0) return x;
  const reduced = createNode(primitive, [x], { axes: [...axes] }) as Tensor<D>;
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
