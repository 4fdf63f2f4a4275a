/** Tensors made from a rule instead of data. */
import { checkDType, type DType, isFloat } from "../base/dtype.js";
import { ConfigError, ShapeError, unknownName } from "../base/errors.js";
import { checkShape, formatShape, type Shape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add, div, mul, sub } from "./arithmetic.js";
import { broadcastTo, reshape } from "./broadcast.js";
import { cast } from "./cast.js";
import { equal } from "./comparison.js";
import { refuseTwoLengths } from "./fixedAxes.js";
import { iota } from "./iota.js";
import { checkTensor, scalar } from "./leaf.js";

/**
 * A tensor of one value, which costs no memory.
 *
 * @throws {ShapeError} where a length is no integer ≥ 0
 * @throws {ConfigError} for an unknown dtype
 * @example full([2, 3], 7) // [[7, 7, 7], [7, 7, 7]]
 */
export function full<D extends DType = "float32">(
  shape: Shape,
  value: number | boolean,
  dtype?: D,
): Tensor<D> {
  return filled("full", shape, value, dtype);
}

/**
 * A tensor of zeros, which costs no memory.
 *
 * @throws {ShapeError} where a length is no integer ≥ 0
 * @throws {ConfigError} for an unknown dtype
 * @example zeros([2, 2]) // [[0, 0], [0, 0]]
 */
export function zeros<D extends DType = "float32">(shape: Shape, dtype?: D): Tensor<D> {
  return filled("zeros", shape, 0, dtype);
}

/**
 * A tensor of ones, which costs no memory.
 *
 * @throws {ShapeError} where a length is no integer ≥ 0
 * @throws {ConfigError} for an unknown dtype
 * @example ones([3], "int32") // [1, 1, 1]
 */
export function ones<D extends DType = "float32">(shape: Shape, dtype?: D): Tensor<D> {
  return filled("ones", shape, 1, dtype);
}

function filled<D extends DType>(
  who: string,
  shape: Shape,
  value: number | boolean,
  dtype: D | undefined,
): Tensor<D> {
  checkShape(who, shape);
  return broadcastTo(scalar(value, checkDType(who, dtype ?? "float32")), shape) as Tensor<D>;
}

/**
 * One value in the shape of another tensor, and in its dtype unless one is given.
 *
 * @throws {ConfigError} for an unknown dtype
 * @example fullLike(tensor([1, 2, 3]), 7) // [7, 7, 7]
 */
export function fullLike<X extends DType, D extends DType = X>(
  x: Tensor<X>,
  value: number | boolean,
  dtype?: D,
): Tensor<D> {
  return filledLike("fullLike", x, value, dtype);
}

/**
 * Zeros in the shape of another tensor, and in its dtype unless one is given.
 *
 * @throws {ConfigError} for an unknown dtype
 * @example zerosLike(tensor([1, 2, 3])) // [0, 0, 0]
 */
export function zerosLike<X extends DType, D extends DType = X>(x: Tensor<X>, dtype?: D): Tensor<D> {
  return filledLike("zerosLike", x, 0, dtype);
}

/**
 * Ones in the shape of another tensor, and in its dtype unless one is given.
 *
 * @throws {ConfigError} for an unknown dtype
 * @example onesLike(tensor([1, 2, 3]), "int32") // [1, 1, 1]
 */
export function onesLike<X extends DType, D extends DType = X>(x: Tensor<X>, dtype?: D): Tensor<D> {
  return filledLike("onesLike", x, 1, dtype);
}

function filledLike<D extends DType>(
  who: string,
  x: Tensor,
  value: number | boolean,
  dtype: D | undefined,
): Tensor<D> {
  checkTensor(who, x);
  return broadcastTo(scalar(value, checkDType(who, dtype ?? x.dtype)), x.shape, x.extent) as Tensor<D>;
}

/** Options of operations that make a tensor. */
export interface CreateOptions<D extends DType = DType> {
  readonly dtype?: D;
}

/**
 * Numbers `start, start + step, …` up to, but without, `stop`; with one argument `0, 1, …, start − 1`.
 *
 * Shape `[⌈(stop − start) / step⌉]`, empty where `stop` lies behind `start`. Dtype: int32 where all three are
 * integers, else float32, unless given.
 * @throws {ConfigError} where `step` is 0 or an argument is not finite
 * @example arange(2, 8, 2) // [2, 4, 6]
 */
