/** Nodes with several results. */
import { definePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";

/** Selects one result of a node with several. */
export const pickPrimitive = definePrimitive({
  name: "pick",
  kind: "structural",
  infer: ([input], { index }) => (input as Tensor).outputs[index as number]!,
});

/** The results of a node with several, each as a tensor. */
export function results(node: Tensor): Tensor[] {
  return node.outputs.map((_, index) => createNode(pickPrimitive, [node], { index }));
}
