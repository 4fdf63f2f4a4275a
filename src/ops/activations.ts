/** Activations: what layers apply to each element. */
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { add, mul, neg, square, sub } from "./arithmetic.js";
import { minimum, where } from "./choice.js";
import { greater } from "./comparison.js";
import { unary } from "./define.js";
import { expm1 } from "./exponential.js";
import { erf } from "./special.js";
import { tanh } from "./trigonometry.js";

/** Logistic function 1 / (1 + e^(−x)). */
export const sigmoid = unary("sigmoid", {
  reference: (x) => 1 / (1 + Math.exp(-x)),
  vjp: (g, _x, y) => mul(g, mul(y, sub(1, y))),
});

/** max(x, 0); the derivative at 0 is 0. */
export const relu = unary("relu", {
  policy: "float",
  reference: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  vjp: (g, _x, y) => where(greater(y, 0), g, 0),
});

/** log(1 + e^x), without overflow. */
export const softplus = unary("softplus", {
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  vjp: (g, x) => mul(g, sigmoid(x)),
});

/** log(sigmoid(x)) = −softplus(−x). */
export function logSigmoid(x: TensorLike): Tensor {
  return neg(softplus(neg(x)));
}

/** x · sigmoid(x), also called swish. */
export function silu(x: TensorLike): Tensor {
  return mul(x, sigmoid(x));
}

/** Exponential linear unit: x above 0, α(e^x − 1) below. */
export function elu(x: TensorLike, alpha = 1): Tensor {
  return where(greater(x, 0), x, mul(expm1(minimum(x, 0)), alpha));
}

/** x above 0, `slope` · x below. */
export function leakyRelu(x: TensorLike, slope = 0.3): Tensor {
  return where(greater(x, 0), x, mul(x, slope));
}

/** Gaussian error linear unit x · Φ(x), exact, or by the usual tanh formula where `approximate`. */
export function gelu(x: TensorLike, options: { approximate?: boolean } = {}): Tensor {
  if (options.approximate) {
    const inner = mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return mul(mul(x, 0.5), add(tanh(inner), 1));
  }
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}
