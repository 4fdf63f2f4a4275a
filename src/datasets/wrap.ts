import type { NDArray } from "../base/array.js";
import type { DType } from "../base/dtype.js";

/** What data sets hand out. The one place to change when they hand out engine tensors instead of plain arrays. */
export type DatasetTensor<D extends DType = DType> = NDArray<D>;

/** A plain array in the form that data sets hand out. */
export function toTensor<D extends DType>(array: NDArray<D>): DatasetTensor<D> {
  return array;
}
