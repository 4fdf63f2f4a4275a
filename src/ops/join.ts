/** Tensors joined to one, and one cut into several. */
import type { DType } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, normalizeAxis, sameShape } from "../base/shape.js";
import { definePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { commonExtent } from "./define.js";
import { checkTensor, toTensors } from "./leaf.js";
import { expandDims, reshape, slice } from "./movement.js";

export const concatPrimitive = definePrimitive({
  name: "concat",
  kind: "structural",
  infer: (inputs, { axis }) => {
    const first = inputs[0]!;
    const at = axis as number;
    const total = inputs.reduce((sum, input) => sum + input.shape[at]!, 0);
    const extent = commonExtent("concat", inputs);
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
      const part = along(g!, at, offset, input.shape[at]!);
      offset += input.shape[at]!;
      return part;
    });
  },
});

/**
 * Tensors joined along an axis; the other lengths agree. Producers write into the result directly where they can.
 *
 * Dtypes meet as in arithmetic: bool < uint8 < int32 < float32.
 * @throws {ShapeError} for an empty list, an axis out of range or lengths that differ
 * @example concat([tensor([1, 2]), tensor([3])]) // [1, 2, 3]
 * @example concat([zeros([2, 3]), ones([2, 1])], -1).shape // [2, 4]
 */
export function concat<D extends DType>(tensors: readonly Tensor<D>[], axis = 0): Tensor<D> {
  const { tensors: list, dtype } = alike("concat", tensors);
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
  const parts = list.map((t) => cast(t, dtype));
  return (parts.length === 1 ? first : createNode(concatPrimitive, parts, { axis: at })) as Tensor<D>;
}

/**
 * Tensors of one shape joined along a new axis.
 *
 * Shape: theirs with an axis as long as the list at `axis` (of the result).
 * @throws {ShapeError} for an empty list, an axis out of range or shapes that differ
 * @example stack([tensor([1, 2]), tensor([3, 4])]) // [[1, 2], [3, 4]]
 * @example stack([tensor([1, 2]), tensor([3, 4])], -1) // [[1, 3], [2, 4]]
 */
export function stack<D extends DType>(tensors: readonly Tensor<D>[], axis = 0): Tensor<D> {
  const list = alike("stack", tensors).tensors as Tensor<D>[];
  const { shape, rank } = list[0]!;
  const at = normalizeAxis("stack", axis, rank + 1);
  if (list.some((t) => !sameShape(t.shape, shape))) {
    throw new ShapeError({
      who: "stack",
      expected: "tensors of one shape",
      received: list.map((t) => formatShape(t.shape)).join(", "),
      fix: "Tensors that differ along one axis are joined by concat.",
    });
  }
  return concat(
    list.map((t) => expandDims(t, at)),
    at,
  );
}

/** The list, checked, and the dtype in which it meets. */
function alike(who: string, tensors: readonly Tensor[]): { tensors: Tensor[]; dtype: DType } {
  if (tensors.length > 0) return toTensors(who, tensors);
  throw new ShapeError({ who, expected: "at least one tensor", received: "an empty list" });
}

/**
 * Cut along an axis into equal parts, or into parts of the given lengths. No element is copied.
 *
 * @param parts how many, or the length of each
 * @throws {ShapeError} where the axis can't be cut that way, or has a length known at run time only
 * @throws {ConfigError} where `parts` is no integer ≥ 1
 * @example split(tensor([1, 2, 3, 4]), 2)[1] // [3, 4]
 * @example split(tensor([1, 2, 3, 4]), [1, 3])[1] // [2, 3, 4]
 */
