import { ShapeError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import type { InitializerLike } from "../initializers/index.js";
import { add, matmul } from "../ops/index.js";
import { type ActivationFunction, type ActivationLike, getActivation } from "./activations.js";
import { Layer, type LayerOptions } from "./layer.js";
import type { SymbolicShape } from "./symbolic.js";

/** Options of `dense`. */
export interface DenseOptions extends LayerOptions {
  /** Applied to the result; none by default. */
  readonly activation?: ActivationLike;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `"glorotUniform"`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `"zeros"`. */
  readonly biasInitializer?: InitializerLike;
}

/**
 * Densely connected layer: `y = activation(x · kernel + bias)`.
 *
 * Input shape `[batch, …, inputs]`, output shape `[batch, …, units]`; `inputs · units + units` parameters.
 *
 * @throws {ConfigError} where `units` is no positive integer
 * @example layers.dense(128, { activation: "relu" })
 */
export class Dense extends Layer {
  static override readonly className = "Dense";
  static override readonly options: OptionNames<DenseOptions & { units: number }, LayerOptions> = {
    units: true,
    activation: true,
    useBias: true,
    kernelInitializer: true,
    biasInitializer: true,
  };
  override readonly supportsMasking = true;
  readonly units: number;
  readonly activation: ActivationFunction;
  kernel!: Variable;
  bias: Variable | undefined;

  constructor(protected override readonly config: DenseOptions & { readonly units: number }) {
    super(config);
    this.expectPositive("units", config.units);
    this.units = config.units;
    this.activation = getActivation(this.who, config.activation);
  }

  override build(shape: SymbolicShape): void {
    if (shape.length === 0) {
      throw new ShapeError({
        who: this.who,
        expected: "input of rank 2 or more [batch, …, inputs]",
        received: "a scalar",
      });
    }
    const { kernelInitializer = "glorotUniform", biasInitializer = "zeros", useBias = true } = this.config;
    this.kernel = this.addWeight("kernel", [shape.at(-1)!, this.units], { initializer: kernelInitializer });
    if (useBias) this.bias = this.addWeight("bias", [this.units], { initializer: biasInitializer });
  }

  call(x: Tensor): Tensor {
    this.expectLength(x.shape, -1, this.kernel.shape[0]!);
    const y = matmul(x, this.kernel.value); // [batch, …, units]
    return this.activation(this.bias ? add(y, this.bias.value) : y);
  }
}
