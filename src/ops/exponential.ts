/** Exponentials, logarithms and powers, element by element. */
import { add, div, mul, sub } from "./arithmetic.js";
import { where } from "./choice.js";
import { greater } from "./comparison.js";
import { type BinaryOperation, binary, unary } from "./define.js";

/** Exponential e^x. */
export const exp = unary("exp", { reference: Math.exp, vjp: (g, _x, y) => mul(g, y) });

/** e^x − 1, exact near 0. */
export const expm1 = unary("expm1", { reference: Math.expm1, vjp: (g, _x, y) => mul(g, add(y, 1)) });

/** Natural logarithm. `log(0) = -Infinity`, `log(x < 0) = NaN`. */
export const log = unary("log", { reference: Math.log, vjp: (g, x) => div(g, x) });

/** log(1 + x), exact near 0. */
export const log1p = unary("log1p", { reference: Math.log1p, vjp: (g, x) => div(g, add(x, 1)) });

/** Power `a^b` on floats. @example pow(tensor([2, 3]), 2) // [4, 9] */
export const pow: BinaryOperation<"float"> = binary("pow", {
  policy: "float",
  reference: Math.pow,
  vjp: (g, a, b, y) => [
    mul(g, mul(b, pow(a, sub(b, 1)))),
    mul(g, where(greater(a, 0), mul(y, log(where(greater(a, 0), a, 1))), 0)),
  ],
});
