/** The linear recurrence: what running sums and products, their derivatives, discounted sums and averages are made of. */
import type { NDArray } from "../base/array.js";
import { allocateArray } from "../base/dtype.js";
import { broadcastShapes, normalizeAxis, type Shape, sizeOf } from "../base/shape.js";
import { definePrimitive, type KernelPrimitive } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { add, mul } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { toSummable } from "./convert.js";
import { commonExtent } from "./define.js";
import { toTensors } from "./leaf.js";

/** How a running operation goes along its axis. */
export interface Run {
  readonly axis: number;
  /** From the last element to the first. */
  readonly reverse: boolean;
  /** The state before each element instead of after it. */
  readonly exclusive: boolean;
}

const recurrencePrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "linearRecurrence",
  kind: "kernel",
  infer: ([a, b]) => ({
    shape: b!.shape,
    dtype: b!.dtype,
    extent: commonExtent("linearRecurrence", [a!, b!]),
  }),
  reference: ([a, b], attributes) => {
    const { start } = attributes as unknown as Recurrence;
    const whole = b!.dtype === "int32";
    const step = (state: number, i: number) =>
      whole ? (Math.imul(a!.data[i]!, state) + b!.data[i]!) | 0 : a!.data[i]! * state + b!.data[i]!;
    // Without a start the first state is b alone: an infinite a times no state would be NaN.
    return [
      running(b!, attributes as unknown as Run, start, (i) => (start ? step(start, i) : b!.data[i]!), step),
    ];
  },
  words: (attributes) => {
    const { axis, reverse, exclusive, start } = attributes as unknown as Recurrence;
    return [axis, Number(reverse), Number(exclusive), start];
  },
  flop: ([, b]) => 2 * sizeOf(b!.shape),
  repeatedInputs: [0, 1],
  // ∂y_i/∂a_i = y_{i−1}, ∂y_i/∂b_i = 1, times the gradient of the state.
  vjp: ({ node, inputs: [a, b], outputs: [y], gradients: [g] }) => {
    const run = node.attributes as unknown as Recurrence;
    const s = stateGradient(a!, g!, run);
    return [mul(s, run.exclusive ? y! : recurrence(a!, b!, { ...run, exclusive: true })), s];
  },
});

/** The state before the first element is `start`. */
export interface Recurrence extends Run {
  readonly start: 0 | 1;
}

/** The node; `a` and `b` have one shape and dtype. */
export function recurrence(a: Tensor, b: Tensor, { axis, reverse, exclusive, start }: Recurrence): Tensor {
  return createNode(recurrencePrimitive, [a, b], { axis, reverse, exclusive, start });
}

/** The gradient of each state y_i, of which `a_{i+1}` goes on into the next: `s_i = g_i + a_{i+1} · s_{i+1}`. */
export function stateGradient(a: Tensor, g: Tensor, { axis, reverse, exclusive }: Run): Tensor {
  const back = { axis, reverse: !reverse, exclusive: true, start: 0 } as const;
  // Of exclusive results y_i is the one at i + 1, which is what this recurrence, exclusive itself, hands back.
  return exclusive ? recurrence(a, g, back) : add(g, recurrence(a, mul(a, g), back));
}

/** The oracle of running operations: `first(i)` and `next(state, i)` give the states along an axis. */
export function running(
  x: NDArray,
  { axis, reverse, exclusive }: Run,
  before: number,
  first: (i: number) => number,
  next: (state: number, i: number) => number,
): NDArray {
  const data = allocateArray(x.dtype, x.data.length);
  const n = x.shape[axis]!;
  const inner = sizeOf(x.shape.slice(axis + 1));
  for (let outer = 0; outer < data.length; outer += n * inner) {
    for (let lane = 0; lane < inner; lane++) {
      let state = before;
      for (let k = 0; k < n; k++) {
        const i = outer + (reverse ? n - 1 - k : k) * inner + lane;
        const following = k === 0 ? first(i) : next(state, i);
        data[i] = exclusive ? state : following;
        state = following;
      }
    }
  }
  return { shape: x.shape, dtype: x.dtype, data };
}

/** Options of `linearRecurrence`. */
export interface RecurrenceOptions {
  /** From the last element to the first: `y_i = a_i · y_{i+1} + b_i`. */
  readonly reverse?: boolean;
}

/**
 * Each element from the one before it: `y_i = a_i · y_{i−1} + b_i` along an axis, with `y_{−1} = 0`.
 *
 * With a number for `a`: discounted sums (`reverse`), and with `b = (1 − a) · x` exponential averages. Float32 states are
 * kept in double precision. Shapes broadcast. Dtype: that in which the two meet; bool and uint8 become int32.
 * @throws {ShapeError} for an axis out of range or shapes that do not broadcast
 * @example linearRecurrence(0.5, tensor([1, 1, 1]), 0) // [1, 1.5, 1.75]
 * @example linearRecurrence(0.5, tensor([4, 2, 8]), 0, { reverse: true }) // [7, 6, 8]
 */
export function linearRecurrence(
  a: TensorLike,
  b: TensorLike,
  axis: number,
  options: RecurrenceOptions = {},
): Tensor {
  const { tensors, dtype } = toTensors("linearRecurrence", [a, b]);
  const [factor, term] = tensors.map((t) => toSummable("linearRecurrence", cast(t, dtype))) as [
    Tensor,
    Tensor,
  ];
  const shape: Shape = broadcastShapes("linearRecurrence", factor.shape, term.shape);
  const at = normalizeAxis("linearRecurrence", axis, shape.length);
  const extent = commonExtent("linearRecurrence", [factor, term]);
  const operands = [broadcastTo(factor, shape, extent), broadcastTo(term, shape, extent)] as const;
  const { reverse = false } = options;
  return recurrence(...operands, { axis: at, reverse, exclusive: false, start: 0 });
}
