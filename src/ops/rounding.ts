/** Rounding, and division that rounds. The derivative of a rounded value is 0 almost everywhere. */
import { type DType, isFloat } from "../base/dtype.js";
import type { Tensor } from "../graph/tensor.js";
import { div, mul, neg } from "./arithmetic.js";
import { binary, unary } from "./define.js";

function rounding(name: string, reference: (x: number) => number) {
  return unary(name, {
    policy: "number",
    reference,
    opcode: ([x]) => (isFloat(x!) ? name : "identity"),
    vjp: (g: Tensor) => mul(g, 0),
  });
}

/**
 * Largest whole number ≤ x, element by element. The derivative is 0.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32; integers stay as they are.
 * @example floor(tensor([1.7, -1.2])) // [1, -2]
 */
export const floor = rounding("floor", Math.floor);

/**
 * Smallest whole number ≥ x, element by element. The derivative is 0.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32; integers stay as they are.
 * @example ceil(tensor([1.2, -1.7])) // [2, -1]
 */
export const ceil = rounding("ceil", Math.ceil);

/**
 * Nearest whole number, halves to the even one, element by element. The derivative is 0.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32; integers stay as they are.
 * @example round(tensor([0.5, 1.5, 2.6])) // [0, 2, 3]
 */
export const round = rounding("round", roundHalfEven);

/**
 * Nearest whole number toward 0, element by element. The derivative is 0.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32; integers stay as they are.
 * @example trunc(tensor([1.7, -1.7])) // [1, -1]
 */
export const trunc = rounding("trunc", Math.trunc);

/**
 * Quotient rounded down, `⌊a / b⌋`, element by element, as `//` in Python.
 *
 * Shape: that of both broadcast. Dtype: as for `add`. Integers by 0 give 0; floats by 0 give ±Infinity or NaN, and
 * ±Infinity by anything else NaN. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example floorDiv(tensor([-7, 7]), 2) // [-4, 3]
 */
export const floorDiv = binary("floorDiv", {
  reference: flooredQuotient,
  noGradient: "a rounded quotient is constant almost everywhere; div has a derivative",
});

/**
 * Remainder `a − b · ⌊a / b⌋` with the sign of the divisor, element by element, as `%` in Python.
 *
 * Shape: that of both broadcast. Dtype: as for `add`. Integers by 0 give 0, floats NaN.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example mod(tensor([-7, 7]), 3) // [2, 1]
 */
export const mod = binary("mod", {
  reference: flooredRemainder,
  vjp: (g, a, b) => [g, neg(mul(g, floor(div(a, b))))],
});

/** JavaScript's % is exact and has the sign of the dividend. */
function flooredRemainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function flooredQuotient(a: number, b: number, dtype: DType): number {
  if (b === 0) return isFloat(dtype) ? a / b : 0;
  const rest = a % b;
  const whole = (a - rest) / b; // NaN where a is infinite
  return Math.round(rest !== 0 && rest < 0 !== b < 0 ? whole - 1 : whole);
}

function roundHalfEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
