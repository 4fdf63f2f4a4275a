/** The distinct elements of a tensor, in results of fixed size; the exact ones stand in the engine. */
import type { DType } from "../base/dtype.js";
import type { Tensor } from "../graph/tensor.js";
import { sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { minimum, where } from "./choice.js";
import { isNaN, notEqual } from "./comparison.js";
import { full, ones, zeros } from "./create.js";
import { cumSum } from "./cumulative.js";
import { gather, takeAlongAxis } from "./indexing.js";
import { concat } from "./join.js";
import { logicalAnd, logicalNot } from "./logic.js";
import { reshape, slice } from "./movement.js";
import { firstNonzero } from "./nonzero.js";
import { scatterUpdate } from "./scatter.js";
import { argSort } from "./sort.js";

/** What `distinct` finds. */
export interface Distinct<D extends DType = DType> {
  /** `[size]`: the distinct elements in ascending order, then `fill`. */
  readonly values: Tensor<D>;
  /** int32, shaped like the tensor: which of the values each element is. */
  readonly inverse: Tensor<"int32">;
  /** int32 `[size]`: how often each value occurs; 0 where it is filled in. */
  readonly counts: Tensor<"int32">;
}

/** The first `size` distinct elements, and how many there are. NaN equals NaN. */
export function distinct<D extends DType>(
  x: Tensor<D>,
  size: number,
  fill: number | undefined,
): Distinct<D> & { readonly count: Tensor<"int32"> } {
  const n = x.size;
  if (n === 0) {
    return {
      values: full([size], fill ?? 0, x.dtype) as Tensor<D>,
      inverse: zeros(x.shape, "int32"),
      counts: zeros([size], "int32"),
      count: zeros([], "int32"),
    };
  }
  const flat = reshape(x, [n]);
  const order = argSort(flat);
  const sorted = takeAlongAxis(flat, order) as Tensor<D>;
  const isFirst = concat([
    ones([1], "bool"),
    differs(slice(sorted, [1], [n - 1]), slice(sorted, [0], [n - 1])),
  ]);
  const group = sub(cumSum(cast(isFirst, "int32"), 0), 1); // which value each sorted element is
  const { positions, isFound, count } = firstNonzero(isFirst, size, n);
  const values = gather(sorted, minimum(positions, n - 1));
  const ends = concat([positions, full([1], n, "int32")]);
  return {
    values: where(isFound, values, fill ?? slice(sorted, [0], [1])) as Tensor<D>,
    inverse: reshape(scatterUpdate(zeros([n], "int32"), order, group), x.shape),
    counts: sub(slice(ends, [1], [size]), positions) as Tensor<"int32">,
    count,
  };
}

function differs(a: Tensor, b: Tensor): Tensor<"bool"> {
  return logicalAnd(notEqual(a, b), logicalNot(logicalAnd(isNaN(a), isNaN(b))));
}
