import type { Serialized } from "../base/lookup.js";
import type { OptionNames } from "../base/options.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import { div, expm1, maximum, mul, neg, sqrt } from "../ops/index.js";
import { adamMoment, adamUpdate, adamVelocity } from "../ops/updates.js";
import type { Schedule } from "../schedules/index.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";

/** Options of `adam`. */
export interface AdamOptions extends OptimizerOptions {
  /** Default 0.001. */
  readonly learningRate?: number | Schedule | Serialized;
  /** Share of the mean gradient that stays at each update. Default 0.9. */
  readonly beta1?: number;
  /** Share of the mean squared gradient that stays at each update. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the mean square. Default 1e-7. */
  readonly epsilon?: number;
  /** Use the largest mean square so far. Default false. */
  readonly amsgrad?: boolean;
}

/**
 * Gradient descent with a step size for each weight, from running means of the gradient and its square:
 * `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, `w ← w − α · m / (√v + ε)` with
 * `α = rate · √(1 − β₂ᵗ) / (1 − β₁ᵗ)`.
 *
 * Kingma and Ba 2014, "Adam: a method for stochastic optimization", the form before section 2.1, as in Keras.
 * @throws {ConfigError} where an option is out of range
 * @example optimizers.adam({ learningRate: 3e-4 })
 */
export class Adam extends Optimizer {
  static override readonly className = "Adam";
  static override readonly options: OptionNames<AdamOptions, OptimizerOptions> = {
    beta1: true,
    beta2: true,
    epsilon: true,
    amsgrad: true,
  };
  protected readonly slotNames = ["moment", "velocity"];
  protected override readonly lateSlotNames: readonly string[];
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private alpha!: Tensor;

  constructor(private readonly options: AdamOptions = {}) {
    super({ ...options, learningRate: options.learningRate ?? 0.001 });
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.999;
    this.epsilon = options.epsilon ?? 1e-7;
    this.expectInRange("beta1", this.beta1, 0, 1);
    this.expectInRange("beta2", this.beta2, 0, 1);
    this.expectInRange("epsilon", this.epsilon, 0, Infinity);
    this.lateSlotNames = options.amsgrad ? ["largestVelocity"] : [];
  }

  protected override prepare(rate: Tensor): void {
    const step = this.step();
    // 1 − βᵗ without cancellation: 1 − 0.999 in float32 would be off by 1e-5.
    const complement = (beta: number) => neg(expm1(mul(step, Math.log(beta))));
    this.alpha = mul(rate, div(sqrt(complement(this.beta2)), complement(this.beta1)));
  }

  protected updateStep(gradient: Tensor, weight: Variable): void {
    const moment = this.slot(weight, "moment");
    const velocity = this.slot(weight, "velocity");
    moment.assign(adamMoment(moment.value, gradient, 1 - this.beta1));
    velocity.assign(adamVelocity(velocity.value, gradient, 1 - this.beta2));
    let meanSquare = velocity.value;
    if (this.options.amsgrad) {
      const largest = this.slot(weight, "largestVelocity");
      largest.assign(maximum(largest.value, meanSquare));
      meanSquare = largest.value;
    }
    weight.assign(adamUpdate(weight.value, moment.value, meanSquare, this.alpha, this.epsilon));
  }
}
