import { classNameOf } from "../base/lookup.js";
import type { Tensor } from "../graph/tensor.js";

/** A learning rate as a function of the number of updates made so far. */
export abstract class Schedule {
  /** Name in configurations. */
  static readonly className?: string;

  constructor(protected readonly config: object) {}

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
    const name = classNameOf(this);
    return name.charAt(0).toLowerCase() + name.slice(1);
  }
}
