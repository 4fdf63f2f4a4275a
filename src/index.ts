/** Myelin: deep learning for TypeScript. */

export type { NDArray } from "./base/array.js";
export { type DType, dtypes, type TypedArray } from "./base/dtype.js";
export * from "./base/errors.js";
export type { Shape } from "./base/shape.js";
export * as charts from "./charts/index.js";
export * as datasets from "./datasets/index.js";
export * from "./engine/index.js";
export * as formats from "./formats/index.js";
export { Tensor, type TensorLike } from "./graph/tensor.js";
export * from "./ops/index.js";
