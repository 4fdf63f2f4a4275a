import type { DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { factoryNameOf } from "../base/lookup.js";
import { checkOptionNames, type OptionTable } from "../base/options.js";
import type { Shape } from "../base/shape.js";
import { seedKey } from "../engine/seed.js";
import type { Tensor } from "../graph/tensor.js";

/** Options of random initializers. */
export interface SeedOptions {
  /** Own seed: then the values are the same for each weight. Default: a key of the global seed and the weight's path. */
  readonly seed?: number | null;
}

/** Gives a weight its first value: a function of shape, dtype and key. */
export abstract class Initializer {
  /** Name in configurations. */
  static readonly className: string;
  /** Names of the options that the class takes beside those of its base class; see `OptionNames`. */
  static readonly options?: OptionTable;

  constructor(private readonly config: object = {}) {
    checkOptionNames(factoryNameOf(this), this, config);
  }

  /**
   * The first value of a weight.
   *
   * @param key what random numbers are drawn from; equal keys give equal values
   */
  abstract call(shape: Shape, dtype: DType, key: number): Tensor;

  /** The options it was made with. */
  getConfig(): Record<string, unknown> {
    return { ...this.config };
  }

  /** The key to draw from: the own seed's, if there is one. */
  protected keyOf(options: SeedOptions, key: number): number {
    return options.seed === undefined || options.seed === null ? key : seedKey(options.seed);
  }
}

/**
 * The number of inputs and outputs one unit sees: for a kernel `[…window, in, out]` the window times each.
 *
 * @throws {ConfigError} for scalars
 * @example initializers.computeFans([3, 3, 8, 16]).fanIn // 72
 */
export function computeFans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length === 0) {
    throw new ConfigError({
      who: "initializer",
      expected: "a weight of rank 1 or more for an initializer that scales with its size",
      received: "a scalar",
      fix: 'Use "zeros", "ones" or a constant.',
    });
  }
  if (shape.length === 1) return { fanIn: shape[0]!, fanOut: shape[0]! };
  const window = shape.slice(0, -2).reduce((product, length) => product * length, 1);
  return { fanIn: shape.at(-2)! * window, fanOut: shape.at(-1)! * window };
}
