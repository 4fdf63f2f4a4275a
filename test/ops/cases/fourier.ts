/** Fourier transforms. */
import type { Shape } from "../../../src/base/shape.js";
import type { Case } from "./case.js";

/** Elements of a transform are sums of as many terms, which float32 rounds by the size of the largest. */
const roundings = (n: number) => ({ relative: 1e-5, absolute: 2e-6 * Math.sqrt(n) + 1e-6 });

function fourierCase(
  planes: number,
  shape: Shape,
  axis: number,
  length: number,
  more: Partial<Case> = {},
): Case {
  const attributes = { axis, scale: length % 2 === 0 ? 1 : 0.25 };
  return {
    ...roundings(length),
    ...more,
    inputs: Array.from({ length: planes }, () => ({ shape })),
    attributes: more.attributes ? { ...attributes, ...more.attributes } : attributes,
  };
}

/** [other axes before, length, other axes behind]: odd and even, each radix, primes, a prime too large for sums. */
const lines: readonly (readonly [Shape, number, Shape])[] = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 22, 60].map((n) => [[], n, []] as const),
  [[3], 64, []],
  [[17], 30, []], // sixteen rows at once, and one left
  [[2, 9], 13, []],
  [[2], 67, []], // by a chirp
  [[2], 134, []],
  [[1], 256, []], // by rows and columns
  [[0], 4, []],
  [[3], 8, [5]],
  [[2], 9, [16]],
  [[], 12, [3, 7]],
  [[2], 71, [18]],
  [[2], 6, [0]],
];
/** Left to parity: a reference of n² terms, and differences that take several. */
const longLines: readonly (readonly [Shape, number, Shape])[] = [
  [[1], 509, []], // a chirp by rows and columns
  [[9], 509, []],
  [[1], 2100, []],
  [[1], 1331, []],
];

const all = [...lines, ...longLines];

export const fourierCases: Readonly<Record<string, readonly Case[]>> = {
  fft: all.map(([before, n, behind]) => fourierCase(2, [...before, n, ...behind], before.length, n)),
  rfft: all.map(([before, n, behind]) => fourierCase(1, [...before, n, ...behind], before.length, n)),
  irfft: all.map(([before, n, behind]) =>
    fourierCase(2, [...before, Math.floor(n / 2) + 1, ...behind], before.length, n, {
      attributes: { length: n },
    }),
  ),
};
