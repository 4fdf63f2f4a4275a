/** Running totals, products, maxima and minima. */
import type { DType } from "../base/dtype.js";
import { normalizeAxis } from "../base/shape.js";
import { definePrimitive, type KernelPrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { greaterEqual, lessEqual } from "./comparison.js";
import { type Summable, toSummable } from "./convert.js";
import { fullLike } from "./create.js";
import { checkTensor } from "./leaf.js";
import { reshape } from "./movement.js";
import { type Run, recurrence, running, stateGradient } from "./recurrence.js";

/** Options of `cumMax` and `cumMin`. */
export interface RunningOptions {
  /** From the last element to the first. */
  readonly reverse?: boolean;
}

/** Options of `cumSum` and `cumProd`. */
export interface CumulativeOptions extends RunningOptions {
  /** Without the element itself: the total of those before it. */
  readonly exclusive?: boolean;
}

/**
 * Running total along an axis: `y_i = x_0 + … + x_i`; bool and uint8 are added up as int32.
 *
 * Float32 totals are kept in double precision. Shape: same as `x`.
 * @param axis absent: over all elements in row-major order, which gives a vector
 * @throws {ShapeError} for an axis out of range
 * @example cumSum(tensor([1, 2, 3])) // [1, 3, 6]
 * @example cumSum(tensor([[1, 2], [3, 4]]), 0, { reverse: true }) // [[4, 6], [3, 4]]
 */
export function cumSum<D extends DType>(
  x: Tensor<D>,
  axis?: number,
  options: CumulativeOptions = {},
): Tensor<Summable<D>> {
  const sums = along("cumSum", toSummable("cumSum", x), axis, options, (t, run) =>
    recurrence(fullLike(t, 1), t, { ...run, start: 0 }),
  );
  return sums as Tensor<Summable<D>>;
}

/**
 * Running product along an axis: `y_i = x_0 · … · x_i`; bool and uint8 are multiplied as int32.
 *
 * The derivatives of every order are right where elements are 0 too. Shape: same as `x`.
 * @param axis absent: over all elements in row-major order, which gives a vector
 * @throws {ShapeError} for an axis out of range
 * @example cumProd(tensor([1, 2, 3])) // [1, 2, 6]
 * @example cumProd(tensor([1, 2, 3]), 0, { exclusive: true }) // [1, 1, 2]
 */
export function cumProd<D extends DType>(
  x: Tensor<D>,
  axis?: number,
  options: CumulativeOptions = {},
): Tensor<Summable<D>> {
  const products = along("cumProd", toSummable("cumProd", x), axis, options, (t, run) =>
    recurrence(t, fullLike(t, 0), { ...run, start: 1 }),
  );
  return products as Tensor<Summable<D>>;
}

const cumMaxPrimitive = runningExtremum("cumMax", (x, best) => x > best, lessEqual);
const cumMinPrimitive = runningExtremum("cumMin", (x, best) => x < best, greaterEqual);

/** With `exclusive`, which only derivatives ask for, nothing stands before the first element: NaN. */
function runningExtremum(
  name: string,
  beats: (x: number, best: number) => boolean,
  failsToBeat: (x: Tensor, best: Tensor) => Tensor,
): KernelPrimitive {
  const primitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
    name,
    kind: "kernel",
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype, extent: x!.extent }),
    reference: ([x], attributes) => {
      const at = (i: number) => x!.data[i]!;
      const next = (best: number, i: number) => (beats(at(i), best) || Number.isNaN(at(i)) ? at(i) : best);
      return [running(x!, attributes as unknown as Run, Number.NaN, at, next)];
    },
    words: ({ axis, reverse, exclusive }) => [axis as number, Number(reverse), Number(exclusive)],
    // The gradient goes back to the element that set the record, the first among equals.
    vjp: ({ node, inputs: [x], gradients: [g] }) => {
      const before = createNode(primitive, [x!], { ...node.attributes, exclusive: true });
      const stays = failsToBeat(x!, before);
      const s = stateGradient(cast(stays, g!.dtype), g!, node.attributes as unknown as Run);
      return [where(stays, 0, s)];
    },
  });
  return primitive;
}

/**
 * Largest element so far along an axis: `y_i = max(x_0, …, x_i)`; NaN from the first NaN on.
 *
 * The gradient goes to the element that is the maximum, the first among equals. Shape and dtype: same as `x`.
 * @param axis absent: over all elements in row-major order, which gives a vector
 * @throws {ShapeError} for an axis out of range
 * @example cumMax(tensor([1, 3, 2, 5])) // [1, 3, 3, 5]
 */
export function cumMax<D extends DType>(
  x: Tensor<D>,
  axis?: number,
  options: RunningOptions = {},
): Tensor<D> {
  return extremum(cumMaxPrimitive, x, axis, options);
}

/**
 * Smallest element so far along an axis: `y_i = min(x_0, …, x_i)`; NaN from the first NaN on.
 *
 * The gradient goes to the element that is the minimum, the first among equals. Shape and dtype: same as `x`.
 * @param axis absent: over all elements in row-major order, which gives a vector
 * @throws {ShapeError} for an axis out of range
 * @example cumMin(tensor([3, 4, 1, 2])) // [3, 3, 1, 1]
 */
export function cumMin<D extends DType>(
  x: Tensor<D>,
  axis?: number,
  options: RunningOptions = {},
): Tensor<D> {
  return extremum(cumMinPrimitive, x, axis, options);
}

function extremum<D extends DType>(
  primitive: KernelPrimitive,
  x: Tensor<D>,
  axis: number | undefined,
  { reverse = false }: RunningOptions,
): Tensor<D> {
  checkTensor(primitive.name, x);
  const wide = toSummable(primitive.name, x); // the kernels know float32 and int32
  const result = along(primitive.name, wide, axis, { reverse }, (t, run) =>
    createNode(primitive, [t], { ...run }),
  );
  return cast(result, x.dtype);
}

function along(
  who: string,
  x: Tensor,
  axis: number | undefined,
  { reverse = false, exclusive = false }: CumulativeOptions,
  compute: (x: Tensor, run: Run) => Tensor,
): Tensor {
  if (axis === undefined) return along(who, reshape(x, [x.size]), 0, { reverse, exclusive }, compute);
  return compute(x, { axis: normalizeAxis(who, axis, x.rank), reverse, exclusive });
}
