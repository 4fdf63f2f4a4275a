/** Operations that move elements without computing: most are views, which cost nothing. */
import { checkDType, type DType } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import {
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
} from "../base/shape.js";
import { definePrimitive, type Extent, type TensorType } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { broadcastTo, reshape } from "./broadcast.js";
import { cast } from "./cast.js";
import { scalar, toTensors } from "./leaf.js";

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
 * @throws {ShapeError} where `permutation` does not name each axis once
 * @example transpose(x, [0, 2, 1]) // swaps the last two axes of [batch, rows, columns]
 */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  const order = (permutation ?? x.shape.map((_, axis) => x.rank - 1 - axis)).map((axis) =>
    normalizeAxis("transpose", axis, x.rank),
  );
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError({
      who: "transpose",
      expected: `a permutation of the ${x.rank} axes`,
      received: formatShape(permutation ?? []),
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  return order.every((axis, i) => axis === i)
    ? x
    : createNode(transposePrimitive, [x], { permutation: order });
}

/** The last two axes swapped. */
export function matrixTranspose(x: Tensor): Tensor {
  const order = x.shape.map((_, axis) => axis);
  order.splice(-2, 2, x.rank - 1, x.rank - 2);
  return transpose(x, order);
}

/** A new axis of length 1 at `axis` (of the result). @example expandDims(x, -1).shape // [28, 28, 1] */
export function expandDims(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis("expandDims", axis, x.rank + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/**
 * Without axes of length 1: the given ones, or all.
 *
 * @throws {ShapeError} where a given axis is longer than 1
 */
export function squeeze(x: Tensor, axis?: number | readonly number[]): Tensor {
  const axes =
    axis === undefined
      ? x.shape.map((_, a) => a).filter((a) => x.shape[a] === 1)
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

/** All axes from `startAxis` on merged into one. @example flatten(images, 1).shape // [batch, 784] */
export function flatten(x: Tensor, startAxis = 0): Tensor {
  const rest = x.shape.slice(startAxis).reduce((product, length) => product * length, 1);
  return reshape(x, [...x.shape.slice(0, startAxis), rest]);
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
    return [embed(g!, x!, start, step)];
  },
});

/**
 * Part of each axis: `size[i]` elements from `start[i]` on, every `step[i]`-th (negative: backwards).
 *
 * @throws {ShapeError} where the part reaches outside
 * @example slice(x, [0, 1], [2, 3])
 */
export function slice(
  x: Tensor,
  start: readonly number[],
  size: readonly number[],
  step: readonly number[] = start.map(() => 1),
): Tensor {
  if (start.length !== x.rank || size.length !== x.rank || step.length !== x.rank) {
    throw new ShapeError({
      who: "slice",
      expected: `a start, size and step for each of ${x.rank} axes`,
      received: `${start.length}, ${size.length} and ${step.length}`,
    });
  }
  checkShape("slice", size);
  x.shape.forEach((length, axis) => {
    const first = start[axis]!;
    const last = first + (size[axis]! - 1) * step[axis]!;
    const inside = size[axis] === 0 || (first >= 0 && first < length && last >= 0 && last < length);
    if (!inside || step[axis] === 0) {
      throw new ShapeError({
        who: "slice",
        expected: `elements inside axis ${axis} of length ${length}`,
        received: `start ${first}, size ${size[axis]}, step ${step[axis]}`,
      });
    }
  });
  if (sameShape(size, x.shape) && start.every((s) => s === 0) && step.every((s) => s === 1)) return x;
  return createNode(slicePrimitive, [x], { start: [...start], size: [...size], step: [...step] });
}

/** The order of elements reversed along the axes. */
export function flip(x: Tensor, axis?: number | readonly number[]): Tensor {
  const axes = normalizeAxes("flip", axis, x.rank);
  const backwards = (a: number) => axes.includes(a) && x.shape[a]! > 0;
  return slice(
    x,
    x.shape.map((length, a) => (backwards(a) ? length - 1 : 0)),
    x.shape,
    x.shape.map((_, a) => (backwards(a) ? -1 : 1)),
  );
}

export const concatPrimitive = definePrimitive({
  name: "concat",
  kind: "structural",
  infer: (inputs, { axis }) => {
    const first = inputs[0]!;
    const at = axis as number;
    let total = 0;
    let extent: Extent | undefined;
    for (const input of inputs) {
      total += input.shape[at]!;
      extent ??= input.extent;
    }
    if (extent?.axis === at) {
      throw new ShapeError({
        who: "concat",
        expected: "an axis other than the batch axis",
        received: `axis ${at}`,
        fix: "Its length is known at run time only.",
      });
    }
    return { shape: first.shape.map((length, a) => (a === at ? total : length)), dtype: first.dtype, extent };
  },
  vjp: ({ node, inputs, gradients: [g] }) => {
    const at = node.attributes.axis as number;
    let offset = 0;
    return inputs.map((input) => {
      const start = g!.shape.map((_, a) => (a === at ? offset : 0));
      offset += input.shape[at]!;
      return slice(g!, start, input.shape);
    });
  },
});

/**
 * Tensors joined along an axis; the other lengths agree. Producers write into the result directly where they can.
 *
 * @throws {ShapeError} for an empty list or lengths that differ
 * @example concat([a, b], -1)
 */
export function concat(tensors: readonly TensorLike[], axis = 0): Tensor {
  if (tensors.length === 0)
    throw new ShapeError({ who: "concat", expected: "at least one tensor", received: "an empty list" });
  const { tensors: list, dtype } = toTensors("concat", tensors);
  const first = list[0]!;
  const at = normalizeAxis("concat", axis, first.rank);
  for (const t of list) {
    if (t.rank !== first.rank || t.shape.some((length, a) => a !== at && length !== first.shape[a])) {
      throw new ShapeError({
        who: "concat",
        expected: `shapes that agree but for axis ${at}`,
        received: list.map((x) => formatShape(x.shape)).join(", "),
      });
    }
  }
  return list.length === 1
    ? first
    : createNode(
        concatPrimitive,
        list.map((t) => cast(t, dtype)),
        { axis: at },
      );
}

/** Tensors of one shape joined along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return concat(
    tensors.map((t) => expandDims(t, axis)),
    axis,
  );
}

/** Cut into equal parts along an axis, or into parts of the given sizes. */
export function split(x: Tensor, parts: number | readonly number[], axis = 0): Tensor[] {
  const at = normalizeAxis("split", axis, x.rank);
  const length = x.shape[at]!;
  const sizes = typeof parts === "number" ? new Array<number>(parts).fill(length / parts) : parts;
  if (
    sizes.reduce((sum, size) => sum + size, 0) !== length ||
    sizes.some((size) => !Number.isInteger(size))
  ) {
    throw new ShapeError({
      who: "split",
      expected: `parts that add up to ${length}`,
      received: formatShape(typeof parts === "number" ? [parts] : parts),
    });
  }
  let offset = 0;
  return sizes.map((size) => {
    const start = x.shape.map((_, a) => (a === at ? offset : 0));
    offset += size;
    return slice(
      x,
      start,
      x.shape.map((n, a) => (a === at ? size : n)),
    );
  });
}

export const embedPrimitive = definePrimitive({
  name: "embed",
  kind: "structural",
  infer: ([x], { shape }) => ({ shape: shape as Shape, dtype: x!.dtype, extent: x!.extent }),
  vjp: ({ node, inputs: [x], gradients: [g] }) => {
    const { start, step } = node.attributes as { start: number[]; step: number[] };
    return [slice(g!, start, x!.shape, step)];
  },
});

/** `x` placed at `start` with `step` into a tensor of the given type filled with `value`. */
function embed(
  x: Tensor,
  type: TensorType,
  start: readonly number[],
  step: readonly number[],
  value = 0,
): Tensor {
  return createNode(embedPrimitive, [x], {
    shape: [...type.shape],
    start: [...start],
    step: [...step],
    value,
  });
}

/**
 * Elements of one value added before and after each axis.
 *
 * @param widths `[before, after]` for each axis
 * @example pad(x, [[0, 0], [1, 1]])
 */
export function pad(x: Tensor, widths: readonly (readonly [number, number])[], value = 0): Tensor {
  if (
    widths.length !== x.rank ||
    widths.some((pair) => pair.some((width) => !Number.isInteger(width) || width < 0))
  ) {
    throw new ShapeError({
      who: "pad",
      expected: `[before, after] ≥ 0 for each of ${x.rank} axes`,
      received: JSON.stringify(widths),
    });
  }
  if (widths.every(([before, after]) => before === 0 && after === 0)) return x;
  const shape = x.shape.map((length, axis) => length + widths[axis]![0] + widths[axis]![1]);
  return embed(
    x,
    { shape, dtype: x.dtype },
    widths.map(([before]) => before),
    widths.map(() => 1),
    value,
  );
}

export const iotaPrimitive = definePrimitive({
  name: "iota",
  kind: "structural",
  infer: (_, { shape }) => ({ shape: shape as Shape, dtype: "int32" }),
});

/** int32 tensor whose elements are their own index along `axis`; costs no memory. */
export function iota(shape: Shape, axis = 0): Tensor {
  checkShape("iota", shape);
  const at = normalizeAxis("iota", axis, shape.length);
  return createNode(iotaPrimitive, [], {
    shape: [...shape],
    strides: shape.map((_, a) => (a === at ? 1 : 0)),
  });
}

/** int32 tensor whose elements are their row-major position. */
export function linearIndex(shape: Shape): Tensor {
  let stride = 1;
  const strides = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return createNode(iotaPrimitive, [], { shape: [...shape], strides });
}

/** A tensor of one value. @throws {ConfigError} for an unknown dtype @example full([2, 3], 7) */
export function full(shape: Shape, value: number | boolean, dtype: DType = "float32"): Tensor {
  return filled("full", shape, value, dtype);
}
/** A tensor of zeros. */
export function zeros(shape: Shape, dtype: DType = "float32"): Tensor {
  return filled("zeros", shape, 0, dtype);
}
/** A tensor of ones. */
export function ones(shape: Shape, dtype: DType = "float32"): Tensor {
  return filled("ones", shape, 1, dtype);
}

function filled(who: string, shape: Shape, value: number | boolean, dtype: DType): Tensor {
  checkShape(who, shape);
  return broadcastTo(scalar(value, checkDType(who, dtype)), shape);
}
