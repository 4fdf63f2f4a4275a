import { type Shape, sizeOf, stridesOf } from "../base/shape.js";

/** Where the elements of an operand lie in a buffer: element [i, j] is at `offset + i · strides[0] + j · strides[1]`. */
export interface Layout {
  /** In elements. */
  readonly offset: number;
  readonly shape: Shape;
  /** In elements; 0 repeats (broadcast), negative runs backwards (flip). */
  readonly strides: readonly number[];
}

/** The row-major layout of a shape. */
export function denseLayout(shape: Shape): Layout {
  return { offset: 0, shape, strides: stridesOf(shape) };
}

/** Whether the elements lie in row-major order without gaps (axes of length 1 don't matter). */
export function isContiguous(layout: Layout): boolean {
  let expected = 1;
  for (let axis = layout.shape.length - 1; axis >= 0; axis--) {
    const length = layout.shape[axis]!;
    if (length !== 1 && layout.strides[axis] !== expected) return sizeOf(layout.shape) === 0;
    expected *= length;
  }
  return true;
}

/**
 * The strides under which the same elements, in the same order, have another shape; null where no strides do
 * (then the elements have to be copied first).
 */
export function reshapeLayout(layout: Layout, shape: Shape): Layout | null {
  if (sizeOf(shape) === 0) return { offset: layout.offset, shape, strides: stridesOf(shape) };
  // Old axes of length 1 carry no information; groups of old and new axes with equal products are matched.
  const oldAxes = layout.shape.map((_, axis) => axis).filter((axis) => layout.shape[axis] !== 1);
  const strides = new Array<number>(shape.length).fill(0);
  let oldIndex = 0;
  let newAxis = 0;
  while (newAxis < shape.length && oldIndex < oldAxes.length) {
    if (shape[newAxis] === 1) {
      newAxis++;
      continue;
    }
    const newStart = newAxis;
    const oldStart = oldIndex;
    let newProduct = shape[newAxis++]!;
    let oldProduct = layout.shape[oldAxes[oldIndex++]!]!;
    while (newProduct !== oldProduct) {
      if (newProduct < oldProduct) newProduct *= shape[newAxis++]!;
      else oldProduct *= layout.shape[oldAxes[oldIndex++]!]!;
    }
    for (let k = oldStart; k + 1 < oldIndex; k++) {
      const axis = oldAxes[k]!;
      const inner = oldAxes[k + 1]!;
      if (layout.strides[axis] !== layout.strides[inner]! * layout.shape[inner]!) return null;
    }
    let stride = layout.strides[oldAxes[oldIndex - 1]!]!;
    for (let axis = newAxis - 1; axis >= newStart; axis--) {
      strides[axis] = stride;
      stride *= shape[axis]!;
    }
  }
  // Axes of length 1 get the stride a dense layout would give them: harmless, and it keeps dense layouts dense.
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) strides[axis] = expected;
    else expected = strides[axis]! * shape[axis]!;
  }
  return { offset: layout.offset, shape, strides };
}

/** Visits the offsets of all elements in row-major order. */
export function forEachOffset(layout: Layout, visit: (offset: number, index: number) => void): void {
  const rank = layout.shape.length;
  const total = sizeOf(layout.shape);
  const counter = new Array<number>(rank).fill(0);
  let offset = layout.offset;
  for (let index = 0; index < total; index++) {
    visit(offset, index);
    for (let axis = rank - 1; axis >= 0; axis--) {
      offset += layout.strides[axis]!;
      if (++counter[axis]! < layout.shape[axis]!) break;
      offset -= layout.strides[axis]! * layout.shape[axis]!;
      counter[axis] = 0;
    }
  }
}
