/** Row operations of classifiers: softmax, cross-entropy and what belongs to them. */

import type { NDArray } from "../base/array.js";
import { allocateArray, type DType } from "../base/dtype.js";
import { ConfigError, DataError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { definePrimitive, type KernelPrimitive, type VjpRule } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { softplus } from "./activations.js";
import { abs, add, mul, neg, sub } from "./arithmetic.js";
import { sum } from "./broadcast.js";
import { cast } from "./cast.js";
import { maximum } from "./choice.js";
import { equal } from "./comparison.js";
import { toFloat, toIndices } from "./convert.js";
import { exp } from "./exponential.js";
import { iota } from "./iota.js";
import { alongLastAxis, checkStaticRow } from "./lastAxis.js";
import { checkTensor } from "./leaf.js";
import { expandDims, reshape } from "./movement.js";

const softmaxPrimitive = rowOperation(
  "softmax",
  (row) => {
    const shifted = exponentials(row);
    const total = shifted.reduce((a, b) => a + b, 0);
    return shifted.map((value) => value / total);
  },
  // dx = y · (g − Σ g·y)
  ({ outputs: [y], gradients: [g] }) => [mul(y!, sub(g!, sum(mul(g!, y!), -1, { keepDims: true })))],
);

const logSoftmaxPrimitive = rowOperation(
  "logSoftmax",
  (row) => {
    const logTotal = Math.log(exponentials(row).reduce((a, b) => a + b, 0)) + largestOf(row);
    return row.map((value) => value - logTotal);
  },
  // dx = g − softmax(x) · Σ g
  ({ outputs: [y], gradients: [g] }) => [sub(g!, mul(exp(y!), sum(g!, -1, { keepDims: true })))],
);

/**
 * Probabilities from scores: `exp(x_i) / Σ_j exp(x_j)` along an axis, without overflow; a score of −Infinity gives
 * exactly 0.
 *
 * Shape: same as `x`. Dtype: float, integers give float32.
 * @throws {ShapeError} for an axis out of range, or the batch axis of a run-time length
 * @example softmax(tensor([[1, 2, 3]])) // [[0.0900, 0.2447, 0.6652]]
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  return alongAxis(softmaxPrimitive, x, axis);
}

/**
 * Logarithm of `softmax`: `x_i − log Σ_j exp(x_j)` along an axis, exact where the probability would round to 0.
 *
 * Shape: same as `x`. Dtype: float, integers give float32.
 * @throws {ShapeError} for an axis out of range, or the batch axis of a run-time length
 * @example logSoftmax(tensor([[1, 2, 3]])) // [[-2.4076, -1.4076, -0.4076]]
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return alongAxis(logSoftmaxPrimitive, x, axis);
}

function alongAxis(primitive: KernelPrimitive, x: Tensor, axis: number): Tensor {
  return alongLastAxis(primitive.name, toFloat(primitive.name, x), axis, (rows) =>
    createNode(primitive, [rows]),
  );
}

function rowOperation(
  name: string,
  rule: (row: readonly number[]) => readonly number[],
  vjp: VjpRule,
): KernelPrimitive {
  return definePrimitive<KernelPrimitive>({
    name,
    kind: "kernel",
    infer: ([x]) => {
      checkStaticRow(name, x!);
      return { shape: x!.shape, dtype: x!.dtype, extent: x!.extent };
    },
    reference: ([x]) => {
      const data = allocateArray(x!.dtype, x!.data.length);
      const length = x!.shape.at(-1)!;
      for (let start = 0; start < data.length; start += length) {
        data.set(rule(Array.from(x!.data.subarray(start, start + length))), start);
      }
      return [{ ...x!, data }];
    },
    words: () => [],
    flop: ([x]) => 5 * sizeOf(x!.shape), // largest, difference, exponential, sum, quotient
    vjp,
  });
}

/** exp(x − largest), so that nothing overflows. A row of −Infinity only has no largest: it gives NaN, as the formula. */
function exponentials(row: readonly number[]): number[] {
  const largest = largestOf(row);
  return row.map((value) => Math.exp(value - largest));
}

function largestOf(row: readonly number[]): number {
  return row.reduce((a, b) => Math.max(a, b), -Infinity);
}

const crossEntropyName = "sparseCrossEntropy";

const sparseCrossEntropyPrimitive = definePrimitive<KernelPrimitive>({
  name: crossEntropyName,
  kind: "kernel",
  // logits [rows, n], labels [rows] → loss [rows]
  infer: ([logits, labels]) => {
    checkStaticRow(crossEntropyName, logits!);
    return { shape: labels!.shape, dtype: logits!.dtype, extent: logits!.extent ?? labels!.extent };
  },
  reference: ([logits, labels]) => {
    const [rows, n] = logits!.shape as [number, number];
    const data = allocateArray(logits!.dtype, rows);
    for (let row = 0; row < rows; row++) {
      const scores = Array.from(logits!.data.subarray(row * n, (row + 1) * n));
      const label = checkedLabel(labels!, row, n);
      data[row] =
        Math.log(exponentials(scores).reduce((a, b) => a + b, 0)) + largestOf(scores) - scores[label]!;
    }
    return [{ shape: [rows], dtype: logits!.dtype, data }];
  },
  words: () => [],
  fault: labelFault,
  flop: ([logits]) => 4 * sizeOf(logits!.shape), // largest, difference, exponential, sum
  vjp: ({ inputs: [logits, labels], gradients: [g] }) => [
    createNode(sparseCrossEntropyGradientPrimitive, [logits!, labels!, g!]),
    null,
  ],
});

const sparseCrossEntropyGradientPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "sparseCrossEntropyGradient",
  kind: "kernel",
  // logits [rows, n], labels [rows], g [rows] → (softmax(logits) − onehot(labels)) · g [rows, n]
  infer: ([logits, labels]) => {
    checkStaticRow("sparseCrossEntropyGradient", logits!);
    return { shape: logits!.shape, dtype: logits!.dtype, extent: logits!.extent ?? labels!.extent };
  },
  repeatedInputs: [2],
  reference: ([logits, labels, g]) => {
    const [rows, n] = logits!.shape as [number, number];
    const data = allocateArray(logits!.dtype, rows * n);
    for (let row = 0; row < rows; row++) {
      const shifted = exponentials(Array.from(logits!.data.subarray(row * n, (row + 1) * n)));
      const total = shifted.reduce((a, b) => a + b, 0);
      const label = checkedLabel(labels!, row, n);
      for (let k = 0; k < n; k++) {
        data[row * n + k] = (shifted[k]! / total - (k === label ? 1 : 0)) * g!.data[row]!;
      }
    }
    return [{ ...logits!, data }];
  },
  words: () => [],
  fault: labelFault,
  flop: ([logits]) => 6 * sizeOf(logits!.shape), // as softmax, times g
  // In plain operations, so that every further derivative follows.
  vjp: ({ inputs: [logits, labels, g], gradients: [u] }) => {
    const p = softmax(logits!);
    const weighted = mul(u!, expandDims(g!, -1)); // [rows, n]
    const toLogits = mul(p, sub(weighted, sum(mul(weighted, p), -1, { keepDims: true })));
    const toG = sum(mul(u!, sub(p, oneHot(labels!, logits!.shape[1]!, { dtype: logits!.dtype }))), -1);
    return [toLogits, null, toG];
  },
});

