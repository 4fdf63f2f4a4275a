import { ConfigError } from "../base/errors.js";
import { customObject, lookUp, type NameIn } from "../base/lookup.js";
import type { Tensor } from "../graph/tensor.js";
import {
  celu,
  elu,
  exp,
  gelu,
  hardSigmoid,
  hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
  tanhShrink,
} from "../ops/index.js";

/** A function of one tensor that keeps its shape. */
export type ActivationFunction = (x: Tensor) => Tensor;

/** What layers take as an activation: a name, a function, or null for none. */
export type ActivationLike = NameIn<typeof byName> | ActivationFunction | null;

/** The value as it is. */
export function linear(x: Tensor): Tensor {
  return x;
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
  hardSilu: hardSwish,
  hardSwish,
  hardTanh,
  gelu: (x) => gelu(x),
  elu: (x) => elu(x),
  selu,
  celu: (x) => celu(x),
  leakyRelu: (x) => leakyRelu(x),
  exponential: exp,
  logSigmoid,
  mish,
  tanhShrink,
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
