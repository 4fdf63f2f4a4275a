/** Linear algebra made of other operations. */
import type { Tensor } from "../../../src/graph/tensor.js";
import * as ops from "../../../src/ops/index.js";
import type { Input } from "../cases.js";
import type { Composite } from "../composites.js";

/** Operands of the shapes, contracted as the equation says. */
const einsum = (equation: string, ...shapes: Input["shape"][]): Composite => ({
  name: equation,
  inputs: shapes.map((shape) => ({ shape })),
  build: (...operands) => ops.einsum(equation, ...operands),
});

const x35: Input = { shape: [3, 5] };
const above: Input = { shape: [3, 5], low: 0.3, high: 3 };
const apart: Input = { shape: [3, 5], distinct: true };
const spread = (...shape: Input["shape"]): Input => ({ shape, matrix: "spread" });
const squares: readonly Input["shape"][] = [
  [0, 0],
  [1, 1],
  [3, 3],
  [17, 17],
  [2, 2, 3, 3],
];

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
  norm: [
    { inputs: [x35], build: (x) => ops.norm(x!, 1) },
    { name: "of all axes", inputs: [{ shape: [2, 3, 2] }], build: (x) => ops.norm(x!) },
    { name: "of order 1", inputs: [above], build: (x) => ops.norm(x!, 0, { order: 1 }) },
    { name: "of order 3", inputs: [above], build: (x) => ops.norm(x!, 0, { order: 3 }) },
    { name: "of order ∞", inputs: [apart], build: (x) => ops.norm(x!, 1, { order: Infinity }) },
    {
      name: "of order 0",
      inputs: [{ shape: [2, 3], values: [0, 1, 2] }],
      build: (x) => ops.norm(x!, 1, { order: 0 }),
    },
    ...([1, -1, 2, -2, Infinity, "nuclear", "frobenius"] as const).map((order) => ({
      name: `of matrices, ${order}`,
      inputs: [spread(2, 4, 3)],
      build: (x?: Tensor) => ops.norm(x!, [-2, -1], { order }),
    })),
  ],
  cholesky: [
    {
      name: "of a matrix that is not symmetric",
      inputs: [{ shape: [3, 3], matrix: "spread", low: 0, high: 1 }],
      build: (a) => ops.cholesky(a!),
    },
  ],
  triangularSolve: [
    {
      name: "of a vector",
      inputs: [spread(2, 4, 4), { shape: [4] }],
      build: (a, b) => ops.triangularSolve(a!, b!),
    },
    {
      name: "of a batch with one matrix",
      inputs: [spread(4, 4), { shape: [3, 4, 2] }],
      build: (a, b) => ops.triangularSolve(a!, b!, { lower: false }),
    },
  ],
  solve: [
    { name: "of a vector", inputs: [spread(2, 4, 4), { shape: [4] }], build: (a, b) => ops.solve(a!, b!) },
    {
      name: "of a batch with one matrix",
      inputs: [spread(4, 4), { shape: [3, 4, 2] }],
      build: (a, b) => ops.solve(a!, b!),
    },
    {
      name: "of two batches",
      inputs: [spread(2, 1, 4, 4), { shape: [3, 4, 2] }],
      build: (a, b) => ops.solve(a!, b!),
    },
  ],
  inverse: squares.map((shape) => ({ inputs: [spread(...shape)], build: (a?: Tensor) => ops.inverse(a!) })),
  det: [{ inputs: [spread(2, 3, 3)], build: (a) => ops.det(a!), relative: 3e-5 }],
  slogDet: [
    {
      inputs: [spread(2, 3, 3)],
      build: (a) => {
        const { sign, logAbsDet } = ops.slogDet(a!);
        return ops.mul(sign, logAbsDet);
      },
    },
  ],
  qr: [
    {
      name: "of wide matrices",
      inputs: [spread(3, 5)],
      build: (a) => ops.concat(Object.values(ops.qr(a!)), -1),
    },
    {
      name: "complete",
      inputs: [spread(4, 2)],
      build: (a) => ops.concat(Object.values(ops.qr(a!, { mode: "complete" })), -1),
      differentiable: false,
    },
  ],
  eigh: [
    {
      name: "values of equal ones",
      inputs: [{ shape: [3, 3], matrix: "positive", low: 0, high: 0 }],
      build: (a) => ops.eigh(a!).values,
      differentiable: false,
    },
    {
      name: "vectors alone",
      inputs: [spread(4, 4)],
      build: (a) => ops.eigh(a!).vectors,
      absolute: 1e-5,
    },
  ],
  svd: [
    {
      name: "put together again",
      inputs: [spread(4, 3)],
      build: (a) => {
        const { u, s, vh } = ops.svd(a!, { fullMatrices: false });
        return ops.matmul(ops.mul(u, ops.expandDims(s, -2)), vh);
      },
      absolute: 1e-5,
    },
    {
      name: "of wide matrices",
      inputs: [spread(2, 3, 5)],
      build: (a) => ops.svd(a!, { fullMatrices: false }).vh,
      absolute: 2e-5,
    },
    {
      name: "left vectors alone",
      inputs: [spread(5, 3)],
      build: (a) => ops.svd(a!, { fullMatrices: false }).u,
      absolute: 2e-5,
    },
    {
      name: "complete",
      inputs: [spread(5, 3)],
      build: (a) => ops.svd(a!).u,
      differentiable: false,
      absolute: 2e-5,
    },
    {
      name: "of rank one",
      inputs: [{ shape: [4, 3], values: [1] }],
      build: (a) => ops.svd(a!, { fullMatrices: false }).s,
      differentiable: false,
    },
    {
      name: "of zeros",
      inputs: [{ shape: [4, 3], values: [0] }],
      build: (a) => ops.svd(a!, { fullMatrices: false }).u,
      differentiable: false,
    },
  ],
  lstsq: [
    { inputs: [spread(5, 3), { shape: [5, 2] }], build: (a, b) => ops.lstsq(a!, b!), absolute: 5e-6 },
    {
      name: "of a vector",
      inputs: [spread(2, 5, 3), { shape: [5] }],
      build: (a, b) => ops.lstsq(a!, b!),
      absolute: 5e-6,
    },
    {
      name: "of fewer rows",
      inputs: [spread(3, 5), { shape: [3, 2] }],
      build: (a, b) => ops.lstsq(a!, b!),
      absolute: 5e-6,
    },
  ],
};
