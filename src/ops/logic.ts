/** Logic on truth values, and operations on the bits of integers. */
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { type BinaryOperation, binary, meetingShape, unary } from "./define.js";
import { toTensors } from "./leaf.js";

const logical = { noGradient: "logic and bits know no values in between" } as const;

// Bits

/**
 * Bits set in both, `a & b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: the later of both, bool, uint8 or int32. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @throws {DTypeError} for floats
 * @example bitwiseAnd(tensor([6, 5], { dtype: "int32" }), 3) // [2, 1]
 */
export const bitwiseAnd = binary("bitwiseAnd", {
  policy: "integer",
  reference: (a, b) => a & b,
  ...logical,
});

/**
 * Bits set in one or both, `a | b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: the later of both, bool, uint8 or int32. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @throws {DTypeError} for floats
 * @example bitwiseOr(tensor([6, 5], { dtype: "int32" }), 3) // [7, 7]
 */
export const bitwiseOr = binary("bitwiseOr", { policy: "integer", reference: (a, b) => a | b, ...logical });

/**
 * Bits set in exactly one, `a ^ b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: the later of both, bool, uint8 or int32. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @throws {DTypeError} for floats
 * @example bitwiseXor(tensor([6, 5], { dtype: "int32" }), 3) // [5, 6]
 */
export const bitwiseXor = binary("bitwiseXor", {
  policy: "integer",
  reference: (a, b) => a ^ b,
  ...logical,
});

/**
 * All bits turned over, `~x`, element by element: −x − 1 of int32, 255 − x of uint8, not of bool.
 *
 * Shape: same as `x`. Dtype: same, bool, uint8 or int32. Has no derivative.
 * @throws {DTypeError} for floats
 * @example bitwiseNot(tensor([0, 5], { dtype: "int32" })) // [-1, -6]
 */
export const bitwiseNot = unary("bitwiseNot", {
  policy: "integer",
  reference: (x, dtype) => (dtype === "bool" ? 1 - x : ~x),
  opcode: ([x]) => (x === "bool" ? "logicalNot.i" : "bitwiseNot.i"),
  ...logical,
});

/** The result of `shift` where the count is 0 … 31; JavaScript takes counts modulo 32. */
function shifting(name: string, shift: (a: number, count: number) => number, beyond: (a: number) => number) {
  return binary(name, {
    policy: "whole",
    reference: (a, count) => (count >= 0 && count < 32 ? shift(a, count) : beyond(a)),
    ...logical,
  });
}

/**
 * Bits moved up by b places, `a << b`, element by element: `a · 2^b`, wrapped around.
 *
 * Shape: that of both broadcast. Dtype: the later of both, uint8 or int32; bool becomes int32. Counts below 0 or above 31
 * leave 0. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @throws {DTypeError} for floats
 * @example shiftLeft(tensor([1, 3], { dtype: "int32" }), 2) // [4, 12]
 */
export const shiftLeft = shifting(
  "shiftLeft",
  (a, count) => a << count,
  () => 0,
);

/**
 * Bits moved down by b places with the sign, `a >> b`, element by element: `⌊a / 2^b⌋`.
 *
 * Shape: that of both broadcast. Dtype: the later of both, uint8 or int32; bool becomes int32. Counts below 0 or above 31
 * leave the sign: 0 or −1. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @throws {DTypeError} for floats
 * @example shiftRight(tensor([12, -8], { dtype: "int32" }), 2) // [3, -2]
 */
export const shiftRight = shifting(
  "shiftRight",
  (a, count) => a >> count,
  (a) => (a < 0 ? -1 : 0),
);

/**
 * Bits moved down by b places, zeros coming in from above, `a >>> b`, element by element.
 *
 * Shape: that of both broadcast. Dtype: the later of both, uint8 or int32; bool becomes int32. Counts below 0 or above 31
 * leave 0. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @throws {DTypeError} for floats
 * @example shiftRightLogical(tensor([12, -1], { dtype: "int32" }), 28) // [0, 15]
 */
export const shiftRightLogical = shifting(
  "shiftRightLogical",
  (a, count) => a >>> count,
  () => 0,
);

// Truth

/** `name(a, b)` on the truth of both. */
function ofTruths(name: string, combine: BinaryOperation<"integer">) {
  return (a: TensorLike, b: TensorLike): Tensor<"bool"> => {
    const { tensors } = toTensors(name, [a, b]);
    meetingShape(name, tensors);
    const [x, y] = tensors.map((t) => cast(t, "bool"));
    return combine(x!, y!);
  };
}

/**
 * Whether both are true (not 0), element by element.
 *
 * Shape: that of both broadcast. Dtype: bool, from any dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example logicalAnd(tensor([0, 1, 2]), tensor([1, 0, 1])) // [false, false, true]
 */
export const logicalAnd = ofTruths("logicalAnd", bitwiseAnd);

/**
 * Whether one or both are true (not 0), element by element.
 *
 * Shape: that of both broadcast. Dtype: bool, from any dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example logicalOr(tensor([0, 1, 2]), tensor([0, 0, 1])) // [false, true, true]
 */
export const logicalOr = ofTruths("logicalOr", bitwiseOr);

/**
 * Whether exactly one is true (not 0), element by element.
 *
 * Shape: that of both broadcast. Dtype: bool, from any dtype. Has no derivative.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example logicalXor(tensor([0, 1, 2]), tensor([0, 0, 1])) // [false, true, false]
 */
export const logicalXor = ofTruths("logicalXor", bitwiseXor);

/**
 * Whether x is not true (0), element by element.
 *
 * Shape: same as `x`. Dtype: bool, from any dtype. Has no derivative.
 * @example logicalNot(tensor([0, 1, 2])) // [true, false, false]
 */
export function logicalNot(x: TensorLike): Tensor<"bool"> {
  return not(truth("logicalNot", x));
}
const not = unary("logicalNot", { policy: "integer", reference: (x) => (x === 0 ? 1 : 0), ...logical });

/** The truth of each element: whether it is not 0. */
export function truth(who: string, x: TensorLike): Tensor<"bool"> {
  return cast(toTensors(who, [x]).tensors[0]!, "bool");
}
