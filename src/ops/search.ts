/** Where values belong in sorted rows. */
import { allocateArray } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape, sizeOf } from "../base/shape.js";
import { definePrimitive, type KernelPrimitive } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { checkStaticRow } from "./lastAxis.js";
import { toTensors } from "./leaf.js";
import { reshape } from "./movement.js";
import { ascending } from "./sort.js";

const searchSortedPrimitive = definePrimitive<KernelPrimitive>({
  name: "searchSorted",
  kind: "kernel",
  // sorted [rows, n], values [rows, m] → places [rows, m]
  infer: ([sorted, values]) => {
    checkStaticRow("searchSorted", sorted!);
    return { shape: values!.shape, dtype: "int32", extent: values!.extent ?? sorted!.extent };
  },
  reference: ([sorted, values], { right }) => {
    const [n, m] = [sorted!.shape[1]!, values!.shape[1]!];
    const data = allocateArray("int32", values!.data.length);
    values!.data.forEach((value: number, i: number) => {
      const start = Math.floor(i / m) * n;
      const row = Array.from(sorted!.data.subarray(start, start + n));
      data[i] = row.filter((x) => ascending(x, value) < (right ? 1 : 0)).length;
    });
    return [{ shape: values!.shape, dtype: "int32", data }];
  },
  words: ({ right }) => [right ? 1 : 0],
  noGradient: "a position is constant almost everywhere; interpolate between the neighbours it names",
});

/** Options of `searchSorted`. */
export interface SearchSortedOptions {
  /** Where a value equals elements of the row: before them (`left`, the default) or behind them (`right`). */
  readonly side?: "left" | "right";
}

/**
 * Where values would be inserted into sorted rows so that they stay sorted: the number of elements below each value;
 * with `side: "right"` also those equal to it.
 *
 * Shapes `sorted [n]` with values of any shape, or `sorted [rows…, n]` with `values [rows…, m]`; the result is shaped
 * like the values. Dtype: int32; no derivative. NaN counts as the largest number. Rows that are not in ascending order
 * give places that mean nothing.
 * @throws {ShapeError} where the axes before the last differ
 * @throws {ConfigError} for another side
 * @example searchSorted(tensor([1, 3, 5]), tensor([3, 4])) // [1, 2]
 * @example searchSorted(tensor([1, 3, 5]), tensor([3, 4]), { side: "right" }) // [2, 2]
 */
export function searchSorted(
  sorted: Tensor,
  values: TensorLike,
  options: SearchSortedOptions = {},
): Tensor<"int32"> {
  const { side = "left" } = options;
  if (side !== "left" && side !== "right") {
    throw new ConfigError({
      who: "searchSorted",
      expected: 'a side, "left" or "right"',
      received: JSON.stringify(side),
    });
  }
  const { tensors, dtype } = toTensors("searchSorted", [sorted, values]);
  const [rows, wanted] = tensors.map((t) => cast(t, dtype)) as [Tensor, Tensor];
  const lead = rows.shape.slice(0, -1);
  if (rows.rank === 0 || (rows.rank > 1 && !sameShape(lead, wanted.shape.slice(0, -1)))) {
    throw new ShapeError({
      who: "searchSorted",
      expected: rows.rank === 0 ? "a sorted vector" : `values of shape [${[...lead, "…"].join(", ")}]`,
      received: rows.rank === 0 ? "a scalar" : `shape ${formatShape(wanted.shape)}`,
      fix: "A sorted vector takes values of any shape, sorted rows take a row of values each.",
    });
  }
  const count = sizeOf(lead);
  const found = createNode(
    searchSortedPrimitive,
    [reshape(rows, [count, rows.shape.at(-1)!]), reshape(wanted, [count, count && wanted.size / count])],
    { right: side === "right" },
  );
  return reshape(found, wanted.shape) as Tensor<"int32">;
}
