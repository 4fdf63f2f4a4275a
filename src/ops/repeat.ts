/** Copies of a tensor beside each other. */
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, mostAxes, normalizeAxis, sizeOf } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { broadcastTo, reshape } from "./movement.js";

/**
 * The whole tensor repeated along each axis.
 *
 * Shape: `x.shape[i] · repetitions[i]`.
 * @throws {ShapeError} where there is not one number for each axis
 * @throws {ConfigError} where a number is no integer ≥ 0
 * @example tile(tensor([[1, 2]]), [2, 2]) // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function tile(x: Tensor, repetitions: readonly number[]): Tensor {
  if (repetitions.length !== x.rank) {
    throw new ShapeError({
      who: "tile",
      expected: `one repetition for each of ${x.rank} axes`,
      received: formatShape(repetitions),
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  for (const n of repetitions) checkCount("tile", n);
  const repeated = repetitions.flatMap((n, axis) => (n === 1 ? [] : [axis]));
  if (x.rank + repeated.length > mostAxes) {
    const last = repeated.pop()!;
    const others = repetitions.map((n, axis) => (axis === last ? 1 : n));
    return tileAxis(tile(x, others), last, repetitions[last]!);
  }
  const split = x.shape.flatMap((length, axis) => (repetitions[axis] === 1 ? [length] : [1, length]));
  const stretched = x.shape.flatMap((length, axis) =>
    repetitions[axis] === 1 ? [length] : [repetitions[axis]!, length],
  );
  return reshape(
    broadcastTo(reshape(x, split), stretched),
    x.shape.map((length, axis) => length * repetitions[axis]!),
  );
}

/** One axis alone: everything from it on is a block that repeats. */
function tileAxis(x: Tensor, axis: number, n: number): Tensor {
  const [blocks, block] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))];
  return reshape(
    broadcastTo(reshape(x, [blocks, 1, block]), [blocks, n, block]),
    x.shape.map((length, a) => (a === axis ? length * n : length)),
  );
}

/**
 * Each element along an axis repeated in place.
 *
 * Shape: that of `x` with `times` as many elements along the axis.
 * @throws {ConfigError} where `times` is no integer ≥ 0
 * @example repeat(tensor([1, 2]), 3, 0) // [1, 1, 1, 2, 2, 2]
 */
export function repeat(x: Tensor, times: number, axis: number): Tensor {
  const at = normalizeAxis("repeat", axis, x.rank);
  checkCount("repeat", times);
  if (times === 1) return x;
  const [before, after] = [x.shape.slice(0, at + 1), x.shape.slice(at + 1)];
  return reshape(
    broadcastTo(reshape(x, [...before, 1, ...after]), [...before, times, ...after]),
    x.shape.map((length, a) => (a === at ? length * times : length)),
  );
}

function checkCount(who: string, times: number): void {
  if (Number.isInteger(times) && times >= 0) return;
  throw new ConfigError({ who, expected: "repetitions that are integers ≥ 0", received: String(times) });
}
