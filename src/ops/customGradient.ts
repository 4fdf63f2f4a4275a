/** A derivative that the caller writes. */
import { ConfigError, ShapeError } from "../base/errors.js";
import { sameShape } from "../base/shape.js";
import { flatten as flattenTree, type Tree } from "../base/tree.js";
import { definePrimitive } from "../graph/primitive.js";
import { instantiate } from "../graph/rewrite.js";
import { formatType, isTensor, Tensor } from "../graph/tensor.js";
import { closeBody, refill, typeOf, typesFromOutside } from "./body.js";
import { full } from "./create.js";
import { placeholder } from "./leaf.js";
import { results } from "./pick.js";

/**
 * inputs: the results, the arguments, and what the derivative captured. Outputs: the results. The body has a parameter
 * for the gradient of each result and one for all that is captured; its results are the gradients of the arguments, as
 * far as there are any.
 */
const customGradientPrimitive = definePrimitive({
  name: "customGradient",
  kind: "structural",
  isTransparent: true,
  infer: typesFromOutside,
  vjp: ({ node, inputs, gradients }) => {
    const count = node.outputs.length;
    const given = node.attributes.gradients as readonly number[];
    const pulled = instantiate(node.payload.bodies![0]!, [
      ...node.outputs.map(({ shape, dtype }, i) => gradients[i] ?? full(shape, 0, dtype)),
      ...inputs.slice(count + (node.attributes.arguments as number)),
    ]);
    return inputs.map((_, i) => pulled[given.indexOf(i - count)] ?? null);
  },
});

/** What a function with a derivative of its own returns. */
export interface WithGradient<R> {
  /** The value, tensors nested as you like. */
  readonly value: R;
  /** From the gradient of the value, nested as it is, to that of each argument; null where there is none. */
  readonly gradient: (gradient: R) => Tensor | readonly (Tensor | null)[];
}

/**
 * A function with a derivative of its own: for what is cheaper, more exact or better behaved than the derivative of
 * what was computed. Its second derivative is that of the gradient.
 *
 * Only the arguments have gradients; a tensor that the function captures counts as a constant.
 * @param fn from tensors to `{ value, gradient }`; `gradient` returns one tensor per argument, of its shape (for one
 *   argument, that tensor)
 * @throws {ConfigError} where the number of gradients is not that of the arguments
 * @throws {ShapeError} where a gradient has not the shape of its argument
 * @example
 * const clipped = customGradient((x) => ({ value: square(x), gradient: (g) => clip(mul(g, mul(x, 2)), -1, 1) }));
 * grad((x) => sum(clipped(x)))(tensor([0.25, 3])) // [0.5, 1]
 */
export function customGradient<A extends readonly Tensor[], R extends Tree<Tensor>>(
  fn: (...inputs: A) => WithGradient<R>,
): (...inputs: A) => R {
  return (...inputs) => {
    const { value, gradient } = fn(...inputs);
    const { leaves } = flattenTree(value as Tree<Tensor>, isTensor);
    const trace = { active: true };
    const seeds = leaves.map((leaf, i) => placeholder(typeOf(leaf), i, trace));
    const returned = gradient(refill(value, seeds));
    trace.active = false;
    const gradients = isTensor(returned) ? [returned] : returned;
    checkGradients(inputs, gradients);
    const given = gradients.flatMap((g, i) => (g ? [i] : []));
    const { body, captured } = closeBody(
      seeds,
      given.map((i) => gradients[i]!),
    );
    const node = new Tensor(
      customGradientPrimitive,
      [...leaves, ...inputs, ...captured],
      { arguments: inputs.length, gradients: given },
      leaves.map(typeOf),
      { bodies: [body] },
    );
    return refill(value, results(node));
  };
}

function checkGradients(inputs: readonly Tensor[], gradients: readonly (Tensor | null)[]): void {
  if (!Array.isArray(gradients) || gradients.length !== inputs.length) {
    throw new ConfigError({
      who: "customGradient",
      expected: `one gradient for each of ${inputs.length} arguments`,
      received: Array.isArray(gradients) ? `${gradients.length}` : String(gradients),
      fix: "Return null for an argument that has none.",
    });
  }
  inputs.forEach((input, i) => {
    const g = gradients[i];
    if (g === null || (isTensor(g) && sameShape(g.shape, input.shape) && g.dtype === input.dtype)) return;
    throw new ShapeError({
      who: "customGradient",
      expected: `a gradient like argument ${i}, ${formatType(input)}`,
      received: isTensor(g) ? formatType(g) : String(g),
      fix: "Sum over the axes that were broadcast.",
    });
  });
}
