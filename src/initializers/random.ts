import type { DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { factoryNameOf } from "../base/lookup.js";
import { checkNames, type OptionNames, type OptionTable } from "../base/options.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { normal, truncatedNormal, uniform } from "../ops/index.js";
import { computeFans, Initializer, type SeedOptions } from "./initializer.js";

/** Options of initializers that draw from a normal distribution. */
export interface NormalInitializerOptions extends SeedOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation; default 0.05. */
  readonly stddev?: number;
}

/** Normal distribution. */
export class RandomNormal extends Initializer {
  static override readonly className: string = "RandomNormal";
  static override readonly options: OptionTable = {
    mean: true,
    stddev: true,
    seed: true,
  } satisfies OptionNames<NormalInitializerOptions>;
  constructor(protected readonly options: NormalInitializerOptions = {}) {
    super(options);
  }
  call(shape: Shape, dtype: DType, key: number): Tensor {
    const { mean = 0, stddev = 0.05 } = this.options;
    return normal(this.keyOf(this.options, key), shape, { dtype, mean, standardDeviation: stddev });
  }
}

/** Normal distribution, values beyond two standard deviations left out. */
export class TruncatedNormal extends RandomNormal {
  static override readonly className = "TruncatedNormal";
  static override readonly options = {};
  override call(shape: Shape, dtype: DType, key: number): Tensor {
    const { mean = 0, stddev = 0.05 } = this.options;
    return truncatedNormal(this.keyOf(this.options, key), shape, { dtype, mean, standardDeviation: stddev });
  }
}

/** Options of `randomUniform`. */
export interface UniformInitializerOptions extends SeedOptions {
  /** Default −0.05. */
  readonly minval?: number;
  /** Default 0.05. */
  readonly maxval?: number;
}

/** Uniform distribution in [minval, maxval). */
export class RandomUniform extends Initializer {
  static override readonly className = "RandomUniform";
  static override readonly options: OptionNames<UniformInitializerOptions> = {
    minval: true,
    maxval: true,
    seed: true,
  };
  constructor(private readonly options: UniformInitializerOptions = {}) {
    super(options);
  }
  call(shape: Shape, dtype: DType, key: number): Tensor {
    const { minval = -0.05, maxval = 0.05 } = this.options;
    return uniform(this.keyOf(this.options, key), shape, { dtype, min: minval, max: maxval });
  }
}

/** Options of `varianceScaling`. */
export interface VarianceScalingOptions extends SeedOptions {
  /** Variance of the values times the fan; default 1. */
  readonly scale?: number;
  /** Number of inputs, of outputs, or their mean; default `"fanIn"`. */
  readonly mode?: "fanIn" | "fanOut" | "fanAvg";
  /** Default `"truncatedNormal"`. */
  readonly distribution?: "truncatedNormal" | "untruncatedNormal" | "uniform";
}

/** Standard deviation of a standard normal distribution cut at ±2. */
const truncatedDeviation = 0.8796256610342398;

/**
 * Values of variance `scale / fan`, so that the size of activations or gradients stays from layer to layer.
 *
 * He et al. 2015, "Delving deep into rectifiers"; Glorot and Bengio 2010, "Understanding the difficulty of training
 * deep feedforward neural networks".
 */
export class VarianceScaling extends Initializer {
  static override readonly className: string = "VarianceScaling";
  static override readonly options: OptionTable = {
    scale: true,
    mode: true,
    distribution: true,
    seed: true,
  } satisfies OptionNames<VarianceScalingOptions>;
  private readonly options: VarianceScalingOptions;
  constructor(options: VarianceScalingOptions = {}) {
    super(options);
    this.options = options;
    const { scale = 1 } = options;
    if (!(scale > 0)) {
      throw new ConfigError({
        who: "varianceScaling",
        expected: "a scale above 0",
        received: String(scale),
      });
    }
  }
  call(shape: Shape, dtype: DType, key: number): Tensor {
    const { scale = 1, mode = "fanIn", distribution = "truncatedNormal" } = this.options;
    const { fanIn, fanOut } = computeFans(shape);
    const fan = mode === "fanIn" ? fanIn : mode === "fanOut" ? fanOut : (fanIn + fanOut) / 2;
    const variance = scale / Math.max(1, fan);
    const seeded = this.keyOf(this.options, key);
    if (distribution === "uniform") {
      const limit = Math.sqrt(3 * variance);
      return uniform(seeded, shape, { dtype, min: -limit, max: limit });
    }
    if (distribution === "untruncatedNormal") {
      return normal(seeded, shape, { dtype, standardDeviation: Math.sqrt(variance) });
    }
    const standardDeviation = Math.sqrt(variance) / truncatedDeviation;
    return truncatedNormal(seeded, shape, { dtype, standardDeviation });
  }
}

/** A class of initializers whose only option is the seed. */
export interface SeededInitializerClass {
  readonly className: string;
  new (options?: SeedOptions): VarianceScaling;
}

/** A variance scaling whose name says scale, fan and distribution; its only option is the seed. */
function named(
  className: string,
  fixed: Required<Pick<VarianceScalingOptions, "scale" | "mode" | "distribution">>,
): SeededInitializerClass {
  return class extends VarianceScaling {
    static override readonly className = className;
    static override readonly options = {};
    constructor(private readonly own: SeedOptions = {}) {
      super({ ...fixed, seed: own.seed ?? null });
      checkNames(factoryNameOf(this), own, ["seed"]);
    }
    override getConfig(): Record<string, unknown> {
      return { ...this.own };
    }
  };
}

export const GlorotUniform = named("GlorotUniform", { scale: 1, mode: "fanAvg", distribution: "uniform" });
export const GlorotNormal = named("GlorotNormal", {
  scale: 1,
  mode: "fanAvg",
  distribution: "truncatedNormal",
});
export const HeUniform = named("HeUniform", { scale: 2, mode: "fanIn", distribution: "uniform" });
export const HeNormal = named("HeNormal", { scale: 2, mode: "fanIn", distribution: "truncatedNormal" });
export const LecunUniform = named("LecunUniform", { scale: 1, mode: "fanIn", distribution: "uniform" });
export const LecunNormal = named("LecunNormal", { scale: 1, mode: "fanIn", distribution: "truncatedNormal" });
