import { ConfigError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { add, concat, div, maximum, mul } from "../ops/index.js";
import { Layer, type LayerOptions } from "./layer.js";
import type { LayerInput } from "./symbolic.js";

/** A layer that makes one tensor from several. */
abstract class Merge extends Layer<LayerInput> {
  override readonly supportsMasking = true;

  call(x: LayerInput): Tensor {
    const tensors = isTensor(x) ? [x] : (Object.values(x) as Tensor[]);
    if (tensors.length < 2) {
      throw new ConfigError({
        who: this.who,
        expected: "two tensors or more",
        received: String(tensors.length),
        fix: "Apply it to a list: layer.apply([a, b]).",
      });
    }
    return this.merge(tensors);
  }

  protected abstract merge(tensors: readonly Tensor[]): Tensor;
}

/** Sum of tensors, element by element. Shapes equal, or such that they broadcast; no parameters. */
export class Add extends Merge {
  static override readonly className = "Add";
  static override readonly options = {};
  protected merge(tensors: readonly Tensor[]): Tensor {
    return tensors.reduce((a, b) => add(a, b));
  }
}

/** Product of tensors, element by element. Shapes equal, or such that they broadcast; no parameters. */
export class Multiply extends Merge {
  static override readonly className = "Multiply";
  static override readonly options = {};
  protected merge(tensors: readonly Tensor[]): Tensor {
    return tensors.reduce((a, b) => mul(a, b));
  }
}

/** Mean of tensors, element by element. Shapes equal, or such that they broadcast; no parameters. */
export class Average extends Merge {
  static override readonly className = "Average";
  static override readonly options = {};
  protected merge(tensors: readonly Tensor[]): Tensor {
    return div(
      tensors.reduce((a, b) => add(a, b)),
      tensors.length,
    );
  }
}

/** The largest of tensors, element by element. Shapes equal, or such that they broadcast; no parameters. */
export class Maximum extends Merge {
  static override readonly className = "Maximum";
  static override readonly options = {};
  protected merge(tensors: readonly Tensor[]): Tensor {
    return tensors.reduce((a, b) => maximum(a, b));
  }
}

/** Options of `concatenate`. */
export interface ConcatenateOptions extends LayerOptions {
  /** Default −1, the last axis. */
  readonly axis?: number;
}

/**
 * Tensors joined along an axis; the other lengths agree. No parameters.
 *
 * @throws {ShapeError} where lengths differ
 * @example const both = layers.concatenate().apply([left, right])
 */
export class Concatenate extends Merge {
  static override readonly className = "Concatenate";
  static override readonly options: OptionNames<ConcatenateOptions, LayerOptions> = { axis: true };
  constructor(protected override readonly config: ConcatenateOptions = {}) {
    super(config);
  }
  protected merge(tensors: readonly Tensor[]): Tensor {
    return concat(tensors, this.config.axis ?? -1);
  }
}
