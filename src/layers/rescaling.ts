import { isFloat } from "../base/dtype.js";
import type { OptionNames } from "../base/options.js";
import type { Tensor } from "../graph/tensor.js";
import { add, cast, mul } from "../ops/index.js";
import { Layer, type LayerOptions } from "./layer.js";

/** Options of `rescaling`. */
export interface RescalingOptions extends LayerOptions {
  /** Added after scaling. Default 0. */
  readonly offset?: number;
}

/**
 * `scale · x + offset`: bytes to numbers around 0 or 1.
 *
 * Shape: same as the input, dtype float32; no parameters.
 * @example layers.rescaling(1 / 255)
 */
export class Rescaling extends Layer {
  static override readonly className = "Rescaling";
  static override readonly options: OptionNames<RescalingOptions & { scale: number }, LayerOptions> = {
    scale: true,
    offset: true,
  };
  override readonly supportsMasking = true;
  constructor(protected override readonly config: RescalingOptions & { readonly scale: number }) {
    super(config);
  }
  call(x: Tensor): Tensor {
    const { scale, offset = 0 } = this.config;
    const scaled = mul(isFloat(x.dtype) ? x : cast(x, this.dtype), scale);
    return offset === 0 ? scaled : add(scaled, offset);
  }
}
