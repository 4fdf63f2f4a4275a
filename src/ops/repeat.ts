/** Copies of a tensor beside each other. */
import type { DType } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { checkList, formatShape, mostAxes, normalizeAxis, sizeOf } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { gather } from "./indexing.js";
import { checkTensor, constant } from "./leaf.js";
import { broadcastTo, reshape } from "./movement.js";

/**
 * The whole tensor repeated along each axis.
 *
 * Shape: `x.shape[i] · repetitions[i]`.
 * @throws {ShapeError} where there is not one number for each axis
 * @throws {ConfigError} where a number is no integer ≥ 0
 * @example tile(tensor([[1, 2]]), [2, 2]) // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function tile<D extends DType>(x: Tensor<D>, repetitions: readonly number[]): Tensor<D> {
  checkTensor("tile", x);
  checkList("tile", "repetitions", repetitions);
  if (repetitions.length !== x.rank) {
    throw new ShapeError({
      who: "tile",
      expected: `one repetition for each of ${x.rank} axes`,
      received: formatShape(repetitions),
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  for (const n of repetitions) checkCount("tile", n);
  if (x.extent && repetitions[x.extent.axis] !== 1) {
    throw new ShapeError({
      who: "tile",
      expected: "the batch axis as it is",
      received: `repetitions ${formatShape(repetitions)}`,
      fix: "The length of that axis is known at run time only; tile the other axes.",
    });
  }
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
function tileAxis<D extends DType>(x: Tensor<D>, axis: number, n: number): Tensor<D> {
  const [blocks, block] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))];
  return reshape(
    broadcastTo(reshape(x, [blocks, 1, block]), [blocks, n, block]),
    x.shape.map((length, a) => (a === axis ? length * n : length)),
  );
}

/**
 * Each element along an axis repeated in place.
 *
 * Shape: that of `x` with `times` as many elements along the axis, or as many as the list adds up to.
 * @param times how often each, or a list with a number for each element
 * @param axis absent: over all elements in row-major order, which gives a vector
 * @throws {ShapeError} for an axis out of range, or a list that has not one number for each element
 * @throws {ConfigError} where a number is no integer ≥ 0
 * @example repeat(tensor([1, 2]), 3) // [1, 1, 1, 2, 2, 2]
 * @example repeat(tensor([[1, 2], [3, 4]]), [2, 1], 0) // [[1, 2], [1, 2], [3, 4]]
 */
export function repeat<D extends DType>(
  x: Tensor<D>,
  times: number | readonly number[],
  axis?: number,
): Tensor<D> {
  checkTensor("repeat", x);
  if (axis === undefined) return repeat(reshape(x, [x.size]), times, 0);
  const at = normalizeAxis("repeat", axis, x.rank);
  if (typeof times !== "number") return repeatEach(x, times, at);
  checkCount("repeat", times);
  if (times === 1) return x;
  const [before, after] = [x.shape.slice(0, at + 1), x.shape.slice(at + 1)];
  return reshape(
    broadcastTo(reshape(x, [...before, 1, ...after]), [...before, times, ...after]),
    x.shape.map((length, a) => (a === at ? length * times : length)),
  );
}

function repeatEach<D extends DType>(x: Tensor<D>, times: readonly number[], axis: number): Tensor<D> {
  for (const n of times) checkCount("repeat", n);
  if (times.length !== x.shape[axis]) {
    throw new ShapeError({
      who: "repeat",
      expected: `one number for each of ${x.shape[axis]} elements of axis ${axis}`,
      received: `${times.length} numbers`,
      fix: `The input has shape ${formatShape(x.shape)}.`,
    });
  }
  const source = Int32Array.from(times.flatMap((n, i) => new Array<number>(n).fill(i)));
  const indices = constant({ shape: [source.length], dtype: "int32", data: source });
  return gather(x, indices, axis) as Tensor<D>;
}

function checkCount(who: string, times: number): void {
  if (Number.isInteger(times) && times >= 0) return;
  throw new ConfigError({ who, expected: "repetitions that are integers ≥ 0", received: String(times) });
}
