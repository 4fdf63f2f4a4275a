import { ShapeError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import { checkList, formatShape, type Shape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { expandDims, flatten, reshape } from "../ops/index.js";
import { Layer, type LayerOptions } from "./layer.js";

/**
 * All axes but the batch merged into one.
 *
 * Input shape `[batch, …]`, output shape `[batch, product of the rest]`; no parameters.
 * @example layers.flatten({ inputShape: [28, 28] })
 */
export class Flatten extends Layer {
  static override readonly className = "Flatten";
  static override readonly options = {};
  call(x: Tensor): Tensor {
    if (x.rank === 1) return expandDims(x, -1); // [batch] → [batch, 1], as in Keras
    return flatten(x, 1);
  }
}

/** Options of `reshape`. */
export interface ReshapeConfig extends LayerOptions {
  /** The shape of one sample; one length may be −1. */
  readonly targetShape: Shape;
}

/**
 * The elements of each sample under another shape.
 *
 * Input shape `[batch, …]`, output shape `[batch, …targetShape]`; no parameters.
 * @throws {ShapeError} where the number of elements differs, or the target shape is no list
 * @example layers.reshape([7, 7, 64])
 */
export class Reshape extends Layer {
  static override readonly className = "Reshape";
  static override readonly options: OptionNames<ReshapeConfig, LayerOptions> = { targetShape: true };
  constructor(protected override readonly config: ReshapeConfig) {
    super(config);
    checkList(this.who, "axis lengths of a sample", config.targetShape);
  }
  call(x: Tensor): Tensor {
    const { targetShape } = this.config;
    const sample = x.shape.slice(1).reduce((product, length) => product * length, 1);
    const known = targetShape.reduce((product, length) => (length === -1 ? product : product * length), 1);
    const free = targetShape.includes(-1) ? sample / known : undefined;
    const resolved = targetShape.map((length) => (length === -1 ? free! : length));
    const size = resolved.reduce((product, length) => product * length, 1);
    if (size !== sample || !Number.isInteger(free ?? 1)) {
      throw new ShapeError({
        who: this.who,
        expected: `samples of ${known} elements${free === undefined ? "" : " or a multiple"} for target shape ${formatShape(targetShape)}`,
        received: `samples of shape ${formatShape(x.shape.slice(1))}`,
      });
    }
    return reshape(x, [x.shape[0]!, ...resolved]);
  }
}
