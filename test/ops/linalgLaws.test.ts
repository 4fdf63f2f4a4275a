/** What factors and solutions are by definition, for random matrices of many sizes; and what is said about matrices without. */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { DataError } from "../../src/base/errors.js";
import { fromArray } from "../../src/engine/create.js";
import { backend, useBackend } from "../../src/engine/device.js";
import { jit } from "../../src/engine/jit.js";
import { readElements, realizeSync } from "../../src/engine/realize.js";
import { variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { backendsByThreads } from "../support/threads.js";
import { elementsOf, type Input } from "./cases.js";

const { expandDims, eye, matmul, matrixTranspose, mul } = ops;

/** `[left, right]` sides of a law. */
type Law = (a: Tensor) => readonly (readonly [Tensor, Tensor])[];

const ones = (x: Tensor, axis: number) =>
  ops.broadcastTo(eye(x.shape.at(axis)!), [...x.shape.slice(0, -2), x.shape.at(axis)!, x.shape.at(axis)!]);
const isOrthonormal = (q: Tensor): readonly [Tensor, Tensor] => [matmul(matrixTranspose(q), q), ones(q, -1)];

const square: Readonly<Record<string, Law>> = {
  inverse: (a) => [[matmul(a, ops.inverse(a)), ones(a, -1)]],
  solve: (a) => [[matmul(a, ops.solve(a, ops.mul(a, 2))), mul(a, 2)]],
  cholesky: (a) => {
    const positive = ops.add(matmul(a, matrixTranspose(a)), eye(a.shape.at(-1)!));
    const l = ops.cholesky(positive);
    return [[matmul(l, matrixTranspose(l)), positive]];
  },
  eigh: (a) => {
    const symmetric = ops.add(a, matrixTranspose(a));
    const { values, vectors } = ops.eigh(symmetric);
    return [isOrthonormal(vectors), [matmul(symmetric, vectors), mul(vectors, expandDims(values, -2))]];
  },
  slogDet: (a) => {
    const { sign, logAbsDet } = ops.slogDet(a);
    return [[mul(sign, ops.exp(logAbsDet)), ops.det(a)]];
  },
};
const any: Readonly<Record<string, Law>> = {
  qr: (a) => {
    const { q, r } = ops.qr(a);
    return [isOrthonormal(q), [matmul(q, r), a], [ops.triu(r), r]];
  },
  "complete qr": (a) => {
    const { q, r } = ops.qr(a, { mode: "complete" });
    return [isOrthonormal(q), [matmul(q, r), a]];
  },
  svd: (a) => {
    const { u, s, vh } = ops.svd(a, { fullMatrices: false });
    return [isOrthonormal(u), isOrthonormal(matrixTranspose(vh)), [matmul(mul(u, expandDims(s, -2)), vh), a]];
  },
  "complete svd": (a) => {
    const { u, vh } = ops.svd(a);
    return [isOrthonormal(u), isOrthonormal(vh)];
  },
  lstsq: (a) => {
    // The normal equations: what is left over is orthogonal to the columns.
    const start = a.shape.map(() => 0);
    const b = ops.sub(ops.slice(a, start, [...a.shape.slice(0, -1), 1]), 1);
    const transposed = matrixTranspose(a);
    return [[matmul(transposed, matmul(a, ops.lstsq(a, b))), matmul(transposed, b)]];
  },
};

const check = (law: Law, input: Input, seed: number, on: typeof referenceBackend) => {
  const sides = evaluate([elementsOf(input, "float32", seed)], ([a]) => law(a!).flat(), { on });
  for (let i = 0; i < sides.length; i += 2) {
    const size = Array.from(sides[i + 1]!.data).reduce((largest, x) => Math.max(largest, Math.abs(x)), 1);
    expectClose(sides[i]!, sides[i + 1]!, { relative: 0, absolute: 1e-5 * size });
  }
};

describe.each(backends)("on $name", (on) => {
  const seed = fc.integer({ min: 0, max: 1e6 });
  const length = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 7, max: 70 }));
  const batch = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 });
  for (const [name, law] of Object.entries(square)) {
    it(`${name} of square matrices`, () => {
      fc.assert(
        fc.property(batch, length, seed, (lead, n, s) => {
          check(law, { shape: [...lead, n, n], matrix: "spread", low: -1, high: 1 }, s, on);
        }),
        { numRuns: 20 },
      );
    });
  }
  for (const [name, law] of Object.entries(any)) {
    it(`${name} of any matrices`, () => {
      fc.assert(
        fc.property(batch, length, length, seed, (lead, m, n, s) => {
          check(law, { shape: [...lead, m, n], matrix: "spread", low: -1, high: 1 }, s, on);
        }),
        { numRuns: 20 },
      );
    });
  }

  it("svd keeps vectors orthonormal where singular values vanish or repeat", () => {
    const law = any.svd!;
    for (const values of [[0], [1], [1, 0, 0, 0, 0, 0, 0], [1, 2, 3], [1e-20, 1e20]]) {
      check(law, { shape: [6, 6], values }, 1, on);
      check(law, { shape: [7, 3], values }, 1, on);
    }
    const hilbert: NDArray = {
      shape: [12, 12],
      dtype: "float32",
      data: Float32Array.from({ length: 144 }, (_, i) => 1 / (Math.floor(i / 12) + (i % 12) + 1)),
    };
    const [u, v] = evaluate(
      [hilbert],
      ([a]) => {
        const { u, vh } = ops.svd(a!);
        return [matmul(matrixTranspose(u), u), matmul(vh, matrixTranspose(vh))];
      },
      { on },
    );
    const identity = evaluate([], () => [eye(12)])[0]!;
    expectClose(u!, identity, { absolute: 2e-6 });
    expectClose(v!, identity, { absolute: 2e-6 });
  });
});

