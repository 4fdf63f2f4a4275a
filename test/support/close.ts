import { expect } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { isFloat } from "../../src/base/dtype.js";
import { formatShape, indexOf } from "../../src/base/shape.js";

export interface Tolerance {
  /** Allowed |actual − expected| / |expected|; 1e-5 unless given. */
  readonly relative?: number;
  /** Allowed |actual − expected| beside that; 1e-6 unless given. */
  readonly absolute?: number;
}

/**
 * Two arrays agree: same dtype and shape, integers and bools exactly, floats within `absolute + relative · |expected|`;
 * NaN agrees with NaN, an infinity with itself. The message names the worst element.
 */
export function expectClose(actual: NDArray, expected: NDArray, tolerance: Tolerance = {}): void {
  expect(`${actual.dtype} ${formatShape(actual.shape)}`).toBe(
    `${expected.dtype} ${formatShape(expected.shape)}`,
  );
  const allowed = isFloat(expected.dtype) ? tolerance : { relative: 0, absolute: 0 };
  expectCloseValues(actual.data, expected.data, allowed, actual.shape);
}

/** The same for bare numbers. */
export function expectCloseValues(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative = 1e-5, absolute = 1e-6 }: Tolerance = {},
  shape: readonly number[] = [actual.length],
): void {
  expect(actual.length, "number of elements").toBe(expected.length);
  let worst = -1;
  let worstExcess = 0;
  let outside = 0;
  for (let i = 0; i < expected.length; i++) {
    const excess = excessOf(actual[i]!, expected[i]!, relative, absolute);
    if (excess > 0) outside++;
    if (excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  if (worst < 0) return;
  const position = formatShape(indexOf(worst, shape));
  throw new Error(
    `${outside} of ${expected.length} elements differ; the worst at ${position}: ` +
      `received ${actual[worst]}, expected ${expected[worst]} (difference ${actual[worst]! - expected[worst]!}, ` +
      `allowed ${absolute + relative * Math.abs(expected[worst]!)})`,
  );
}

/** How far the difference goes beyond what is allowed; 0 where it does not. */
function excessOf(actual: number, expected: number, relative: number, absolute: number): number {
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Infinity;
  return Math.max(0, Math.abs(actual - expected) - absolute - relative * Math.abs(expected));
}
