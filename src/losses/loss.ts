import { ShapeError } from "../base/errors.js";
import { classNameOf, snakeCase } from "../base/lookup.js";
import { checkOptionNames, type OptionNames, type OptionTable } from "../base/options.js";
import { formatShape, sameShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { broadcastTo, cast, div, maximum, mean, mul, reshape, squeeze, sum } from "../ops/index.js";

/** Options that every loss takes. */
export interface LossOptions {
  /** Default: after the class, `mean_squared_error`. */
  readonly name?: string;
}

/**
 * How wrong predictions are: a scalar to minimize.
 *
 * A subclass writes `perSample`. The scalar is the mean over the batch, Σ weight · loss / number of samples.
 */
export abstract class Loss {
  /** Name in configurations. */
  static readonly className?: string;
  /** Names of the options that the class takes beside those of its base class; see `OptionNames`. */
  static readonly options?: OptionTable = {
    name: true,
  } satisfies OptionNames<LossOptions>;
  readonly name: string;
  /** Whether the targets are class numbers, which have no fraction. */
  readonly takesClassNumbers: boolean = false;

  constructor(protected readonly config: LossOptions = {}) {
    this.name = config.name ?? snakeCase(classNameOf(this));
    checkOptionNames(this.name, this, config);
  }

  /** The loss of each sample: `[batch]`, or `[batch, …]` where a sample has several predictions. */
  abstract perSample(yTrue: Tensor, yPred: Tensor): Tensor;

  /**
   * The mean over the batch.
   *
   * @param sampleWeight `[batch]` or the shape of `perSample`: factors on each loss; the sum is still divided by the
   *   number of samples
   * @param mask bool, the same shapes: where false, the loss does not count, and the mean is over the others
   */
  call(yTrue: Tensor, yPred: Tensor, sampleWeight?: Tensor, mask?: Tensor): Tensor {
    let values = this.perSample(yTrue, yPred);
    if (sampleWeight) values = mul(values, alignWeights(this.name, sampleWeight, values));
    if (!mask) return mean(values);
    const counts = broadcastTo(cast(alignWeights(this.name, mask, values), values.dtype), values.shape);
    return div(sum(mul(values, counts)), maximum(sum(counts), 1e-7));
  }

  /** The options it was made with, as JSON. */
  getConfig(): Record<string, unknown> {
    return { ...this.config };
  }
}

/** Weights `[batch]` for values `[batch, …]`: axes of length 1 are added behind. */
export function alignWeights(who: string, weights: Tensor, values: Tensor): Tensor {
  const squeezed =
    weights.rank === values.rank + 1 && weights.shape.at(-1) === 1 ? squeeze(weights, -1) : weights;
  const lead = values.shape.slice(0, squeezed.rank);
  if (squeezed.rank > values.rank || !sameShape(squeezed.shape, lead)) {
    throw new ShapeError({
      who,
      expected: `sample weights of shape ${formatShape(values.shape.slice(0, 1))} or ${formatShape(values.shape)}`,
      received: `shape ${formatShape(weights.shape)}`,
      fix: "Give one weight for each sample.",
    });
  }
  const missing = values.rank - squeezed.rank;
  return missing === 0
    ? squeezed
    : reshape(squeezed, [...squeezed.shape, ...new Array<number>(missing).fill(1)]);
}

/** Mean over the last axis, which is not the batch. */
export function lastMean(x: Tensor): Tensor {
  return x.rank > 1 ? mean(x, -1) : x;
}

/**
 * Targets and predictions of one shape: a last axis of length 1 that only one of them has is dropped.
 *
 * @throws {ShapeError} where the shapes still differ
 */
export function alignTargets(who: string, yTrue: Tensor, yPred: Tensor): readonly [Tensor, Tensor] {
  const dropLast = (long: Tensor, short: Tensor) =>
    long.rank === short.rank + 1 && long.shape.at(-1) === 1 ? squeeze(long, -1) : long;
  const targets = dropLast(yTrue, yPred);
  const predictions = dropLast(yPred, yTrue);
  checkSameShape(who, targets, predictions, "Give one target for each prediction.");
  return [targets, predictions];
}

/** Throws where targets and predictions differ in shape. */
export function checkSameShape(who: string, yTrue: Tensor, yPred: Tensor, fix: string): void {
  if (sameShape(yTrue.shape, yPred.shape)) return;
  throw new ShapeError({
    who,
    expected: `targets of the predictions' shape ${formatShape(yPred.shape)}`,
    received: `shape ${formatShape(yTrue.shape)}`,
    fix,
  });
}
