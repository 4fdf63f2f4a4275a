/** Choice between values, element by element. */
import { broadcastShapes, type Shape } from "../base/shape.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { equal, greater } from "./comparison.js";
import { binary, elementwise, inferElementwise } from "./define.js";
import { toTensors } from "./leaf.js";
import { truth } from "./logic.js";

const selectPrimitive = elementwise("select", 3, {}, ([condition, a, b]) => (condition !== 0 ? a! : b!), {
  opcode: ([, value]) => (value === "float32" || value === "float64" ? "select" : "select.i"),
  infer: (inputs) => inferElementwise("where", 3, inputs),
  vjp: ({ inputs: [condition], gradients: [g] }) => [
    null,
    where(condition!, g!, 0),
    where(condition!, 0, g!),
  ],
});

/**
 * `a` where the condition holds, else `b`, with broadcasting of all three.
 *
 * @example where(greater(x, 0), x, 0)
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const test = truth(condition);
  const { tensors, dtype } = toTensors("where", [a, b]);
  const shape = tensors.reduce<Shape>((meet, t) => broadcastShapes("where", meet, t.shape), test.shape);
  const [x, y] = tensors.map((t) => broadcastTo(cast(t, dtype), shape));
  return createNode(selectPrimitive, [broadcastTo(test, shape), x!, y!]);
}

/** The larger of two, NaN if either is. At equal values the gradient is shared in halves. */
export const maximum = binary("maximum", {
  reference: (a, b) => Math.max(a, b),
  vjp: (g, a, b) => [mul(g, winnerShare(a, b)), mul(g, winnerShare(b, a))],
});

/** The smaller of two, NaN if either is. At equal values the gradient is shared in halves. */
export const minimum = binary("minimum", {
  reference: (a, b) => Math.min(a, b),
  vjp: (g, a, b) => [mul(g, winnerShare(b, a)), mul(g, winnerShare(a, b))],
});

/** 1 where a > b, ½ where equal, else 0. */
function winnerShare(a: Tensor, b: Tensor): Tensor {
  return where(equal(a, b), 0.5, cast(greater(a, b), a.dtype));
}

/** The value limited to [low, high]. */
export function clip(x: TensorLike, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high);
}
