/** Trigonometric and hyperbolic functions and their inverses, element by element. */
import { add, div, mul, neg, rsqrt, square, sub } from "./arithmetic.js";
import { where } from "./choice.js";
import { equal } from "./comparison.js";
import { type BinaryOperation, binary, type UnaryOperation, unary } from "./define.js";

/**
 * Sine of radians, element by element; NaN at ±Infinity. Exact to the last digits for arguments of any size.
 *
 * Shape: same as `x`. Dtype: float.
 * @example sin(tensor([0, Math.PI / 2])) // [0, 1]
 */
export const sin: UnaryOperation = unary("sin", { reference: Math.sin, vjp: (g, x) => mul(g, cos(x)) });

/**
 * Cosine of radians, element by element; NaN at ±Infinity. Exact to the last digits for arguments of any size.
 *
 * Shape: same as `x`. Dtype: float.
 * @example cos(tensor([0, Math.PI])) // [1, -1]
 */
export const cos: UnaryOperation = unary("cos", { reference: Math.cos, vjp: (g, x) => neg(mul(g, sin(x))) });

/**
 * Tangent of radians, element by element; NaN at ±Infinity.
 *
 * Shape: same as `x`. Dtype: float.
 * @example tan(tensor([0, 1])) // [0, 1.5574077]
 */
export const tan = unary("tan", { reference: Math.tan, vjp: (g, _x, y) => mul(g, add(1, square(y))) });

/**
 * Inverse sine, from −π/2 to π/2, element by element; NaN outside of [−1, 1].
 *
 * Shape: same as `x`. Dtype: float. The derivative at ±1 is infinite.
 * @example asin(tensor([0, 1])) // [0, 1.5707964]
 */
export const asin = unary("asin", {
  reference: Math.asin,
  vjp: (g, x) => mul(g, rsqrt(mul(sub(1, x), add(1, x)))),
});

/**
 * Inverse cosine, from 0 to π, element by element; NaN outside of [−1, 1].
 *
 * Shape: same as `x`. Dtype: float. The derivative at ±1 is infinite.
 * @example acos(tensor([1, 0])) // [0, 1.5707964]
 */
export const acos = unary("acos", {
  reference: Math.acos,
  vjp: (g, x) => neg(mul(g, rsqrt(mul(sub(1, x), add(1, x))))),
});

/**
 * Inverse tangent, from −π/2 to π/2, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example atan(tensor([0, 1])) // [0, 0.7853982]
 */
export const atan = unary("atan", {
  reference: Math.atan,
  vjp: (g, x) => div(g, add(1, square(x))),
});

/**
 * Angle of the point (x, y) from the positive x axis, from −π to π, element by element; `atan2(0, 0) = 0`.
 *
 * Shape: that of both broadcast. Dtype: float; integers become float32. The gradient at (0, 0) is 0.
 * @param a the ordinate y, as everywhere the first argument
 * @param b the abscissa x
 * @throws {ShapeError} where the shapes do not broadcast
 * @example atan2(tensor([1, 0]), tensor([0, -1])) // [1.5707964, 3.1415927]
 */
export const atan2: BinaryOperation<"float"> = binary("atan2", {
  policy: "float",
  reference: Math.atan2,
  vjp: (g, y, x) => {
    const distance = add(square(x), square(y));
    const share = div(g, where(equal(distance, 0), 1, distance));
    return [mul(share, x), neg(mul(share, y))];
  },
});

/**
 * Hyperbolic sine `(e^x − e^(−x)) / 2`, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example sinh(tensor([0, 1])) // [0, 1.1752012]
 */
export const sinh: UnaryOperation = unary("sinh", { reference: Math.sinh, vjp: (g, x) => mul(g, cosh(x)) });

/**
 * Hyperbolic cosine `(e^x + e^(−x)) / 2`, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example cosh(tensor([0, 1])) // [1, 1.5430806]
 */
export const cosh: UnaryOperation = unary("cosh", { reference: Math.cosh, vjp: (g, x) => mul(g, sinh(x)) });

/**
 * Hyperbolic tangent, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example tanh(tensor([0, 0.5])) // [0, 0.46211717]
 */
export const tanh = unary("tanh", { reference: Math.tanh, vjp: (g, _x, y) => mul(g, sub(1, square(y))) });

/**
 * Inverse hyperbolic sine `log(x + √(x² + 1))`, element by element.
 *
 * Shape: same as `x`. Dtype: float.
 * @example asinh(tensor([0, 1])) // [0, 0.8813736]
 */
export const asinh = unary("asinh", {
  reference: Math.asinh,
  vjp: (g, x) => mul(g, rsqrt(add(square(x), 1))),
});

/**
 * Inverse hyperbolic cosine `log(x + √(x² − 1))`, element by element; NaN below 1.
 *
 * Shape: same as `x`. Dtype: float. The derivative at 1 is infinite.
 * @example acosh(tensor([1, 2])) // [0, 1.316958]
 */
export const acosh = unary("acosh", {
  reference: Math.acosh,
  vjp: (g, x) => mul(g, rsqrt(mul(sub(x, 1), add(x, 1)))),
});

/**
 * Inverse hyperbolic tangent `log((1 + x) / (1 − x)) / 2`, element by element; ±Infinity at ±1, NaN beyond.
 *
 * Shape: same as `x`. Dtype: float.
 * @example atanh(tensor([0, 0.5])) // [0, 0.54930615]
 */
export const atanh = unary("atanh", {
  reference: Math.atanh,
  vjp: (g, x) => div(g, mul(sub(1, x), add(1, x))),
});
