import type { Extent, TensorType } from "./primitive.js";
import { type Body, dependencies, Tensor } from "./tensor.js";
import { topologicalOrder } from "./walk.js";

/**
 * Rebuilds the graph behind `roots` bottom-up. `visit` receives each node with its inputs already replaced and
 * returns what stands in its place; nodes whose inputs did not change are passed as they are.
 *
 * @param isLeaf nodes whose inputs are not entered
 * @returns a function from old nodes to new ones
 */
export function rewrite(
  roots: readonly Tensor[],
  visit: (node: Tensor, original: Tensor) => Tensor,
  isLeaf?: (node: Tensor) => boolean,
): (node: Tensor) => Tensor {
  const replaced = new Map<Tensor, Tensor>();
  for (const node of topologicalOrder(roots, isLeaf)) {
    const rebuilt = isLeaf?.(node) ? node : withReplacedInputs(node, (input) => replaced.get(input)!);
    replaced.set(node, visit(rebuilt, node));
  }
  return (node) => replaced.get(node) ?? node;
}

/** The results of a body for given values of its parameters. */
export function instantiate(body: Body, values: readonly Tensor[]): Tensor[] {
  const valueOf = new Map(body.parameters.map((parameter, i) => [parameter, values[i]!]));
  return body.results.map(rewrite(body.results, (rebuilt, original) => valueOf.get(original) ?? rebuilt));
}

/** The same node on other inputs; types follow from the record. */
export function withReplacedInputs(node: Tensor, replace: (input: Tensor) => Tensor): Tensor {
  if (dependencies(node).every((need) => replace(need) === need)) return node;
  const inputs = node.inputs.map(replace);
  const lengths = node.outputs.map((output) => output.extent && replace(output.extent.length));
  if (node.primitive.kind === "leaf" || node.payload.bodies || node.payload.host) {
    // Leaves, nodes with bodies and host calls carry their types; only the scalars of their dynamic axes move.
    return new Tensor(
      node.primitive,
      inputs,
      node.attributes,
      node.outputs.map((output, i) => withLength(output, lengths[i])),
      node.payload,
    );
  }
  return new Tensor(
    node.primitive,
    inputs,
    node.attributes,
    node.primitive.infer(inputs, node.attributes),
    node.payload,
  );
}

function withLength(type: TensorType, length: Tensor | undefined): TensorType {
  if (!type.extent || !length) return type;
  const extent: Extent = { ...type.extent, length };
  return { ...type, extent };
}
