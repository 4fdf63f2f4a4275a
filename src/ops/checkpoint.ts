/** Memory for time: what a function computes is computed again for its derivative instead of being kept. */
import { isFloat } from "../base/dtype.js";
import { flatten as flattenTree, type Tree } from "../base/tree.js";
import { definePrimitive } from "../graph/primitive.js";
import { instantiate } from "../graph/rewrite.js";
import { createNode, isTensor, nextNodeId, Tensor } from "../graph/tensor.js";
import {
  closeBody,
  differentiate,
  nodesInside,
  openScope,
  refill,
  typeOf,
  typesFromOutside,
} from "./body.js";
import { results } from "./pick.js";

/**
 * The first input, but not before the second is computed: costs nothing, and keeps what is built on it apart from
 * what is built on the input itself.
 */
const afterPrimitive = definePrimitive({
  name: "after",
  kind: "view",
  infer: ([x]) => typeOf(x!),
  view: (layout) => layout,
  vjp: ({ gradients: [g] }) => [g!, null],
});

/**
 * inputs: the results, then all that the function captured, the parameters of its body. Outputs: the results. The
 * derivative runs the body anew once the gradient has arrived.
 */
const checkpointPrimitive = definePrimitive({
  name: "checkpoint",
  kind: "structural",
  isTransparent: true,
  infer: typesFromOutside,
  vjp: ({ node, inputs, gradients }) => {
    const count = node.outputs.length;
    const active = gradients.flatMap((g, i) => (g ? [i] : []));
    const seeds = active.map((i) => gradients[i]!);
    const values = inputs.slice(count).map((x) => createNode(afterPrimitive, [x, seeds[0]!]));
    const targets = values.filter(({ dtype }) => isFloat(dtype));
    const again = instantiate(node.payload.bodies![0]!, values);
    const pulled = differentiate(
      active.map((i) => again[i]!),
      targets,
      seeds,
    );
    return inputs.map((_, i) => pulled[targets.indexOf(values[i - count]!)] ?? null);
  },
});

/**
 * The same function, whose intermediate results are not kept for the derivative but computed again when it is taken:
 * `√n` checkpoints in a chain of `n` layers need memory for `2√n` of them, and a third more time.
 *
 * Values and random numbers are the same bits; derivatives are, but for the order in which those of a tensor that stands
 * in several stretches are summed. What the function captures takes part in the derivative; a variable that it assigns
 * is assigned once.
 * @param fn from tensors, nested as you like, to tensors, nested as you like
 * @example
 * const block = checkpoint((x) => square(square(x)));
 * grad((x) => sum(block(x)))(tensor([1, 2])) // [4, 32]
 */
export function checkpoint<A extends readonly unknown[], R extends Tree<Tensor>>(
  fn: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    const from = nextNodeId();
    const scope = openScope();
    const value = scope.run(() => fn(...args));
    const { leaves } = flattenTree(value as Tree<Tensor>, isTensor);
    const { assignments } = scope;
    const computed = [...leaves, ...assignments.map(({ after }) => after)];
    const { body, captured } = closeBody(
      [],
      computed,
      nodesInside(computed, ({ id }) => id >= from),
    );
    const outputs = results(
      new Tensor(checkpointPrimitive, [...computed, ...captured], {}, computed.map(typeOf), {
        bodies: [body],
      }),
    );
    for (const [k, { assign }] of assignments.entries()) assign(outputs[leaves.length + k]!);
    return refill(value, outputs.slice(0, leaves.length));
  };
}
