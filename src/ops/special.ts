/** Special functions, element by element. */
import { ConfigError } from "../base/errors.js";
import { createNode, type TensorLike } from "../graph/tensor.js";
import { add, mul, neg, square } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { toFloat } from "./convert.js";
import { elementwise, type UnaryResult, unary } from "./define.js";
import { exp } from "./exponential.js";
import { scalar } from "./leaf.js";

/**
 * Error function `2/√π ∫₀ˣ e^(−t²) dt`, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example erf(tensor([0, 1])) // [0, 0.8427008]
 */
export const erf = unary("erf", {
  reference: (x) => (Math.abs(x) < 3 ? erfSeries(x) : Math.sign(x) * (1 - erfcTail(Math.abs(x)))),
  vjp: (g, x) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
});

/**
 * Complementary error function `1 − erf(x)`, element by element, exact also where that difference vanishes.
 *
 * Shape: same as `x`. Dtype: float.
 * @example erfc(tensor([0, 5])) // [1, 1.5374597e-12]
 */
export const erfc = unary("erfc", {
  reference: (x) => (Math.abs(x) < 2 ? 1 - erfSeries(x) : x > 0 ? erfcTail(x) : 2 - erfcTail(-x)),
  vjp: (g, x) => mul(g, mul(exp(neg(square(x))), -2 / Math.sqrt(Math.PI))),
});

/**
 * Logarithm of the absolute value of the gamma function, `log |Γ(x)|`, element by element; `Γ(n) = (n − 1)!`.
 *
 * Shape: same as `x`. Dtype: float. Infinity at 0, −1, −2 … and at ±Infinity.
 * @example lgamma(tensor([1, 5])) // [0, 3.1780539]
 */
export const lgamma = unary("lgamma", { reference: logGamma, vjp: (g, x) => mul(g, digamma(x)) });

/**
 * Digamma function, the derivative of `lgamma`, element by element.
 *
 * Shape: same as `x`. Dtype: float. −Infinity at 0, Infinity at −0, NaN at −1, −2 …
 * @example digamma(tensor([1, 2])) // [-0.5772157, 0.42278433]
 */
export const digamma = unary("digamma", {
  reference: digammaReference,
  vjp: (g, x) => mul(g, polygamma(1, x)),
});

const polygammaPrimitive = elementwise(
  "polygamma",
  2,
  { opcode: () => "polygamma" },
  ([order, x]) => polygammaReference(order!, x!),
  {
    vjp: ({ inputs: [order, x], gradients: [g] }) => [
      null,
      mul(g!, createNode(polygammaPrimitive, [add(order!, 1), x!])),
    ],
  },
);

/**
 * Derivative of `digamma` of the given order, element by element: `(−1)^(n+1) n! Σ 1 / (x + k)^(n+1)` over k = 0, 1, 2 …;
 * of order 1 also called trigamma.
 *
 * Shape: same as `x`. Dtype: float. At 0, −1, −2 … the limit: Infinity for odd orders, NaN for even ones, whose limits
 * differ in sign from both sides.
 * @param order a whole number; 0 is `digamma` itself
 * @throws {ConfigError} where the order is no whole number from 0 to 100
 * @example polygamma(1, tensor([1, 2])) // [1.644934, 0.644934]
 */
export function polygamma<X extends TensorLike>(order: number, x: X): UnaryResult<"float", X> {
  if (!Number.isInteger(order) || order < 0 || order > 100) {
    throw new ConfigError({
      who: "polygamma",
      expected: "an order that is a whole number from 0 to 100",
      received: String(order),
    });
  }
  const float = toFloat("polygamma", x);
  if (order === 0) return digamma(float) as never;
  return createNode(polygammaPrimitive, [
    broadcastTo(scalar(order, "int32"), float.shape, float.extent),
    float,
  ]) as never;
}

/** erf by its Taylor series, for small arguments: about 1e-15. */
function erfSeries(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(total); n++) {
    term *= -(x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 * total) / Math.sqrt(Math.PI);
}

