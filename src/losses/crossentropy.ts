import { isFloat } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import type { OptionNames, OptionTable } from "../base/options.js";
import { formatShape, sameShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import {
  add,
  binaryCrossEntropyWithLogits,
  cast,
  clip,
  crossEntropy,
  div,
  log,
  mul,
  neg,
  sparseCrossEntropy,
  squeeze,
  sub,
  sum,
} from "../ops/index.js";
import { alignTargets, checkSameShape, Loss, type LossOptions, lastMean } from "./loss.js";

/** Smallest probability whose logarithm is taken, as in Keras. */
const epsilon = 1e-7;

/** Options of the cross-entropies. */
export interface CrossentropyOptions extends LossOptions {
  /** Predictions are scores before softmax or sigmoid. Default false: they are probabilities. */
  readonly fromLogits?: boolean;
}

/** Options of the cross-entropies whose targets can be smoothed. */
export interface SmoothedCrossentropyOptions extends CrossentropyOptions {
  /** Share of each target that is spread evenly over the classes. Default 0. */
  readonly labelSmoothing?: number;
}

/** Cross-entropy with a flag that metrics can read. */
abstract class Crossentropy<O extends CrossentropyOptions> extends Loss {
  static override readonly options: OptionTable = { fromLogits: true } satisfies OptionNames<
    CrossentropyOptions,
    LossOptions
  >;
  readonly fromLogits: boolean;
  constructor(protected override readonly config: O = {} as O) {
    super(config);
    this.fromLogits = config.fromLogits ?? false;
  }
}

/**
 * Cross-entropy of class numbers: `−log p[label]`.
 *
 * Shapes: `yTrue` `[batch, …]` (integers; a last axis of length 1 is dropped), `yPred` `[batch, …, classes]`. From
 * logits it is one pass without overflow; probabilities are limited to [1e-7, 1 − 1e-7].
 * @throws {DataError} when it runs, for a label outside 0 … classes − 1; the weights stay as they are
 * @example losses.sparseCategoricalCrossentropy({ fromLogits: true })
 */
export class SparseCategoricalCrossentropy extends Crossentropy<CrossentropyOptions> {
  static override readonly className = "SparseCategoricalCrossentropy";
  static override readonly options = {};
  override readonly takesClassNumbers = true;
  perSample(yTrue: Tensor, yPred: Tensor): Tensor {
    const labels = classNumbers(this.name, yTrue, yPred);
    // log(p / Σp) is what softmax makes of log p, so the fused kernel serves both.
    return sparseCrossEntropy(this.fromLogits ? yPred : log(clip(yPred, epsilon, 1 - epsilon)), labels);
  }
}

/** Labels as integers shaped like the predictions without the classes. */
function classNumbers(who: string, yTrue: Tensor, yPred: Tensor): Tensor {
  const rows = yPred.shape.slice(0, -1);
  const squeezed =
    yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1 && yPred.shape.at(-1) !== 1
      ? squeeze(yTrue, -1)
      : yTrue;
  if (yPred.rank === 0 || !sameShape(squeezed.shape, rows)) {
    throw new ShapeError({
      who,
      expected: `class numbers of shape ${formatShape(rows)} for predictions of shape ${formatShape(yPred.shape)}`,
      received: `shape ${formatShape(yTrue.shape)}`,
      fix: sameShape(yTrue.shape, yPred.shape)
        ? "For one-hot targets use categoricalCrossentropy."
        : "Give one class number for each prediction.",
    });
  }
  return isFloat(squeezed.dtype) ? cast(squeezed, "int32") : squeezed;
}

/**
 * Cross-entropy of one-hot targets or probabilities: `−Σ_k y_k · log p_k`.
 *
 * Shapes: both `[batch, …, classes]`. Probabilities are divided by their sum, then limited to [1e-7, 1 − 1e-7].
 * @example losses.categoricalCrossentropy({ labelSmoothing: 0.1 })
 */
export class CategoricalCrossentropy extends Crossentropy<SmoothedCrossentropyOptions> {
  static override readonly className = "CategoricalCrossentropy";
  static override readonly options: OptionNames<SmoothedCrossentropyOptions, CrossentropyOptions> = {
    labelSmoothing: true,
  };
  perSample(yTrue: Tensor, yPred: Tensor): Tensor {
    checkSameShape(this.name, yTrue, yPred, "For class numbers use sparseCategoricalCrossentropy.");
    const classes = yPred.shape.at(-1)!;
    const targets = smoothed(yTrue, this.config.labelSmoothing, 1 / classes);
    if (this.fromLogits) return crossEntropy(yPred, targets);
    const probabilities = div(yPred, sum(yPred, -1, { keepDims: true }));
    return neg(sum(mul(targets, log(clip(probabilities, epsilon, 1 - epsilon))), -1));
  }
}

/**
 * Cross-entropy of yes-or-no targets: the mean over the last axis of `−y·log p − (1 − y)·log(1 − p)`.
 *
 * Shapes: both `[batch, …, outputs]`. Probabilities are limited to [1e-7, 1 − 1e-7].
 * @example losses.binaryCrossentropy({ fromLogits: true })
 */
export class BinaryCrossentropy extends Crossentropy<SmoothedCrossentropyOptions> {
  static override readonly className = "BinaryCrossentropy";
  static override readonly options: OptionNames<SmoothedCrossentropyOptions, CrossentropyOptions> = {
    labelSmoothing: true,
  };
  perSample(yTrue: Tensor, yPred: Tensor): Tensor {
    const [labels, predictions] = alignTargets(this.name, yTrue, yPred);
    const targets = smoothed(labels, this.config.labelSmoothing, 0.5);
    if (this.fromLogits) return lastMean(binaryCrossEntropyWithLogits(predictions, targets));
    // Both sides are limited on their own: 1 − (1 − 1e-7) in float32 would be 1.2e-7.
    const limited = (p: Tensor) => clip(p, epsilon, 1 - epsilon);
    const yes = mul(targets, log(limited(predictions)));
    const no = mul(sub(1, targets), log(limited(sub(1, predictions))));
    return lastMean(neg(add(yes, no)));
  }
}

function smoothed(targets: Tensor, share: number | undefined, even: number): Tensor {
  const float = isFloat(targets.dtype) ? targets : cast(targets, "float32");
  return share ? add(mul(float, 1 - share), share * even) : float;
}
