/** Arithmetic, element by element. A record is: the obvious reference, and the derivative right beside it. */
import { type DType, isFloat } from "../base/dtype.js";
import { type BinaryOperation, binary, type UnaryOperation, unary } from "./define.js";

/** Sum, element by element, with broadcasting. @example add(tensor([1, 2]), 1) // [2, 3] */
export const add = binary("add", { reference: (a, b) => a + b, vjp: (g) => [g, g] });

/** Difference, element by element, with broadcasting. @example sub(tensor([1, 2]), 1) // [0, 1] */
export const sub = binary("sub", { reference: (a, b) => a - b, vjp: (g) => [g, neg(g)] });

/** Product, element by element, with broadcasting. Integers wrap around. @example mul(tensor([1, 2]), 3) // [3, 6] */
export const mul: BinaryOperation = binary("mul", {
  reference: product,
  vjp: (g, a, b) => [mul(g, b), mul(g, a)],
});

/** Quotient, element by element; integers give float32. @example div(tensor([1, 2]), 2) // [0.5, 1] */
export const div: BinaryOperation<"float"> = binary("div", {
  policy: "float",
  reference: (a, b) => a / b,
  vjp: (g, _a, b, y) => [div(g, b), neg(div(mul(g, y), b))],
});

/** −x. */
export const neg: UnaryOperation<"number"> = unary("neg", {
  policy: "number",
  reference: (x) => -x,
  vjp: (g) => neg(g),
});

/** |x|. */
export const abs = unary("abs", { policy: "number", reference: Math.abs, vjp: (g, x) => mul(g, sign(x)) });

/** −1, 0 or 1. */
export const sign = unary("sign", { policy: "number", reference: Math.sign, vjp: (g) => mul(g, 0) });

/** 1 / x. */
export const reciprocal = unary("reciprocal", {
  reference: (x) => 1 / x,
  vjp: (g, _x, y) => neg(mul(g, square(y))),
});

/** x². */
export const square = unary("square", {
  policy: "number",
  reference: (x, dtype) => product(x, x, dtype),
  vjp: (g, x) => mul(g, mul(x, 2)),
});

/** √x; NaN below 0. */
export const sqrt = unary("sqrt", { reference: Math.sqrt, vjp: (g, _x, y) => div(g, mul(y, 2)) });

/** 1 / √x. */
export const rsqrt = unary("rsqrt", {
  reference: (x) => 1 / Math.sqrt(x),
  vjp: (g, x, y) => mul(g, mul(div(y, x), -0.5)),
});

/** Integers wrap around at 32 bits, which a product of doubles would round. */
function product(a: number, b: number, dtype: DType): number {
  return isFloat(dtype) ? a * b : Math.imul(a, b);
}