/** erfc by its continued fraction, from 2 on. */
function erfcTail(x: number): number {
  if (x === Infinity) return 0;
  let fraction = 0;
  for (let n = 120; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / ((x + fraction) * Math.sqrt(Math.PI));
}

/** B₂ₙ, the Bernoulli numbers of the asymptotic series. */
const bernoulli = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];

/** From here on the asymptotic series are exact to the last digits. */
const asymptotic = 16;

function logGamma(x: number): number {
  if (Math.abs(x) === Infinity) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * fromWhole(x)))) - logGamma(1 - x);
  if (x >= asymptotic) return stirling(x);
  // Near 1 and 2, where log Γ is 0, the sum would be left with the rounding of its large terms.
  for (const zero of [1, 2]) if (Math.abs(x - zero) < 0.25) return logGammaSeries(x - zero, zero);
  let product = x;
  for (let k = 1; k < asymptotic; k++) product *= x + k;
  return stirling(x + asymptotic) - Math.log(product);
}

function stirling(z: number): number {
  let series = 0;
  for (let n = bernoulli.length; n >= 1; n--) {
    series = series / (z * z) + bernoulli[n - 1]! / (2 * n * (2 * n - 1));
  }
  return (z - 0.5) * (Math.log(z) - 1) - 0.5 + 0.5 * Math.log(2 * Math.PI) + series / z;
}

/** Taylor series around 1 or 2: ψ(a) t + Σ (−1)ⁿ ζ(n, a) tⁿ / n. */
function logGammaSeries(t: number, a: number): number {
  let total = 0;
  for (let n = 40; n >= 2; n--) total = (total + ((n % 2 ? -1 : 1) * zeta(n, a)) / n) * t;
  return (total + digammaReference(a)) * t;
}

function digammaReference(x: number): number {
  if (x === 0) return -1 / x; // −∞ at 0, ∞ at −0
  if (x < 0 && (Number.isInteger(x) || x === -Infinity)) return Number.NaN;
  if (x < 0) return digammaReference(1 - x) - Math.PI / Math.tan(Math.PI * fromWhole(x));
  let sum = 0;
  let z = x;
  for (; z < asymptotic; z++) sum += 1 / z;
  let series = 0;
  for (let n = bernoulli.length; n >= 1; n--) series = series / (z * z) + bernoulli[n - 1]! / (2 * n);
  return Math.log(z) - 0.5 / z - series / (z * z) - sum;
}

function polygammaReference(order: number, x: number): number {
  const s = order + 1;
  let factorial = order % 2 ? 1 : -1;
  for (let k = 2; k <= order; k++) factorial *= k;
  if (x > 0) return factorial * zeta(s, x);
  if (Number.isInteger(x)) return order % 2 ? Infinity : Number.NaN;
  if (x === -Infinity) return Number.NaN;
  // Σ over all k ≥ 0, seen from the whole number next to x: the terms above, at and below it.
  const t = fromWhole(x);
  const below = zeta(s, 1 - t) - zeta(s, 1 - x);
  return factorial * (zeta(s, 1 + t) + t ** -s + (s % 2 ? -below : below));
}

/** Hurwitz zeta function Σ 1 / (x + k)^s for x > 0 and whole s ≥ 2, by the formula of Euler and Maclaurin. */
function zeta(s: number, x: number): number {
  if (x === Infinity) return 0;
  let sum = 0;
  let z = x;
  for (; z < asymptotic + s; z++) sum += z ** -s;
  let term = s / (2 * z * z);
  let series = 1 / (s - 1) + 0.5 / z;
  for (let n = 1; n <= bernoulli.length; n++) {
    series += bernoulli[n - 1]! * term;
    term *= ((s + 2 * n - 1) * (s + 2 * n)) / ((2 * n + 1) * (2 * n + 2) * z * z);
  }
  return sum + z ** (1 - s) * series;
}

/** The distance from the nearest whole number: what |sin πx| and cot πx depend on. */
function fromWhole(x: number): number {
  return x - Math.round(x);
}
