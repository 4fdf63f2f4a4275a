import {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  type CrossentropyOptions,
  type SmoothedCrossentropyOptions,
  SparseCategoricalCrossentropy,
} from "./crossentropy.js";
import type { LossOptions } from "./loss.js";
import { Huber, type HuberOptions, MeanAbsoluteError, MeanSquaredError } from "./regression.js";

export {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  type CrossentropyOptions,
  type SmoothedCrossentropyOptions,
  SparseCategoricalCrossentropy,
} from "./crossentropy.js";
export { get, LossFromFunction, type LossFunction, type LossLike, lossClasses } from "./get.js";
export { Loss, type LossOptions } from "./loss.js";
export { Huber, type HuberOptions, MeanAbsoluteError, MeanSquaredError } from "./regression.js";

/** Cross-entropy of class numbers. @example losses.sparseCategoricalCrossentropy({ fromLogits: true }) */
export const sparseCategoricalCrossentropy = (options?: CrossentropyOptions) =>
  new SparseCategoricalCrossentropy(options);
/** Cross-entropy of one-hot targets or probabilities. */
export const categoricalCrossentropy = (options?: SmoothedCrossentropyOptions) =>
  new CategoricalCrossentropy(options);
/** Cross-entropy of yes-or-no targets. */
export const binaryCrossentropy = (options?: SmoothedCrossentropyOptions) => new BinaryCrossentropy(options);
/** Mean of `(y − p)²`. @example losses.meanSquaredError().call(tensor([[1, 2]]), tensor([[1, 4]])) // 2 */
export const meanSquaredError = (options?: LossOptions) => new MeanSquaredError(options);
/** Mean of `|y − p|`. @example losses.meanAbsoluteError().call(tensor([[1, 2]]), tensor([[1, 4]])) // 1 */
export const meanAbsoluteError = (options?: LossOptions) => new MeanAbsoluteError(options);
/**
 * Squared error near 0, linear beyond `delta`.
 *
 * @example losses.huber({ delta: 1 }).call(tensor([[1, 2]]), tensor([[1, 4]])) // 0.75
 */
export const huber = (options?: HuberOptions) => new Huber(options);
