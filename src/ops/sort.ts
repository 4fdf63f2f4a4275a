/** Rows in order: sorted values, the positions they come from, and the largest few. */

import type { NDArray } from "../base/array.js";
import { allocateArray, type DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { normalizeAxis, sizeOf } from "../base/shape.js";
import { definePrimitive, type KernelPrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { addAlongRows, takeAlongAxis } from "./indexing.js";
import { alongLastAxis, checkStaticRow } from "./lastAxis.js";
import { checkTensor } from "./leaf.js";
import { slice } from "./movement.js";

/** Options of `sort` and `argSort`. */
export interface SortOptions {
  /** From the largest to the smallest. Default: the other way round. */
  readonly descending?: boolean;
}

const sortPrimitive = definePrimitive<KernelPrimitive>({
  name: "sort",
  kind: "kernel",
  infer: ([x]) => {
    checkStaticRow("sort", x!);
    return { shape: x!.shape, dtype: x!.dtype, extent: x!.extent };
  },
  reference: ([x], { descending }) => {
    const data = allocateArray(x!.dtype, x!.data.length);
    const compare = (a: number, b: number) => ascending(a, b) || 1 / a - 1 / b; // −0 stands before 0
    forEachRow(x!, (row, start) => {
      data.set(
        row.sort((a, b) => (descending ? compare(b, a) : compare(a, b))),
        start,
      );
    });
    return [{ ...x!, data }];
  },
  words: ({ descending }) => [descending ? 1 : 0],
  // Each gradient goes back to where its value came from.
  vjp: ({ node, inputs: [x], gradients: [g] }) => [addAlongRows(argSort(x!, -1, node.attributes), g!, x!)],
});

const argSortPrimitive = definePrimitive<KernelPrimitive>({
  name: "argSort",
  kind: "kernel",
  infer: ([x]) => {
    checkStaticRow("argSort", x!);
    return { shape: x!.shape, dtype: "int32", extent: x!.extent };
  },
  reference: ([x], { descending }) => {
    const data = allocateArray("int32", x!.data.length);
    forEachRow(x!, (row, start) => data.set(placesOf(row, descending === true), start));
    return [{ shape: x!.shape, dtype: "int32", data }];
  },
  words: ({ descending }) => [descending ? 1 : 0],
  noGradient:
    "a position is constant almost everywhere; differentiate sort(x), or takeAlongAxis(x, argSort(x))",
});

const topKPrimitive = definePrimitive<KernelPrimitive>({
  name: "topK",
  kind: "kernel",
  infer: ([x], { k }) => {
    checkStaticRow("topK", x!);
    return { shape: [...x!.shape.slice(0, -1), k as number], dtype: "int32", extent: x!.extent };
  },
  reference: ([x], { k, largest }, [type]) => {
    const data = allocateArray("int32", sizeOf(x!.shape.slice(0, -1)) * (k as number));
    forEachRow(x!, (row, start) => {
      data.set(placesOf(row, largest === true).slice(0, k as number), (start / row.length) * (k as number));
    });
    return [{ shape: [...x!.shape.slice(0, -1), k as number], dtype: type!.dtype, data }];
  },
  words: ({ largest }) => [largest ? 1 : 0],
  noGradient: "a position is constant almost everywhere; differentiate the values of topK",
});

/** Elements that the kernel chooses at most: what a thread has room for. */
const MOST_SELECTED = 16384;

/** The places of a row in order; Array.prototype.sort is stable. */
function placesOf(row: readonly number[], descending: boolean): number[] {
  const places = row.map((_, i) => i);
  return places.sort((i, j) => (descending ? ascending(row[j]!, row[i]!) : ascending(row[i]!, row[j]!)));
}

/** The order of numbers; NaN counts as the largest, and the zeros as equal. */
export function ascending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

function forEachRow({ data, shape }: NDArray, visit: (row: number[], start: number) => void): void {
  const n = shape.at(-1)!;
  for (let start = 0; start < data.length; start += n)
    visit(Array.from(data.subarray(start, start + n)), start);
}

/**
 * The elements along an axis in ascending order: `y_0 ≤ y_1 ≤ …`.
 *
 * NaN counts as the largest number: it comes last, and first with `descending`. Among zeros −0 stands before 0.
 * Shape and dtype: same as `x`. Each gradient goes to the element whose value it is.
 * @throws {ShapeError} for an axis out of range, or the batch axis of a run-time length
 * @example sort(tensor([3, 1, 2])) // [1, 2, 3]
 * @example sort(tensor([3, 1, 2]), -1, { descending: true }) // [3, 2, 1]
 */
export function sort<D extends DType>(x: Tensor<D>, axis = -1, options: SortOptions = {}): Tensor<D> {
  const sorted = alongLastAxis("sort", x, axis, (rows) =>
    createNode(sortPrimitive, [rows], attributesOf(options)),
  );
  return sorted as Tensor<D>;
}

/**
 * The positions along an axis that would sort it: `takeAlongAxis(x, argSort(x))` is `sort(x)`. Equal elements keep their
 * order, with `descending` too.
 *
 * NaN counts as the largest number. Shape: same as `x`. Dtype: int32; no derivative.
 * @throws {ShapeError} for an axis out of range, or the batch axis of a run-time length
 * @example argSort(tensor([3, 1, 2, 1])) // [1, 3, 2, 0]
 */
export function argSort(x: Tensor, axis = -1, options: SortOptions = {}): Tensor<"int32"> {
  const places = alongLastAxis("argSort", x, axis, (rows) =>
    createNode(argSortPrimitive, [rows], attributesOf(options)),
  );
  return places as Tensor<"int32">;
}

function attributesOf({ descending = false }: SortOptions) {
  return { descending: descending === true };
}

/** Options of `topK`. */
export interface TopKOptions {
  /** The smallest instead of the largest. */
  readonly smallest?: boolean;
}

/**
 * The k largest elements along an axis, largest first, and their positions; among equal ones those that come first.
 *
 * NaN counts as the largest number. Shape: that of `x` with length k along the axis; the positions are int32. The
 * gradient of the values goes to the elements chosen.
 * @throws {ConfigError} where k is no integer from 0 to the length of the axis
 * @throws {ShapeError} for an axis out of range, or the batch axis of a run-time length
 * @example topK(tensor([1, 9, 3, 7]), 2).values // [9, 7]
 * @example topK(tensor([1, 9, 3, 7]), 2).indices // [1, 3]
 */
export function topK<D extends DType>(
  x: Tensor<D>,
  k: number,
  axis = -1,
  options: TopKOptions = {},
): { readonly values: Tensor<D>; readonly indices: Tensor<"int32"> } {
  checkTensor("topK", x);
  const at = normalizeAxis("topK", axis, x.rank);
  const n = x.shape[at]!;
  if (!Number.isInteger(k) || k < 0 || k > n) {
    throw new ConfigError({
      who: "topK",
      expected: `a number of elements from 0 to ${n}`,
      received: String(k),
    });
  }
  const largest = options.smallest !== true;
  // Of very many the kernel does not keep account: all are sorted then.
  const indices = alongLastAxis("topK", x, at, (rows) =>
    k <= MOST_SELECTED
      ? createNode(topKPrimitive, [rows], { k, largest })
      : slice(
          argSort(rows, -1, { descending: largest }),
          rows.shape.map(() => 0),
          [...rows.shape.slice(0, -1), k],
        ),
  ) as Tensor<"int32">;
  return { values: takeAlongAxis(x, indices, at) as Tensor<D>, indices };
}
