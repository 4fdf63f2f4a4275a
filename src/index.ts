/** Myelin: deep learning for TypeScript. */

export type { NDArray } from "./base/array.js";
export { type DType, dtypes, type TypedArray } from "./base/dtype.js";
export * from "./base/errors.js";
export type { Shape } from "./base/shape.js";
export * from "./engine/index.js";
export { Tensor, type TensorLike } from "./graph/tensor.js";
export * from "./ops/index.js";
