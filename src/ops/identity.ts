/** The value itself, marked for differentiation. */
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { elementwise, type UnaryResult } from "./define.js";
import { toTensors } from "./leaf.js";

/** The value as it is, as a node of its own: differentiation with respect to it sees only what is built from it. */
export function identity(x: Tensor): Tensor {
  return createNode(identityPrimitive, [x]);
}
const identityPrimitive = elementwise("identity", 1, { opcode: () => "identity" }, ([x]) => x!, {
  vjp: ({ gradients: [g] }) => [g!],
});

/**
 * The value, treated as a constant by differentiation.
 *
 * Shape and dtype: same as `x`. Its gradient is 0.
 * @example stopGradient(tensor([1, 2])) // [1, 2]
 */
export function stopGradient<X extends TensorLike>(x: X): UnaryResult<"any", X> {
  return createNode(stopGradientPrimitive, toTensors("stopGradient", [x]).tensors) as never;
}
const stopGradientPrimitive = elementwise("stopGradient", 1, { opcode: () => "identity" }, ([x]) => x!, {
  vjp: () => [null],
});
