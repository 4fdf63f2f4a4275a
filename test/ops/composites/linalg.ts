/** Linear algebra made of other operations. */
import * as ops from "../../../src/ops/index.js";
import type { Input } from "../cases.js";
import type { Composite } from "../composites.js";

/** Operands of the shapes, contracted as the equation says. */
const einsum = (equation: string, ...shapes: Input["shape"][]): Composite => ({
  name: equation,
  inputs: shapes.map((shape) => ({ shape })),
  build: (...operands) => ops.einsum(equation, ...operands),
});

export const linalgComposites: Readonly<Record<string, readonly Composite[]>> = {
  einsum: [
    einsum("ij,jk->ik", [3, 4], [4, 5]),
    einsum("bij,bjk->bik", [2, 3, 4], [2, 4, 5]),
    einsum("ij,kj->ki", [3, 4], [5, 4]),
    einsum("iij->j", [3, 3, 2]),
    einsum("i,j->ij", [3], [4]),
    einsum("bi,bi->b", [2, 5], [2, 5]),
    einsum("...ij,...jk->...ik", [2, 3, 4], [5, 1, 4, 2]),
    einsum("ij,jk,kl->il", [2, 3], [3, 4], [4, 5]),
    einsum("bqhd,bkhd->bhqk", [2, 3, 2, 4], [2, 5, 2, 4]),
    einsum("ij,ij->i", [2, 3], [1, 3]),
    einsum("ij,jk->ik", [0, 3], [3, 2]),
    einsum("ij,jk->ik", [2, 0], [0, 2]),
  ],
  dot: [
    { inputs: [{ shape: [4] }, { shape: [4] }], build: (a, b) => ops.dot(a!, b!) },
    { inputs: [{ shape: [2, 4, 3] }, { shape: [5, 3, 2] }], build: (a, b) => ops.dot(a!, b!) },
    { inputs: [{ shape: [] }, { shape: [2, 2] }], build: (a, b) => ops.dot(a!, b!) },
  ],
  outer: [{ inputs: [{ shape: [2, 2] }, { shape: [3] }], build: (a, b) => ops.outer(a!, b!) }],
  tensordot: [
    { inputs: [{ shape: [2, 3, 4] }, { shape: [3, 4, 2] }], build: (a, b) => ops.tensordot(a!, b!) },
    {
      name: "over chosen axes",
      inputs: [{ shape: [2, 3, 4] }, { shape: [3, 4, 2] }],
      build: (a, b) =>
        ops.tensordot(a!, b!, [
          [0, 2],
          [2, 1],
        ]),
    },
  ],
  diagonal: [
    { inputs: [{ shape: [4, 3] }], dtypes: ["float32", "int32", "bool"], build: (x) => ops.diagonal(x!) },
    {
      name: "above, of the first axes",
      inputs: [{ shape: [3, 4, 2] }],
      build: (x) => ops.diagonal(x!, { offset: 1, axes: [0, 1] }),
    },
  ],
  trace: [
    { inputs: [{ shape: [2, 4, 3] }], dtypes: ["float32", "int32", "uint8"], build: (x) => ops.trace(x!) },
    { name: "of nothing", inputs: [{ shape: [0, 0] }], build: (x) => ops.trace(x!) },
  ],
};
