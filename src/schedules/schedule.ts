import { factoryNameOf } from "../base/lookup.js";
import { checkOptionNames, type OptionTable } from "../base/options.js";
import type { Tensor } from "../graph/tensor.js";

/** A learning rate as a function of the number of updates made so far. */
export abstract class Schedule {
  /** Name in configurations. */
  static readonly className?: string;
  /** Names of the options that the class takes; see `OptionNames`. */
  static readonly options?: OptionTable;

  constructor(protected readonly config: object) {
    checkOptionNames(this.who, this, config);
  }

  /**
   * The rate at a step.
   *
   * @param step int32 scalar: number of updates before this one
   * @returns a float32 scalar
   */
  abstract call(step: Tensor): Tensor;

  /** The options it was made with, as JSON. */
  getConfig(): Record<string, unknown> {
    return { ...this.config };
  }

  /** Its name, for errors. */
  protected get who(): string {
    return factoryNameOf(this);
  }
}