/** What is said about a label outside: of a run, which does not know how many classes there were. */
function labelFault(row: number, label: number) {
  return {
    expected: "labels from 0 to the number of classes − 1",
    received: `label ${label} at row ${row}`,
    fix: "Count classes from 0, and give the last layer one unit for each class.",
  };
}

function checkedLabel(labels: NDArray, row: number, n: number): number {
  const label = labels.data[row]!;
  if (label >= 0 && label < n) return label;
  const parts = {
    who: crossEntropyName,
    expected: `labels from 0 to ${n - 1}`,
    received: `label ${label} in row ${row}`,
    fix: "The logits need one column per class, and labels count from 0.",
  };
  throw new DataError(parts, { cause: { index: row, value: label } });
}

/**
 * Cross-entropy of class numbers: `−log softmax(logits)[label]` for each row, computed in one pass from the logits.
 *
 * Shapes `logits [rows…, classes]`, `labels [rows…]` (int32 or uint8) → loss `[rows…]`.
 * @throws {DTypeError} for float labels
 * @throws {ShapeError} where `labels` is not shaped like `logits` without the last axis
 * @throws {DataError} when it runs, for a label outside 0 … classes − 1, naming row and label
 * @example sparseCrossEntropy(tensor([[2, 1, 0]]), tensor([0], { dtype: "int32" })) // [0.4076]
 */
