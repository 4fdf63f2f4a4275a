/**
 * Broadcasting and reshaping. Every other rule stands on three operations: `broadcastTo` and `sum` are each other's
 * derivative, and `reshape` drops or adds the axes of length 1 between them.
 */
import type { DType } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import {
  broadcastsTo,
  checkList,
  checkShape,
  formatShape,
  normalizeAxes,
  type Shape,
  sameShape,
  sizeOf,
} from "../base/shape.js";
import { reshapeLayout } from "../graph/layout.js";
import { definePrimitive, type Extent, type TensorType } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { checkTensor } from "./leaf.js";

const reshapePrimitive = definePrimitive({
  name: "reshape",
  kind: "view",
  infer: ([x], { shape }) => {
    const target = resolveShape(x!.shape, shape as Shape);
    return { shape: target, dtype: x!.dtype, extent: reshapeExtent(x!, target) };
  },
  view: (layout, { shape }) => reshapeLayout(layout, shape as Shape),
  vjp: ({ inputs: [x], gradients: [g] }) => [reshape(g!, x!.shape)],
});

/**
 * The same elements, in row-major order, under another shape.
 *
 * @param shape the new axis lengths; one of them may be −1: it takes what remains
 * @throws {ShapeError} where the number of elements differs
 * @example reshape(tensor([1, 2, 3, 4]), [2, -1]) // [[1, 2], [3, 4]]
 */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  checkTensor("reshape", x);
  checkList("reshape", "axis lengths", shape);
  const target = resolveShape(x.shape, shape);
  if (sameShape(target, x.shape)) return x;
  return createNode(reshapePrimitive, [x], { shape: target }) as Tensor<D>;
}

function resolveShape(from: Shape, shape: Shape): number[] {
  const size = sizeOf(from);
  const free = shape.indexOf(-1);
  const target = [...shape];
  if (free >= 0) {
    const known = shape.reduce((product, length, axis) => (axis === free ? product : product * length), 1);
    target[free] = known === 0 ? 0 : size / known;
  }
  if (sizeOf(target) !== size || target.some((length) => !Number.isInteger(length) || length < 0)) {
    throw new ShapeError({
      who: "reshape",
      expected: `a shape of ${size} elements`,
      received: formatShape(shape),
      fix: `The input has shape ${formatShape(from)}; use −1 for the length that should be computed.`,
    });
  }
  return target;
}

/** A dynamic axis survives a reshape that keeps it, merges it with the axes after it, or splits such a merge. */
function reshapeExtent(x: TensorType, shape: Shape): Extent | undefined {
  if (!x.extent) return undefined;
  const { axis, length, factor } = x.extent;
  const before = sizeOf(x.shape.slice(0, axis));
  let product = 1;
  for (let target = 0; target < shape.length; target++) {
    if (product === before && shape[target] !== 1) {
      const bound = shape[target]!;
      const from = x.shape[axis]!;
      if (bound === from) return { axis: target, length, factor };
      if (before === 1 && bound % from === 0)
        return { axis: target, length, factor: (factor * bound) / from };
      if (before === 1 && from % bound === 0 && factor % (from / bound) === 0) {
        return { axis: target, length, factor: factor / (from / bound) };
      }
      break;
    }
    product *= shape[target]!;
  }
  if (x.shape[axis] === 1 && factor === 1) {
    const target = shape.indexOf(1);
    if (target >= 0) return { axis: target, length, factor };
  }
  throw new ShapeError({
    who: "reshape",
    expected: "a shape that keeps the batch axis or merges it with the axes after it",
    received: `${formatShape(x.shape)} to ${formatShape(shape)}`,
    fix: "The length of that axis is known at run time only; reshape the other axes.",
  });
}

