import type { Shape } from "../base/shape.js";
import type { Pair } from "../ops/index.js";
import { Activation, ReLU, Softmax, type SoftmaxOptions } from "./activation.js";
import type { ActivationLike } from "./activations.js";
import { Conv2D, type Conv2DOptions } from "./convolution.js";
import { Dense, type DenseOptions } from "./dense.js";
import { Dropout, type DropoutOptions } from "./dropout.js";
import { Embedding, type EmbeddingOptions, Masking, type MaskingOptions } from "./embedding.js";
import type { LayerOptions } from "./layer.js";
import { Add, Average, Concatenate, type ConcatenateOptions, Maximum, Multiply } from "./merging.js";
import { BatchNormalization, type BatchNormalizationOptions } from "./normalization.js";
import { AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D, type Pooling2DOptions } from "./pooling.js";
import { SimpleRNN, type SimpleRNNOptions } from "./recurrent.js";
import { Rescaling, type RescalingOptions } from "./rescaling.js";
import { Flatten, Reshape } from "./reshaping.js";

export { Activation, ReLU, Softmax, type SoftmaxOptions } from "./activation.js";
export type { ActivationFunction, ActivationLike } from "./activations.js";
export { Conv2D, type Conv2DOptions } from "./convolution.js";
export { Dense, type DenseOptions } from "./dense.js";
export { Dropout, type DropoutOptions } from "./dropout.js";
export { Embedding, type EmbeddingOptions, Masking, type MaskingOptions } from "./embedding.js";
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
export { Add, Average, Concatenate, type ConcatenateOptions, Maximum, Multiply } from "./merging.js";
export { BatchNormalization, type BatchNormalizationOptions } from "./normalization.js";
export { AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D, type Pooling2DOptions } from "./pooling.js";
export { SimpleRNN, type SimpleRNNOptions } from "./recurrent.js";
export { Rescaling, type RescalingOptions } from "./rescaling.js";
export { Flatten, Reshape } from "./reshaping.js";
export {
  type LayerInput,
  type LayerUse,
  type SymbolicInput,
  type SymbolicShape,
  SymbolicTensor,
} from "./symbolic.js";

/** A function applied element by element, or to each row. @example layers.activation("tanh") */
export const activation = (fn: ActivationLike, options: LayerOptions = {}) =>
  new Activation({ ...options, activation: fn });
/** max(x, 0). @example layers.relu().run(tensor([[-1, 2]])) // [[0, 2]] */
export const relu = (options?: LayerOptions) => new ReLU(options);
/** Scores to probabilities. @example layers.softmax().run(tensor([[0, 0]])) // [[0.5, 0.5]] */
export const softmax = (options?: SoftmaxOptions) => new Softmax(options);
/** Densely connected layer. @example layers.dense(128, { activation: "relu" }) */
export const dense = (units: number, options: DenseOptions = {}) => new Dense({ ...options, units });
/** All axes but the batch merged into one. */
export const flatten = (options?: LayerOptions) => new Flatten(options);
/** The elements of each sample under another shape. @example layers.reshape([7, 7, 64]) */
export const reshape = (targetShape: Shape, options: LayerOptions = {}) =>
  new Reshape({ ...options, targetShape });
/** `scale · x + offset`. @example layers.rescaling(1 / 255) */
export const rescaling = (scale: number, options: RescalingOptions = {}) =>
  new Rescaling({ ...options, scale });
/** Elements set to 0 at random in training. @example layers.dropout(0.5) */
export const dropout = (rate: number, options: DropoutOptions = {}) => new Dropout({ ...options, rate });
/** Each feature brought to mean 0 and variance 1. */
export const batchNormalization = (options?: BatchNormalizationOptions) => new BatchNormalization(options);
/** Convolution over images. @example layers.conv2d(32, 3, { padding: "same" }) */
export const conv2d = (filters: number, kernelSize: Pair, options: Conv2DOptions = {}) =>
  new Conv2D({ ...options, filters, kernelSize });
/** The largest element of each window. */
export const maxPooling2d = (options?: Pooling2DOptions) => new MaxPooling2D(options);
/**
 * The mean of each window.
 *
 * @example layers.averagePooling2d({ poolSize: 2 }).run(ones([1, 28, 28, 3])).shape // [1, 14, 14, 3]
 */
export const averagePooling2d = (options?: Pooling2DOptions) => new AveragePooling2D(options);
/**
 * The mean of each channel.
 *
 * @example layers.globalAveragePooling2d().run(ones([1, 28, 28, 3])) // [[1, 1, 1]]
 */
export const globalAveragePooling2d = (options?: LayerOptions) => new GlobalAveragePooling2D(options);
/** Recurrent layer. @example layers.simpleRNN(32, { returnSequences: true }) */
export const simpleRNN = (units: number, options: SimpleRNNOptions = {}) =>
  new SimpleRNN({ ...options, units });
/** A vector for each index. @example layers.embedding(10_000, 64) */
export const embedding = (inputDim: number, outputDim: number, options: EmbeddingOptions = {}) =>
  new Embedding({ ...options, inputDim, outputDim });
/** Excludes time steps whose features all have one value. */
export const masking = (options?: MaskingOptions) => new Masking(options);
/**
 * Tensors joined along an axis.
 *
 * @example layers.concatenate().run([tensor([[1, 2]]), tensor([[3, 4]])]) // [[1, 2, 3, 4]]
 */
export const concatenate = (options?: ConcatenateOptions) => new Concatenate(options);
/** Sum of tensors. @example layers.add().run([tensor([[1, 2]]), tensor([[3, 4]])]) // [[4, 6]] */
export const add = (options?: LayerOptions) => new Add(options);
/** Product of tensors. @example layers.multiply().run([tensor([[1, 2]]), tensor([[3, 4]])]) // [[3, 8]] */
export const multiply = (options?: LayerOptions) => new Multiply(options);
/** Mean of tensors. @example layers.average().run([tensor([[1, 2]]), tensor([[3, 4]])]) // [[2, 3]] */
export const average = (options?: LayerOptions) => new Average(options);
/** The largest of tensors. @example layers.maximum().run([tensor([[1, 2]]), tensor([[3, 4]])]) // [[3, 4]] */
export const maximum = (options?: LayerOptions) => new Maximum(options);
