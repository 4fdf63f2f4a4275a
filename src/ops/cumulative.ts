/** Running totals. */
import { normalizeAxis } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import { toSummable } from "./convert.js";
import { flip, slice } from "./movement.js";
import { pad } from "./pad.js";

/** Options of `cumSum`. */
export interface CumulativeOptions {
  /** From the last element to the first. */
  readonly reverse?: boolean;
  /** Without the element itself: the total of those before it. */
  readonly exclusive?: boolean;
}

/**
 * Running total along an axis: `y_i = x_0 + … + x_i`; bool and uint8 are added up as int32.
 *
 * In ⌈log₂ n⌉ sweeps, each adding what stands 1, 2, 4, … places before; errors grow with log n instead of n.
 * Shape: same as `x`.
 * @throws {ShapeError} for an axis out of range
 * @example cumSum(tensor([1, 2, 3]), 0) // [1, 3, 6]
 */
export function cumSum(x: Tensor, axis: number, options: CumulativeOptions = {}): Tensor {
  const at = normalizeAxis("cumSum", axis, x.rank);
  const forward = options.reverse ? flip(toSummable("cumSum", x), at) : toSummable("cumSum", x);
  let total = options.exclusive ? shifted(forward, at, 1) : forward;
  for (let distance = 1; distance < x.shape[at]!; distance *= 2)
    total = add(total, shifted(total, at, distance));
  return options.reverse ? flip(total, at) : total;
}

/** Moved towards the end of the axis; zeros come in. */
function shifted(x: Tensor, axis: number, distance: number): Tensor {
  const kept = Math.max(0, x.shape[axis]! - distance);
  const front = slice(
    x,
    x.shape.map(() => 0),
    x.shape.map((length, a) => (a === axis ? kept : length)),
  );
  return pad(
    front,
    x.shape.map((length, a): [number, number] => (a === axis ? [length - kept, 0] : [0, 0])),
  );
}