const broadcastPrimitive = definePrimitive({
  name: "broadcastTo",
  kind: "view",
  infer: ([x, length], { shape, extentAxis, factor }) => {
    const target = shape as Shape;
    const shift = target.length - x!.shape.length;
    if (!broadcastsTo(x!.shape, target)) {
      throw new ShapeError({
        who: "broadcastTo",
        expected: `a shape that broadcasts to ${formatShape(target)}`,
        received: formatShape(x!.shape),
        fix: "Axes are aligned at the last one; only length 1 stretches.",
      });
    }
    const own = x!.extent;
    if (own && target[own.axis + shift] !== x!.shape[own.axis]) {
      throw new ShapeError({
        who: "broadcastTo",
        expected: "the batch axis as it is",
        received: `${formatShape(x!.shape)} to ${formatShape(target)}`,
        fix: "The length of that axis is known at run time only, so it can't be stretched.",
      });
    }
    const extent = length
      ? { axis: extentAxis as number, length: length as Tensor, factor: factor as number }
      : own && { ...own, axis: own.axis + shift };
    return { shape: target, dtype: x!.dtype, extent };
  },
  view: (layout, { shape }) => {
    const target = shape as Shape;
    const shift = target.length - layout.shape.length;
    const strides = target.map((n, axis) =>
      axis < shift || (layout.shape[axis - shift] === 1 && n !== 1) ? 0 : layout.strides[axis - shift]!,
    );
    return { offset: layout.offset, shape: target, strides };
  },
  vjp: ({ inputs: [x], gradients: [g] }) => [unbroadcast(g!, x!.shape), null],
});

/**
 * The tensor stretched to a larger shape as NumPy does: aligned at the last axis, axes of length 1 repeat.
 *
 * No element is copied.
 * @throws {ShapeError} where a length is neither 1 nor the wanted one
 * @example broadcastTo(tensor([1, 2]), [3, 2]) // [[1, 2], [1, 2], [1, 2]]
 */
export function broadcastTo<D extends DType>(x: Tensor<D>, shape: Shape, extent?: Extent): Tensor<D> {
  checkTensor("broadcastTo", x);
  checkList("broadcastTo", "axis lengths", shape);
  if (sameShape(x.shape, shape) && (!extent || x.extent)) return x;
  checkShape("broadcastTo", shape);
  const stretched =
    extent && !x.extent
      ? createNode(broadcastPrimitive, [x, extent.length], {
          shape: [...shape],
          extentAxis: extent.axis,
          factor: extent.factor,
        })
      : createNode(broadcastPrimitive, [x], { shape: [...shape] });
  return stretched as Tensor<D>;
}

/** Sums away what broadcasting stretched. */
function unbroadcast(g: Tensor, shape: Shape): Tensor {
  const shift = g.shape.length - shape.length;
  const axes = g.shape
    .map((_, axis) => axis)
    .filter((axis) => axis < shift || (shape[axis - shift] === 1 && g.shape[axis] !== 1));
  return reshape(sum(g, axes, { keepDims: true }), shape);
}

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep the reduced axes with length 1. */
  readonly keepDims?: boolean;
}

/** The type after axes are folded to length 1. */
export function reducedType(x: TensorType, axes: readonly number[], dtype = x.dtype): TensorType {
  const shape = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  return { shape, dtype, extent: x.extent && !axes.includes(x.extent.axis) ? x.extent : undefined };
}

/** The shape without the given axes (which have length 1). */
export function dropAxes(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

const sumPrimitive = definePrimitive({
  name: "sum",
  kind: "reduce",
  infer: ([x], { axes }) => reducedType(x!, axes as number[]),
  reference: { initial: 0, combine: (accumulator, value) => accumulator + value },
  vjp: ({ inputs: [x], gradients: [g] }) => [broadcastTo(g!, x!.shape, x!.extent)],
});

/** Sum without conversions: the input is float or int32. Public `sum` stands in reduce.ts. */
export function sum<D extends DType>(
  x: Tensor<D>,
  axis?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor<D> {
  const axes = normalizeAxes("sum", axis, x.rank);
  if (axes.length === 0) return x;
  const reduced = createNode(sumPrimitive, [x], { axes }) as Tensor<D>;
  return options.keepDims ? reduced : reshape(reduced, dropAxes(reduced.shape, axes));
}
