import { isFloat } from "../base/dtype.js";
import { GradientError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { setDifferentiate } from "../ops/body.js";
import { add, broadcastTo } from "../ops/index.js";
import { scalar } from "../ops/leaf.js";
import { results } from "../ops/pick.js";

/**
 * Reverse-mode differentiation: the graph that computes Σ seed · ∂output/∂target for each target.
 *
 * The result is built from the same operations, so it can be differentiated again. A target that no output depends
 * on gets null.
 * @param outputs float tensors
 * @param targets nodes of the graph behind the outputs
 * @param seeds one gradient per output, of its shape; default: ones
 * @throws {GradientError} where the path to a target crosses an operation without derivative
 */
export function vjp(
  outputs: readonly Tensor[],
  targets: readonly Tensor[],
  seeds?: readonly Tensor[],
): (Tensor | null)[] {
  const isTarget = new Set(targets);
  const order = topologicalOrder(outputs);
  const active = new Set<Tensor>();
  for (const node of order) {
    if (isTarget.has(node) || (carriesGradient(node) && node.inputs.some((input) => active.has(input))))
      active.add(node);
  }
  const gradients = new Map<Tensor, (Tensor | null)[]>();
  const accumulate = (node: Tensor, output: number, gradient: Tensor) => {
    const slots = gradients.get(node) ?? node.outputs.map(() => null);
    const before = slots[output];
    slots[output] = before ? add(before, gradient) : gradient;
    gradients.set(node, slots);
  };
  outputs.forEach((output, i) => {
    if (active.has(output))
      accumulate(output, 0, seeds?.[i] ?? broadcastTo(scalar(1, output.dtype), output.shape, output.extent));
  });
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const received = gradients.get(node);
    if (!received || !active.has(node) || node.inputs.length === 0) continue;
    if (node.primitive.name === "pick") {
      if (received[0]) accumulate(node.inputs[0]!, node.attributes.index as number, received[0]);
      continue;
    }
    if (!node.inputs.some((input) => active.has(input))) continue;
    pull(node, received, active, accumulate);
  }
  return targets.map((target) => gradients.get(target)?.[0] ?? null);
}

/** Integers carry no gradient: a path through a comparison or an index is simply not a path. */
function carriesGradient(node: Tensor): boolean {
  return node.primitive.name !== "stopGradient" && node.outputs.some(({ dtype }) => isFloat(dtype));
}

function pull(
  node: Tensor,
  received: readonly (Tensor | null)[],
  active: ReadonlySet<Tensor>,
  accumulate: (node: Tensor, output: number, gradient: Tensor) => void,
): void {
  const { primitive } = node;
  if (!primitive.vjp) {
    throw new GradientError({
      who: primitive.name,
      expected: "an operation with a derivative",
      received: `a gradient for ${primitive.name}, which has none${primitive.noGradient ? `: ${primitive.noGradient}` : ""}`,
      fix: "Use stopGradient(x) where the value should count as a constant.",
    });
  }
  const outputs = node.outputs.length === 1 ? [node] : results(node);
  const pulled = primitive.vjp({ node, inputs: node.inputs, outputs, gradients: received });
  pulled.forEach((gradient, i) => {
    const input = node.inputs[i]!;
    if (!gradient || !active.has(input) || !isFloat(input.dtype)) return;
    if (!sameShape(gradient.shape, input.shape)) {
      throw new ShapeError({
        who: `${primitive.name} (derivative)`,
        expected: `a gradient of shape ${formatShape(input.shape)}`,
        received: formatShape(gradient.shape),
      });
    }
    accumulate(input, 0, gradient);
  });
}

setDifferentiate(vjp);
