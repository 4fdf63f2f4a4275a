/** Elements named by one number for each axis. */
import type { DType } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, sizeOf, stridesOf } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { sum } from "./broadcast.js";
import { cast } from "./cast.js";
import { where } from "./choice.js";
import { greaterEqual, less } from "./comparison.js";
import { toIndices } from "./convert.js";
import { gather } from "./indexing.js";
import { checkTensor, constant } from "./leaf.js";
import { logicalAnd } from "./logic.js";
import { reshape } from "./movement.js";
import { all } from "./reduce.js";

/**
 * Elements or blocks picked by coordinates: `result[i…] = x[indices[i…, 0], indices[i…, 1], …]`.
 *
 * Shapes `x [n₀, n₁, …]`, `indices [rows…, d]` (int32 or uint8) with d up to the rank of `x` → `[rows…, n_d, …]`. The
 * gradient adds up what was picked several times.
 * @throws {DTypeError} for float indices
 * @throws {ShapeError} where `indices` is a scalar or names more axes than `x` has
 * @throws {DataError} when it runs, for a coordinate outside its axis (reported as −1)
 * @example gatherNd(tensor([[1, 2], [3, 4]]), tensor([[0, 1], [1, 0]], { dtype: "int32" })) // [2, 3]
 */
export function gatherNd<D extends DType>(x: Tensor<D>, indices: Tensor): Tensor<D> {
  checkTensor("gatherNd", x);
  const coordinates = cast(toIndices("gatherNd", "indices", indices), "int32");
  const depth = coordinates.shape.at(-1);
  if (depth === undefined || depth > x.rank) {
    throw new ShapeError({
      who: "gatherNd",
      expected: `indices of shape [rows…, d] with d up to ${x.rank}, the rank of the tensor`,
      received: `shape ${formatShape(indices.shape)}`,
    });
  }
  const outer = x.shape.slice(0, depth);
  const lengths = constant({ shape: [depth], dtype: "int32", data: Int32Array.from(outer) });
  const strides = constant({ shape: [depth], dtype: "int32", data: Int32Array.from(stridesOf(outer)) });
  // A coordinate outside could name an element of another row: −1 makes gather complain.
  const inside = all(logicalAnd(greaterEqual(coordinates, 0), less(coordinates, lengths)), -1);
  const position = where(inside, sum(mul(coordinates, strides), -1), -1);
  return gather(reshape(x, [sizeOf(outer), ...x.shape.slice(depth)]), position) as Tensor<D>;
}