export function split<D extends DType>(
  x: Tensor<D>,
  parts: number | readonly number[],
  axis = 0,
): Tensor<D>[] {
  checkTensor("split", x);
  const at = normalizeAxis("split", axis, x.rank);
  const length = x.shape[at]!;
  const lengths = typeof parts === "number" ? equalParts(length, parts) : parts;
  checkShape("split", lengths);
  if (lengths.reduce((sum, n) => sum + n, 0) !== length) {
    throw new ShapeError({
      who: "split",
      expected: `parts that add up to ${length}`,
      received: typeof parts === "number" ? `${parts} equal parts` : formatShape(parts),
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  let offset = 0;
  return lengths.map((n) => {
    const part = along(x, at, offset, n);
    offset += n;
    return part;
  });
}

function equalParts(length: number, parts: number): number[] {
  if (!Number.isInteger(parts) || parts < 1) {
    throw new ConfigError({
      who: "split",
      expected: "a number of parts that is an integer ≥ 1",
      received: String(parts),
    });
  }
  return new Array<number>(parts).fill(Math.floor(length / parts));
}

/**
 * The entries along an axis as a list, without that axis: the reverse of `stack`. No element is copied.
 *
 * @throws {ShapeError} for an axis out of range, or one whose length is known at run time only
 * @example unstack(tensor([[1, 2], [3, 4]]))[1] // [3, 4]
 * @example unstack(tensor([[1, 2], [3, 4]]), -1)[1] // [2, 4]
 */
export function unstack<D extends DType>(x: Tensor<D>, axis = 0): Tensor<D>[] {
  checkTensor("unstack", x);
  const at = normalizeAxis("unstack", axis, x.rank);
  const shape = x.shape.filter((_, a) => a !== at);
  return Array.from({ length: x.shape[at]! }, (_, i) => reshape(along(x, at, i, 1), shape));
}

/** `length` entries from `start` on along one axis, everything of the others. */
function along<D extends DType>(x: Tensor<D>, axis: number, start: number, length: number): Tensor<D> {
  return slice(
    x,
    x.shape.map((_, a) => (a === axis ? start : 0)),
    x.shape.map((n, a) => (a === axis ? length : n)),
  );
}

/**
 * Elements moved along axes by a number of places; those that leave at one end come in at the other.
 *
 * @param shift places towards the end (negative: towards the start); one for each axis
 * @param axis absent: in row-major order over all elements
 * @throws {ShapeError} for an axis out of range or named twice, one whose length is known at run time only, or another
 * number of shifts than of axes
 * @throws {ConfigError} where a shift is no integer
 * @example roll(tensor([1, 2, 3, 4]), 1) // [4, 1, 2, 3]
 * @example roll(tensor([[1, 2, 3], [4, 5, 6]]), -1, 1) // [[2, 3, 1], [5, 6, 4]]
 */
export function roll<D extends DType>(
  x: Tensor<D>,
  shift: number | readonly number[],
  axis?: number | readonly number[],
): Tensor<D> {
  checkTensor("roll", x);
  if (axis === undefined) return reshape(roll(reshape(x, [x.size]), shift, 0), x.shape);
  const shifts = typeof shift === "number" ? [shift] : shift;
  const axes = (Array.isArray(axis) ? (axis as readonly number[]) : [axis as number]).map((a) =>
    normalizeAxis("roll", a, x.rank),
  );
  if (shifts.length !== axes.length || new Set(axes).size !== axes.length) {
    throw new ShapeError({
      who: "roll",
      expected: "one shift for each of axes that differ",
      received: `shifts ${formatShape(shifts)} for axes ${formatShape(axes)}`,
    });
  }
  for (const places of shifts) {
    if (Number.isInteger(places)) continue;
    throw new ConfigError({ who: "roll", expected: "shifts that are integers", received: String(places) });
  }
  return axes.reduce((rolled, a, i) => rollAxis(rolled, shifts[i]!, a), x);
}

function rollAxis<D extends DType>(x: Tensor<D>, shift: number, axis: number): Tensor<D> {
  const length = x.shape[axis]!;
  if (length === 0) return x;
  const kept = ((-shift % length) + length) % length; // the first `kept` go to the end
  return kept === 0 ? x : concat([along(x, axis, kept, length - kept), along(x, axis, 0, kept)], axis);
}
