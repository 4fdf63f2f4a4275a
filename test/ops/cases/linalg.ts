/** Factorizations of matrices and what is solved with them. */
import type { Shape } from "../../../src/base/shape.js";
import type { Case, Input } from "./case.js";

const positive = (...shape: Shape): Input => ({ shape, matrix: "positive" });
const spread = (...shape: Shape): Input => ({ shape, matrix: "spread" });

/** Square matrices of each size, and batches of one and two axes. */
const squares: readonly Shape[] = [
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 3],
  [17, 17],
  [64, 64],
  [5, 3, 3],
  [2, 3, 4, 4],
  [0, 3, 3],
  [40, 2, 2],
];
/** At least as many rows as columns. */
const tall: readonly Shape[] = [
  [0, 0],
  [1, 1],
  [3, 3],
  [5, 2],
  [4, 0],
  [17, 17],
  [70, 40],
  [3, 5, 3],
  [2, 2, 4, 3],
  [0, 3, 2],
];

const triangular = { lower: true, transpose: false, unitDiagonal: false, tolerance: 0 };
const variants = [true, false].flatMap((lower) =>
  [true, false].flatMap((transpose) =>
    [true, false].map((unitDiagonal) => ({ lower, transpose, unitDiagonal, tolerance: 0 })),
  ),
);

/** Right sides of that many columns beside the matrices. */
const beside = (shape: Shape, columns: number): Input => ({ shape: [...shape.slice(0, -1), columns] });

/** Derivatives divide by the gaps between values. */
const vectors = { relative: 5e-5, absolute: 2e-5 };

export const linalgCases: Readonly<Record<string, readonly Case[]>> = {
  cholesky: [
    ...squares.map((shape) => ({ inputs: [positive(...shape)], absolute: 5e-6 })),
    { name: "transposed", inputs: [{ ...positive(3, 3), transposed: true }] },
  ],
  triangularSolve: [
    ...squares.map((shape) => ({
      inputs: [spread(...shape), beside(shape, 3)],
      attributes: triangular,
      absolute: 5e-6,
    })),
    ...variants.map((attributes) => ({ inputs: [spread(4, 4), { shape: [4, 2] }], attributes })),
    ...variants.map((attributes) => ({
      inputs: [spread(65, 65), { shape: [65, 9] }],
      attributes,
      relative: 2e-4,
      absolute: 2e-4,
      differentiable: !attributes.unitDiagonal,
    })),
    { name: "no right sides", inputs: [spread(3, 3), { shape: [3, 0] }], attributes: triangular },
  ],
  solve: [
    ...squares.map((shape) => ({ inputs: [spread(...shape), beside(shape, 3)], absolute: 5e-6 })),
    { name: "many right sides", inputs: [spread(33, 33), { shape: [33, 40] }], absolute: 5e-6 },
    { name: "rows exchanged", inputs: [{ ...spread(5, 5), flipped: true }, { shape: [5, 1] }] },
  ],
  determinant: [
    ...squares.slice(0, 5).map((shape) => ({ inputs: [spread(...shape)], relative: 3e-5 })),
    { inputs: [spread(5, 3, 3)] },
    { inputs: [spread(2, 4, 3, 3)] },
    { name: "rows exchanged", inputs: [{ ...spread(3, 3), flipped: true }] },
    {
      name: "singular",
      inputs: [{ shape: [3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9] }],
      differentiable: false,
    },
    { name: "of zeros", inputs: [{ shape: [2, 2], values: [0] }], differentiable: false },
    {
      name: "beyond the range of float32",
      inputs: [{ shape: [40, 40], matrix: "spread", low: 0, high: 0 }],
      differentiable: false,
    },
  ],
  qr: [
    ...tall.map((shape) => ({ inputs: [spread(...shape)], attributes: { complete: false }, absolute: 1e-5 })),
    { inputs: [spread(5, 3)], attributes: { complete: true }, differentiable: false },
    { inputs: [spread(2, 40, 3)], attributes: { complete: true }, differentiable: false },
  ],
  eigh: squares.map((shape) => ({ inputs: [spread(...shape)], ...vectors })),
  svd: tall.map((shape) => ({ inputs: [spread(...shape)], ...vectors })),
};
