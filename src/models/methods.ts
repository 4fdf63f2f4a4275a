/** The methods of models that train and predict, attached in one place: the trainer sees models, not the other way. */
import { isTensor, type Tensor } from "../graph/tensor.js";
import type { DataArgument } from "./batches.js";
import type { History } from "./callback.js";
import { Model } from "./model.js";
import type { EvaluateOptions, FitOptions } from "./trainer.js";
import * as trainer from "./trainer.js";

/** A tensor, or one for each named output. */
export type Predicted<O extends string> = string extends O ? Tensor : { readonly [name in O]: Tensor };

declare module "./model.js" {
  interface Model<O extends string = string, I extends string = string> {
    /**
     * Trains the model on data.
     *
     * @returns the learning curves: loss and metrics for each epoch, `val_…` for validation data
     * @throws {ConfigError} before `compile`, {DataError} for data that do not fit, {AbortedError} where the signal fired
     * @example const history = await model.fit(x, y, { epochs: 10, validationSplit: 0.1 })
     */
    fit(x: DataArgument<I>, y: DataArgument<O>, options?: FitOptions): Promise<History>;
    /**
     * Loss and metrics on data, without training.
     *
     * @throws {ConfigError} before `compile`, {DataError} for data that do not fit
     * @example const { loss, accuracy } = await model.evaluate(test.images, test.labels)
     */
    evaluate(
      x: DataArgument<I>,
      y: DataArgument<O>,
      options?: EvaluateOptions,
    ): Promise<Record<string, number>>;
    /**
     * The model's outputs for data: one tensor, or a record of them where the outputs were named.
     *
     * @throws {DataError} for data that do not fit
     * @example const probabilities = await model.predict(images)
     */
    predict<N extends string>(
      this: Model<N, I>,
      x: DataArgument<I>,
      options?: EvaluateOptions,
    ): Promise<Predicted<N>>;
  }
}

Model.prototype.fit = function (x, y, options) {
  return trainer.fit(this, x, y, options);
};

Model.prototype.evaluate = function (x, y, options) {
  return trainer.evaluate(this, x, y, options);
};

Model.prototype.predict = async function (x, options) {
  const outputs = await trainer.predict(this, x, options);
  const named = this.hasNamedOutputs && isTensor(outputs) ? { [this.outputNames[0]!]: outputs } : outputs;
  return named as never;
};
