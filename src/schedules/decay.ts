import { ConfigError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import type { Tensor } from "../graph/tensor.js";
import { add, cast, cos, div, exp, floor, less, minimum, mul, sub, where } from "../ops/index.js";
import { Schedule } from "./schedule.js";

/** Options of `exponentialDecay`. */
export interface ExponentialDecayConfig {
  readonly initialLearningRate: number;
  /** Steps after which the rate is multiplied by `decayRate` once. */
  readonly decaySteps: number;
  readonly decayRate: number;
  /** Whether the rate falls in steps instead of steadily. Default false. */
  readonly staircase?: boolean;
}

/** `initialLearningRate · decayRate^(step / decaySteps)`. */
export class ExponentialDecay extends Schedule {
  static override readonly className = "ExponentialDecay";
  static override readonly options: OptionNames<ExponentialDecayConfig> = {
    initialLearningRate: true,
    decaySteps: true,
    decayRate: true,
    staircase: true,
  };
  constructor(protected override readonly config: ExponentialDecayConfig) {
    super(config);
    const { initialLearningRate, decaySteps, decayRate } = config;
    expectAbove(this.who, "initialLearningRate", initialLearningRate, 0);
    expectAbove(this.who, "decaySteps", decaySteps, 0);
    expectAbove(this.who, "decayRate", decayRate, 0);
  }
  call(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, decayRate, staircase = false } = this.config;
    const progress = div(cast(step, "float32"), decaySteps);
    const exponent = mul(staircase ? floor(progress) : progress, Math.log(decayRate));
    return mul(exp(exponent), initialLearningRate);
  }
}

/** Options of `cosineDecay`. */
export interface CosineDecayConfig {
  /** Rate at the start, before the warm-up if there is one. */
  readonly initialLearningRate: number;
  /** Steps of the decay, after the warm-up. */
  readonly decaySteps: number;
  /** The rate at the end as a share of the highest one. Default 0. */
  readonly alpha?: number;
  /** The rate that a warm-up reaches; without one there is none. */
  readonly warmupTarget?: number;
  /** Steps of the warm-up. Default 0. */
  readonly warmupSteps?: number;
}

/**
 * Half a cosine from the initial rate to `alpha` times it: `rate · ((1 − α) · ½(1 + cos(π · step / decaySteps)) + α)`;
 * with a warm-up, the rate first grows linearly to `warmupTarget`, which then takes the place of the initial rate.
 *
 * Loshchilov and Hutter 2016, "SGDR: stochastic gradient descent with warm restarts".
 */
export class CosineDecay extends Schedule {
  static override readonly className = "CosineDecay";
  static override readonly options: OptionNames<CosineDecayConfig> = {
    initialLearningRate: true,
    decaySteps: true,
    alpha: true,
    warmupTarget: true,
    warmupSteps: true,
  };
  constructor(protected override readonly config: CosineDecayConfig) {
    super(config);
    expectAbove(this.who, "decaySteps", config.decaySteps, 0);
    if (config.warmupSteps !== undefined) expectAbove(this.who, "warmupSteps", config.warmupSteps, -1);
  }
  call(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = this.config;
    const now = cast(step, "float32");
    const warm = warmupTarget !== undefined && warmupSteps > 0;
    const top = warm ? warmupTarget : initialLearningRate;
    const progress = minimum(div(warm ? sub(now, warmupSteps) : now, decaySteps), 1);
    const wave = mul(add(cos(mul(progress, Math.PI)), 1), 0.5);
    const decayed = mul(add(mul(wave, 1 - alpha), alpha), top);
    if (!warm) return decayed;
    const rising = add(mul(div(now, warmupSteps), warmupTarget - initialLearningRate), initialLearningRate);
    return where(less(now, warmupSteps), rising, decayed);
  }
}

function expectAbove(who: string, name: string, value: unknown, bound: number): void {
  if (typeof value === "number" && value > bound) return;
  throw new ConfigError({ who, expected: `${name} above ${bound}`, received: String(value) });
}
