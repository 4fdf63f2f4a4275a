import type { OptionNames } from "../base/options.js";
import { normalizeAxis } from "../base/shape.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import type { InitializerLike } from "../initializers/index.js";
import {
  add,
  broadcastTo,
  cast,
  div,
  maximum,
  mean,
  mul,
  reshape,
  rsqrt,
  square,
  sub,
  sum,
} from "../ops/index.js";
import { type CallContext, Layer, type LayerOptions } from "./layer.js";
import type { SymbolicShape } from "./symbolic.js";

/** Options of `batchNormalization`. */
export interface BatchNormalizationOptions extends LayerOptions {
  /** The axis whose entries are normalized each for itself: the features. Default −1. */
  readonly axis?: number;
  /** Share of the moving statistics that stays at each step. Default 0.99. */
  readonly momentum?: number;
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number;
  /** Learn an offset. Default true. */
  readonly center?: boolean;
  /** Learn a factor. Default true. */
  readonly scale?: boolean;
  readonly betaInitializer?: InitializerLike;
  readonly gammaInitializer?: InitializerLike;
  readonly movingMeanInitializer?: InitializerLike;
  readonly movingVarianceInitializer?: InitializerLike;
}

/**
 * Each feature brought to mean 0 and variance 1: `y = γ · (x − μ) / √(σ² + ε) + β`.
 *
 * In training μ and σ² are those of the batch, and moving averages follow: `moving ← m · moving + (1 − m) · batch`.
 * Otherwise, and where the layer is frozen (`trainable = false`), the moving averages are used. Time steps that a mask
 * excludes do not count.
 * Shape: same as the input; 4 parameters for each feature, 2 of them trainable.
 *
 * Ioffe and Szegedy 2015, "Batch normalization: accelerating deep network training".
 * @example layers.batchNormalization()
 */
export class BatchNormalization extends Layer {
  static override readonly className = "BatchNormalization";
  static override readonly options: OptionNames<BatchNormalizationOptions, LayerOptions> = {
    axis: true,
    momentum: true,
    epsilon: true,
    center: true,
    scale: true,
    betaInitializer: true,
    gammaInitializer: true,
    movingMeanInitializer: true,
    movingVarianceInitializer: true,
  };
  override readonly supportsMasking = true;
  gamma: Variable | undefined;
  beta: Variable | undefined;
  movingMean!: Variable;
  movingVariance!: Variable;

  constructor(protected override readonly config: BatchNormalizationOptions = {}) {
    super(config);
  }

  override build(shape: SymbolicShape): void {
    const {
      axis = -1,
      center = true,
      scale = true,
      gammaInitializer = "ones",
      betaInitializer = "zeros",
      movingMeanInitializer = "zeros",
      movingVarianceInitializer = "ones",
    } = this.config;
    const features = [shape[normalizeAxis(this.who, axis, shape.length)]!];
    if (scale) this.gamma = this.addWeight("gamma", features, { initializer: gammaInitializer });
    if (center) this.beta = this.addWeight("beta", features, { initializer: betaInitializer });
    const fixed = { trainable: false };
    this.movingMean = this.addWeight("moving_mean", features, {
      initializer: movingMeanInitializer,
      ...fixed,
    });
    this.movingVariance = this.addWeight("moving_variance", features, {
      initializer: movingVarianceInitializer,
      ...fixed,
    });
  }

  call(x: Tensor, { training, mask }: CallContext): Tensor {
    const { axis = -1, epsilon = 1e-3 } = this.config;
    const at = normalizeAxis(this.who, axis, x.rank);
    this.expectLength(x.shape, axis, this.movingMean.shape[0]!);
    const along = x.shape.map((length, a) => (a === at ? length : 1));
    const spread = (v: Tensor) => (at === x.rank - 1 ? v : reshape(v, along));
    const isLearning = training && this.trainable;
    const { mean: center, variance } = isLearning
      ? this.batchStatistics(x, at, mask)
      : { mean: this.movingMean.value, variance: this.movingVariance.value };
    const inverse = rsqrt(add(variance, epsilon));
    const factor = this.gamma ? mul(inverse, this.gamma.value) : inverse;
    const y = mul(sub(x, spread(center)), spread(factor));
    return this.beta ? add(y, spread(this.beta.value)) : y;
  }

  /** Mean and variance `[features]` of the batch; the moving averages take them in. */
  private batchStatistics(
    x: Tensor,
    at: number,
    mask: Tensor | undefined,
  ): { mean: Tensor; variance: Tensor } {
    const others = x.shape.map((_, a) => a).filter((a) => a !== at);
    const average = averageOver(x, others, mask);
    const center = average(x);
    const deviation = sub(x, center);
    const variance = reshape(average(square(deviation)), this.movingMean.shape);
    const flat = reshape(center, this.movingMean.shape);
    const { momentum = 0.99 } = this.config;
    const follow = (moving: Variable, batch: Tensor) =>
      moving.assign(add(mul(moving.value, momentum), mul(batch, 1 - momentum)));
    follow(this.movingMean, flat);
    follow(this.movingVariance, variance);
    return { mean: flat, variance };
  }
}

/** The mean over axes (kept with length 1), of the elements a mask `[batch, time]` lets count. */
function averageOver(
  x: Tensor,
  axes: readonly number[],
  mask: Tensor | undefined,
): (values: Tensor) => Tensor {
  const keep = { keepDims: true };
  if (!mask) return (values) => mean(values, axes, keep);
  const inner = x.shape.map((length, axis) => (axis < mask.rank ? length : 1));
  const counts = broadcastTo(reshape(cast(mask, x.dtype), inner), x.shape);
  const total = maximum(sum(counts, axes, keep), 1e-7);
  return (values) => div(sum(mul(values, counts), axes, keep), total);
}
