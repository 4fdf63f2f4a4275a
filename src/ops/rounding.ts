/** Rounding, and division that rounds. The derivative of a rounded value is 0 almost everywhere. */
import type { Tensor } from "../graph/tensor.js";
import { div, mul, neg } from "./arithmetic.js";
import { binary, unary } from "./define.js";

const flat = { vjp: (g: Tensor) => mul(g, 0) };

/** Largest integer ≤ x. */
export const floor = unary("floor", { reference: Math.floor, ...flat });
/** Smallest integer ≥ x. */
export const ceil = unary("ceil", { reference: Math.ceil, ...flat });
/** Nearest integer, halves to even. */
export const round = unary("round", { reference: roundHalfEven, ...flat });
/** Nearest integer toward 0. */
export const trunc = unary("trunc", { reference: Math.trunc, ...flat });

/** Quotient rounded down; integer division by 0 gives 0. @example floorDiv(tensor([-7], { dtype: "int32" }), 2) // [-4] */
export const floorDiv = binary("floorDiv", {
  reference: (a, b) => Math.floor(a / b),
  noGradient: "a rounded quotient is constant almost everywhere; div has a derivative",
});

/** Remainder with the sign of the divisor, as in Python. @example mod(tensor([-7]), 3) // [2] */
export const mod = binary("mod", {
  reference: (a, b) => (b === 0 ? Number.NaN : a - b * Math.floor(a / b)),
  vjp: (g, a, b) => [g, neg(mul(g, floor(div(a, b))))],
});

function roundHalfEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}
