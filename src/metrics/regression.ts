import { ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { abs, mean, square, squeeze, sub } from "../ops/index.js";
import { MeanOf } from "./metric.js";

/** Mean of `(y − p)²`. */
export class MeanSquaredError extends MeanOf {
  static override readonly className = "MeanSquaredError";
  static override readonly options = {};
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return lastMean(square(difference(this.name, yTrue, yPred)));
  }
}

/** Mean of `|y − p|`. */
export class MeanAbsoluteError extends MeanOf {
  static override readonly className = "MeanAbsoluteError";
  static override readonly options = {};
  values(yTrue: Tensor, yPred: Tensor): Tensor {
    return lastMean(abs(difference(this.name, yTrue, yPred)));
  }
}

function lastMean(x: Tensor): Tensor {
  return x.rank > 1 ? mean(x, -1) : x;
}

/** p − y; a last axis of length 1 that only one of them has is dropped. */
function difference(who: string, yTrue: Tensor, yPred: Tensor): Tensor {
  const dropLast = (long: Tensor, short: Tensor) =>
    long.rank === short.rank + 1 && long.shape.at(-1) === 1 ? squeeze(long, -1) : long;
  const targets = dropLast(yTrue, yPred);
  const predictions = dropLast(yPred, yTrue);
  if (!sameShape(targets.shape, predictions.shape)) {
    throw new ShapeError({
      who,
      expected: `targets of the predictions' shape ${formatShape(yPred.shape)}`,
      received: `shape ${formatShape(yTrue.shape)}`,
    });
  }
  return sub(predictions, targets);
}