export function arange<D extends DType = "int32" | "float32">(
  start: number,
  stop?: number,
  step = 1,
  options: CreateOptions<D> = {},
): Tensor<D> {
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
  let values: Tensor = cast(
    iota([Math.max(0, Math.ceil((end - first) / step))]),
    isFloat(dtype) || whole ? countable(dtype) : "float32",
  );
  if (step !== 1) values = mul(values, step);
  if (first !== 0) values = add(values, first);
  return cast(values, dtype) as Tensor<D>;
}

/** uint8 and bool would wrap before the last step. */
function countable(dtype: DType): DType {
  return isFloat(dtype) ? dtype : "int32";
}

/** Options of `linspace`. */
export interface LinspaceOptions<D extends DType = DType> extends CreateOptions<D> {
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
export function linspace<D extends DType = "float32">(
  start: number,
  stop: number,
  count: number,
  options: LinspaceOptions<D> = {},
): Tensor<D> {
  const { dtype = "float32", endpoint = true } = options;
  checkDType("linspace", dtype);
  checkShape("linspace", [count]);
  const computed = dtype === "float64" ? "float64" : "float32";
  const t = div(cast(iota([count]), computed), Math.max(1, endpoint ? count - 1 : count));
  return cast(add(mul(sub(1, t), start), mul(t, stop)), dtype) as Tensor<D>;
}

/** Options of `eye`. */
export interface EyeOptions<D extends DType = DType> extends CreateOptions<D> {
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
export function eye<D extends DType = "float32">(
  rows: number,
  columns = rows,
  options: EyeOptions<D> = {},
): Tensor<D> {
  const { dtype = "float32", diagonal = 0 } = options;
  checkDType("eye", dtype);
  const shape = [rows, columns];
  checkShape("eye", shape);
  const row = iota(shape, 0);
  return cast(equal(diagonal === 0 ? row : add(row, diagonal), iota(shape, 1)), dtype) as Tensor<D>;
}

const indexings = ["xy", "ij"] as const;

/** Options of `meshgrid`. */
export interface MeshgridOptions {
  /** `"xy"` (default): the first vector runs along the columns; `"ij"`: along the rows. */
  readonly indexing?: (typeof indexings)[number];
}

/**
 * The coordinates of a grid: each vector stretched over all others. No element is copied.
 *
 * Shape, for vectors of n₀, n₁, n₂ … elements: `[n₁, n₀, n₂, …]`, or `[n₀, n₁, n₂, …]` with `indexing: "ij"`.
 * @returns one tensor for each vector
 * @throws {ShapeError} for a tensor that is no vector
 * @throws {ConfigError} for an unknown indexing
 * @example meshgrid([tensor([1, 2, 3]), tensor([4, 5])])[0] // [[1, 2, 3], [1, 2, 3]]
 * @example meshgrid([tensor([1, 2, 3]), tensor([4, 5])])[1] // [[4, 4, 4], [5, 5, 5]]
 */
export function meshgrid<D extends DType>(
  vectors: readonly Tensor<D>[],
  options: MeshgridOptions = {},
): Tensor<D>[] {
  const { indexing = "xy" } = options;
  if (!indexings.includes(indexing))
    throw unknownName("meshgrid", "an indexing", String(indexing), indexings);
  for (const vector of vectors) {
    checkTensor("meshgrid", vector);
    if (vector.rank === 1) continue;
    throw new ShapeError({
      who: "meshgrid",
      expected: "vectors",
      received: `shape ${formatShape(vector.shape)}`,
      fix: "Flatten it with reshape(x, [-1]).",
    });
  }
  const axisOf = (i: number) => (indexing === "xy" && vectors.length > 1 && i < 2 ? 1 - i : i);
  const shape = vectors.map((_, axis) => vectors[axisOf(axis)]!.size);
  const grown = vectors.flatMap(({ extent }, i) => (extent ? [{ ...extent, axis: axisOf(i) }] : []));
  const [first, second] = vectors.filter(({ extent }) => extent);
  if (second) refuseTwoLengths("meshgrid", "vectors of which one has a run-time length", first!, second);
  return vectors.map((vector, i) => {
    const alone = shape.map((_, axis) => (axis === axisOf(i) ? vector.size : 1));
    return broadcastTo(reshape(vector, alone), shape, grown[0]);
  });
}
