import { ConfigError } from "../base/errors.js";
import { customObject, isSerialized, lookUp, type NameIn, type Serialized } from "../base/lookup.js";
import { Adam, type AdamOptions } from "./adam.js";
import { Optimizer } from "./optimizer.js";
import { SGD, type SGDOptions } from "./sgd.js";

export { Adam, type AdamOptions } from "./adam.js";
export { Optimizer, type OptimizerOptions } from "./optimizer.js";
export { SGD, type SGDOptions } from "./sgd.js";

/** Stochastic gradient descent. @example optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }) */
export const sgd = (options?: SGDOptions) => new SGD(options);
/** Gradient descent with a step size for each weight. @example optimizers.adam({ learningRate: 3e-4 }) */
export const adam = (options?: AdamOptions) => new Adam(options);

type OptimizerClass = new (config: Record<string, never>) => Optimizer;
const classes = { sgd: SGD, adam: Adam } satisfies Readonly<Record<string, OptimizerClass>>;

/** What `compile` takes as an optimizer: a name, an object, or one from a configuration. */
export type OptimizerLike = NameIn<typeof classes> | Optimizer | Serialized;

/**
 * The optimizer of that name with its default options, or the one given.
 *
 * @throws {ConfigError} for an unknown name, with the nearest one
 * @example optimizers.get("adam")
 */
export function get(optimizer: OptimizerLike): Optimizer {
  if (optimizer instanceof Optimizer) return optimizer;
  const { className, config } = isSerialized(optimizer) ? optimizer : { className: optimizer, config: {} };
  if (typeof className !== "string") {
    throw new ConfigError({
      who: "optimizers.get",
      expected: "a name or an optimizer",
      received: className === null ? "null" : typeof className,
    });
  }
  const custom = customObject(className);
  const found =
    typeof custom === "function"
      ? (custom as OptimizerClass)
      : lookUp(
          "optimizers.get",
          "an optimizer",
          classes as Readonly<Record<string, OptimizerClass>>,
          className.toLowerCase(),
        );
  return new found(config as Record<string, never>);
}
