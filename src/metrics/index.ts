import { ConfigError } from "../base/errors.js";
import {
  camelCase,
  customObject,
  isSerialized,
  lookUp,
  type NameIn,
  type Serialized,
} from "../base/lookup.js";
import {
  Accuracy,
  BinaryAccuracy,
  CategoricalAccuracy,
  SparseCategoricalAccuracy,
  type ThresholdOptions,
} from "./accuracy.js";
import { Mean, MeanOfFunction, Metric, type MetricFunction, type MetricOptions } from "./metric.js";
import { MeanAbsoluteError, MeanSquaredError } from "./regression.js";

export {
  Accuracy,
  BinaryAccuracy,
  CategoricalAccuracy,
  SparseCategoricalAccuracy,
  type ThresholdOptions,
} from "./accuracy.js";
export { Mean, MeanOf, MeanOfFunction, Metric, type MetricFunction, type MetricOptions } from "./metric.js";
export { MeanAbsoluteError, MeanSquaredError } from "./regression.js";

/**
 * Mean of values.
 *
 * @example const metric = metrics.mean();
 * metric.update(tensor([1, 2, 6]), tensor([1, 2, 6]));
 * metric.result() // 3
 */
export const mean = (options?: MetricOptions) => new Mean(options);
/**
 * The accuracy that fits targets and predictions.
 *
 * @example const metric = metrics.accuracy();
 * metric.update(tensor([1, 0], { dtype: "int32" }), tensor([[0.1, 0.9], [0.3, 0.7]]));
 * metric.result() // 0.5
 */
export const accuracy = (options?: ThresholdOptions) => new Accuracy(options);
/**
 * Share of right class numbers.
 *
 * @example const metric = metrics.sparseCategoricalAccuracy();
 * metric.update(tensor([1, 0], { dtype: "int32" }), tensor([[0.1, 0.9], [0.3, 0.7]]));
 * metric.result() // 0.5
 */
export const sparseCategoricalAccuracy = (options?: MetricOptions) => new SparseCategoricalAccuracy(options);
/**
 * Share of right classes, from one-hot targets.
 *
 * @example const metric = metrics.categoricalAccuracy();
 * metric.update(tensor([[0, 1], [1, 0]]), tensor([[0.1, 0.9], [0.3, 0.7]]));
 * metric.result() // 0.5
 */
export const categoricalAccuracy = (options?: MetricOptions) => new CategoricalAccuracy(options);
/**
 * Share of right yes-or-no answers.
 *
 * @example const metric = metrics.binaryAccuracy();
 * metric.update(tensor([[1], [0]]), tensor([[0.9], [0.7]]));
 * metric.result() // 0.5
 */
export const binaryAccuracy = (options?: ThresholdOptions) => new BinaryAccuracy(options);
/**
 * Mean of `(y − p)²`.
 *
 * @example const metric = metrics.meanSquaredError();
 * metric.update(tensor([[1, 2]]), tensor([[1, 4]]));
 * metric.result() // 2
 */
export const meanSquaredError = (options?: MetricOptions) => new MeanSquaredError(options);
/**
 * Mean of `|y − p|`.
 *
 * @example const metric = metrics.meanAbsoluteError();
 * metric.update(tensor([[1, 2]]), tensor([[1, 4]]));
 * metric.result() // 1
 */
export const meanAbsoluteError = (options?: MetricOptions) => new MeanAbsoluteError(options);

type MetricClass = new (config: Record<string, never>) => Metric;

const classes = {
  accuracy: Accuracy,
  acc: Accuracy,
  sparseCategoricalAccuracy: SparseCategoricalAccuracy,
  categoricalAccuracy: CategoricalAccuracy,
  binaryAccuracy: BinaryAccuracy,
  meanSquaredError: MeanSquaredError,
  mse: MeanSquaredError,
  meanAbsoluteError: MeanAbsoluteError,
  mae: MeanAbsoluteError,
  mean: Mean,
} satisfies Readonly<Record<string, MetricClass>>;

/** Metrics by the names that `compile` takes. */
export const metricClasses: Readonly<Record<string, MetricClass>> = classes;

/** What `compile` takes as a metric: a name, an object, a function, or one from a configuration. */
export type MetricLike = NameIn<typeof classes> | Metric | MetricFunction | Serialized;

/**
 * The metric of that name, or the one given. A metric made from a name is called by it.
 *
 * @throws {ConfigError} for an unknown name, with the nearest one
 * @example metrics.get("accuracy")
 */
export function get(metric: MetricLike): Metric {
  if (metric instanceof Metric) return metric;
  if (typeof metric === "function") return new MeanOfFunction(metric);
  const { className, config } = isSerialized(metric)
    ? metric
    : { className: metric, config: { name: metric } };
  if (typeof className !== "string") {
    throw new ConfigError({
      who: "metrics.get",
      expected: "a name, a metric or a function",
      received: className === null ? "null" : typeof className,
    });
  }
  const custom = customObject(className);
  if (typeof custom === "function") {
    return custom.prototype instanceof Metric
      ? new (custom as MetricClass)(config as Record<string, never>)
      : new MeanOfFunction(custom as MetricFunction);
  }
  const key = camelCase(className.charAt(0).toLowerCase() + className.slice(1));
  return new (lookUp("metrics.get", "a metric", metricClasses, key))(config as Record<string, never>);
}
