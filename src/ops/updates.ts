/** Optimizer updates: one instruction each, because an optimizer's sweep over all weights is bound by instructions. */
import type { DType } from "../base/dtype.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { broadcastTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { elementwise, meetingShape } from "./define.js";
import { toTensors } from "./leaf.js";

/**
 * Exponential average of the gradient: m + share · (g − m) with share = 1 − β, taken as it is because 1 − β in float32
 * would be off by up to 3e-5. Values below 1e-30 become 0 (denormals are slow).
 */
export const adamMoment = ternary("adamMoment", (m, g, share) => flush(m + share * (g - m)));
/** Exponential average of the squared gradient: v + share · (g² − v); values below 1e-30 become 0. */
export const adamVelocity = ternary("adamVelocity", (v, g, share) => flush(v + share * (g * g - v)));
/** p − rate · m / (√v + ε). */
export const adamUpdate = update(
  "adamUpdate",
  5,
  ([p, m, v, rate, epsilon]) => p! - (rate! * m!) / (Math.sqrt(v!) + epsilon!),
);

function ternary(name: string, reference: (a: number, b: number, c: number) => number) {
  return update(name, 3, ([a, b, c]) => reference(a!, b!, c!));
}

function update(name: string, arity: number, reference: (args: readonly number[]) => number) {
  const primitive = elementwise(
    name,
    arity,
    { noGradient: "an optimizer update is not differentiated; use plain operations" },
    reference,
  );
  return (...values: readonly TensorLike[]): Tensor => {
    const { tensors, dtype } = toTensors(name, values);
    const shape = meetingShape(name, tensors);
    const target: DType = dtype === "float64" ? dtype : "float32";
    return createNode(
      primitive,
      tensors.map((t) => broadcastTo(cast(t, target), shape)),
    );
  };
}

function flush(x: number): number {
  return Math.abs(x) < 1e-30 ? 0 : x;
}
