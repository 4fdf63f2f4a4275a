/** Gaussian elimination with row exchanges, as the references of `solve` and `determinant` do it. */
import type { Matrix } from "./matrices.js";

export interface Elimination {
  /** The matrix, turned into `L` (unit, below the diagonal) and `U`. */
  readonly factors: Matrix;
  /** Row i of the factors is row order[i] of the matrix. */
  readonly order: number[];
  /** −1 where the number of exchanges is odd. */
  readonly sign: number;
  /** The first pivot that counts as 0; absent: there is none. */
  readonly zeroAt?: number;
}

/**
 * `P a = L U`. A pivot counts as 0 where it is not above the rounding error n · ε beside the largest magnitudes of its row and
 * its column at the start: then the matrix is singular as far as anybody can tell.
 */
export function eliminate(a: Matrix): Elimination {
  const n = a.rows;
  const order = Array.from({ length: n }, (_, i) => i);
  const ofRow = order.map((i) => Math.max(0, ...order.map((j) => Math.abs(a.at(i, j)))));
  const ofColumn = order.map((j) => Math.max(0, ...order.map((i) => Math.abs(a.at(i, j)))));
  let sign = 1;
  for (let j = 0; j < n; j++) {
    let best = j;
    for (let i = j + 1; i < n; i++) if (Math.abs(a.at(i, j)) > Math.abs(a.at(best, j))) best = i;
    if (best !== j) {
      for (let k = 0; k < n; k++) {
        const element = a.at(j, k);
        a.set(j, k, a.at(best, k));
        a.set(best, k, element);
      }
      [order[j], order[best]] = [order[best]!, order[j]!];
      sign = -sign;
    }
    if (Math.abs(a.at(j, j)) <= n * Number.EPSILON * Math.min(ofRow[order[j]!]!, ofColumn[j]!)) {
      return { factors: a, order, sign, zeroAt: j };
    }
    for (let i = j + 1; i < n; i++) {
      const factor = a.at(i, j) / a.at(j, j);
      a.set(i, j, factor);
      for (let k = j + 1; k < n; k++) a.set(i, k, a.at(i, k) - factor * a.at(j, k));
    }
  }
  return { factors: a, order, sign };
}
