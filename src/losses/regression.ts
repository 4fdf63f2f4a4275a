import { ConfigError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import type { Tensor } from "../graph/tensor.js";
import { abs, lessEqual, mul, square, sub, where } from "../ops/index.js";
import { alignTargets, Loss, type LossOptions, lastMean } from "./loss.js";

/** Mean over the last axis of `(y − p)²`. Shapes: both `[batch, …, outputs]`. */
export class MeanSquaredError extends Loss {
  static override readonly className = "MeanSquaredError";
  static override readonly options = {};
  perSample(yTrue: Tensor, yPred: Tensor): Tensor {
    const [targets, predictions] = alignTargets(this.name, yTrue, yPred);
    return lastMean(square(sub(predictions, targets)));
  }
}

/** Mean over the last axis of `|y − p|`. Shapes: both `[batch, …, outputs]`. */
export class MeanAbsoluteError extends Loss {
  static override readonly className = "MeanAbsoluteError";
  static override readonly options = {};
  perSample(yTrue: Tensor, yPred: Tensor): Tensor {
    const [targets, predictions] = alignTargets(this.name, yTrue, yPred);
    return lastMean(abs(sub(predictions, targets)));
  }
}

/** Options of `huber`. */
export interface HuberOptions extends LossOptions {
  /** Error from which on the loss grows linearly. Default 1. */
  readonly delta?: number;
}

/**
 * Mean over the last axis of `½ e²` where `|e| ≤ δ`, else `δ · (|e| − ½ δ)`, with `e = p − y`: outliers pull less than
 * in the squared error. Shapes: both `[batch, …, outputs]`.
 */
export class Huber extends Loss {
  static override readonly className = "Huber";
  static override readonly options: OptionNames<HuberOptions, LossOptions> = { delta: true };
  readonly delta: number;
  constructor(protected override readonly config: HuberOptions = {}) {
    super(config);
    this.delta = config.delta ?? 1;
    if (!(this.delta > 0)) {
      throw new ConfigError({
        who: "huber",
        expected: "a delta above 0",
        received: String(this.delta),
      });
    }
  }
  perSample(yTrue: Tensor, yPred: Tensor): Tensor {
    const [targets, predictions] = alignTargets(this.name, yTrue, yPred);
    const error = sub(predictions, targets);
    const size = abs(error);
    const outside = mul(sub(size, this.delta / 2), this.delta);
    return lastMean(where(lessEqual(size, this.delta), mul(square(error), 0.5), outside));
  }
}
