/** Positions as numbers: tensors that cost no memory. */
import { checkShape, normalizeAxis, type Shape, stridesOf } from "../base/shape.js";
import { definePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";

export const iotaPrimitive = definePrimitive({
  name: "iota",
  kind: "structural",
  infer: (_, { shape }) => ({ shape: shape as Shape, dtype: "int32" }),
});

/**
 * int32 tensor whose elements are their own index along `axis`; costs no memory.
 *
 * @throws {ShapeError} for an axis out of range or a length that is no integer ≥ 0
 * @example iota([2, 3], 1) // [[0, 1, 2], [0, 1, 2]]
 */
export function iota(shape: Shape, axis = 0): Tensor<"int32"> {
  checkShape("iota", shape);
  const at = normalizeAxis("iota", axis, shape.length);
  const strides = shape.map((_, a) => (a === at ? 1 : 0));
  return createNode(iotaPrimitive, [], { shape: [...shape], strides }) as Tensor<"int32">;
}

/** int32 tensor whose elements are their row-major position. */
export function linearIndex(shape: Shape): Tensor<"int32"> {
  const strides = stridesOf(shape);
  return createNode(iotaPrimitive, [], { shape: [...shape], strides }) as Tensor<"int32">;
}
