import { ShapeError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import { formatShape, sameShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { argMax, cast, equal, greater, mean, reshape, squeeze } from "../ops/index.js";
import { MeanOf, type MetricOptions } from "./metric.js";

/** Options of metrics that decide between yes and no. */
export interface ThresholdOptions extends MetricOptions {
  /** Predictions above it count as yes. Default 0.5. */
  readonly threshold?: number;
}

/** Share of predictions whose largest score is that of the class number. Shapes `[batch, …]`, `[batch, …, classes]`. */
export class SparseCategoricalAccuracy extends MeanOf {
  static override readonly className = "SparseCategoricalAccuracy";
  static override readonly options = {};
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return sparseMatches(this.name, yTrue, yPred);
  }
}

/** Share of predictions whose largest score is that of the largest target. Shapes: both `[batch, …, classes]`. */
export class CategoricalAccuracy extends MeanOf {
  static override readonly className = "CategoricalAccuracy";
  static override readonly options = {};
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return categoricalMatches(this.name, yTrue, yPred);
  }
}

/** Share of predictions on the right side of the threshold. Shapes: both `[batch, …, outputs]`. */
export class BinaryAccuracy extends MeanOf {
  static override readonly className = "BinaryAccuracy";
  static override readonly options: OptionNames<ThresholdOptions, MetricOptions> = { threshold: true };
  private readonly threshold: number;
  constructor(config: ThresholdOptions = {}) {
    super(config);
    this.threshold = config.threshold ?? 0.5;
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return binaryMatches(this.name, yTrue, yPred, this.threshold);
  }
}

/**
 * The accuracy that fits targets and predictions: of yes-or-no answers where there is one prediction, of class numbers
 * where the targets lack the axis of classes, else of one-hot targets.
 */
export class Accuracy extends MeanOf {
  static override readonly className = "Accuracy";
  static override readonly options: OptionNames<ThresholdOptions, MetricOptions> = { threshold: true };
  private readonly threshold: number;
  constructor(config: ThresholdOptions = {}) {
    super(config);
    this.threshold = config.threshold ?? 0.5;
  }
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    const isBinary = yPred.rank < 2 || yPred.shape.at(-1) === 1;
    if (isBinary) return binaryMatches(this.name, yTrue, yPred, this.threshold);
    const isSparse = yTrue.rank < yPred.rank || yTrue.shape.at(-1) === 1;
    return isSparse ? sparseMatches(this.name, yTrue, yPred) : categoricalMatches(this.name, yTrue, yPred);
  }
}

function sparseMatches(who: string, yTrue: Tensor, yPred: Tensor): Tensor {
  const rows = yPred.shape.slice(0, -1);
  const labels = yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1 ? squeeze(yTrue, -1) : yTrue;
  expectShape(who, labels, rows, yTrue);
  return matches(cast(labels, "int32"), argMax(yPred, -1)); // [batch, …]
}

function categoricalMatches(who: string, yTrue: Tensor, yPred: Tensor): Tensor {
  expectShape(who, yTrue, yPred.shape, yTrue);
  return matches(argMax(yTrue, -1), argMax(yPred, -1));
}

function binaryMatches(who: string, yTrue: Tensor, yPred: Tensor, threshold: number): Tensor {
  const targets =
    yTrue.rank + 1 === yPred.rank && yPred.shape.at(-1) === 1 ? reshape(yTrue, yPred.shape) : yTrue;
  expectShape(who, targets, yPred.shape, yTrue);
  const hits = matches(greater(targets, 0.5), greater(yPred, threshold));
  return hits.rank > 1 ? mean(hits, -1) : hits;
}

function matches(a: Tensor, b: Tensor): Tensor {
  return cast(equal(a, b), "float32");
}

function expectShape(who: string, targets: Tensor, shape: readonly number[], given: Tensor): void {
  if (sameShape(targets.shape, shape)) return;
  throw new ShapeError({
    who,
    expected: `targets of shape ${formatShape(shape)}`,
    received: `shape ${formatShape(given.shape)}`,
    fix: "Give one target for each prediction.",
  });
}
