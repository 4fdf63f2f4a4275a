import type { Shape } from "../base/shape.js";
import { Activation, ReLU, Softmax, type SoftmaxOptions } from "./activation.js";
import type { ActivationLike } from "./activations.js";
import { Dense, type DenseOptions } from "./dense.js";
import type { LayerOptions } from "./layer.js";
import { Flatten, Reshape } from "./reshaping.js";

export { Activation, ReLU, Softmax, type SoftmaxOptions } from "./activation.js";
export type { ActivationFunction, ActivationLike } from "./activations.js";
export { Dense, type DenseOptions } from "./dense.js";
export { type InputOptions, input } from "./input.js";
export {
  type AnyLayer,
  type CallContext,
  Layer,
  type LayerClass,
  type LayerOptions,
  type LayerResults,
  type WeightOptions,
} from "./layer.js";
export { Flatten, Reshape } from "./reshaping.js";
export { type LayerInput, type SymbolicInput, type SymbolicShape, SymbolicTensor } from "./symbolic.js";

/** A function applied element by element, or to each row. @example layers.activation("tanh") */
export const activation = (fn: ActivationLike, options: LayerOptions = {}) =>
  new Activation({ ...options, activation: fn });
/** max(x, 0). */
export const relu = (options?: LayerOptions) => new ReLU(options);
/** Scores to probabilities. */
export const softmax = (options?: SoftmaxOptions) => new Softmax(options);
/** Densely connected layer. @example layers.dense(128, { activation: "relu" }) */
export const dense = (units: number, options: DenseOptions = {}) => new Dense({ ...options, units });
/** All axes but the batch merged into one. */
export const flatten = (options?: LayerOptions) => new Flatten(options);
/** The elements of each sample under another shape. @example layers.reshape([7, 7, 64]) */
export const reshape = (targetShape: Shape, options: LayerOptions = {}) =>
  new Reshape({ ...options, targetShape });
