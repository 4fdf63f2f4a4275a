import type { Serialized } from "../base/lookup.js";
import type { OptionNames } from "../base/options.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import { add, mul, sub } from "../ops/index.js";
import type { Schedule } from "../schedules/index.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";

/** Options of `sgd`. */
export interface SGDOptions extends OptimizerOptions {
  /** Default 0.01. */
  readonly learningRate?: number | Schedule | Serialized;
  /** Share of the last step that is taken again. Default 0. */
  readonly momentum?: number;
  /** Look ahead along the momentum. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent: `w ← w − rate · g`; with momentum `v ← m·v − rate·g`, `w ← w + v`, or with Nesterov's
 * look-ahead `w ← w + m·v − rate·g`.
 *
 * @throws {ConfigError} where an option is out of range
 * @example optimizers.sgd({ learningRate: 0.1, momentum: 0.9 })
 */
export class SGD extends Optimizer {
  static override readonly className = "SGD";
  static override readonly options: OptionNames<SGDOptions, OptimizerOptions> = {
    momentum: true,
    nesterov: true,
  };
  protected readonly slotNames: readonly string[];
  private readonly momentum: number;

  constructor(private readonly options: SGDOptions = {}) {
    super({ ...options, learningRate: options.learningRate ?? 0.01 });
    this.momentum = options.momentum ?? 0;
    this.expectInRange("momentum", this.momentum, 0, 1);
    this.slotNames = this.momentum > 0 ? ["momentum"] : [];
  }

  protected updateStep(gradient: Tensor, weight: Variable, rate: Tensor): void {
    const step = mul(gradient, rate);
    if (this.momentum === 0) {
      weight.assign(sub(weight.value, step));
      return;
    }
    const velocity = this.slot(weight, "momentum");
    velocity.assign(sub(mul(velocity.value, this.momentum), step));
    const move = this.options.nesterov ? sub(mul(velocity.value, this.momentum), step) : velocity.value;
    weight.assign(add(weight.value, move));
  }
}
