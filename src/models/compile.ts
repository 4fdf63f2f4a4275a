/** What `compile` takes, resolved into objects: one loss and any number of metrics for each output. */
import { ConfigError, unknownName } from "../base/errors.js";
import { camelCase, isSerialized } from "../base/lookup.js";
import * as losses from "../losses/index.js";
import { Loss, type LossLike } from "../losses/index.js";
import * as metrics from "../metrics/index.js";
import { Metric, type MetricLike } from "../metrics/index.js";
import type { Optimizer, OptimizerLike } from "../optimizers/index.js";
import * as optimizers from "../optimizers/index.js";

/** Options of `compile`. Records go by the names of the outputs, arrays by their order. */
export interface CompileOptions<O extends string = string> {
  /** A name (default options) or an optimizer. */
  readonly optimizer: OptimizerLike;
  /** One loss, or one for each output; an output without a loss is not trained. */
  readonly loss: LossLike | readonly (LossLike | null)[] | { readonly [name in O]?: LossLike | null };
  /** Factors of the losses in their sum. Default 1. */
  readonly lossWeights?: readonly number[] | { readonly [name in O]?: number };
  /** For a single output a list; for several a record of metrics or lists by output. */
  readonly metrics?:
    | readonly (MetricLike | readonly MetricLike[])[]
    | { readonly [name in O]?: MetricLike | readonly MetricLike[] };
}

/** All options by name; the type makes a new one appear here. */
const optionNames: Readonly<Record<keyof CompileOptions, true>> = {
  optimizer: true,
  loss: true,
  lossWeights: true,
  metrics: true,
};

/** A compiled model's optimizer, losses and metrics. */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly losses: readonly { readonly output: string; readonly loss: Loss; readonly weight: number }[];
  readonly metrics: readonly { readonly output: string; readonly metric: Metric }[];
}

/**
 * Resolves the options for outputs of these names.
 *
 * @throws {ConfigError} for unknown names of options, losses, metrics, optimizers or outputs, or counts that do not fit
 */
export function resolveCompile(options: CompileOptions, outputNames: readonly string[]): Compiled {
  if (typeof options !== "object" || options === null) throw missing("optimizer", '"adam"');
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(optionNames, name))
      throw unknownName("compile", "an option", name, Object.keys(optionNames));
  }
  const { optimizer, loss, lossWeights } = options;
  const wanted = options.metrics ?? [];
  if (optimizer === undefined || optimizer === null) throw missing("optimizer", '"adam"');
  if (loss === undefined || loss === null) throw missing("loss", '"meanSquaredError"');
  const lossOf = perOutput("loss", loss as Spread<LossLike>, outputNames, isLossLike);
  const weightOf = perOutput("lossWeights", (lossWeights ?? {}) as Spread<number>, outputNames, isNumber);
  const resolved = outputNames.flatMap((output, i) => {
    const given = lossOf[i];
    if (given === undefined || given === null) return [];
    return [{ output, loss: losses.get(given), weight: weightOf[i] ?? 1 }];
  });
  if (resolved.length === 0) throw missing("loss", '"meanSquaredError"');
  return {
    optimizer: optimizers.get(optimizer),
    losses: resolved,
    metrics: metricLists(wanted, outputNames).flatMap((list, i) =>
      list.map((metric) => ({
        output: outputNames[i]!,
        metric: metricFor(metric, resolved.find(({ output }) => output === outputNames[i])?.loss),
      })),
    ),
  };
}

type Spread<T> = T | readonly (T | null)[] | Readonly<Record<string, T | null | undefined>>;

/** One entry for each output, from one value, a list in order or a record by name. */
function perOutput<T>(
  what: string,
  given: Spread<T>,
  names: readonly string[],
  isOne: (value: unknown) => boolean,
): (T | null | undefined)[] {
  if (isOne(given)) {
    // One loss for several outputs is a loss object each: state is not shared, names are.
    return names.map(() => given as T);
  }
  if (Array.isArray(given)) {
    const list = given as readonly (T | null)[];
    if (list.length !== names.length) {
      throw new ConfigError({
        who: "compile",
        expected: `${what} for ${names.length} outputs (${names.join(", ")})`,
        received: `${list.length}`,
      });
    }
    return [...list];
  }
  if (typeof given !== "object" || given === null) {
    throw new ConfigError({
      who: "compile",
      expected: `${what} as a name, an object, a list or a record by output`,
      received: given === null ? "null" : typeof given,
    });
  }
  const record = given as Readonly<Record<string, T | null | undefined>>;
  for (const name of Object.keys(record)) {
    if (!names.includes(name)) throw unknownName("compile", "an output", name, names);
  }
  return names.map((name) => record[name]);
}

function isLossLike(value: unknown): boolean {
  return (
    typeof value === "string" || typeof value === "function" || value instanceof Loss || isSerialized(value)
  );
}

function isMetricLike(value: unknown): value is MetricLike {
  return (
    typeof value === "string" || typeof value === "function" || value instanceof Metric || isSerialized(value)
  );
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function metricLists(
  wanted: NonNullable<CompileOptions["metrics"]>,
  names: readonly string[],
): MetricLike[][] {
  const toList = (value: unknown): MetricLike[] =>
    value === undefined || value === null ? [] : isMetricLike(value) ? [value] : [...(value as MetricLike[])];
  if (Array.isArray(wanted) && names.length === 1) {
    return [(wanted as readonly unknown[]).flatMap(toList)];
  }
  if (Array.isArray(wanted) && wanted.length === 0) return names.map(() => []);
  return perOutput("metrics", wanted as Spread<unknown>, names, isMetricLike).map(toList);
}

/** `"accuracy"` of scores decides at score 0, where the probability is ½; names of losses are metrics too. */
function metricFor(metric: MetricLike, loss: Loss | undefined): Metric {
  if (typeof metric !== "string") return metrics.get(metric);
  const name = camelCase(metric);
  if (name === "accuracy" || name === "acc") {
    const fromLogits = loss instanceof losses.BinaryCrossentropy && loss.fromLogits;
    return metrics.accuracy({ name: metric, ...(fromLogits ? { threshold: 0 } : {}) });
  }
  if (!Object.hasOwn(metrics.metricClasses, name) && Object.hasOwn(losses.lossClasses, name)) {
    const own = losses.get(name);
    return new metrics.MeanOfFunction((yTrue, yPred) => own.perSample(yTrue, yPred), metric);
  }
  return metrics.get(metric);
}

function missing(what: string, example: string): ConfigError {
  return new ConfigError({
    who: "compile",
    expected: `${/^[aeiou]/.test(what) ? "an" : "a"} ${what}`,
    received: "none",
    fix: `For example { ${what}: ${example} }.`,
  });
}
