import { ConfigError } from "../base/errors.js";
import { customObject, isSerialized, lookUp, type NameIn, type Serialized } from "../base/lookup.js";
import type { Tensor } from "../graph/tensor.js";
import {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  SparseCategoricalCrossentropy,
} from "./crossentropy.js";
import { Loss } from "./loss.js";
import { Huber, MeanAbsoluteError, MeanSquaredError } from "./regression.js";

type LossClass = new (config: Record<string, never>) => Loss;

const classes = {
  sparseCategoricalCrossentropy: SparseCategoricalCrossentropy,
  categoricalCrossentropy: CategoricalCrossentropy,
  binaryCrossentropy: BinaryCrossentropy,
  meanSquaredError: MeanSquaredError,
  mse: MeanSquaredError,
  meanAbsoluteError: MeanAbsoluteError,
  mae: MeanAbsoluteError,
  huber: Huber,
} satisfies Readonly<Record<string, LossClass>>;

/** Losses by the names that `compile` takes. */
export const lossClasses: Readonly<Record<string, LossClass>> = classes;

/** A function of targets and predictions that gives the loss of each sample. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** What `compile` takes as a loss: a name, an object, a function, or one from a configuration. */
export type LossLike = NameIn<typeof classes> | Loss | LossFunction | Serialized;

/**
 * The loss of that name, or the one given.
 *
 * @throws {ConfigError} for an unknown name, with the nearest one
 * @example losses.get("meanSquaredError")
 */
export function get(loss: LossLike): Loss {
  if (loss instanceof Loss) return loss;
  if (typeof loss === "function") return new LossFromFunction(loss);
  const { className, config } = isSerialized(loss) ? loss : { className: loss, config: {} };
  if (typeof className !== "string") {
    throw new ConfigError({
      who: "losses.get",
      expected: "a name, a loss or a function",
      received: className === null ? "null" : typeof className,
    });
  }
  const custom = customObject(className);
  if (typeof custom === "function") {
    return custom.prototype instanceof Loss
      ? new (custom as LossClass)(config as Record<string, never>)
      : new LossFromFunction(custom as LossFunction);
  }
  const key = className.charAt(0).toLowerCase() + className.slice(1);
  return new (lookUp("losses.get", "a loss", lossClasses, key))(config as Record<string, never>);
}

/** A function as a loss; a configuration refers to it by its name. */
export class LossFromFunction extends Loss {
  constructor(readonly perSample: LossFunction) {
    super({ name: perSample.name || "loss" });
  }
}
