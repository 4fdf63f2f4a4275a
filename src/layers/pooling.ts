import type { OptionNames, OptionTable } from "../base/options.js";
import type { Tensor } from "../graph/tensor.js";
import { avgPool2d, maxPool2d, mean, type Padding, type Pair } from "../ops/index.js";
import { imageAxes } from "./convolution.js";
import { Layer, type LayerOptions } from "./layer.js";

/** Options of pooling. */
export interface Pooling2DOptions extends LayerOptions {
  /** Height and width of the window. Default 2. */
  readonly poolSize?: Pair;
  /** Step of the window. Default: its size. */
  readonly strides?: Pair;
  /** `"valid"` (default) leaves out what does not fill a window; `"same"` pads. */
  readonly padding?: Padding;
}

/** What both kinds of pooling share. */
abstract class Pooling2D extends Layer {
  static override readonly options: OptionTable = {
    poolSize: true,
    strides: true,
    padding: true,
  } satisfies OptionNames<Pooling2DOptions, LayerOptions>;
  constructor(protected override readonly config: Pooling2DOptions = {}) {
    super(config);
  }

  call(x: Tensor): Tensor {
    this.expectRank(
      x.shape,
      imageAxes,
      x.rank === 3 ? "Add a channel axis with expandDims(x, -1)." : undefined,
    );
    const { poolSize = 2, strides = poolSize, padding = "valid" } = this.config;
    return this.pool(x, { size: poolSize, strides, padding });
  }

  protected abstract pool(x: Tensor, window: { size: Pair; strides: Pair; padding: Padding }): Tensor;
}

/**
 * The largest element of each window, channel by channel.
 *
 * Input shape `[batch, height, width, channels]`, output shape `[batch, ⌊(height − size) / stride⌋ + 1, …, channels]`;
 * no parameters.
 * @example layers.maxPooling2d({ poolSize: 2 })
 */
export class MaxPooling2D extends Pooling2D {
  static override readonly className = "MaxPooling2D";
  static override readonly options = {};
  protected pool(x: Tensor, window: { size: Pair; strides: Pair; padding: Padding }): Tensor {
    return maxPool2d(x, window);
  }
}

/** The mean of each window, channel by channel; padding does not count. Shapes as for `maxPooling2d`. */
export class AveragePooling2D extends Pooling2D {
  static override readonly className = "AveragePooling2D";
  static override readonly options = {};
  protected pool(x: Tensor, window: { size: Pair; strides: Pair; padding: Padding }): Tensor {
    return avgPool2d(x, window);
  }
}

/** The mean of each channel. Input shape `[batch, height, width, channels]`, output shape `[batch, channels]`. */
export class GlobalAveragePooling2D extends Layer {
  static override readonly className = "GlobalAveragePooling2D";
  static override readonly options = {};
  call(x: Tensor): Tensor {
    this.expectRank(x.shape, imageAxes);
    return mean(x, [1, 2]);
  }
}
