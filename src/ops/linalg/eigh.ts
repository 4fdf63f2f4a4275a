/** Eigenvalues and eigenvectors of symmetric matrices. */
import { definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { add, mul, reciprocal, sub } from "../arithmetic.js";
import { toFloat } from "../convert.js";
import { matmul } from "../matmul.js";
import { expandDims, matrixTranspose } from "../movement.js";
import { results } from "../pick.js";
import {
  batchExtent,
  eachMatrix,
  identityLike,
  Matrix,
  matricesOf,
  signOf,
  symmetric,
  toLowerTriangle,
} from "./matrices.js";

const eighPrimitive = definePrimitive<KernelPrimitive>({
  name: "eigh",
  kind: "kernel",
  // a [batch…, n, n], of which the lower triangle is read → values [batch…, n], vectors [batch…, n, n]
  infer: ([a]) => {
    const extent = batchExtent("eigh", [a!]);
    return [
      { shape: a!.shape.slice(0, -1), dtype: a!.dtype, extent },
      { shape: a!.shape, dtype: a!.dtype, extent },
    ];
  },
  reference: (inputs, _, outputs) => eachMatrix(inputs, outputs, ([a]) => jacobi(a!)),
  words: () => [],
  flop: ([a]) => 12 * matricesOf(a!) * a!.shape.at(-1)! ** 3,
  // a′ = v (diag λ′ + F ∘ vᵀ v′) vᵀ with F[i, j] = 1 / (λ_j − λ_i), 0 on the diagonal (Giles 2008, section 3.1)
  vjp: ({ outputs: [values, vectors], gradients: [toValues, toVectors] }) => {
    const onDiagonal = toValues && mul(identityLike(vectors!), expandDims(toValues, -1));
    const turned = toVectors && mul(inverseGaps(values!), matmul(matrixTranspose(vectors!), toVectors));
    const inner = onDiagonal && turned ? add(onDiagonal, turned) : (onDiagonal ?? turned);
    if (!inner) return [null];
    const whole = matmul(matmul(vectors!, inner), matrixTranspose(vectors!));
    return [toLowerTriangle(mul(0.5, add(whole, matrixTranspose(whole))))];
  },
});

/** `1 / (x_j − x_i)` off the diagonal, 0 on it. */
export function inverseGaps(x: Tensor): Tensor {
  const gaps = sub(expandDims(x, -2), expandDims(x, -1)); // [i, j] = x_j − x_i
  const ones = identityLike(gaps);
  return sub(reciprocal(add(gaps, ones)), ones);
}

/** Jacobi's rotations over all pairs until nothing is left beside the diagonal. */
function jacobi(lower: Matrix): [number[], Float64Array] {
  const n = lower.rows;
  const a = new Matrix(n, n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) a.set(i, j, lower.at(Math.max(i, j), Math.min(i, j)));
  const v = new Matrix(n, n);
  for (let i = 0; i < n; i++) v.set(i, i, 1);
  for (let sweep = 0; sweep < 60; sweep++) {
    let isDone = true;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const beside = a.at(p, q);
        if (beside * beside <= 1e-34 * Math.abs(a.at(p, p) * a.at(q, q)) || Math.abs(beside) < 1e-300)
          continue;
        isDone = false;
        const slope = (a.at(q, q) - a.at(p, p)) / (2 * beside);
        const t = (slope >= 0 ? 1 : -1) / (Math.abs(slope) + Math.hypot(slope, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = c * t;
        a.rotateColumns(p, q, c, s);
        a.rotateRows(p, q, c, s);
        v.rotateColumns(p, q, c, s);
        a.set(p, q, 0);
        a.set(q, p, 0);
      }
    }
    if (isDone) break;
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a.at(i, i) - a.at(j, j));
  const vectors = new Matrix(n, n);
  order.forEach((from, to) => {
    const sign = signOf(v.column(from));
    for (let i = 0; i < n; i++) vectors.set(i, to, sign * v.at(i, from));
  });
  return [order.map((i) => a.at(i, i)), vectors.data];
}

/** The results of `eigh`. */
export interface Eigen {
  /** Eigenvalues, the smallest first: `[…, n]`. */
  readonly values: Tensor;
  /** Eigenvectors of length 1 as columns, in the order of the values: `[…, n, n]`. */
  readonly vectors: Tensor;
}

/**
 * Eigenvalues and eigenvectors of symmetric matrices: `a · vectors = vectors · diag(values)`, orthonormal vectors.
 *
 * Shapes `a […, n, n]` → `values […, n]`, rising, `vectors […, n, n]`, as columns; the component of largest magnitude of each is
 * positive. Dtype: float. Of a matrix that is not symmetric the symmetric part `(a + aᵀ) / 2` is taken. The derivative of the
 * vectors exists where the values differ; that of the values always.
 * @throws {ShapeError} where the matrices are not square
 * @example eigh(tensor([[2, 1], [1, 2]])).values // [1, 3]
 */
export function eigh(a: Tensor): Eigen {
  const [values, vectors] = results(createNode(eighPrimitive, [symmetric("eigh", toFloat("eigh", a))])) as [
    Tensor,
    Tensor,
  ];
  return { values, vectors };
}
