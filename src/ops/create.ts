/** Tensors made from a rule instead of data. */
import { checkDType, type DType, isFloat } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { checkShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal } from "./comparison.js";
import { iota } from "./movement.js";

/** Options of operations that make a tensor. */
export interface CreateOptions {
  readonly dtype?: DType;
}

/**
 * Numbers `start, start + step, …` up to, but without, `stop`; with one argument `0, 1, …, start − 1`.
 *
 * Shape `[⌈(stop − start) / step⌉]`, empty where `stop` lies behind `start`. Dtype: int32 where all three are
 * integers, else float32, unless given.
 * @throws {ConfigError} where `step` is 0 or an argument is not finite
 * @example arange(2, 8, 2) // [2, 4, 6]
 */
export function arange(start: number, stop?: number, step = 1, options: CreateOptions = {}): Tensor {
  const first = stop === undefined ? 0 : start;
  const end = stop ?? start;
  if (step === 0 || ![first, end, step].every(Number.isFinite)) {
    throw new ConfigError({
      who: "arange",
      expected: "finite numbers and a step that is not 0",
      received: `start ${first}, stop ${end}, step ${step}`,
    });
  }
  const whole = [first, end, step].every(Number.isInteger);
  const dtype = checkDType("arange", options.dtype ?? (whole ? "int32" : "float32"));
  // Counted in the dtype itself where it is a float, so that fractions of start and step are kept.
  let values = cast(
    iota([Math.max(0, Math.ceil((end - first) / step))]),
    isFloat(dtype) || whole ? countable(dtype) : "float32",
  );
  if (step !== 1) values = mul(values, step);
  if (first !== 0) values = add(values, first);
  return cast(values, dtype);
}

/** uint8 and bool would wrap before the last step. */
function countable(dtype: DType): DType {
  return isFloat(dtype) ? dtype : "int32";
}

/** Options of `linspace`. */
export interface LinspaceOptions extends CreateOptions {
  /** Whether `stop` is the last number (default) or the first one left out. */
  readonly endpoint?: boolean;
}

/**
 * `count` evenly spaced numbers from `start` to `stop`, both hit exactly.
 *
 * Element i is `start·(1 − t) + stop·t` with `t = i / (count − 1)`. Shape `[count]`.
 * @throws {ShapeError} where `count` is no integer ≥ 0
 * @example linspace(0, 1, 5) // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(start: number, stop: number, count: number, options: LinspaceOptions = {}): Tensor {
  const { dtype = "float32", endpoint = true } = options;
  checkDType("linspace", dtype);
  checkShape("linspace", [count]);
  const computed = dtype === "float64" ? "float64" : "float32";
  const t = div(cast(iota([count]), computed), Math.max(1, endpoint ? count - 1 : count));
  return cast(add(mul(sub(1, t), start), mul(t, stop)), dtype);
}

/** Options of `eye`. */
export interface EyeOptions extends CreateOptions {
  /** 0: the main diagonal; above 0 towards the upper right, below 0 towards the lower left. */
  readonly diagonal?: number;
}

/**
 * Ones on a diagonal, zeros elsewhere: the identity matrix by default.
 *
 * Shape `[rows, columns]`; `columns` is `rows` unless given.
 * @throws {ShapeError} where a length is no integer ≥ 0
 * @example eye(2) // [[1, 0], [0, 1]]
 */
export function eye(rows: number, columns = rows, options: EyeOptions = {}): Tensor {
  const { dtype = "float32", diagonal = 0 } = options;
  checkDType("eye", dtype);
  const shape = [rows, columns];
  const row = iota(shape, 0);
  return cast(equal(diagonal === 0 ? row : add(row, diagonal), iota(shape, 1)), dtype);
}
