/** The value itself, marked for differentiation. */
import { createNode, type Tensor } from "../graph/tensor.js";
import { elementwise } from "./define.js";

/** The value as it is, as a node of its own: differentiation with respect to it sees only what is built from it. */
export function identity(x: Tensor): Tensor {
  return createNode(identityPrimitive, [x]);
}
const identityPrimitive = elementwise("identity", 1, { opcode: () => "identity" }, ([x]) => x!, {
  vjp: ({ gradients: [g] }) => [g!],
});

/** The value, treated as a constant by differentiation. */
export function stopGradient(x: Tensor): Tensor {
  return createNode(stopGradientPrimitive, [x]);
}
const stopGradientPrimitive = elementwise("stopGradient", 1, { opcode: () => "identity" }, ([x]) => x!, {
  vjp: () => [null],
});
