import { createNode, type Tensor } from "../graph/tensor.js";
import { broadcastTo } from "../ops/index.js";

/**
 * A part of an elementwise chain over data in memory becomes the chain on that part of the data: a few images out of
 * `mul(cast(bytes, "float32"), 1 / 255)` are converted, not the whole set.
 *
 * @param node a `slice`, or a `gather` of rows
 * @param isLeaf nodes that are not computed but bound
 * @returns the node itself where it takes its part from something else, or takes most of it
 */
export function takePartFirst(node: Tensor, isLeaf: (node: Tensor) => boolean): Tensor {
  const chain: Tensor[] = [];
  let base = node.inputs[0]!;
  if (node.size * 2 > base.size || base.extent) return node;
  while (!isLeaf(base)) {
    const next = varyingInput(base);
    if (!next) return node;
    chain.push(base);
    base = next;
  }
  if (chain.length === 0 || base.primitive.name === "scalar") return node;
  const part = createNode(node.primitive, [base, ...node.inputs.slice(1)], node.attributes);
  return chain.reduceRight((value, { primitive, inputs, attributes }) => {
    const onPart = inputs.map((input) => {
      const number = numberBehind(input);
      return number ? broadcastTo(number, value.shape) : value;
    });
    return createNode(primitive, onPart, attributes);
  }, part);
}

/** The only input of an elementwise node that is not one number repeated. */
function varyingInput(node: Tensor): Tensor | undefined {
  if (node.primitive.kind !== "elementwise") return undefined;
  const varying = node.inputs.filter((input) => !numberBehind(input));
  return varying.length === 1 ? varying[0] : undefined;
}

function numberBehind(node: Tensor): Tensor | undefined {
  let inner = node;
  while (inner.primitive.name === "broadcastTo") inner = inner.inputs[0]!;
  return inner.payload.scalar === undefined ? undefined : inner;
}