describe.each(backendsByThreads)("a batch on $name", ({ threads, use }) => {
  afterAll(() => {
    use(2);
    useBackend(referenceBackend);
  });

  it("has the same bits for any number of threads", () => {
    const batch = elementsOf({ shape: [150, 9, 9], matrix: "positive" }, "float32", 5);
    const runs = threads.map((count) => {
      use(count);
      return evaluate(
        [batch],
        ([a]) => [
          ops.inverse(a!),
          ops.cholesky(a!),
          ops.qr(a!).q,
          ops.eigh(a!).vectors,
          ops.svd(a!).u,
          ops.det(a!),
        ],
        { on: backend() },
      );
    });
    for (const run of runs) expect(run).toEqual(runs[0]);
  });
});

describe.each([referenceBackend, ...backends])("a matrix without an answer on $name", (on) => {
  afterAll(() => useBackend(referenceBackend));
  const good = [2, 1, 1, 3];
  const batch = (...second: number[]): Tensor => {
    useBackend(on);
    return fromArray({ shape: [2, 2, 2], dtype: "float32", data: new Float32Array([...good, ...second]) });
  };
  const read = (x: Tensor) => {
    realizeSync([x]);
    return Array.from(readElements(x));
  };

  it.each<[string, (a: Tensor) => Tensor, number[], string]>([
    [
      "solve",
      (a) => ops.solve(a, ops.ones([2])),
      [1, 2, 2, 4],
      "[solve] expected matrices that have an inverse, received matrix 1 of the batch, which is singular (pivot 1 is 0).",
    ],
    [
      "inverse",
      ops.inverse,
      [0, 0, 0, 0],
      "[solve] expected matrices that have an inverse, received matrix 1 of the batch, which is singular (pivot 0 is 0).",
    ],
    [
      "cholesky",
      ops.cholesky,
      [1, 2, 2, 1],
      "[cholesky] expected positive definite matrices, received matrix 1 of the batch, whose leading part of 2 rows is not.",
    ],
    [
      "triangularSolve",
      (a) => ops.triangularSolve(a, ops.ones([2])),
      [1, 2, 2, 0],
      "[triangularSolve] expected matrices without zeros on the diagonal, received matrix 1 of the batch, with a zero in row 1.",
    ],
    [
      "lstsq",
      (a) => ops.lstsq(a, ops.ones([2])),
      [1, 2, 2, 4],
      "[triangularSolve] expected matrices without zeros on the diagonal, received matrix 1 of the batch, with a zero in row 1.",
    ],
  ])("is named by %s", (_, compute, second, message) => {
    const result = compute(batch(...second));
    expect(() => read(result)).toThrow(DataError);
    expect(() => read(result)).toThrow(message);
    expect(read(compute(batch(3, 1, 1, 2))).every(Number.isFinite)).toBe(true);
  });

  it("has determinant 0 and the logarithm −∞", () => {
    expect(read(ops.det(batch(1, 2, 2, 4)))[1]).toBe(0);
    const { sign, logAbsDet } = ops.slogDet(batch(0, 0, 0, 0));
    expect(read(sign)).toEqual([1, 0]);
    expect(read(logAbsDet)[1]).toBe(Number.NEGATIVE_INFINITY);
  });

  it("leaves variables as they were", () => {
    useBackend(on);
    const weight = variable(fromArray({ shape: [2], dtype: "float32", data: new Float32Array([1, 2]) }));
    const step = jit((a: Tensor) => weight.assign(ops.sum(ops.solve(a, weight.value), 0)));
    expect(() => step(batch(1, 1, 1, 1))).toThrow(DataError);
    expect(read(weight.value)).toEqual([1, 2]);
  });

  it("hands NaN on instead", () => {
    expect(
      read(ops.solve(batch(1, Number.NaN, 2, 4), ops.ones([2])))
        .slice(2)
        .every(Number.isNaN),
    ).toBe(true);
    expect(
      read(ops.eigh(batch(1, Number.NaN, Number.NaN, 4)).values)
        .slice(2)
        .some(Number.isNaN),
    ).toBe(true);
  });
});
