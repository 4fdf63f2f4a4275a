/** A few small computations on a backend, compared with the reference: does this machine compute right? */

import { type BackendName, type BackendOptions, grad, setBackend, tensor } from "../engine/index.js";
import type { Tensor } from "../graph/tensor.js";
import {
  add,
  conv2d,
  gelu,
  matmul,
  mean,
  mul,
  relu,
  softmax,
  sparseCrossEntropy,
  sum,
} from "../ops/index.js";

export interface KernelCheck {
  readonly kernel: string;
  readonly isPassed: boolean;
  /** Largest |difference| from the reference, divided by the largest |value|; null where it could not be computed. */
  readonly difference: number | null;
  /** What went wrong where it could not be computed. */
  readonly error?: string;
}

/** float32 sums of some hundred terms in another order differ by less. */
const tolerance = 1e-5;

// Sizes are no multiples of a vector or a tile, so that tails are tested too.
const checks: Readonly<Record<string, () => Tensor>> = {
  "elementwise chain": () => gelu(add(mul(waves([37, 53]), 2), waves([53], 1))),
  "matrix product + bias + relu": () =>
    relu(add(matmul(waves([45, 131]), waves([131, 67], 1)), waves([67], 2))),
  "sums along both axes": () => add(sum(waves([71, 129]), 1), mean(waves([129, 71], 1), 0)),
  softmax: () => softmax(waves([23, 101])),
  convolution: () => conv2d(waves([2, 13, 11, 3]), waves([3, 3, 3, 8], 1), { padding: "same" }),
  "gradient of a classifier": () => {
    const x = waves([29, 61]);
    const labels = tensor(
      Array.from({ length: 29 }, (_, i) => i % 10),
      { dtype: "int32" },
    );
    return grad((w: Tensor) => mean(sparseCrossEntropy(matmul(x, w), labels)))(waves([61, 10], 1));
  },
};

/**
 * Runs the checks on a backend that is available and leaves the reference as the backend in use.
 *
 * @param name `native` or `wasm`; the reference itself is what the others are compared with
 */
export async function selfTest(name: BackendName, options: BackendOptions = {}): Promise<KernelCheck[]> {
  const results: KernelCheck[] = [];
  for (const [kernel, build] of Object.entries(checks)) {
    await setBackend("reference");
    const expected = await build().data();
    try {
      await setBackend(name, options);
      const difference = worst(await build().data(), expected);
      results.push({ kernel, isPassed: difference <= tolerance, difference });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      results.push({ kernel, isPassed: false, difference: null, error: message });
    }
  }
  await setBackend("reference");
  return results;
}

/** Numbers between −1 and 1 that repeat nowhere, the same everywhere. */
function waves(shape: readonly number[], phase = 0): Tensor {
  const length = shape.reduce((product, n) => product * n, 1);
  const data = Float32Array.from({ length }, (_, i) => Math.sin(1.7 * i + phase));
  return tensor(data, { shape });
}

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const off = Math.abs(actual[i]! - expected[i]!);
    difference = off >= 0 ? Math.max(difference, off) : Number.POSITIVE_INFINITY; // NaN is wrong too
  }
  return largest > 0 ? difference / largest : difference;
}
