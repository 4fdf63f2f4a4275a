import { ConfigError } from "../base/errors.js";
import { customObject, lookUp, type NameIn } from "../base/lookup.js";
import type { Tensor } from "../graph/tensor.js";
import {
  abs,
  add,
  clip,
  div,
  elu,
  exp,
  expm1,
  gelu,
  greater,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  minimum,
  mul,
  relu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
  where,
} from "../ops/index.js";

/** A function of one tensor that keeps its shape. */
export type ActivationFunction = (x: Tensor) => Tensor;

/** What layers take as an activation: a name, a function, or null for none. */
export type ActivationLike = NameIn<typeof byName> | ActivationFunction | null;

/** The value as it is. */
export function linear(x: Tensor): Tensor {
  return x;
}

/** min(max(x, 0), 6). */
export function relu6(x: Tensor): Tensor {
  return clip(x, 0, 6);
}

/** Piecewise linear sigmoid: min(max(x + 3, 0), 6) / 6. */
export function hardSigmoid(x: Tensor): Tensor {
  return div(relu6(add(x, 3)), 6);
}

/** x · hardSigmoid(x). */
export function hardSilu(x: Tensor): Tensor {
  return mul(x, hardSigmoid(x));
}

/** x / (1 + |x|). */
export function softsign(x: Tensor): Tensor {
  return div(x, add(abs(x), 1));
}

/** x · tanh(log(1 + e^x)). */
export function mish(x: Tensor): Tensor {
  return mul(x, tanh(softplus(x)));
}

/** Scaled exponential linear unit (Klambauer et al. 2017): 1.0507 · (x above 0, 1.6733 · (e^x − 1) below). */
export function selu(x: Tensor): Tensor {
  const scale = 1.0507009873554805;
  const alpha = 1.6732632423543772;
  return mul(where(greater(x, 0), x, mul(expm1(minimum(x, 0)), alpha)), scale);
}

const byName = {
  linear,
  relu,
  relu6,
  sigmoid,
  hardSigmoid,
  tanh,
  softmax: (x) => softmax(x),
  logSoftmax: (x) => logSoftmax(x),
  softplus,
  softsign,
  silu,
  swish: silu,
  hardSilu,
  hardSwish: hardSilu,
  gelu: (x) => gelu(x),
  elu: (x) => elu(x),
  selu,
  leakyRelu: (x) => leakyRelu(x, 0.2),
  exponential: exp,
  logSigmoid,
  mish,
} satisfies Readonly<Record<string, ActivationFunction>>;

/** Activations by name. */
export const activationNames: Readonly<Record<string, ActivationFunction>> = byName;

/**
 * The activation of that name, the function given, or the identity for null.
 *
 * @throws {ConfigError} for an unknown name, with the nearest one
 */
export function getActivation(who: string, activation: ActivationLike | undefined): ActivationFunction {
  if (activation === undefined || activation === null) return linear;
  if (typeof activation === "function") return activation;
  if (typeof activation !== "string") {
    throw new ConfigError({
      who,
      expected: "the name of an activation or a function",
      received: typeof activation,
    });
  }
  const custom = customObject(activation);
  if (typeof custom === "function") return custom as ActivationFunction;
  return lookUp(who, "an activation", activationNames, activation);
}
