/** The public operations; the records of optimizers are registered here too, so that whoever lists the registry finds them. */
import "./updates.js";

export {
  celu,
  elu,
  type GeluOptions,
  gelu,
  glu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  mish,
  prelu,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  tanhShrink,
  threshold,
} from "./activations.js";
export { abs, add, cbrt, div, mul, neg, reciprocal, rsqrt, sign, sqrt, square, sub } from "./arithmetic.js";
export { cast } from "./cast.js";
export { checkpoint } from "./checkpoint.js";
export { clip, maximum, minimum, where } from "./choice.js";
export {
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNaN,
  less,
  lessEqual,
  notEqual,
} from "./comparison.js";
export { cond } from "./cond.js";
export {
  type Conv1dOptions,
  type Conv2dOptions,
  type Conv2dTransposeOptions,
  conv1d,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
} from "./conv.js";
export { bincount, type CountOptions, type HistogramOptions, histogram } from "./counting.js";
export {
  arange,
  type CreateOptions,
  type EyeOptions,
  eye,
  full,
  fullLike,
  type LinspaceOptions,
  linspace,
  type MeshgridOptions,
  meshgrid,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from "./create.js";
export {
  type CumulativeOptions,
  cumMax,
  cumMin,
  cumProd,
  cumSum,
  type RunningOptions,
} from "./cumulative.js";
export { customGradient, type WithGradient } from "./customGradient.js";
export type { Distinct } from "./distinct.js";
export {
  bernoulli,
  beta,
  type CategoricalOptions,
  categorical,
  dirichlet,
  type ExponentialOptions,
  exponential,
  type GammaOptions,
  type GumbelOptions,
  gamma,
  gumbel,
  type RandomIntOptions,
  randomInt,
} from "./distributions.js";
export { dropout, dropoutMask } from "./dropout.js";
export { dynamicSlice, dynamicUpdateSlice, type Starts } from "./dynamicSlice.js";
export { einsum } from "./einsum.js";
export { exp, exp2, expm1, log, log1p, log2, log10, pow } from "./exponential.js";
export {
  type Complex,
  type FourierNorm,
  type FourierOptions,
  fft,
  ifft,
  irfft,
  rfft,
} from "./fft/fft.js";
export { type Fourier2Options, fft2, ifft2, irfft2, rfft2 } from "./fft/fft2.js";
export { gatherNd } from "./gatherNd.js";
export { stopGradient } from "./identity.js";
export { gather, scatterAdd, takeAlongAxis } from "./indexing.js";
export { iota } from "./iota.js";
export { concat, roll, split, stack, unstack } from "./join.js";
export { foldIn, type Key, randomBits, splitKey } from "./key.js";
export { cholesky } from "./linalg/cholesky.js";
export { det, type SignAndLogarithm, slogDet } from "./linalg/determinant.js";
export {
  type DiagonalOptions,
  diag,
  diagEmbed,
  diagonal,
  type OffsetOptions,
} from "./linalg/diagonal.js";
export { type Eigen, eigh } from "./linalg/eigh.js";
export { lstsq } from "./linalg/lstsq.js";
export { type NormOptions, norm } from "./linalg/norm.js";
export { dot, outer, tensordot, trace } from "./linalg/products.js";
export { type OrthogonalTriangular, type QROptions, qr } from "./linalg/qr.js";
export { inverse, solve } from "./linalg/solve.js";
export { type SingularValues, type SVDOptions, svd } from "./linalg/svd.js";
export { type TriangularSolveOptions, triangularSolve } from "./linalg/triangularSolve.js";
export {
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  shiftLeft,
  shiftRight,
  shiftRightLogical,
} from "./logic.js";
export { matmul } from "./matmul.js";
export {
  broadcastTo,
  expandDims,
  flatten,
  flip,
  matrixTranspose,
  permute,
  reshape,
  slice,
  squeeze,
  transpose,
} from "./movement.js";
export {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  logSoftmax,
  oneHot,
  softmax,
  sparseCrossEntropy,
} from "./nn.js";
export { layerNormalization, type NormalizationOptions, rmsNormalization } from "./normalization.js";
export { type PadMode, type PadOptions, pad } from "./pad.js";
export { permutation, permutedIndex, shuffle } from "./permutation.js";
export { avgPool2d, maxPool2d, type Pool2dOptions } from "./pool.js";
export { median, type QuantileOptions, quantile } from "./quantile.js";
export {
  type DrawOptions,
  type NormalOptions,
  normal,
  truncatedNormal,
  type UniformOptions,
  uniform,
  unitFloat,
} from "./random.js";
export { type AxisPart, at, type Range } from "./ranges.js";
export { linearRecurrence, type RecurrenceOptions } from "./recurrence.js";
export {
  type Axes,
  all,
  any,
  argMax,
  argMin,
  logSumExp,
  max,
  mean,
  min,
  prod,
  type ReduceOptions,
  std,
  sum,
  type VarianceOptions,
  variance,
} from "./reduce.js";
export { repeat, tile } from "./repeat.js";
export { ceil, floor, floorDiv, mod, round, trunc } from "./rounding.js";
export { type ScanOptions, scan } from "./scan.js";
export { scatterMaximum, scatterMinimum, scatterUpdate } from "./scatter.js";
export { type SearchSortedOptions, searchSorted } from "./search.js";
export { argSort, type SortOptions, sort, type TopKOptions, topK } from "./sort.js";
export { digamma, erf, erfc, lgamma, polygamma } from "./special.js";
export { type TriangleOptions, tril, triu } from "./triangle.js";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atan2,
  atanh,
  cos,
  cosh,
  sin,
  sinh,
  tan,
  tanh,
} from "./trigonometry.js";
export { type Nested, type WhileLoopOptions, whileLoop } from "./whileLoop.js";
export type { Padding, Pair } from "./window.js";
