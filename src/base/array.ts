import type { DType, TypedArrayOf } from "./dtype.js";

/**
 * An array of numbers with a shape, row-major: what file readers return and charts draw. It holds no engine
 * state, so the byte readers stay free of the engine; `bool` elements are bytes, 0 or 1.
 */
export interface NDArray<D extends DType = DType> {
  readonly shape: readonly number[];
  readonly dtype: D;
  readonly data: TypedArrayOf[D];
}
