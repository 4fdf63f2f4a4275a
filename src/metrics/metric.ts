import { ShapeError } from "../base/errors.js";
import { classNameOf, snakeCase } from "../base/lookup.js";
import { checkOptionNames, type OptionNames, type OptionTable } from "../base/options.js";
import { formatShape, type Shape, sameShape } from "../base/shape.js";
import { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import {
  add,
  broadcastTo,
  cast,
  div,
  equal,
  maximum,
  mul,
  reshape,
  squeeze,
  sum,
  where,
  zeros,
} from "../ops/index.js";

/** Options that every metric takes. */
export interface MetricOptions {
  /** Default: after the class. */
  readonly name?: string;
}

/**
 * A figure about predictions, gathered over batches in variables.
 *
 * `update` is part of the compiled step; `result` is read once per slice of training.
 */
export abstract class Metric {
  /** Name in configurations. */
  static readonly className?: string;
  /** Names of the options that the class takes beside those of its base class; see `OptionNames`. */
  static readonly options?: OptionTable = {
    name: true,
  } satisfies OptionNames<MetricOptions>;
  readonly name: string;
  /** What it has gathered. */
  readonly variables: Variable[] = [];

  constructor(protected readonly config: MetricOptions = {}) {
    this.name = config.name ?? snakeCase(classNameOf(this));
    checkOptionNames(this.name, this, config);
  }

  /** Takes a batch in; called inside a trace. */
  abstract update(yTrue: Tensor, yPred: Tensor, sampleWeight?: Tensor): void;

  /** The figure so far, a float scalar. */
  abstract result(): Tensor;

  /** Starts anew; outside traces. */
  reset(): void {
    for (const v of this.variables) v.assign(0);
  }

  /** The options it was made with, as JSON. */
  getConfig(): Record<string, unknown> {
    return { ...this.config, name: this.name };
  }

  /** A variable of zeros that `reset` sets back. */
  protected addVariable(name: string, shape: Shape = []): Variable {
    const made = new Variable(zeros(shape), { name: `${this.name}/${name}`, trainable: false });
    this.variables.push(made);
    return made;
  }
}

/** Mean of values: Σ weight · value / Σ weight; 0 while there are none. */
export class Mean extends Metric {
  static override readonly className: string = "Mean";
  static override readonly options = {};
  readonly total: Variable;
  readonly count: Variable;

  constructor(config: MetricOptions = {}) {
    super(config);
    this.total = this.addVariable("total");
    this.count = this.addVariable("count");
  }

  /** Takes values in. `yPred` is not read, so that any metric can be called the same way. */
  update(values: Tensor, _yPred?: Tensor, sampleWeight?: Tensor): void {
    this.add(values, sampleWeight);
  }

  /** Adds values `[batch, …]`, each with its weight. */
  protected add(values: Tensor, sampleWeight?: Tensor): void {
    const float = cast(values, "float32");
    const weights = sampleWeight ? alignWeights(this.name, cast(sampleWeight, "float32"), float) : undefined;
    this.total.assign(add(this.total.value, sum(weights ? mul(float, weights) : float)));
    this.count.assign(add(this.count.value, weights ? sum(weights) : countOf(float)));
  }

  result(): Tensor {
    const { value: count } = this.count;
    return where(equal(count, 0), 0, div(this.total.value, maximum(count, 1e-30)));
  }
}

/** Number of elements; where the batch has a run-time length, that one counts. */
function countOf(x: Tensor): Tensor | number {
  if (!x.extent) return x.size;
  const { axis, factor, length } = x.extent;
  const rest = x.shape.reduce((product, n, a) => (a === axis ? product : product * n), 1);
  return mul(cast(length, "float32"), rest * factor);
}

/** Weights `[batch]` repeated over the axes of the values. */
function alignWeights(who: string, weights: Tensor, values: Tensor): Tensor {
  const flat =
    weights.rank === values.rank + 1 && weights.shape.at(-1) === 1 ? squeeze(weights, -1) : weights;
  if (flat.rank > values.rank || !sameShape(flat.shape, values.shape.slice(0, flat.rank))) {
    throw new ShapeError({
      who,
      expected: `sample weights of shape ${formatShape(values.shape.slice(0, 1))} or ${formatShape(values.shape)}`,
      received: `shape ${formatShape(weights.shape)}`,
      fix: "Give one weight for each sample.",
    });
  }
  const missing = new Array<number>(values.rank - flat.rank).fill(1);
  return broadcastTo(missing.length > 0 ? reshape(flat, [...flat.shape, ...missing]) : flat, values.shape);
}

/** The mean of a function of targets and predictions. */
export abstract class MeanOf extends Mean {
  /** The value of each sample, `[batch]` or `[batch, …]`. */
  abstract values(yTrue: Tensor, yPred: Tensor): Tensor;

  override update(yTrue: Tensor, yPred?: Tensor, sampleWeight?: Tensor): void {
    this.add(this.values(yTrue, yPred!), sampleWeight);
  }
}

/** A function of targets and predictions that gives one value for each sample. */
export type MetricFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** The mean of a given function; a configuration refers to it by its name. */
export class MeanOfFunction extends MeanOf {
  static override readonly className = "MeanOfFunction";
  constructor(
    readonly values: MetricFunction,
    name = values.name || "metric",
  ) {
    super({ name });
  }
}
