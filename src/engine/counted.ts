/** Results whose size depends on the data: it is read, or given. */
import type { DType } from "../base/dtype.js";
import { BackendError, ConfigError, ShapeError, TraceError } from "../base/errors.js";
import type { Tensor } from "../graph/tensor.js";
import { type Distinct, distinct } from "../ops/distinct.js";
import { slice } from "../ops/movement.js";
import { coordinatesOf, firstNonzero } from "../ops/nonzero.js";
import { backend } from "./device.js";
import { readElements, realizeSync } from "./realize.js";

/** Options of `nonzero` and `unique`. */
export interface CountedOptions {
  /** Length of the result. Needed inside `jit`; outside it is what was found. */
  readonly size?: number;
  /** What stands where less than `size` was found. Default: 0 for `nonzero`, the smallest element for `unique`. */
  readonly fill?: number;
}

/**
 * The coordinates of the elements that are not zero (or not false), in row-major order.
 *
 * Shape `[found, rank]`, as `gatherNd` takes it; with `size` `[size, rank]`: what is found beyond is left out, what is
 * missing filled with `fill`. Dtype: int32; no derivative. Without `size` it computes at once, since it has to know how
 * many there are.
 * @throws {TraceError} inside `jit` without `size`
 * @throws {BackendError} without `size` where the backend can't answer at once
 * @throws {ConfigError} where `size` is no integer ≥ 0, or `fill` none of int32
 * @throws {ShapeError} for a scalar
 * @example nonzero(tensor([0, 3, 0, 5])) // [[1], [3]]
 * @example nonzero(tensor([0, 3, 0, 5]), { size: 3, fill: -1 }) // [[1], [3], [-1]]
 */
export function nonzero(x: Tensor, options: CountedOptions = {}): Tensor<"int32"> {
  if (x.rank === 0) {
    throw new ShapeError({
      who: "nonzero",
      expected: "a tensor with axes",
      received: "a scalar",
      fix: "Read it with item(), or use where(x, …).",
    });
  }
  const { fill = 0 } = options;
  if (!Number.isInteger(fill)) {
    throw new ConfigError({ who: "nonzero", expected: "a fill that is an integer", received: String(fill) });
  }
  const size = checkedSize("nonzero", options.size);
  const found = firstNonzero(x, size ?? x.size, 0);
  const coordinates = coordinatesOf(found, x.shape, fill);
  if (size !== undefined) return coordinates;
  const count = read("nonzero", found.count, [coordinates]);
  return slice(coordinates, [0, 0], [count, x.rank]);
}

/**
 * The distinct elements in ascending order, how often each occurs, and which one each element is:
 * `gather(values, inverse)` is `x` again. Equal zeros of both signs are one, and so are all NaN, which come last.
 *
 * Shapes `values [found]`, `counts [found]`, `inverse` like `x`; with `size` `values` and `counts` are `[size]`: what is
 * found beyond is left out, what is missing filled with `fill` and a count of 0. Counts and inverse are int32 and cost
 * nothing unless they are read. The gradient of a value goes to the first element that equals it. Without `size` it
 * computes at once, since it has to know how many there are.
 * @throws {TraceError} inside `jit` without `size`
 * @throws {BackendError} without `size` where the backend can't answer at once
 * @throws {ConfigError} where `size` is no integer ≥ 0
 * @example unique(tensor([3, 1, 3])).values // [1, 3]
 * @example unique(tensor([3, 1, 3])).counts // [1, 2]
 * @example unique(tensor([3, 1, 3])).inverse // [1, 0, 1]
 * @example unique(tensor([3, 1, 3]), { size: 3, fill: -1 }).values // [1, 3, -1]
 */
export function unique<D extends DType>(x: Tensor<D>, options: CountedOptions = {}): Distinct<D> {
  const size = checkedSize("unique", options.size);
  const { values, inverse, counts, count } = distinct(x, size ?? x.size, options.fill);
  if (size !== undefined) return { values, inverse, counts };
  const found = read("unique", count, [values]);
  return { values: slice(values, [0], [found]), inverse, counts: slice(counts, [0], [found]) };
}

/** The count, computed in one program with what is wanted besides. */
function read(who: string, count: Tensor, besides: readonly Tensor[]): number {
  if (count.depth === Number.POSITIVE_INFINITY) {
    throw new TraceError({
      who,
      expected: "a size, { size, fill }, for a result inside jit",
      received: "none",
      fix: "How many elements there are is known only when the program runs: name the most there can be.",
    });
  }
  if (!backend().synchronous) {
    throw new BackendError({
      who,
      expected: "a backend that can answer at once",
      received: backend().name,
      fix: "Give the size of the result, { size, fill }.",
    });
  }
  realizeSync([count, ...besides]);
  return readElements(count)[0]!;
}

function checkedSize(who: string, size: number | undefined): number | undefined {
  if (size === undefined || (Number.isInteger(size) && size >= 0)) return size;
  throw new ConfigError({ who, expected: "a size that is an integer ≥ 0", received: String(size) });
}
