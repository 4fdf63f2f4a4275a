/** Parts named as NumPy names them: an index or a range for each axis. */
import type { DType } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { checkTensor } from "./leaf.js";
import { reshape, slice } from "./movement.js";

/**
 * Elements from `start` up to, but without, `stop`, every `step`-th. Negative bounds count from the end; one that is
 * `null` or left out is the end it stands at, and bounds beyond an end are that end. `[]` is the whole axis.
 */
export type Range = readonly [start?: number | null, stop?: number | null, step?: number | null];

/** What `at` takes for an axis: an index (the axis goes), a range (it stays), or `"..."` for all axes not named. */
export type AxisPart = number | Range | "...";

/**
 * The part at the given indices and ranges, one for each axis from the first on; axes not named stay whole. No element
 * is copied.
 *
 * `at(x, 0, [1, 3])` is NumPy's `x[0, 1:3]`, `at(x, "...", [null, null, -1])` its `x[..., ::-1]`. Negative indices count
 * from the end.
 * Shape: an index drops its axis, a range leaves as many elements as it names.
 * @throws {ShapeError} for an index outside its axis, more parts than axes, or a part of an axis whose length is known
 * at run time only
 * @throws {ConfigError} for bounds that are no integers, a step of 0 or a second `"..."`
 * @example at(tensor([[1, 2, 3], [4, 5, 6]]), -1) // [4, 5, 6]
 * @example at(tensor([[1, 2, 3], [4, 5, 6]]), [], [1]) // [[2, 3], [5, 6]]
 * @example at(tensor([1, 2, 3, 4, 5]), [null, null, -2]) // [5, 3, 1]
 * @example at(tensor([[1, 2, 3], [4, 5, 6]]), "...", 0) // [1, 4]
 */
export function at<D extends DType>(x: Tensor<D>, ...parts: AxisPart[]): Tensor<D> {
  checkTensor("at", x);
  const perAxis = spread(x, parts);
  const start: number[] = [];
  const size: number[] = [];
  const step: number[] = [];
  perAxis.forEach((part, axis) => {
    const length = x.shape[axis]!;
    const [first, count, by] =
      typeof part === "number" ? one(part, length, axis) : several(part, length, axis);
    start.push(first);
    size.push(count);
    step.push(by);
  });
  const shape = size.filter((_, axis) => typeof perAxis[axis] !== "number");
  return reshape(slice(x, start, size, step), shape);
}

/** One part for each axis. */
function spread(x: Tensor, parts: readonly AxisPart[]): (number | Range)[] {
  const gap = parts.indexOf("...");
  const before = (gap < 0 ? parts : parts.slice(0, gap)) as (number | Range)[];
  const after = (gap < 0 ? [] : parts.slice(gap + 1)) as (number | Range)[];
  if (parts.lastIndexOf("...") !== gap) {
    throw new ConfigError({ who: "at", expected: 'at most one "..."', received: JSON.stringify(parts) });
  }
  const missing = x.rank - before.length - after.length;
  if (missing < 0) {
    throw new ShapeError({
      who: "at",
      expected: `at most ${x.rank} indices or ranges`,
      received: String(before.length + after.length),
      fix: `The tensor has shape ${formatShape(x.shape)}.`,
    });
  }
  return [...before, ...new Array<Range>(missing).fill([]), ...after];
}

function one(index: number, length: number, axis: number): [number, number, number] {
  const place = index < 0 ? index + length : index;
  if (!Number.isInteger(index) || place < 0 || place >= length) {
    throw new ShapeError({
      who: "at",
      expected:
        length === 0
          ? `an axis ${axis} with elements`
          : `an index from ${-length} to ${length - 1} for axis ${axis}`,
      received: length === 0 ? `index ${index} into length 0` : `index ${index}`,
    });
  }
  return [place, 1, 1];
}

function several(range: Range, length: number, axis: number): [number, number, number] {
  const [first, last, by] = range;
  const step = by ?? 1;
  const bounds = [first ?? 0, last ?? 0, step];
  if (!Array.isArray(range) || range.length > 3 || step === 0 || !bounds.every(Number.isInteger)) {
    throw new ConfigError({
      who: "at",
      expected: `an index or a range [start, stop, step] of integers with a step that is not 0 for axis ${axis}`,
      received: JSON.stringify(range) ?? String(range),
    });
  }
  // Backwards a range may stop before the first element, at −1.
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (value: number) => Math.min(highest, Math.max(lowest, value < 0 ? value + length : value));
  const start = first == null ? (step > 0 ? lowest : highest) : bound(first);
  const stop = last == null ? (step > 0 ? highest : lowest) : bound(last);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  return [count === 0 ? 0 : start, count, step];
}
