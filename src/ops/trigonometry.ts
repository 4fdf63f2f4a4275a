/** Trigonometric and hyperbolic functions, element by element. */
import { mul, neg, square, sub } from "./arithmetic.js";
import { type UnaryOperation, unary } from "./define.js";

/** Sine of radians. */
export const sin: UnaryOperation = unary("sin", { reference: Math.sin, vjp: (g, x) => mul(g, cos(x)) });

/** Cosine of radians. */
export const cos: UnaryOperation = unary("cos", { reference: Math.cos, vjp: (g, x) => neg(mul(g, sin(x))) });

/** Hyperbolic tangent. */
export const tanh = unary("tanh", { reference: Math.tanh, vjp: (g, _x, y) => mul(g, sub(1, square(y))) });
