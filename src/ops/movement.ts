/** The same elements with other axes, in another order, or in part: views, which cost nothing. */
import type { DType } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import {
  checkList,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
} from "../base/shape.js";
import { definePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { broadcastTo, reshape } from "./broadcast.js";
import { checkTensor } from "./leaf.js";

export { broadcastTo, reshape };

const transposePrimitive = definePrimitive({
  name: "transpose",
  kind: "view",
  infer: ([x], { permutation }) => {
    const order = permutation as number[];
    const extent = x!.extent && { ...x!.extent, axis: order.indexOf(x!.extent.axis) };
    return { shape: order.map((axis) => x!.shape[axis]!), dtype: x!.dtype, extent };
  },
  view: (layout, { permutation }) => {
    const order = permutation as number[];
    return {
      offset: layout.offset,
      shape: order.map((axis) => layout.shape[axis]!),
      strides: order.map((axis) => layout.strides[axis]!),
    };
  },
  vjp: ({ node, gradients: [g] }) => {
    const order = node.attributes.permutation as number[];
    return [
      transpose(
        g!,
        order.map((_, axis) => order.indexOf(axis)),
      ),
    ];
  },
});

/**
 * The axes in another order; by default all reversed.
 *
 * Shape: `result.shape[i] = x.shape[permutation[i]]`. No element is copied.
 * @param permutation the axes of `x` in their new order; negative ones count from the end
 * @throws {ShapeError} where `permutation` does not name each axis once
 * @example transpose(tensor([[1, 2], [3, 4]])) // [[1, 3], [2, 4]]
 * @example transpose(zeros([8, 3, 5]), [0, 2, 1]).shape // [8, 5, 3]
 */
export function transpose<D extends DType>(x: Tensor<D>, permutation?: readonly number[]): Tensor<D> {
  checkTensor("transpose", x);
  return permuted("transpose", x, permutation ?? x.shape.map((_, axis) => x.rank - 1 - axis));
}

/**
 * The axes in the order that is named: `transpose` as PyTorch calls it.
 *
 * @param order the axes of `x` in their new order; negative ones count from the end
 * @throws {ShapeError} where `order` does not name each axis once
 * @example permute(zeros([8, 3, 5]), [0, 2, 1]).shape // [8, 5, 3]
 */
export function permute<D extends DType>(x: Tensor<D>, order: readonly number[]): Tensor<D> {
  return permuted("permute", x, order);
}

function permuted<D extends DType>(who: string, x: Tensor<D>, axes: readonly number[]): Tensor<D> {
  checkTensor(who, x);
  checkList(who, "axes", axes);
  const order = axes.map((axis) => normalizeAxis(who, axis, x.rank));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError({
      who,
      expected: `a permutation of the ${x.rank} axes`,
      received: formatShape(axes),
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  return order.every((axis, i) => axis === i)
    ? x
    : (createNode(transposePrimitive, [x], { permutation: order }) as Tensor<D>);
}

/**
 * The last two axes swapped: each matrix of a batch transposed.
 *
 * @throws {ShapeError} where there are fewer than two axes
 * @example matrixTranspose(zeros([8, 3, 5])).shape // [8, 5, 3]
 */
export function matrixTranspose<D extends DType>(x: Tensor<D>): Tensor<D> {
  checkTensor("matrixTranspose", x);
  if (x.rank < 2) {
    throw new ShapeError({
      who: "matrixTranspose",
      expected: "matrices […, rows, columns]",
      received: `shape ${formatShape(x.shape)}`,
      fix: "Add an axis with expandDims(x, 0).",
    });
  }
  const order = x.shape.map((_, axis) => axis);
  order.splice(-2, 2, x.rank - 1, x.rank - 2);
  return permuted("matrixTranspose", x, order);
}

/**
 * A new axis of length 1 at `axis` (of the result).
 *
 * @throws {ShapeError} for an axis out of range
 * @example expandDims(zeros([28, 28]), -1).shape // [28, 28, 1]
 */
export function expandDims<D extends DType>(x: Tensor<D>, axis: number): Tensor<D> {
  checkTensor("expandDims", x);
  const at = normalizeAxis("expandDims", axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/**
 * Without axes of length 1: the given ones, or all.
 *
 * An axis whose length is known at run time only stays, unless it is named.
 * @throws {ShapeError} where a given axis is longer than 1, out of range or named twice
 * @example squeeze(zeros([1, 3, 1])).shape // [3]
 * @example squeeze(zeros([1, 3, 1]), -1).shape // [1, 3]
 */
export function squeeze<D extends DType>(x: Tensor<D>, axis?: number | readonly number[]): Tensor<D> {
  checkTensor("squeeze", x);
  const axes =
    axis === undefined
      ? x.shape.map((_, a) => a).filter((a) => x.shape[a] === 1 && a !== x.extent?.axis)
      : normalizeAxes("squeeze", axis, x.rank);
  for (const a of axes) {
    if (x.shape[a] !== 1) {
      throw new ShapeError({
        who: "squeeze",
        expected: `axis ${a} of length 1`,
        received: `shape ${formatShape(x.shape)}`,
      });
    }
  }
  return reshape(
    x,
    x.shape.filter((_, a) => !axes.includes(a)),
  );
}

/**
 * All axes from `startAxis` on merged into one.
 *
 * Shape `[…axes before, product of the others]`; a scalar becomes a vector of one element.
 * @throws {ShapeError} for an axis out of range
 * @example flatten(zeros([32, 28, 28]), 1).shape // [32, 784]
 */
export function flatten<D extends DType>(x: Tensor<D>, startAxis = 0): Tensor<D> {
  checkTensor("flatten", x);
  const at = x.rank === 0 && startAxis === 0 ? 0 : normalizeAxis("flatten", startAxis, x.rank);
  return reshape(x, [...x.shape.slice(0, at), sizeOf(x.shape.slice(at))]);
}

const slicePrimitive = definePrimitive({
  name: "slice",
  kind: "view",
  infer: ([x], { start, size, step }) => {
    const extent = x!.extent;
    if (
      extent &&
      ((start as number[])[extent.axis] !== 0 ||
        (size as number[])[extent.axis] !== x!.shape[extent.axis] ||
        (step as number[])[extent.axis] !== 1)
    ) {
      throw new ShapeError({
        who: "slice",
        expected: "the whole batch axis",
        received: `a part of axis ${extent.axis}`,
        fix: "Its length is known at run time only; slice the other axes.",
      });
    }
    return { shape: size as number[], dtype: x!.dtype, extent };
  },
  view: (layout, { start, size, step }) => ({
    offset:
      layout.offset +
      (start as number[]).reduce((sum, first, axis) => sum + first * layout.strides[axis]!, 0),
    shape: size as number[],
    strides: layout.strides.map((stride, axis) => stride * (step as number[])[axis]!),
  }),
  // The gradient of a part is that part among zeros.
  vjp: ({ node, inputs: [x], gradients: [g] }) => {
    const { start, step } = node.attributes as { start: number[]; step: number[] };
    return [embed(g!, x!.shape, start, step)];
  },
});

/**
 * Part of each axis: `size[i]` elements from `start[i]` on, every `step[i]`-th (negative: backwards).
 *
 * Shape: `size`. `at(x, [start, stop, step], …)` takes ranges as NumPy writes them.
 * @throws {ShapeError} where the part reaches outside, or cuts an axis whose length is known at run time only
 * @example slice(tensor([[1, 2, 3], [4, 5, 6]]), [0, 1], [2, 2]) // [[2, 3], [5, 6]]
 * @example slice(tensor([1, 2, 3, 4, 5]), [4], [3], [-2]) // [5, 3, 1]
 */
export function slice<D extends DType>(
  x: Tensor<D>,
  start: readonly number[],
  size: readonly number[],
  step?: readonly number[],
): Tensor<D> {
  checkTensor("slice", x);
  checkList("slice", "starts", start);
  checkList("slice", "sizes", size);
  const steps = step ?? x.shape.map(() => 1);
  checkList("slice", "steps", steps);
  if (start.length !== x.rank || size.length !== x.rank || steps.length !== x.rank) {
    throw new ShapeError({
      who: "slice",
      expected: `a start, size and step for each of ${x.rank} axes`,
      received: `${start.length}, ${size.length} and ${steps.length}`,
    });
  }
  checkShape("slice", size);
  x.shape.forEach((length, axis) => {
    const first = start[axis]!;
    const last = first + (size[axis]! - 1) * steps[axis]!;
    const inside = size[axis] === 0 || (first >= 0 && first < length && last >= 0 && last < length);
    if (!inside || steps[axis] === 0 || !Number.isInteger(first) || !Number.isInteger(steps[axis])) {
      throw new ShapeError({
        who: "slice",
        expected: `elements inside axis ${axis} of length ${length}`,
        received: `start ${first}, size ${size[axis]}, step ${steps[axis]}`,
      });
    }
  });
  if (sameShape(size, x.shape) && start.every((s) => s === 0) && steps.every((s) => s === 1)) return x;
  const part = { start: [...start], size: [...size], step: [...steps] };
  return createNode(slicePrimitive, [x], part) as Tensor<D>;
}

/**
 * The order of elements reversed along the axes; by default along all.
 *
 * @throws {ShapeError} for an axis out of range or named twice, or one whose length is known at run time only
 * @example flip(tensor([[1, 2, 3], [4, 5, 6]]), 1) // [[3, 2, 1], [6, 5, 4]]
 */
export function flip<D extends DType>(x: Tensor<D>, axis?: number | readonly number[]): Tensor<D> {
  checkTensor("flip", x);
  const axes = normalizeAxes("flip", axis, x.rank);
  const backwards = (a: number) => axes.includes(a) && x.shape[a]! > 0;
  return slice(
    x,
    x.shape.map((length, a) => (backwards(a) ? length - 1 : 0)),
    x.shape,
    x.shape.map((_, a) => (backwards(a) ? -1 : 1)),
  );
}

export const embedPrimitive = definePrimitive({
  name: "embed",
  kind: "structural",
  infer: ([x], { shape, start, step }) => {
    const axis = x!.extent?.axis;
    if (
      axis !== undefined &&
      ((shape as Shape)[axis] !== x!.shape[axis] ||
        (start as number[])[axis] !== 0 ||
        (step as number[])[axis] !== 1)
    ) {
      throw new ShapeError({
        who: "pad",
        expected: "the batch axis as it is",
        received: `${formatShape(x!.shape)} placed into ${formatShape(shape as Shape)}`,
        fix: "The length of that axis is known at run time only; pad the other axes.",
      });
    }
    return { shape: shape as Shape, dtype: x!.dtype, extent: x!.extent };
  },
  vjp: ({ node, inputs: [x], gradients: [g] }) => {
    const { start, step } = node.attributes as { start: number[]; step: number[] };
    return [slice(g!, start, x!.shape, step)];
  },
});

/** `x` placed at `start` with `step` into a tensor of the given shape filled with `value`: the reverse of `slice`. */
export function embed<D extends DType>(
  x: Tensor<D>,
  shape: Shape,
  start: readonly number[],
  step: readonly number[] = start.map(() => 1),
  value = 0,
): Tensor<D> {
  const place = { shape: [...shape], start: [...start], step: [...step], value };
  return createNode(embedPrimitive, [x], place) as Tensor<D>;
}
