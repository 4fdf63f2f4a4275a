import { ShapeError } from "./errors.js";

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Axes that backends can address. */
export const mostAxes = 8;

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= Math.max(1, shape[axis]!); // an empty axis must not look like a repeated one
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** `[2, 3]`, as errors print it. */
export function formatShape(shape: readonly (number | null)[]): string {
  return `[${shape.map((length) => length ?? "batch").join(", ")}]`;
}

/**
 * The shape two shapes broadcast to, as in NumPy: aligned at the last axis, length 1 stretches.
 *
 * @throws {ShapeError} where a pair of lengths differs and neither is 1
 */
export function broadcastShapes(who: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError({
        who,
        expected: "shapes that broadcast (equal lengths or 1, aligned at the last axis)",
        received: `${formatShape(a)} and ${formatShape(b)}`,
        fix: `Axis ${i - rank} has lengths ${x} and ${y}; reshape or expandDims one of them.`,
      });
    }
    result[i] = x === 1 ? y : x;
  }
  return result;
}

/** Whether a shape stretches to another one: aligned at the last axis, each length is that of the other or 1. */
export function broadcastsTo(shape: Shape, target: Shape): boolean {
  const shift = target.length - shape.length;
  return shift >= 0 && shape.every((length, axis) => length === 1 || length === target[axis + shift]);
}

/**
 * A negative axis counted from the end, checked.
 *
 * @throws {ShapeError} where the axis is out of range
 */
export function normalizeAxis(who: string, axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank) {
    throw new ShapeError({
      who,
      expected: rank === 0 ? "no axis (the tensor is a scalar)" : `an axis from ${-rank} to ${rank - 1}`,
      received: `axis ${typeof axis === "string" ? JSON.stringify(axis) : String(axis)}`,
    });
  }
  return normal;
}

/** Axes normalized, checked for duplicates and sorted; `undefined` means all. */
export function normalizeAxes(
  who: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (Array.isArray(axes) ? axes : [axes]).map((axis) => normalizeAxis(who, axis, rank));
  if (new Set(list).size !== list.length) {
    throw new ShapeError({
      who,
      expected: "axes that differ",
      received: `axes ${formatShape(axes as number[])}`,
    });
  }
  return list.sort((a, b) => a - b);
}

/** Throws where there are more axes than backends can address. */
export function checkRank(who: string, shape: Shape): void {
  if (shape.length <= mostAxes) return;
  throw new ShapeError({
    who,
    expected: `at most ${mostAxes} axes`,
    received: `${shape.length} axes, shape ${formatShape(shape)}`,
    fix: "Merge neighbouring axes with reshape.",
  });
}

/** Throws where an argument that holds something for each axis is no list. */
export function checkList(who: string, what: string, list: unknown): asserts list is readonly unknown[] {
  if (Array.isArray(list)) return;
  throw new ShapeError({
    who,
    expected: `a list of ${what}`,
    received:
      list === null || typeof list !== "object" ? String(list) : (list.constructor?.name ?? "an object"),
    ...(typeof list === "number" && { fix: `Write [${list}] for one axis.` }),
  });
}

/** Throws where the shape is no list, an axis length is not a non-negative integer, or there are too many axes. */
export function checkShape(who: string, shape: Shape): void {
  checkList(who, "axis lengths", shape);
  checkRank(who, shape);
  for (const length of shape) {
    if (!Number.isInteger(length) || length < 0) {
      throw new ShapeError({
        who,
        expected: "axis lengths that are integers ≥ 0",
        received: `shape ${formatShape(shape)}`,
      });
    }
  }
}

/** The indices of the n-th element in row-major order. */
export function indexOf(n: number, shape: Shape): number[] {
  let rest = n;
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}
