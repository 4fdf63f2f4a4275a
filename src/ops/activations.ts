/** Activations: what layers apply to each element. */
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, normalizeAxis } from "../base/shape.js";
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { abs, add, div, mul, neg, square, sub } from "./arithmetic.js";
import { where } from "./choice.js";
import { greater, greaterEqual, lessEqual } from "./comparison.js";
import { toFloat } from "./convert.js";
import { type BinaryOperation, binaryComposite, composite, type UnaryResult, unary } from "./define.js";
import { expm1 } from "./exponential.js";
import { split } from "./join.js";
import { erf } from "./special.js";
import { tanh } from "./trigonometry.js";

type FloatResult<X extends TensorLike> = UnaryResult<"float", X>;

/**
 * Logistic function `1 / (1 + e^(−x))`, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example sigmoid(tensor([0, 2])) // [0.5, 0.880797]
 */
export const sigmoid = unary("sigmoid", {
  reference: (x) => 1 / (1 + Math.exp(-x)),
  vjp: (g, _x, y) => mul(g, mul(y, sub(1, y))),
});

/**
 * Rectified linear unit `max(x, 0)`, element by element; the derivative at 0 is 0.
 *
 * Shape: same as `x`. Dtype: float.
 * @example relu(tensor([-1, 2])) // [0, 2]
 */
export const relu = unary("relu", {
  policy: "float",
  reference: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  vjp: (g, _x, y) => where(greater(y, 0), g, 0),
});

/**
 * `log(1 + e^x)`, a smooth relu, element by element, without overflow.
 *
 * Shape: same as `x`. Dtype: float.
 * @example softplus(tensor([0, 100])) // [0.6931472, 100]
 */
export const softplus = unary("softplus", {
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  vjp: (g, x) => mul(g, sigmoid(x)),
});

/**
 * `log(sigmoid(x)) = −softplus(−x)`, element by element, without overflow.
 *
 * Shape: same as `x`. Dtype: float.
 * @example logSigmoid(tensor([0, -100])) // [-0.6931472, -100]
 */
export const logSigmoid = composite("logSigmoid", (x) => neg(softplus(neg(x))));

/**
 * `min(max(x, 0), 6)`, element by element; the derivative at 0 and 6 is 0.
 *
 * Shape: same as `x`. Dtype: float.
 * @example relu6(tensor([-1, 2, 9])) // [0, 2, 6]
 */
export const relu6 = composite("relu6", (x) => {
  const y = relu(x);
  return where(greaterEqual(y, 6), 6, y);
});

/**
 * x above 0, `slope · x` below, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @param slope 0.2 as in Keras 3 unless given (PyTorch: 0.01)
 * @example leakyRelu(tensor([-1, 2])) // [-0.2, 2]
 */
export function leakyRelu<X extends TensorLike>(x: X, slope = 0.2): FloatResult<X> {
  const float = toFloat("leakyRelu", x);
  return where(greater(float, 0), float, mul(float, slope)) as never;
}

/**
 * x above 0, `slope · x` below, element by element, with slopes that are learnt.
 *
 * Shape: that of both broadcast: a slope for each channel lies along the last axis. Dtype: float.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example prelu(tensor([[-1, -1], [2, 2]]), tensor([0.1, 0.5])) // [[-0.1, -0.5], [2, 2]]
 */
export const prelu: BinaryOperation<"float"> = binaryComposite("prelu", (x, slope) =>
  where(greater(x, 0), x, mul(x, slope)),
);

/**
 * Exponential linear unit: x above 0, `alpha · (e^x − 1)` below, element by element (Clevert et al. 2015).
 *
 * Shape: same as `x`. Dtype: float.
 * @example elu(tensor([-1, 2])) // [-0.6321206, 2]
 */
export function elu<X extends TensorLike>(x: X, alpha = 1): FloatResult<X> {
  const float = toFloat("elu", x);
  const above = greater(float, 0);
  return where(above, float, mul(expm1(where(above, 0, float)), alpha)) as never; // e^x could overflow above
}

/**
 * Scaled exponential linear unit `1.0507 · elu(x, 1.6733)`, element by element: keeps mean 0 and variance 1 through
 * layers (Klambauer et al. 2017).
 *
 * Shape: same as `x`. Dtype: float.
 * @example selu(tensor([-1, 2])) // [-1.1113307, 2.101402]
 */
export const selu = composite("selu", (x) => mul(elu(x, 1.6732632423543772), 1.0507009873554805));

/**
 * Continuously differentiable exponential linear unit: x above 0, `alpha · (e^(x / alpha) − 1)` below, element by
 * element (Barron 2017).
 *
 * Shape: same as `x`. Dtype: float.
 * @throws {ConfigError} where `alpha` is 0
 * @example celu(tensor([-1, 2]), 2) // [-0.7869387, 2]
 */
export function celu<X extends TensorLike>(x: X, alpha = 1): FloatResult<X> {
  const float = toFloat("celu", x);
  if (alpha === 0) {
    throw new ConfigError({
      who: "celu",
      expected: "an alpha that is not 0",
      received: "0",
      fix: "Use relu.",
    });
  }
  const above = greater(float, 0);
  return where(above, float, mul(expm1(div(where(above, 0, float), alpha)), alpha)) as never;
}

