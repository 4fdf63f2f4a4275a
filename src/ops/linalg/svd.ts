/** Singular values. */
import { definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { add, div, mul, square, sub } from "../arithmetic.js";
import { toFloat } from "../convert.js";
import { concat } from "../join.js";
import { matmul } from "../matmul.js";
import { expandDims, matrixTranspose } from "../movement.js";
import { results } from "../pick.js";
import { inverseGaps } from "./eigh.js";
import {
  batchExtent,
  batchOf,
  checkMatrices,
  eachMatrix,
  identityLike,
  Matrix,
  matricesOf,
  signOf,
} from "./matrices.js";
import { leadingColumns, qr } from "./qr.js";

const svdPrimitive = definePrimitive<KernelPrimitive>({
  name: "svd",
  kind: "kernel",
  // a [batch…, m, n] with m ≥ n → u [batch…, m, n], s [batch…, n], vh [batch…, n, n]
  infer: ([a]) => {
    const extent = batchExtent("svd", [a!]);
    const batch = batchOf(a!.shape);
    const n = a!.shape.at(-1)!;
    return [
      { shape: a!.shape, dtype: a!.dtype, extent },
      { shape: [...batch, n], dtype: a!.dtype, extent },
      { shape: [...batch, n, n], dtype: a!.dtype, extent },
    ];
  },
  reference: (inputs, _, outputs) => eachMatrix(inputs, outputs, ([a]) => oneSidedJacobi(a!)),
  words: () => [],
  flop: ([a]) => {
    const [m, n] = a!.shape.slice(-2) as [number, number];
    return matricesOf(a!) * (12 * n ** 3 + 6 * m * n ** 2);
  },
  // a′ = u (s′ on the diagonal + (E ∘ skew uᵀu′) s + s (E ∘ skew vᵀv′)) vᵀ + (1 − u uᵀ) u′ s⁻¹ vᵀ,
  // E[i, j] = 1 / (s_j² − s_i²), skew x = x − xᵀ (Townsend 2016)
  vjp: ({ outputs: [u, s, vh], gradients: [toU, toS, toVh] }) => {
    const row = expandDims(s!, -2);
    const column = expandDims(s!, -1);
    const parts: Tensor[] = [];
    if (toS) parts.push(mul(identityLike(vh!), expandDims(toS, -1)));
    const turned = (x: Tensor) => mul(inverseGaps(square(s!)), sub(x, matrixTranspose(x)));
    if (toU) parts.push(mul(turned(matmul(matrixTranspose(u!), toU)), row));
    if (toVh) parts.push(mul(column, turned(matmul(vh!, matrixTranspose(toVh)))));
    if (parts.length === 0) return [null];
    let inner = matmul(
      u!,
      parts.reduce((total, part) => add(total, part)),
    ); // [m, n]
    const [m, n] = u!.shape.slice(-2) as [number, number];
    if (toU && m > n) {
      const outside = sub(toU, matmul(u!, matmul(matrixTranspose(u!), toU)));
      inner = add(inner, div(outside, row));
    }
    return [matmul(inner, vh!)];
  },
});

/** One-sided Jacobi: columns are rotated in pairs until all are orthogonal; their lengths are the singular values. */
function oneSidedJacobi(a: Matrix): [Float64Array, number[], Float64Array] {
  const [m, n] = [a.rows, a.columns];
  const v = new Matrix(n, n);
  for (let i = 0; i < n; i++) v.set(i, i, 1);
  const product = (i: number, j: number) => {
    let total = 0;
    for (let k = 0; k < m; k++) total += a.at(k, i) * a.at(k, j);
    return total;
  };
  for (let sweep = 0; sweep < 60; sweep++) {
    let isDone = true;
    const largest = Math.max(0, ...Array.from({ length: n }, (_, i) => product(i, i)));
    const nothing = largest * (m * Number.EPSILON) ** 2; // columns of rounding errors alone have no direction
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const [x, y, both] = [product(i, i), product(j, j), product(i, j)];
        if (x <= nothing || y <= nothing || Math.abs(both) <= 1e-15 * Math.sqrt(x * y)) continue;
        isDone = false;
        const slope = (y - x) / (2 * both);
        const t = (slope >= 0 ? 1 : -1) / (Math.abs(slope) + Math.hypot(slope, 1));
        const c = 1 / Math.hypot(t, 1);
        a.rotateColumns(i, j, c, c * t);
        v.rotateColumns(i, j, c, c * t);
      }
    }
    if (isDone) break;
  }
  const lengths = Array.from({ length: n }, (_, i) => Math.sqrt(product(i, i)));
  const order = lengths.map((_, i) => i).sort((i, j) => lengths[j]! - lengths[i]!);
  const [u, vh] = [new Matrix(m, n), new Matrix(n, n)];
  order.forEach((from, to) => {
    const hasDirection = !(lengths[from]! <= lengths[order[0]!]! * m * Number.EPSILON);
    const left = hasDirection ? a.column(from).map((x) => x / lengths[from]!) : orthogonalTo(u, to);
    const sign = signOf(left);
    left.forEach((x, i) => {
      u.set(i, to, sign * x);
    });
    v.column(from).forEach((x, i) => {
      vh.set(to, i, sign * x);
    });
  });
  return [u.data, order.map((i) => lengths[i]!), vh.data];
}

