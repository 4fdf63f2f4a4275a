import { ConfigError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import type { InitializerLike } from "../initializers/index.js";
import { add, conv2d, type Padding, type Pair } from "../ops/index.js";
import { positivePair } from "../ops/window.js";
import { type ActivationFunction, type ActivationLike, getActivation } from "./activations.js";
import { Layer, type LayerOptions } from "./layer.js";
import type { SymbolicShape } from "./symbolic.js";

/** Options of `conv2d`. */
export interface Conv2DOptions extends LayerOptions {
  /** Step of the window. Default 1. */
  readonly strides?: Pair;
  /** `"valid"` (default): no padding; `"same"`: ⌈length / stride⌉ outputs. */
  readonly padding?: Padding;
  /** Distance of the kernel's elements. Default 1. */
  readonly dilationRate?: Pair;
  /** The channels are cut into this many groups with kernels of their own. Default 1. */
  readonly groups?: number;
  /** Applied to the result; none by default. */
  readonly activation?: ActivationLike;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `"glorotUniform"`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `"zeros"`. */
  readonly biasInitializer?: InitializerLike;
}

/** Axes of images, for errors. */
export const imageAxes = ["batch", "height", "width", "channels"] as const;

const imageFix = "Add a channel axis with expandDims(x, -1).";

/**
 * Convolution over images: `y = activation(x ∗ kernel + bias)`.
 *
 * Input shape `[batch, height, width, channels]`, output shape `[batch, height', width', filters]` with
 * `⌊(height + padding − dilation · (size − 1) − 1) / stride⌋ + 1` rows; `size² · channels / groups · filters + filters`
 * parameters.
 * @throws {ShapeError} for input of another rank, {ConfigError} for options that make no sense
 * @example layers.conv2d(32, 3, { activation: "relu", padding: "same" })
 */
export class Conv2D extends Layer {
  static override readonly className = "Conv2D";
  static override readonly options: OptionNames<
    Conv2DOptions & { filters: number; kernelSize: Pair },
    LayerOptions
  > = {
    filters: true,
    kernelSize: true,
    strides: true,
    padding: true,
    dilationRate: true,
    groups: true,
    activation: true,
    useBias: true,
    kernelInitializer: true,
    biasInitializer: true,
  };
  readonly activation: ActivationFunction;
  kernel!: Variable;
  bias: Variable | undefined;

  constructor(
    protected override readonly config: Conv2DOptions & {
      readonly filters: number;
      readonly kernelSize: Pair;
    },
  ) {
    super(config);
    this.expectPositive("filters", config.filters);
    this.expectPositive("groups", config.groups ?? 1);
    positivePair(this.who, "kernelSize", config.kernelSize);
    this.activation = getActivation(this.who, config.activation);
  }

  override build(shape: SymbolicShape): void {
    this.expectRank(shape, imageAxes, shape.length === 3 ? imageFix : undefined);
    const { filters, kernelSize, groups = 1, useBias = true } = this.config;
    const { kernelInitializer = "glorotUniform", biasInitializer = "zeros" } = this.config;
    const channels = shape[3];
    if (typeof channels === "number" && (channels % groups !== 0 || filters % groups !== 0)) {
      throw new ConfigError({
        who: this.who,
        expected: `channels and filters that ${groups} groups divide`,
        received: `${channels} channels and ${filters} filters`,
      });
    }
    const size = positivePair(this.who, "kernelSize", kernelSize);
    const kernelShape = [...size, channels! / groups, filters];
    this.kernel = this.addWeight("kernel", kernelShape, { initializer: kernelInitializer });
    if (useBias) this.bias = this.addWeight("bias", [filters], { initializer: biasInitializer });
  }

  call(x: Tensor): Tensor {
    this.expectRank(x.shape, imageAxes, x.rank === 3 ? imageFix : undefined);
    const { strides = 1, padding = "valid", dilationRate = 1, groups = 1 } = this.config;
    this.expectLength(x.shape, -1, this.kernel.shape[2]! * groups);
    const y = conv2d(x, this.kernel.value, { strides, padding, dilation: dilationRate, groups });
    return this.activation(this.bias ? add(y, this.bias.value) : y);
  }
}
