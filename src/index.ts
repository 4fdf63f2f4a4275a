/** Myelin: deep learning for TypeScript. */

export type { NDArray } from "./base/array.js";
export { type DType, dtypes, type TypedArray } from "./base/dtype.js";
export * from "./base/errors.js";
export type { Shape } from "./base/shape.js";
export * as callbacks from "./callbacks/index.js";
export * as charts from "./charts/index.js";
export * as datasets from "./datasets/index.js";
export * from "./engine/index.js";
export { globalSeed, setSeed } from "./engine/seed.js";
export * as formats from "./formats/index.js";
export { Tensor, type TensorLike } from "./graph/tensor.js";
export * as initializers from "./initializers/index.js";
export * from "./inspect/index.js";
export * as layers from "./layers/index.js";
export {
  type CallContext,
  Layer,
  type LayerInput,
  type LayerOptions,
  type SymbolicShape,
  SymbolicTensor,
} from "./layers/index.js";
export * as losses from "./losses/index.js";
export { Loss } from "./losses/index.js";
export * as metrics from "./metrics/index.js";
export { Metric } from "./metrics/index.js";
export * from "./models/index.js";
export * from "./ops/index.js";
export * as optimizers from "./optimizers/index.js";
export { Optimizer } from "./optimizers/index.js";
export * from "./saving/index.js";
export * as schedules from "./schedules/index.js";
