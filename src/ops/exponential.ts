/** Exponentials, logarithms and powers, element by element. */
import { add, div, mul, sub } from "./arithmetic.js";
import { where } from "./choice.js";
import { equal, greater } from "./comparison.js";
import { type BinaryOperation, binary, unary } from "./define.js";

/**
 * Exponential `e^x`, element by element.
 *
 * Shape: same as `x`. Dtype: float. `exp(-Infinity) = 0`; float32 overflows to Infinity above 88.7, and results below
 * the smallest normal number are 0.
 * @example exp(tensor([0, 1])) // [1, 2.7182817]
 */
export const exp = unary("exp", { reference: Math.exp, vjp: (g, _x, y) => mul(g, y) });

/**
 * Power of two `2^x`, element by element; exact at whole numbers.
 *
 * Shape: same as `x`. Dtype: float. Results below the smallest normal number are 0.
 * @example exp2(tensor([3, -1])) // [8, 0.5]
 */
export const exp2 = unary("exp2", { reference: (x) => 2 ** x, vjp: (g, _x, y) => mul(g, mul(y, Math.LN2)) });

/**
 * `e^x − 1`, element by element, without the cancellation near 0.
 *
 * Shape: same as `x`. Dtype: float.
 * @example expm1(tensor([0, 1e-6])) // [0, 0.0000010000005]
 */
export const expm1 = unary("expm1", { reference: Math.expm1, vjp: (g, _x, y) => mul(g, add(y, 1)) });

/**
 * Natural logarithm, element by element.
 *
 * Shape: same as `x`. Dtype: float. `log(0) = -Infinity`, `log(x < 0) = NaN`.
 * @example log(tensor([1, 10])) // [0, 2.3025851]
 */
export const log = unary("log", { reference: Math.log, vjp: (g, x) => div(g, x) });

/**
 * Logarithm to the base 2, element by element.
 *
 * Shape: same as `x`. Dtype: float. `log2(0) = -Infinity`, `log2(x < 0) = NaN`.
 * @example log2(tensor([8, 0.5])) // [3, -1]
 */
export const log2 = unary("log2", {
  reference: Math.log2,
  vjp: (g, x) => div(g, mul(x, Math.LN2)),
});

/**
 * Logarithm to the base 10, element by element.
 *
 * Shape: same as `x`. Dtype: float. `log10(0) = -Infinity`, `log10(x < 0) = NaN`.
 * @example log10(tensor([1000, 0.1])) // [3, -1]
 */
export const log10 = unary("log10", {
  reference: Math.log10,
  vjp: (g, x) => div(g, mul(x, Math.LN10)),
});

/**
 * `log(1 + x)`, element by element, without the cancellation near 0.
 *
 * Shape: same as `x`. Dtype: float. `log1p(-1) = -Infinity`, `log1p(x < -1) = NaN`.
 * @example log1p(tensor([0, 1e-6])) // [0, 9.999995e-7]
 */
export const log1p = unary("log1p", { reference: Math.log1p, vjp: (g, x) => div(g, add(x, 1)) });

/**
 * Power `a^b`, element by element: whole exponents of negative numbers keep the sign of the product, fractions of them
 * give NaN; `pow(x, 0) = 1` for every x, NaN included.
 *
 * Shape: that of both broadcast. Dtype: float; integers become float32. The derivative with respect to the exponent is
 * 0 where a ≤ 0.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example pow(tensor([-2, 3]), 2) // [4, 9]
 */
export const pow: BinaryOperation<"float"> = binary("pow", {
  policy: "float",
  reference: power,
  vjp: (g, a, b, y) => [
    mul(g, mul(b, pow(a, where(equal(b, 0), 1, sub(b, 1))))), // 0 · a^(−1) would be NaN at a = 0
    mul(g, where(greater(a, 0), mul(y, log(where(greater(a, 0), a, 1))), 0)),
  ],
});

/** As IEEE 754 has it, where JavaScript gives NaN: 1 to any power, and (−1)^±∞, are 1. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}
