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

/** All elements 0. @example initializers.zeros().call([2, 2], "float32", 42) // [[0, 0], [0, 0]] */
export const zeros = () => new Zeros();
/** All elements 1. @example initializers.ones().call([3], "float32", 42) // [1, 1, 1] */
export const ones = () => new Ones();
/** All elements `value`. @example initializers.constant(0.1).call([2], "float32", 42) // [0.1, 0.1] */
export const constant = (value = 0) => new Constant({ value });
/**
 * The identity matrix times `gain`.
 *
 * @example initializers.identity(2).call([2, 2], "float32", 42) // [[2, 0], [0, 2]]
 */
export const identity = (gain = 1) => new Identity({ gain });
/**
 * Normal distribution; mean 0 and standard deviation 0.05 by default.
 *
 * @example initializers.randomNormal().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const randomNormal = (options?: NormalInitializerOptions) => new RandomNormal(options);
/**
 * Uniform distribution; from −0.05 to 0.05 by default.
 *
 * @example initializers.randomUniform().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const randomUniform = (options?: UniformInitializerOptions) => new RandomUniform(options);
/**
 * Normal distribution cut at two standard deviations; mean 0 and standard deviation 0.05 by default.
 *
 * @example initializers.truncatedNormal().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const truncatedNormal = (options?: NormalInitializerOptions) => new TruncatedNormal(options);
/**
 * Values of variance `scale / fan`.
 *
 * @example initializers.varianceScaling().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const varianceScaling = (options?: VarianceScalingOptions) => new VarianceScaling(options);
/**
 * Uniform within ±√(6 / (fanIn + fanOut)): for tanh, sigmoid and linear layers; the default of kernels.
 *
 * @example initializers.glorotUniform().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const glorotUniform = (options?: SeedOptions) => new GlorotUniform(options);
/**
 * Truncated normal of variance 2 / (fanIn + fanOut).
 *
 * @example initializers.glorotNormal().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const glorotNormal = (options?: SeedOptions) => new GlorotNormal(options);
/**
 * Uniform within ±√(6 / fanIn): for relu.
 *
 * @example initializers.heUniform().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const heUniform = (options?: SeedOptions) => new HeUniform(options);
/**
 * Truncated normal of variance 2 / fanIn: for relu.
 *
 * @example initializers.heNormal().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const heNormal = (options?: SeedOptions) => new HeNormal(options);
/**
 * Uniform within ±√(3 / fanIn).
 *
 * @example initializers.lecunUniform().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const lecunUniform = (options?: SeedOptions) => new LecunUniform(options);
/**
 * Truncated normal of variance 1 / fanIn: for selu.
 *
 * @example initializers.lecunNormal().call([784, 128], "float32", 42).shape // [784, 128]
 */
export const lecunNormal = (options?: SeedOptions) => new LecunNormal(options);
/**
 * A random matrix with orthonormal columns or rows: for recurrent kernels.
 *
 * @example const q = initializers.orthogonal().call([3, 2], "float32", 42);
 * matmul(transpose(q), q).shape // [2, 2]
 */
export const orthogonal = (options?: OrthogonalOptions) => new Orthogonal(options);
