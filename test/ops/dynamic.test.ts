/** Operations on a batch whose length is known at run time only give what they give on a batch of that length. */
import { afterEach, describe, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { fromArray } from "../../src/engine/create.js";
import { useBackend } from "../../src/engine/device.js";
import { jit } from "../../src/engine/jit.js";
import { readElements } from "../../src/engine/realize.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { constant } from "../../src/ops/leaf.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { elementsOf, type Input } from "./cases.js";

const { add, mean, mul, square, sub, sum } = ops;

const bound = 7;

/** Inputs of a case; the first axis, of any length, is the batch. */
interface DynamicCase {
  readonly inputs: (batch: number) => readonly Input[];
  readonly build: (inputs: Tensor[]) => readonly Tensor[];
}

const weights = constant(elementsOf({ shape: [4, 3], low: -1, high: 1 }, "float32", 5));
const weights4 = ops.slice(ops.transpose(weights), [1, 0], [1, 4]);
const filters = constant(elementsOf({ shape: [3, 3, 2, 4], low: -1, high: 1 }, "float32", 6));
const chosen = constant({ shape: [2], dtype: "int32", data: Int32Array.of(1, 0) });
const reshapedChosen = ops.reshape(chosen, [2, 1]);
const rows = (batch: number): Input[] => [{ shape: [batch, 4] }];
const images = (batch: number): Input[] => [{ shape: [batch, 5, 6, 2] }];
const labelled = (batch: number): Input[] => [
  { shape: [batch, 4] },
  { shape: [batch], dtype: "int32", low: 0, high: 2 },
];

/** A loss of each kind with the gradients to what does not depend on the batch. */
const withGradients = (loss: Tensor, ...parameters: Tensor[]): Tensor[] => [
  loss,
  ...vjp([loss], parameters).map((gradient) => gradient!),
];

const cases: Readonly<Record<string, DynamicCase>> = {
  "elementwise chains": { inputs: rows, build: ([x]) => [ops.tanh(add(mul(x!, 2), 1))] },
  "a row added to each": {
    inputs: rows,
    build: ([x]) => [add(x!, ops.slice(ops.transpose(weights), [1, 0], [1, 4]))],
  },
  "sum, mean and variance over the batch": {
    inputs: rows,
    build: ([x]) => [
      sum(x!),
      sum(x!, 0),
      mean(x!),
      mean(x!, 0),
      ops.variance(x!, 0),
      ops.max(x!, 0),
      ops.argMax(x!, 0),
    ],
  },
  "a sum over the batch alone": { inputs: rows, build: ([x]) => [sum(x!, 0)] },
  "a largest element alone": { inputs: rows, build: ([x]) => [ops.max(x!, 0)] },
  "results whose batch axis is not the first": {
    inputs: rows,
    build: ([x]) => [
      ops.transpose(x!),
      ops.stack([x!, square(x!)]),
      ops.expandDims(x!, 0),
      ops.matmul(ops.transpose(weights), ops.transpose(x!)),
    ],
  },
  "columns scattered by number": {
    inputs: rows,
    build: ([x]) => [
      ops.scatterAdd(ops.concat([chosen, chosen]), ops.transpose(x!), 3),
      ops.scatterUpdate(ops.transpose(x!), chosen, 5),
      ops.scatterMaximum(ops.transpose(x!), chosen, 0.25),
    ],
  },
  "columns picked by number": {
    inputs: rows,
    build: ([x]) => [
      ops.gather(x!, chosen, 1),
      ops.gather(ops.transpose(x!), chosen),
      ops.gather(ops.reshape(x!, [-1, 2, 2]), reshapedChosen, 1),
    ],
  },
  "reductions of the other axes": {
    inputs: images,
    build: ([x]) => [
      sum(x!, [1, 2, 3]),
      mean(x!, [1, 2]),
      ops.max(x!, -1),
      ops.std(x!, 1, { keepDims: true }),
    ],
  },
  "a normalized batch": {
    inputs: images,
    build: ([x]) => {
      const centred = sub(x!, mean(x!, [0, 1, 2], { keepDims: true }));
      return [mul(centred, ops.rsqrt(add(ops.variance(x!, [0, 1, 2], { keepDims: true }), 1e-3)))];
    },
  },
  "a dense layer and its gradients": {
    inputs: labelled,
    build: ([x, labels]) =>
      withGradients(mean(ops.sparseCrossEntropy(ops.matmul(x!, weights), labels!)), weights),
  },
  "the gradient of a bias under a plain sum, which counts rows": {
    inputs: rows,
    build: ([x]) => {
      const bias = ops.slice(ops.transpose(weights), [1, 0], [1, 4]);
      return withGradients(sum(add(x!, bias)), bias);
    },
  },
  "a sequence times a matrix": {
    inputs: (batch) => [{ shape: [batch, 3, 4] }],
    build: ([x]) => withGradients(sum(square(ops.matmul(x!, weights))), weights),
  },
  "a convolution, pooled, and its gradients": {
    inputs: images,
    build: ([x]) => {
      const y = ops.relu(ops.conv2d(x!, filters, { padding: "same" }));
      return withGradients(mean(square(ops.maxPool2d(y))), filters);
    },
  },
  "an average pool over padding": {
    inputs: images,
    build: ([x]) => [ops.avgPool2d(x!, { size: 3, strides: 2, padding: "same" }), ops.avgPool2d(x!)],
  },
  "softmax and its gradient": {
    inputs: rows,
    build: ([x]) => [ops.softmax(x!), vjp([sum(square(ops.softmax(x!)))], [x!])[0]!],
  },
  "rows picked and added up": {
    inputs: (batch) => [{ shape: [batch], dtype: "int32", low: 0, high: 3 }],
    build: ([indices]) => {
      const picked = ops.gather(weights, indices!);
      return [picked, ...withGradients(sum(square(picked)), weights)];
    },
  },
  "one entry of each row": {
    inputs: labelled,
    build: ([x, labels]) => {
      const taken = ops.takeAlongAxis(x!, ops.expandDims(labels!, -1));
      return [taken, vjp([sum(square(taken))], [x!])[0]!];
    },
  },
  "rows in order and their gradient": {
    inputs: rows,
    build: ([x]) => {
      const y = ops.sort(x!);
      return [y, ops.argSort(x!), ops.topK(x!, 2).values, vjp([sum(square(mul(y, weights4)))], [x!])[0]!];
    },
  },
  "one-hot labels": {
    inputs: labelled,
    build: ([x, labels]) => [mean(ops.crossEntropy(ops.matmul(x!, weights), ops.oneHot(labels!, 3)))],
  },
  dropout: { inputs: rows, build: ([x]) => [ops.dropout(x!, 0.5, 3)] },
  "flattened images": {
    inputs: images,
    build: ([x]) => [ops.flatten(x!, 1), ops.flatten(x!), sum(ops.reshape(x!, [-1, 2]), 0)],
  },
  "running totals of each row": { inputs: rows, build: ([x]) => [ops.cumSum(x!, 1)] },
  "systems of equations and their gradients": {
    inputs: (batch) => [{ shape: [batch, 3, 3], matrix: "spread" }, { shape: [batch, 3, 2] }],
    build: ([a, b]) => {
      const x = ops.solve(a!, b!);
      return [
        x,
        ...vjp([sum(square(x))], [a!, b!]).map((gradient) => gradient!),
        ops.det(a!),
        ops.inverse(a!),
      ];
    },
  },
  "one matrix for a batch of right sides": {
    inputs: (batch) => [{ shape: [batch, 4, 2] }],
    build: ([b]) => {
      const a = add(ops.matmul(weights, ops.transpose(weights)), ops.eye(4));
      return [...withGradients(sum(ops.solve(a, b!)), weights), ops.triangularSolve(a, b!), ops.lstsq(a, b!)];
    },
  },
  "factors of matrices and their gradients": {
    inputs: (batch) => [{ shape: [batch, 4, 4], matrix: "positive" }],
    build: ([a]) => {
      const { q, r } = ops.qr(a!);
      const { u, s } = ops.svd(a!);
      const results = [ops.cholesky(a!), q, r, ops.eigh(a!).values, u, s, ops.norm(a!, [1, 2], { order: 2 })];
      return [...results, ...results.map((y) => vjp([sum(square(y))], [a!])[0]!)];
    },
  },
  "sums of products": {
    inputs: (batch) => [{ shape: [batch, 3, 4] }],
    build: ([x]) => [
      ops.einsum("bij,jk->bik", x!, weights),
      ops.einsum("bij,bkj->bik", x!, x!),
      ops.einsum("bij->ij", x!),
      ops.tensordot(x!, weights, 1),
      ops.trace(x!),
    ],
  },
  "the gradients of products over the batch and beside it": {
    inputs: rows,
    build: ([x]) => [
      vjp([sum(ops.prod(x!, 0))], [x!])[0]!,
      vjp([sum(square(ops.prod(x!, 1)))], [x!])[0]!,
      vjp([ops.prod(ops.transpose(x!))], [x!])[0]!,
    ],
  },
  "running totals over the batch, both ways, and their gradient": {
    inputs: rows,
    build: ([x]) => [
      ops.cumSum(x!, 0),
      ops.cumSum(x!, 0, { reverse: true, exclusive: true }),
      ops.cumMax(x!, 0, { reverse: true }),
      ops.transpose(ops.cumProd(ops.transpose(x!), 0)),
      ops.transpose(ops.cumSum(ops.transpose(x!), 1)),
      vjp([sum(square(ops.cumProd(x!, 0)))], [x!])[0]!,
    ],
  },
  "parts joined": { inputs: rows, build: ([x]) => [ops.concat([x!, mul(x!, 2)], 1), ops.flip(x!, 1)] },
};

afterEach(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("a batch of run-time length on $name", (on) => {
  for (const [name, { inputs, build }] of Object.entries(cases)) {
    it(name, () => {
      useBackend(on);
      const compiled = jit((...batch: Tensor[]) => [...build(batch)], { batchBound: bound });
      for (const batch of [bound, 3, 1]) {
        const arrays = inputs(batch).map((input, i) => elementsOf(input, input.dtype ?? "float32", 20 + i));
        useBackend(on);
        const actual = compiled(...arrays.map(fromArray)) as Tensor[];
        const values = actual.map((t) => ({ shape: t.shape, dtype: t.dtype, data: readElements(t) }));
        evaluate(arrays, build).forEach((expected, i) => {
          expectClose(values[i]!, expected, { absolute: 1e-5 });
        });
      }
    });
  }
});
