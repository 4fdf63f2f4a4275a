/** Elements added around a tensor. */
import { type DType, weakDType } from "../base/dtype.js";
import { ConfigError, ShapeError, unknownName } from "../base/errors.js";
import { checkList, formatShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { concat } from "./join.js";
import { checkTensor } from "./leaf.js";
import { broadcastTo, embed, slice } from "./movement.js";

const modes = ["constant", "edge", "reflect", "symmetric"] as const;

/** What stands in the padding, for `[a, b, c]`: see `pad`. */
export type PadMode = (typeof modes)[number];

/** Options of `pad`. */
export interface PadOptions {
  /** Default `"constant"`. */
  readonly mode?: PadMode;
  /** The constant; 0 unless given. */
  readonly value?: number;
}

/**
 * Elements added before and after each axis.
 *
 * What is added, for `[a, b, c]` and three places on both sides: `"constant"` `v v v|a b c|v v v`, `"edge"`
 * `a a a|a b c|c c c`, `"reflect"` `b c b|a b c|b a b`, `"symmetric"` `c b a|a b c|c b a`.
 * Shape: `x.shape[i] + before[i] + after[i]`. Dtype: that of `x`.
 * @param widths `[before, after]` for each axis
 * @throws {ShapeError} where there is not one pair of integers ≥ 0 for each axis, an empty axis has nothing to repeat,
 * or an axis whose length is known at run time only is padded
 * @throws {ConfigError} for an unknown mode
 * @example pad(tensor([1, 2]), [[1, 2]], { value: 7 }) // [7, 1, 2, 7, 7]
 * @example pad(tensor([1, 2, 3]), [[2, 1]], { mode: "reflect" }) // [3, 2, 1, 2, 3, 2]
 */
export function pad<D extends DType>(
  x: Tensor<D>,
  widths: readonly (readonly [number, number])[],
  options: PadOptions = {},
): Tensor<D> {
  checkTensor("pad", x);
  checkList("pad", "[before, after] for each axis", widths);
  const { mode = "constant", value = 0 } = options;
  if (
    widths.length !== x.rank ||
    widths.some((pair) => pair.length !== 2 || pair.some((width) => !Number.isInteger(width) || width < 0))
  ) {
    throw new ShapeError({
      who: "pad",
      expected: `[before, after] ≥ 0 for each of ${x.rank} axes`,
      received: JSON.stringify(widths),
    });
  }
  if (!modes.includes(mode)) throw unknownName("pad", "a mode", String(mode), modes);
  if (widths.every(([before, after]) => before === 0 && after === 0)) return x;
  if (weakDType(value, x.dtype) !== x.dtype && !(x.dtype === "bool" && (value === 0 || value === 1))) {
    throw new ConfigError({
      who: "pad",
      expected: `a value that ${x.dtype} can hold`,
      received: String(value),
      fix: 'Convert the tensor first: cast(x, "float32").',
    });
  }
  if (mode !== "constant") return widths.reduce((t, pair, axis) => continued(t, axis, pair, mode), x);
  return embed(
    x,
    x.shape.map((length, axis) => length + widths[axis]![0] + widths[axis]![1]),
    widths.map(([before]) => before),
    widths.map(() => 1),
    value,
  );
}

type Continuation = Exclude<PadMode, "constant">;

/** One axis continued beyond its ends: runs of its own elements, forwards, backwards or standing, joined. */
function continued<D extends DType>(
  x: Tensor<D>,
  axis: number,
  [before, after]: readonly [number, number],
  mode: Continuation,
): Tensor<D> {
  const length = x.shape[axis]!;
  if (before + after === 0) return x;
  if (length === 0) {
    throw new ShapeError({
      who: "pad",
      expected: `elements along axis ${axis} to pad with`,
      received: `shape ${formatShape(x.shape)}`,
      fix: 'Use the mode "constant".',
    });
  }
  return concat(
    runs(before, after, length, mode).map(({ start, step, count }) => {
      const size = x.shape.map((n, a) => (a === axis ? count : n));
      const from = x.shape.map((_, a) => (a === axis ? start : 0));
      const steps = x.shape.map((_, a) => (a === axis ? step || 1 : 1));
      if (step !== 0 || count === 1) return slice(x, from, size, steps);
      const one = size.map((n, a) => (a === axis ? 1 : n));
      return broadcastTo(slice(x, from, one), size);
    }),
    axis,
  );
}

/** Elements of an axis one after another: `count` of them from `start` on. */
interface Run {
  readonly start: number;
  readonly step: -1 | 0 | 1;
  readonly count: number;
}

/** The source of each place from `−before` to `length + after − 1`, as few runs as possible. */
function runs(before: number, after: number, length: number, mode: Continuation): Run[] {
  const result: Run[] = [];
  for (let place = -before; place < length + after; place++) {
    const source = sourceOf(place, length, mode);
    const last = result.at(-1);
    const step = last && source - (last.start + last.step * (last.count - 1));
    const continues = last && (last.count === 1 ? Math.abs(step!) <= 1 : step === last.step);
    if (continues) result[result.length - 1] = { ...last, step: step as Run["step"], count: last.count + 1 };
    else result.push({ start: source, step: 0, count: 1 });
  }
  return result;
}

function sourceOf(place: number, length: number, mode: Continuation): number {
  if (mode === "edge") return Math.min(length - 1, Math.max(0, place));
  // There and back again: reflect turns on the last element, symmetric behind it.
  const period = mode === "reflect" ? Math.max(1, 2 * (length - 1)) : 2 * length;
  const phase = ((place % period) + period) % period;
  if (phase < length) return phase;
  return mode === "reflect" ? period - phase : period - 1 - phase;
}
