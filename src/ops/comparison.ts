/** Comparisons and tests, element by element: bool results, no derivative. */
import { binary, unary } from "./define.js";

function comparison(name: string, reference: (a: number, b: number) => boolean) {
  return binary(name, {
    policy: "any",
    result: "bool",
    reference: (a, b) => Number(reference(a, b)),
    noGradient: "a comparison is constant almost everywhere and jumps elsewhere",
  });
}

/** a = b as bool. */
export const equal = comparison("equal", (a, b) => a === b);
/** a ≠ b as bool. */
export const notEqual = comparison("notEqual", (a, b) => a !== b);
/** a < b as bool. */
export const less = comparison("less", (a, b) => a < b);
/** a ≤ b as bool. */
export const lessEqual = comparison("lessEqual", (a, b) => a <= b);
/** a > b as bool. */
export const greater = comparison("greater", (a, b) => a > b);
/** a ≥ b as bool. */
export const greaterEqual = comparison("greaterEqual", (a, b) => a >= b);

function test(name: string, reference: (x: number) => boolean) {
  return unary(name, {
    result: "bool",
    reference: (x) => Number(reference(x)),
    noGradient: "a test is constant almost everywhere and jumps elsewhere",
  });
}

/** Whether x is NaN. */
export const isNaN = test("isNaN", Number.isNaN);
/** Whether x is ±∞. */
export const isInf = test("isInf", (x) => x === Infinity || x === -Infinity);
/** Whether x is neither NaN nor ±∞. */
export const isFinite = test("isFinite", Number.isFinite);