/** Options of `gelu`. */
export interface GeluOptions {
  /** By the usual tanh formula instead of the error function. Default: false. */
  readonly approximate?: boolean;
}

/**
 * Gaussian error linear unit `x · Φ(x)`, element by element, with Φ the distribution function of the normal distribution
 * (Hendrycks and Gimpel 2016).
 *
 * Shape: same as `x`. Dtype: float.
 * @example gelu(tensor([-1, 2])) // [-0.1586553, 1.9544997]
 */
export function gelu<X extends TensorLike>(x: X, options: GeluOptions = {}): FloatResult<X> {
  const float = toFloat("gelu", x);
  if (options.approximate) {
    const inner = mul(add(float, mul(mul(square(float), float), 0.044715)), Math.sqrt(2 / Math.PI));
    return mul(mul(float, 0.5), add(tanh(inner), 1)) as never;
  }
  return mul(mul(float, 0.5), add(erf(mul(float, Math.SQRT1_2)), 1)) as never;
}

/**
 * `x · sigmoid(x)`, element by element; also called swish.
 *
 * Shape: same as `x`. Dtype: float.
 * @example silu(tensor([-1, 2])) // [-0.26894143, 1.7615942]
 */
export const silu = composite("silu", (x) => mul(x, sigmoid(x)));

/**
 * `x · tanh(softplus(x))`, element by element (Misra 2019).
 *
 * Shape: same as `x`. Dtype: float.
 * @example mish(tensor([-1, 2])) // [-0.30340144, 1.9439589]
 */
export const mish = composite("mish", (x) => mul(x, tanh(softplus(x))));

/**
 * `x / (1 + |x|)`, element by element: like tanh, with slower tails.
 *
 * Shape: same as `x`. Dtype: float.
 * @example softsign(tensor([-1, 3])) // [-0.5, 0.75]
 */
export const softsign = composite("softsign", (x) => div(x, add(abs(x), 1)));

/**
 * Piecewise linear sigmoid `min(max(x + 3, 0), 6) / 6`, element by element, as in Keras 3 and PyTorch (Keras 2 had
 * 0.2 · x + 0.5).
 *
 * Shape: same as `x`. Dtype: float.
 * @example hardSigmoid(tensor([-4, 0, 1.5])) // [0, 0.5, 0.75]
 */
export const hardSigmoid = composite("hardSigmoid", (x) => div(relu6(add(x, 3)), 6));

/**
 * `x · hardSigmoid(x)`, element by element; Keras also calls it hardSilu.
 *
 * Shape: same as `x`. Dtype: float.
 * @example hardSwish(tensor([-4, 1.5])) // [0, 1.125]
 */
export const hardSwish = composite("hardSwish", (x) => mul(x, hardSigmoid(x)));

/**
 * `min(max(x, −1), 1)`, element by element; the derivative at ±1 is 0.
 *
 * Shape: same as `x`. Dtype: float.
 * @example hardTanh(tensor([-2, 0.5])) // [-1, 0.5]
 */
export const hardTanh = composite("hardTanh", (x) =>
  where(lessEqual(x, -1), -1, where(greaterEqual(x, 1), 1, x)),
);

/**
 * `x − tanh(x)`, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example tanhShrink(tensor([0, 2])) // [0, 1.0359724]
 */
export const tanhShrink = composite("tanhShrink", (x) => sub(x, tanh(x)));

/**
 * x where it is above the threshold, else the other value, element by element; NaN gives the other value.
 *
 * Shape: same as `x`. Dtype: float.
 * @param limit what x has to be above
 * @param otherwise what stands for all else; 0 unless given
 * @example threshold(tensor([0.5, 2]), 1, -1) // [-1, 2]
 */
export function threshold<X extends TensorLike>(x: X, limit: number, otherwise = 0): FloatResult<X> {
  const float = toFloat("threshold", x);
  return where(greater(float, limit), float, otherwise) as never;
}

/**
 * Gated linear unit `a · sigmoid(b)` of the two halves a and b of an axis (Dauphin et al. 2016).
 *
 * Shape: as `x`, the axis half as long. Dtype: float.
 * @param axis the axis that is halved; the last one unless given
 * @throws {ShapeError} where the axis is not there, or its length is odd
 * @example glu(tensor([[1, 2, 0, 100]])) // [[0.5, 2]]
 */
export function glu<X extends TensorLike>(x: X, axis = -1): FloatResult<X> {
  const float = toFloat("glu", x);
  const along = normalizeAxis("glu", axis, float.rank);
  if (float.shape[along]! % 2 !== 0) {
    throw new ShapeError({
      who: "glu",
      expected: `an even length of axis ${along}, which is halved`,
      received: `shape ${formatShape(float.shape)}`,
    });
  }
  const [value, gate] = split(float, 2, along) as [Tensor, Tensor];
  return mul(value, sigmoid(gate)) as never;
}