/** A unit vector orthogonal to the first columns: what they leave of the first axis that they leave something of. */
function orthogonalTo(u: Matrix, columns: number): number[] {
  for (let axis = 0; axis < u.rows; axis++) {
    const x = Array.from({ length: u.rows }, (_, i) => Number(i === axis));
    for (let again = 0; again < 2; again++) {
      for (let j = 0; j < columns; j++) {
        const along = x.reduce((total, element, i) => total + element * u.at(i, j), 0);
        x.forEach((element, i) => {
          x[i] = element - along * u.at(i, j);
        });
      }
    }
    const length = Math.hypot(...x);
    if (length * length * u.rows >= 0.5) return x.map((element) => element / length); // the average axis leaves more
  }
  throw new Error("no axis is left");
}

/** Options of `svd`. */
export interface SVDOptions {
  /** Square `u` and `vh`, completed to a basis, as NumPy does (default), or only the k columns and rows that count. */
  readonly fullMatrices?: boolean;
}

/** The results of `svd`. */
export interface SingularValues {
  /** Left singular vectors as columns: `[…, m, m]`, or `[…, m, k]`. */
  readonly u: Tensor;
  /** Singular values, the largest first: `[…, k]`. */
  readonly s: Tensor;
  /** Right singular vectors as rows: `[…, n, n]`, or `[…, k, n]`. */
  readonly vh: Tensor;
}

/**
 * Singular value decomposition: `a = u · diag(s) · vh` with orthonormal columns of `u` and rows of `vh`, `s ≥ 0`.
 *
 * Shapes `a […, m, n]`, k = min(m, n) → `u […, m, m]`, `s […, k]`, `vh […, n, n]`, or with `fullMatrices: false`
 * `u […, m, k]`, `vh […, k, n]`. Dtype: float. The component of largest magnitude of each left vector (right vector where
 * m < n) is positive. The derivative of the vectors exists with `fullMatrices: false` where the singular values differ (and are
 * not 0 where m ≠ n); that of the values always.
 * @throws {ShapeError} where `a` has fewer than two axes
 * @example svd(tensor([[3, 0], [4, 5]])).s // [6.708, 2.236]
 */
export function svd(a: Tensor, options: SVDOptions = {}): SingularValues {
  const { fullMatrices = true } = options;
  const matrices = toFloat("svd", a);
  checkMatrices("svd", matrices);
  const [m, n] = matrices.shape.slice(-2) as [number, number];
  if (m < n) {
    const { u, s, vh } = svd(matrixTranspose(matrices), options);
    return { u: matrixTranspose(vh), s, vh: matrixTranspose(u) };
  }
  const [u, s, vh] = results(createNode(svdPrimitive, [matrices])) as [Tensor, Tensor, Tensor];
  return { u: fullMatrices && m > n ? completed(u) : u, s, vh };
}

/** Orthonormal columns, and further ones that make the basis complete. */
function completed(u: Tensor): Tensor {
  const [m, n] = u.shape.slice(-2) as [number, number];
  return concat([u, leadingColumns(qr(u, { mode: "complete" }).q, n, m - n)], -1);
}
