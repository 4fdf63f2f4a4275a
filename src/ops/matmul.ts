/** The matrix product. */
import { ShapeError } from "../base/errors.js";
import { broadcastShapes, formatShape, sizeOf } from "../base/shape.js";
import { definePrimitive, type Extent, type TensorType } from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { broadcastTo, reshape } from "./broadcast.js";
import { toFloats } from "./convert.js";
import { expandDims, matrixTranspose, squeeze } from "./movement.js";

export const matmulPrimitive = definePrimitive({
  name: "matmul",
  kind: "structural",
  // a [batch…, M, K] · b [batch…, K, N] → [batch…, M, N]; transposed operands are views, read in place by the kernel
  infer: ([a, b]) => {
    const rank = a!.shape.length;
    const shape = [...a!.shape.slice(0, -1), b!.shape[rank - 1]!];
    return { shape, dtype: a!.dtype, extent: productExtent(a!, b!) };
  },
  vjp: ({ inputs: [a, b], gradients: [g] }) => [
    matmul(g!, matrixTranspose(b!)),
    matmul(matrixTranspose(a!), g!),
  ],
});

/** A dynamic batch or row axis of `a` (or column axis of `b`) stays; a dynamic inner axis is summed away. */
function productExtent(a: TensorType, b: TensorType): Extent | undefined {
  const inner = a.shape.length - 1;
  const ofA = a.extent?.axis === inner ? undefined : a.extent;
  const ofB = b.extent?.axis === inner - 1 ? undefined : b.extent;
  if (a.extent && b.extent && (!ofA !== !ofB || ofA?.axis !== ofB?.axis)) {
    throw new ShapeError({
      who: "matmul",
      expected: "a product with one axis of a run-time length",
      received: `${formatShape(a.shape)} and ${formatShape(b.shape)}, whose axes ${a.extent.axis} and ${b.extent.axis} have one`,
      fix: "A product of all rows of a batch with all others needs a fixed length: compile without batchBound.",
    });
  }
  return ofA ?? ofB;
}

/**
 * Matrix product over the last two axes; the axes before broadcast. Vectors count as a row on the left and as a
 * column on the right, as in NumPy.
 *
 * Shapes `[…, M, K] · […, K, N] → […, M, N]`.
 * @throws {ShapeError} where the inner lengths differ
 * @example matmul(tensor([[1, 2]]), tensor([[3], [4]])) // [[11]]
 */
export function matmul(x: TensorLike, y: TensorLike): Tensor {
  const [left, right] = toFloats("matmul", [x, y]);
  if (left!.rank === 0 || right!.rank === 0) {
    throw new ShapeError({
      who: "matmul",
      expected: "operands of rank 1 or more",
      received: `shapes ${formatShape(left!.shape)} and ${formatShape(right!.shape)}`,
      fix: "Multiply by a scalar with mul(a, b).",
    });
  }
  if (left!.rank === 1) return squeeze(matmul(expandDims(left!, 0), right!), right!.rank === 1 ? 0 : -2);
  if (right!.rank === 1) return squeeze(matmul(left!, expandDims(right!, 1)), -1);
  return product(left!, right!);
}

function product(a: Tensor, b: Tensor): Tensor {
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const [innerB, columns] = b.shape.slice(-2) as [number, number];
  if (inner !== innerB) {
    throw new ShapeError({
      who: "matmul",
      expected: `inner lengths that agree ([…, M, K] · […, K, N])`,
      received: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      fix: `K is ${inner} on the left and ${innerB} on the right; transpose one of them?`,
    });
  }
  // One large product instead of a batch of small ones where the right side is a plain matrix.
  if (b.rank === 2 && a.rank > 2 && (!a.extent || a.extent.axis === 0)) {
    const lead = a.shape.slice(0, -1);
    return reshape(product(reshape(a, [sizeOf(lead), inner]), b), [...lead, columns]);
  }
  const batch = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  return createNode(matmulPrimitive, [
    broadcastTo(a, [...batch, rows, inner]),
    broadcastTo(b, [...batch, inner, columns]),
  ]);
}
