/** Choice between values, element by element. */
import { ConfigError } from "../base/errors.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { equal, greater, less } from "./comparison.js";
import { type BinaryResult, binary, elementwise, meetingShape } from "./define.js";
import { toTensors } from "./leaf.js";
import { truth } from "./logic.js";

const wherePrimitive = elementwise(
  "where",
  3,
  { opcode: ([, value]) => (value === "float32" || value === "float64" ? "select" : "select.i") },
  ([condition, a, b]) => (condition !== 0 ? a! : b!),
  {
    vjp: ({ inputs: [condition], gradients: [g] }) => [
      null,
      where(condition!, g!, 0),
      where(condition!, 0, g!),
    ],
  },
);

/**
 * `a` where the condition holds, else `b`, element by element.
 *
 * Shape: that of all three broadcast. Dtype: the later of a and b; the condition is true where it is not 0. The side not
 * taken gets the gradient 0.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example where(tensor([true, false]), tensor([1, 2]), 0) // [1, 0]
 */
export function where<A extends TensorLike, B extends TensorLike>(
  condition: TensorLike,
  a: A,
  b: B,
): BinaryResult<"any", A, B> {
  const test = truth("where", condition);
  const { tensors, dtype } = toTensors("where", [a, b]);
  const shape = meetingShape("where", [test, ...tensors]);
  const [x, y] = tensors.map((t) => broadcastTo(cast(t, dtype), shape));
  return createNode(wherePrimitive, [broadcastTo(test, shape), x!, y!]) as never;
}

/**
 * The larger of two, element by element; NaN where either is.
 *
 * Shape: that of both broadcast. Dtype: as for `add`. At equal values the gradient is shared in halves.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example maximum(tensor([1, -2]), 0) // [1, 0]
 */
export const maximum = binary("maximum", {
  reference: (a, b) => Math.max(a, b),
  vjp: (g, a, b) => [mul(g, winnerShare(a, b)), mul(g, winnerShare(b, a))],
});

/**
 * The smaller of two, element by element; NaN where either is.
 *
 * Shape: that of both broadcast. Dtype: as for `add`. At equal values the gradient is shared in halves.
 * @throws {ShapeError} where the shapes do not broadcast
 * @example minimum(tensor([1, -2]), 0) // [0, -2]
 */
export const minimum = binary("minimum", {
  reference: (a, b) => Math.min(a, b),
  vjp: (g, a, b) => [mul(g, winnerShare(b, a)), mul(g, winnerShare(a, b))],
});

/** 1 where a > b, ½ where equal, else 0. */
function winnerShare(a: Tensor, b: Tensor): Tensor {
  return where(equal(a, b), 0.5, cast(greater(a, b), a.dtype));
}

/**
 * The value limited to [low, high], element by element; NaN stays NaN, and a bound that is NaN does not bind.
 *
 * Shape: that of all three broadcast. Dtype: as for `add`. Where a bound is passed, it gets the gradient, else the value.
 * @param low the least value, a number or a tensor; −Infinity for none
 * @param high the greatest value, a number or a tensor; Infinity for none. Where it is below `low` it wins
 * @throws {ConfigError} where both are numbers and `low` is above `high`
 * @throws {ShapeError} where the shapes do not broadcast
 * @example clip(tensor([-2, 0.5, 3]), -1, 1) // [-1, 0.5, 1]
 */
export function clip<X extends TensorLike, L extends TensorLike, H extends TensorLike>(
  x: X,
  low: L,
  high: H,
): BinaryResult<"number", BinaryResult<"number", X, L>, H> {
  if (typeof low === "number" && typeof high === "number" && low > high) {
    throw new ConfigError({
      who: "clip",
      expected: "a lower bound that is at most the upper one",
      received: `${low} and ${high}`,
      fix: "Swap them.",
    });
  }
  const { tensors, dtype } = toTensors("clip", [x, low, high]);
  meetingShape("clip", tensors);
  const [value, least, greatest] = tensors.map((t) => cast(t, dtype === "bool" ? "int32" : dtype));
  const raised = where(less(value!, least!), least!, value!);
  return where(greater(raised, greatest!), greatest!, raised) as never;
}