export function sparseCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const classes = toIndices(crossEntropyName, "labels", labels);
  const scores = toFloat(crossEntropyName, logits);
  if (scores.rank === 0) {
    throw new ShapeError({
      who: crossEntropyName,
      expected: "logits of rank 1 or more [rows…, classes]",
      received: "a scalar",
    });
  }
  const rows = scores.shape.slice(0, -1);
  if (!sameShape(rows, classes.shape)) {
    throw new ShapeError({
      who: crossEntropyName,
      expected: `labels of shape ${formatShape(rows)} for logits of shape ${formatShape(scores.shape)}`,
      received: `shape ${formatShape(classes.shape)}`,
      fix: labelsFix(scores.shape, classes.shape),
    });
  }
  const count = sizeOf(rows);
  const loss = createNode(sparseCrossEntropyPrimitive, [
    reshape(scores, [count, scores.shape.at(-1)!]),
    reshape(classes, [count]),
  ]);
  return reshape(loss, rows);
}

function labelsFix(logits: Shape, labels: Shape): string {
  if (sameShape(logits, labels))
    return "For one-hot labels or probabilities use crossEntropy(logits, probabilities).";
  if (sameShape([...logits.slice(0, -1), 1], labels)) return "Drop the last axis with squeeze(labels, -1).";
  return "Give one class number for each row of logits.";
}

/**
 * Cross-entropy of probabilities: `−Σ_k p_k · log softmax(logits)_k` along the last axis.
 *
 * Shapes `logits [rows…, classes]`, `probabilities` the same (one-hot rows, smoothed labels, a teacher's output) →
 * loss `[rows…]`. A gradient reaches both.
 * @throws {ShapeError} where the shapes differ
 * @example crossEntropy(tensor([[2, 1, 0]]), tensor([[1, 0, 0]])) // [0.4076]
 */
export function crossEntropy(logits: Tensor, probabilities: Tensor): Tensor {
  checkSameShape(
    "crossEntropy",
    "probabilities",
    logits,
    probabilities,
    "For class numbers use sparseCrossEntropy.",
  );
  return neg(sum(mul(toFloat("crossEntropy", probabilities), logSoftmax(logits)), -1));
}

/**
 * Cross-entropy of yes-or-no targets, element by element, from logits: `max(x, 0) − x·y + log(1 + exp(−|x|))`,
 * which is `−y·log σ(x) − (1 − y)·log(1 − σ(x))` without overflow.
 *
 * Shape: that of both arguments. Targets lie between 0 and 1.
 * @throws {ShapeError} where the shapes differ
 * @example binaryCrossEntropyWithLogits(tensor([0, 100]), tensor([1, 1])) // [0.6931, 0]
 */
export function binaryCrossEntropyWithLogits(logits: Tensor, targets: Tensor): Tensor {
  checkSameShape(
    "binaryCrossEntropyWithLogits",
    "targets",
    logits,
    targets,
    "Reshape one of them; they do not broadcast.",
  );
  const x = toFloat("binaryCrossEntropyWithLogits", logits);
  const y = toFloat("binaryCrossEntropyWithLogits", targets);
  return add(sub(maximum(x, 0), mul(x, y)), softplus(neg(abs(x))));
}

function checkSameShape(who: string, what: string, logits: Tensor, other: Tensor, fix: string): void {
  checkTensor(who, logits);
  checkTensor(who, other);
  if (sameShape(logits.shape, other.shape)) return;
  throw new ShapeError({
    who,
    expected: `${what} of the logits' shape ${formatShape(logits.shape)}`,
    received: `shape ${formatShape(other.shape)}`,
    fix,
  });
}

/**
 * Class numbers as rows with a single 1: `result[…, k] = 1` where `labels[…] = k`; a label outside gives a row of zeros.
 *
 * Shape `[labels…, depth]`. Dtype: float32 unless given.
 * @param depth number of classes
 * @throws {DTypeError} for float labels
 * @throws {ConfigError} where `depth` is no positive integer
 * @example oneHot(tensor([2, 0], { dtype: "int32" }), 3) // [[0, 0, 1], [1, 0, 0]]
 */
export function oneHot(labels: Tensor, depth: number, options: { readonly dtype?: DType } = {}): Tensor {
  if (!Number.isInteger(depth) || depth < 1) {
    throw new ConfigError({
      who: "oneHot",
      expected: "a depth that is a positive integer",
      received: String(depth),
    });
  }
  const classes = expandDims(toIndices("oneHot", "labels", labels), -1); // [labels…, 1]
  return cast(equal(classes, iota([depth])), options.dtype ?? "float32");
}
