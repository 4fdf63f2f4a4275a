/** Arithmetic, element by element. A record is: the obvious reference, and the derivative right beside it. */
import { type DType, isFloat } from "../base/dtype.js";
import { type BinaryOperation, binary, type UnaryOperation, unary } from "./define.js";

/**
 * Sum `a + b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: the later of both in the order bool, uint8, int32, float32, with bool counted as
 * int32; numbers take the tensor's dtype. Integers wrap around.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example add(tensor([1, 2]), 1) // [2, 3]
 */
export const add = binary("add", { reference: (a, b) => a + b, vjp: (g) => [g, g] });

/**
 * Difference `a − b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: as for `add`. Integers wrap around.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example sub(tensor([1, 2]), 1) // [0, 1]
 */
export const sub = binary("sub", { reference: (a, b) => a - b, vjp: (g) => [g, neg(g)] });

/**
 * Product `a · b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: as for `add`. Integers wrap around.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example mul(tensor([1, 2]), 3) // [3, 6]
 */
export const mul: BinaryOperation = binary("mul", {
  reference: product,
  vjp: (g, a, b) => [mul(g, b), mul(g, a)],
});

/**
 * Quotient `a / b`, element by element; `1 / 0 = Infinity`, `0 / 0 = NaN`. For whole quotients see `floorDiv`.
 *
 * Shape: that of both broadcast. Dtype: float; integers become float32.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example div(tensor([1, 2]), 2) // [0.5, 1]
 */
export const div: BinaryOperation<"float"> = binary("div", {
  policy: "float",
  reference: (a, b) => a / b,
  vjp: (g, _a, b, y) => [div(g, b), neg(div(mul(g, y), b))],
});

/**
 * The negative `−x`, element by element.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32. The smallest int32 stays as it is; uint8 wraps around.
 * @example neg(tensor([1, -2])) // [-1, 2]
 */
export const neg: UnaryOperation<"number"> = unary("neg", {
  policy: "number",
  reference: (x) => -x,
  vjp: (g) => neg(g),
});

/**
 * Absolute value `|x|`, element by element; the derivative at 0 is 0.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32. The smallest int32 stays as it is.
 * @example abs(tensor([-1.5, 2])) // [1.5, 2]
 */
export const abs = unary("abs", { policy: "number", reference: Math.abs, vjp: (g, x) => mul(g, sign(x)) });

/**
 * The sign, −1, 0 or 1, element by element; NaN stays NaN. The derivative is 0.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32.
 * @example sign(tensor([-3, 0, 0.1])) // [-1, 0, 1]
 */
export const sign = unary("sign", { policy: "number", reference: Math.sign, vjp: (g) => mul(g, 0) });

/**
 * Reciprocal `1 / x`, element by element; `1 / 0 = Infinity`.
 *
 * Shape: same as `x`. Dtype: float.
 * @example reciprocal(tensor([2, 4])) // [0.5, 0.25]
 */
export const reciprocal = unary("reciprocal", {
  reference: (x) => 1 / x,
  vjp: (g, _x, y) => neg(mul(g, square(y))),
});

/**
 * Square `x²`, element by element.
 *
 * Shape: same as `x`. Dtype: same, bool becomes int32. Integers wrap around.
 * @example square(tensor([2, -3])) // [4, 9]
 */
export const square = unary("square", {
  policy: "number",
  reference: (x, dtype) => product(x, x, dtype),
  vjp: (g, x) => mul(g, mul(x, 2)),
});

/**
 * Square root `√x`, element by element; NaN below 0.
 *
 * Shape: same as `x`. Dtype: float. The derivative at 0 is infinite.
 * @example sqrt(tensor([4, 9])) // [2, 3]
 */
export const sqrt = unary("sqrt", { reference: Math.sqrt, vjp: (g, _x, y) => div(g, mul(y, 2)) });

/**
 * Reciprocal square root `1 / √x`, element by element; Infinity at 0, NaN below.
 *
 * Shape: same as `x`. Dtype: float.
 * @example rsqrt(tensor([4, 16])) // [0.5, 0.25]
 */
export const rsqrt = unary("rsqrt", {
  reference: (x) => 1 / Math.sqrt(x),
  vjp: (g, x, y) => mul(g, mul(div(y, x), -0.5)),
});

/**
 * Cube root `∛x`, element by element, also of negative numbers.
 *
 * Shape: same as `x`. Dtype: float. The derivative at 0 is infinite.
 * @example cbrt(tensor([8, -27])) // [2, -3]
 */
export const cbrt = unary("cbrt", { reference: Math.cbrt, vjp: (g, _x, y) => div(g, mul(square(y), 3)) });

/** Integers wrap around at 32 bits, which a product of doubles would round. */
function product(a: number, b: number, dtype: DType): number {
  return isFloat(dtype) ? a * b : Math.imul(a, b);
}
