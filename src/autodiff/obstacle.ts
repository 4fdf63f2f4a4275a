import { isFloat } from "../base/dtype.js";
import { GradientError } from "../base/errors.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";

/**
 * The error for outputs that the targets reach, but no derivative does: every way crosses an operation whose result
 * has no slope. Undefined where the outputs do not depend on the targets at all.
 */
export function obstacle(
  who: string,
  outputs: readonly Tensor[],
  targets: readonly Tensor[],
): GradientError | undefined {
  const carries = new Set<Tensor>(targets);
  const reached = new Set<Tensor>(targets);
  let first: Tensor | undefined;
  for (const node of topologicalOrder(outputs)) {
    if (node.inputs.some((input) => carries.has(input))) {
      if (node.primitive.name !== "stopGradient" && node.outputs.some(({ dtype }) => isFloat(dtype)))
        carries.add(node);
      else first ??= node;
    }
    if (node.inputs.some((input) => reached.has(input))) reached.add(node);
  }
  if (!first || !outputs.some((output) => reached.has(output))) return undefined;
  return new GradientError({
    who,
    expected: "a value with a derivative",
    received: `a value that is reached only through ${first.primitive.name}: ${reasonOf(first)}`,
    fix: remedyFor(first),
  });
}

function reasonOf(node: Tensor): string {
  const { name, noGradient } = node.primitive;
  if (name === "stopGradient") return "it ends every derivative, as it is told to";
  return noGradient ?? `its result is ${node.dtype}, and whole numbers jump`;
}

function remedyFor(node: Tensor): string {
  const { name } = node.primitive;
  if (name === "stopGradient") return "Take the loss from what goes into stopGradient.";
  const counts = node.dtype === "bool" || ["argMax", "argMin", "cast"].includes(name);
  return counts
    ? "A count of right answers, such as accuracy, has no slope to follow. Minimize a loss: crossEntropy or " +
        "sparseCrossEntropy of the logits for classes, binaryCrossEntropyWithLogits for yes or no, the mean of " +
        "square(sub(x, y)) for numbers; accuracy is a metric beside it."
    : "Lead another way from the arguments to the value, through operations that have a derivative.";
}
