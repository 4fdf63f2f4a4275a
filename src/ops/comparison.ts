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

/**
 * Whether `a = b`, element by element; NaN equals nothing.
 *
 * Shape: that of both broadcast. Dtype: bool, after both met in one dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example equal(tensor([1, 2]), 2) // [false, true]
 */
export const equal = comparison("equal", (a, b) => a === b);

/**
 * Whether `a ≠ b`, element by element; NaN differs from everything, itself included.
 *
 * Shape: that of both broadcast. Dtype: bool, after both met in one dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example notEqual(tensor([1, 2]), 2) // [true, false]
 */
export const notEqual = comparison("notEqual", (a, b) => a !== b);

/**
 * Whether `a < b`, element by element; false where one is NaN.
 *
 * Shape: that of both broadcast. Dtype: bool, after both met in one dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example less(tensor([1, 2]), 2) // [true, false]
 */
export const less = comparison("less", (a, b) => a < b);

/**
 * Whether `a ≤ b`, element by element; false where one is NaN.
 *
 * Shape: that of both broadcast. Dtype: bool, after both met in one dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example lessEqual(tensor([1, 2, 3]), 2) // [true, true, false]
 */
export const lessEqual = comparison("lessEqual", (a, b) => a <= b);

/**
 * Whether `a > b`, element by element; false where one is NaN.
 *
 * Shape: that of both broadcast. Dtype: bool, after both met in one dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example greater(tensor([1, 2, 3]), 2) // [false, false, true]
 */
export const greater = comparison("greater", (a, b) => a > b);

/**
 * Whether `a ≥ b`, element by element; false where one is NaN.
 *
 * Shape: that of both broadcast. Dtype: bool, after both met in one dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example greaterEqual(tensor([1, 2, 3]), 2) // [false, true, true]
 */
export const greaterEqual = comparison("greaterEqual", (a, b) => a >= b);

function test(name: string, reference: (x: number) => boolean) {
  return unary(name, {
    result: "bool",
    reference: (x) => Number(reference(x)),
    noGradient: "a test is constant almost everywhere and jumps elsewhere",
  });
}

/**
 * Whether x is NaN, element by element.
 *
 * Shape: same as `x`. Dtype: bool. Integers never are. Has no derivative.
 * @example isNaN(tensor([1, NaN, Infinity])) // [false, true, false]
 */
export const isNaN = test("isNaN", Number.isNaN);

/**
 * Whether x is Infinity or −Infinity, element by element.
 *
 * Shape: same as `x`. Dtype: bool. Integers never are. Has no derivative.
 * @example isInf(tensor([1, NaN, -Infinity])) // [false, false, true]
 */
export const isInf = test("isInf", (x) => x === Infinity || x === -Infinity);

/**
 * Whether x is neither NaN nor ±Infinity, element by element.
 *
 * Shape: same as `x`. Dtype: bool. Integers always are. Has no derivative.
 * @example isFinite(tensor([1, NaN, Infinity])) // [true, false, false]
 */
export const isFinite = test("isFinite", Number.isFinite);
