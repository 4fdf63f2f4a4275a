/** Logic on truth values, and operations on the bits of integers. */
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { binary, unary } from "./define.js";
import { toTensors } from "./leaf.js";

const logical = { noGradient: "logic and bits know no values in between" } as const;

const and = binary("and", { policy: "integer", reference: (a, b) => a & b, ...logical });
const or = binary("or", { policy: "integer", reference: (a, b) => a | b, ...logical });
const xor = binary("xor", { policy: "integer", reference: (a, b) => a ^ b, ...logical });
const not = unary("logicalNot", { policy: "integer", reference: (x) => (x === 0 ? 1 : 0), ...logical });

/** Both are true (not 0). */
export function logicalAnd(a: TensorLike, b: TensorLike): Tensor {
  return and(truth(a), truth(b));
}
/** One or both are true. */
export function logicalOr(a: TensorLike, b: TensorLike): Tensor {
  return or(truth(a), truth(b));
}
/** Exactly one is true. */
export function logicalXor(a: TensorLike, b: TensorLike): Tensor {
  return xor(truth(a), truth(b));
}
/** Not true. */
export function logicalNot(x: TensorLike): Tensor {
  return not(truth(x));
}

/** The truth of each element: whether it is not 0. */
export function truth(x: TensorLike): Tensor {
  return cast(toTensors("logical", [x]).tensors[0]!, "bool");
}

/** Bits set in both, on integers. */
export const bitwiseAnd = and;
/** Bits set in one or both, on integers. */
export const bitwiseOr = or;
/** Bits set in exactly one, on integers. */
export const bitwiseXor = xor;
/** Bits moved up, on integers. */
export const shiftLeft = binary("shiftLeft", { policy: "integer", reference: (a, b) => a << b, ...logical });
/** Bits moved down with the sign, on integers. */
export const shiftRight = binary("shiftRight", {
  policy: "integer",
  reference: (a, b) => a >> b,
  ...logical,
});
