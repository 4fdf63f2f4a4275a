import type { OptionNames } from "../base/options.js";
import type { Tensor } from "../graph/tensor.js";
import { relu, softmax } from "../ops/index.js";
import { type ActivationFunction, type ActivationLike, getActivation } from "./activations.js";
import { Layer, type LayerOptions } from "./layer.js";

/**
 * A function applied element by element, or to each row.
 *
 * Shape: same as the input; no parameters.
 * @throws {ConfigError} for an unknown name, with the nearest one
 * @example layers.activation("tanh")
 */
export class Activation extends Layer {
  static override readonly className = "Activation";
  static override readonly options: OptionNames<{ activation: ActivationLike }> = { activation: true };
  override readonly supportsMasking = true;
  readonly activation: ActivationFunction;
  constructor(config: LayerOptions & { readonly activation: ActivationLike }) {
    super(config);
    this.activation = getActivation(this.who, config.activation);
  }
  call(x: Tensor): Tensor {
    return this.activation(x);
  }
}

/** max(x, 0), element by element. Shape: same as the input; no parameters. */
export class ReLU extends Layer {
  static override readonly className = "ReLU";
  static override readonly options = {};
  override readonly supportsMasking = true;
  call(x: Tensor): Tensor {
    return relu(x);
  }
}

/** Options of `softmax`. */
export interface SoftmaxOptions extends LayerOptions {
  /** Default −1, the last axis. */
  readonly axis?: number;
}

/**
 * Scores to probabilities: `exp(x_i) / Σ exp(x_j)` along an axis.
 *
 * Shape: same as the input; no parameters.
 * @example const probabilities = sequential([model, layers.softmax()])
 */
export class Softmax extends Layer {
  static override readonly className = "Softmax";
  static override readonly options: OptionNames<SoftmaxOptions, LayerOptions> = { axis: true };
  override readonly supportsMasking = true;
  constructor(protected override readonly config: SoftmaxOptions = {}) {
    super(config);
  }
  call(x: Tensor): Tensor {
    return softmax(x, this.config.axis ?? -1);
  }
}
