/** Orthogonal times triangular. */
import { ConfigError } from "../../base/errors.js";
import { definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { add, neg, sub } from "../arithmetic.js";
import { toFloat } from "../convert.js";
import { concat } from "../join.js";
import { matmul } from "../matmul.js";
import { matrixTranspose, slice } from "../movement.js";
import { pad } from "../pad.js";
import { results } from "../pick.js";
import { tril } from "../triangle.js";
import { batchExtent, batchOf, checkMatrices, eachMatrix, Matrix, matricesOf } from "./matrices.js";
import { triangularSolve } from "./triangularSolve.js";

const qrPrimitive = definePrimitive<KernelPrimitive>({
  name: "qr",
  kind: "kernel",
  // a [batch…, m, n] with m ≥ n → q [batch…, m, n] (complete: [batch…, m, m]), upper triangular r [batch…, n, n]
  infer: ([a], { complete }) => {
    const extent = batchExtent("qr", [a!]);
    const batch = batchOf(a!.shape);
    const [m, n] = a!.shape.slice(-2) as [number, number];
    return [
      { shape: [...batch, m, complete ? m : n], dtype: a!.dtype, extent },
      { shape: [...batch, n, n], dtype: a!.dtype, extent },
    ];
  },
  reference: (inputs, { complete }, outputs) =>
    eachMatrix(inputs, outputs, ([a]) => {
      const { q, r } = reflections(a!);
      const wide = complete ? a!.rows : a!.columns;
      return [firstColumns(q, wide).data, r.data.subarray(0, a!.columns ** 2)];
    }),
  words: () => [],
  flop: ([a], [q]) => {
    const [m, n] = a!.shape.slice(-2) as [number, number];
    return matricesOf(a!) * (2 * m * n ** 2 - (2 / 3) * n ** 3 + 4 * m * n * q!.shape.at(-1)!);
  },
  // a′ = (q′ + q · sym(r r′ᵀ − q′ᵀ q)) r⁻ᵀ, sym: the lower triangle and its mirror image (Walter and Lehmann 2010)
  vjp: ({ node, outputs: [q, r], gradients: [toQ, toR] }) => {
    if (node.attributes.complete && toQ) {
      throw new ConfigError({
        who: "qr",
        expected: 'mode "reduced" where a gradient is asked for',
        received: 'a gradient for mode "complete"',
        fix: "The columns that complete the basis may be any, so they have no derivative.",
      });
    }
    const fromR = toR && matmul(r!, matrixTranspose(toR));
    const fromQ = toQ && matmul(matrixTranspose(toQ), q!);
    const both = fromR && fromQ ? sub(fromR, fromQ) : (fromR ?? (fromQ && neg(fromQ)));
    if (!both) return [null];
    const mirrored = add(tril(both), matrixTranspose(tril(both, { offset: -1 })));
    const columns = r!.shape.at(-1)!;
    const basis = node.attributes.complete ? leadingColumns(q!, 0, columns) : q!;
    const inner = matmul(basis, mirrored);
    const whole = toQ ? add(toQ, inner) : inner; // [m, n]
    return [matrixTranspose(triangularSolve(r!, matrixTranspose(whole), { lower: false }))];
  },
});

/** By Householder's reflections, each applied to all of the matrix: q [m, m], r [m, n]. */
function reflections(a: Matrix): { q: Matrix; r: Matrix } {
  const [m, n] = [a.rows, a.columns];
  const q = new Matrix(m, m);
  for (let i = 0; i < m; i++) q.set(i, i, 1);
  for (let j = 0; j < n; j++) {
    const v = Array.from({ length: m - j }, (_, i) => a.at(j + i, j));
    if (v.slice(1).every((x) => x === 0)) continue; // already done; the sign stays, as in LAPACK
    v[0]! += (v[0]! >= 0 ? 1 : -1) * Math.hypot(...v);
    const square = v.reduce((total, x) => total + x * x, 0);
    for (let k = 0; k < n; k++) {
      const factor = (2 * v.reduce((total, x, i) => total + x * a.at(j + i, k), 0)) / square;
      v.forEach((x, i) => {
        a.set(j + i, k, i > 0 && k === j ? 0 : a.at(j + i, k) - factor * x);
      });
    }
    for (let k = 0; k < m; k++) {
      const factor = (2 * v.reduce((total, x, i) => total + x * q.at(k, j + i), 0)) / square;
      v.forEach((x, i) => {
        q.set(k, j + i, q.at(k, j + i) - factor * x);
      });
    }
  }
  return { q, r: a };
}

function firstColumns(q: Matrix, columns: number): Matrix {
  const result = new Matrix(q.rows, columns);
  for (let i = 0; i < q.rows; i++) for (let j = 0; j < columns; j++) result.set(i, j, q.at(i, j));
  return result;
}

/** Options of `qr`. */
export interface QROptions {
  /** `"reduced"` (default): as many columns of q as a has, or as it has rows; `"complete"`: q is square. */
  readonly mode?: "reduced" | "complete";
}

/** The results of `qr`. */
export interface OrthogonalTriangular {
  readonly q: Tensor;
  readonly r: Tensor;
}

/**
 * Matrices as a product `a = q · r` of orthonormal columns and an upper triangle, by Householder's reflections; the signs are
 * those of LAPACK and NumPy.
 *
 * Shapes `a […, m, n]` → `q […, m, k]`, `r […, k, n]` with `k = min(m, n)`, or `k = m` in mode `"complete"`. Dtype: float. The
 * derivative exists in mode `"reduced"` where the first k columns of `a` are independent.
 * @throws {ShapeError} where `a` has fewer than two axes
 * @throws {ConfigError} for another mode
 * @example qr(tensor([[3, 1], [4, 2]])).r // [[-5, -2.2], [0, 0.4]]
 */
export function qr(a: Tensor, options: QROptions = {}): OrthogonalTriangular {
  const { mode = "reduced" } = options;
  if (mode !== "reduced" && mode !== "complete") {
    throw new ConfigError({ who: "qr", expected: 'mode "reduced" or "complete"', received: String(mode) });
  }
  const matrices = toFloat("qr", a);
  checkMatrices("qr", matrices);
  const [m, n] = matrices.shape.slice(-2) as [number, number];
  if (m < n) {
    // The first m columns decide q; the others are what they are beside it.
    const { q, r } = qr(leadingColumns(matrices, 0, m));
    const rest = matmul(matrixTranspose(q), leadingColumns(matrices, m, n - m));
    return { q, r: concat([r, rest], -1) };
  }
  const complete = mode === "complete" && m > n;
  const [q, r] = results(createNode(qrPrimitive, [matrices], { complete })) as [Tensor, Tensor];
  const below = r.shape.map((_, axis): [number, number] => [0, axis === r.rank - 2 ? m - n : 0]);
  return { q, r: complete ? pad(r, below) : r };
}

/** `count` columns from `first` on. */
export function leadingColumns(x: Tensor, first: number, count: number): Tensor {
  const start = x.shape.map((_, axis) => (axis === x.rank - 1 ? first : 0));
  return slice(x, start, [...x.shape.slice(0, -1), count]);
}
