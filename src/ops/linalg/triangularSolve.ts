/** Systems of equations with a triangular matrix. */
import { ShapeError } from "../../base/errors.js";
import { formatShape } from "../../base/shape.js";
import { type Attributes, definePrimitive, type KernelPrimitive } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { neg } from "../arithmetic.js";
import { toFloats } from "../convert.js";
import { matmul } from "../matmul.js";
import { expandDims, matrixTranspose, squeeze } from "../movement.js";
import { tril, triu } from "../triangle.js";
import {
  batchExtent,
  checkSquare,
  eachMatrix,
  type Matrix,
  matricesOf,
  matrixFault,
  sameBatch,
} from "./matrices.js";

/** Options of `triangularSolve`. */
export interface TriangularSolveOptions {
  /** Which triangle of `a` counts; the other one is not read. Default true: the lower one. */
  readonly lower?: boolean;
  /** Solve `aᵀ x = b`. Default false. */
  readonly transpose?: boolean;
  /** Take the diagonal of `a` for ones, whatever it holds. Default false. */
  readonly unitDiagonal?: boolean;
}

const zeroOnDiagonal = (index: number, row: number) => ({
  expected: "matrices without zeros on the diagonal",
  received: `matrix ${index} of the batch, with a zero in row ${row}`,
  fix: "Such a matrix has no inverse; beneath lstsq it means that the rank is not full.",
});

const triangularSolvePrimitive = definePrimitive<KernelPrimitive>({
  name: "triangularSolve",
  kind: "kernel",
  // a [batch…, n, n], b [batch…, n, k]; `tolerance`: a diagonal element not above that share of the largest counts as 0
  infer: ([a, b]) => ({ ...b!, extent: batchExtent("triangularSolve", [a!, b!]) }),
  reference: (inputs, attributes, outputs) =>
    eachMatrix(inputs, outputs, ([a, b], index) => {
      checkDiagonal(a!, attributes, index);
      return [substitute(a!, b!, attributes).data];
    }),
  words: ({ lower, transpose, unitDiagonal, tolerance }) => [
    Number(lower),
    Number(transpose),
    Number(unitDiagonal),
    floatBits(tolerance as number),
  ],
  fault: zeroOnDiagonal,
  flop: ([a, b]) => matricesOf(a!) * a!.shape.at(-1)! ** 2 * b!.shape.at(-1)!,
  vjp: ({ node, inputs: [a], outputs: [x], gradients: [g] }) => {
    const { lower, transpose, unitDiagonal } = node.attributes;
    const toB = createNode(triangularSolvePrimitive, [a!, g!], { ...node.attributes, transpose: !transpose });
    const whole = neg(transpose ? matmul(x!, matrixTranspose(toB)) : matmul(toB, matrixTranspose(x!)));
    const offset = unitDiagonal ? 1 : 0;
    return [lower ? tril(whole, { offset: -offset }) : triu(whole, { offset }), toB];
  },
});

function checkDiagonal(a: Matrix, { unitDiagonal, tolerance }: Attributes, index: number): void {
  if (unitDiagonal) return;
  const diagonal = Array.from({ length: a.rows }, (_, i) => Math.abs(a.at(i, i)));
  const least = (tolerance as number) * Math.max(0, ...diagonal);
  const row = diagonal.findIndex((element) => element <= least);
  if (row >= 0) throw matrixFault("triangularSolve", zeroOnDiagonal, index, row);
}

function substitute(a: Matrix, b: Matrix, { lower, transpose, unitDiagonal }: Attributes): Matrix {
  const n = a.rows;
  const x = b; // solved in place
  const element = (i: number, j: number) => (transpose ? a.at(j, i) : a.at(i, j));
  const forward = lower !== transpose;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    for (let column = 0; column < x.columns; column++) {
      let rest = x.at(i, column);
      for (let j = forward ? 0 : i + 1; j < (forward ? i : n); j++) rest -= element(i, j) * x.at(j, column);
      x.set(i, column, unitDiagonal ? rest : rest / element(i, i));
    }
  }
  return x;
}

function floatBits(x: number): number {
  return new Int32Array(new Float32Array([x]).buffer)[0]!;
}

/**
 * The solution of `a x = b` for triangular `a`: by substitution, without factorizing.
 *
 * Shapes `a […, n, n]`, `b […, n, k]` → `[…, n, k]`, or `b [n]` → `[…, n]`; the axes before broadcast. Dtype: float.
 * @throws {ShapeError} where `a` is not square or `b` does not have as many rows
 * @throws {DataError} when it runs, for a zero on the diagonal, naming the matrix and the row
 * @example triangularSolve(tensor([[2, 0], [1, 4]]), tensor([2, 9])) // [1, 2]
 */
export function triangularSolve(a: Tensor, b: Tensor, options: TriangularSolveOptions = {}): Tensor {
  return solveTriangle("triangularSolve", a, b, options, 0);
}

/** The same, where a diagonal element that is not above `tolerance` · the largest one counts as zero. */
export function solveTriangle(
  who: string,
  a: Tensor,
  b: Tensor,
  { lower = true, transpose = false, unitDiagonal = false }: TriangularSolveOptions,
  tolerance: number,
): Tensor {
  return solveWith(who, a, b, (matrices, right) =>
    createNode(triangularSolvePrimitive, sameBatch(who, matrices, right), {
      lower,
      transpose,
      unitDiagonal,
      tolerance,
    }),
  );
}

/** Checks the operands of `a x = b` and takes a vector `b` for a column. */
export function solveWith(
  who: string,
  a: Tensor,
  b: Tensor,
  solve: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  const [matrices, right] = toFloats(who, [a, b]) as [Tensor, Tensor];
  checkSquare(who, matrices);
  const isVector = right.rank === 1;
  const n = matrices.shape.at(-1)!;
  if (right.rank === 0 || right.shape.at(isVector ? -1 : -2) !== n) {
    throw new ShapeError({
      who,
      expected: `right sides of ${n} rows […, ${n}, columns], or a vector [${n}]`,
      received: `shape ${formatShape(right.shape)}`,
      fix:
        right.rank > 1 && right.shape.at(-1) === n
          ? "A batch of vectors needs an axis: expandDims(b, -1)."
          : "",
    });
  }
  const x = solve(matrices, isVector ? expandDims(right, -1) : right);
  return isVector ? squeeze(x, -1) : x;
}
