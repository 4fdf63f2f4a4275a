import { Constant, Identity, Ones, Zeros } from "./constants.js";
import type { SeedOptions } from "./initializer.js";
import { Orthogonal, type OrthogonalOptions } from "./orthogonal.js";
import {
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  type NormalInitializerOptions,
  RandomNormal,
  RandomUniform,
  TruncatedNormal,
  type UniformInitializerOptions,
  VarianceScaling,
  type VarianceScalingOptions,
} from "./random.js";

export { Constant, Identity, Ones, Zeros } from "./constants.js";
export { get, type InitializerFunction, type InitializerLike, initializerNames } from "./get.js";
export { computeFans, Initializer, type SeedOptions } from "./initializer.js";
export { Orthogonal, type OrthogonalOptions } from "./orthogonal.js";
export {
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  type NormalInitializerOptions,
  RandomNormal,
  RandomUniform,
  TruncatedNormal,
  type UniformInitializerOptions,
  VarianceScaling,
  type VarianceScalingOptions,
} from "./random.js";

/** All elements 0. */
export const zeros = () => new Zeros();
/** All elements 1. */
export const ones = () => new Ones();
/** All elements `value`. @example initializers.constant(0.1) */
export const constant = (value = 0) => new Constant({ value });
/** The identity matrix times `gain`. */
export const identity = (gain = 1) => new Identity({ gain });
/** Normal distribution; mean 0 and standard deviation 0.05 by default. */
export const randomNormal = (options?: NormalInitializerOptions) => new RandomNormal(options);
/** Uniform distribution; from −0.05 to 0.05 by default. */
export const randomUniform = (options?: UniformInitializerOptions) => new RandomUniform(options);
/** Normal distribution cut at two standard deviations; mean 0 and standard deviation 0.05 by default. */
export const truncatedNormal = (options?: NormalInitializerOptions) => new TruncatedNormal(options);
/** Values of variance `scale / fan`. */
export const varianceScaling = (options?: VarianceScalingOptions) => new VarianceScaling(options);
/** Uniform within ±√(6 / (fanIn + fanOut)): for tanh, sigmoid and linear layers; the default of kernels. */
export const glorotUniform = (options?: SeedOptions) => new GlorotUniform(options);
/** Truncated normal of variance 2 / (fanIn + fanOut). */
export const glorotNormal = (options?: SeedOptions) => new GlorotNormal(options);
/** Uniform within ±√(6 / fanIn): for relu. */
export const heUniform = (options?: SeedOptions) => new HeUniform(options);
/** Truncated normal of variance 2 / fanIn: for relu. */
export const heNormal = (options?: SeedOptions) => new HeNormal(options);
/** Uniform within ±√(3 / fanIn). */
export const lecunUniform = (options?: SeedOptions) => new LecunUniform(options);
/** Truncated normal of variance 1 / fanIn: for selu. */
export const lecunNormal = (options?: SeedOptions) => new LecunNormal(options);
/** A random matrix with orthonormal columns or rows: for recurrent kernels. */
export const orthogonal = (options?: OrthogonalOptions) => new Orthogonal(options);
