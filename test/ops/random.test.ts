import { describe, expect, it } from "vitest";
import { foldIn, permutedIndex, randomBits, unitFloat } from "../../src/base/prng.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { backends } from "../support/backends.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";

const count = 20_000;

describe.each([referenceBackend, ...backends])("random numbers on $name", (on) => {
  const values = (build: () => Tensor): number[] =>
    Array.from(evaluate([], () => [build()], { on })[0]!.data);
  const moments = (numbers: readonly number[]) => {
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
    const variance = numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / numbers.length;
    return { mean, deviation: Math.sqrt(variance), low: Math.min(...numbers), high: Math.max(...numbers) };
  };

  it("are the counter's function of base/prng, bit by bit", () => {
    expect(values(() => ops.randomBits(-77, [3, 4], 5))).toEqual(
      Array.from({ length: 12 }, (_, i) => randomBits(-77, 5, i)),
    );
    expect(values(() => ops.uniform(9, [5]))).toEqual(
      Array.from({ length: 5 }, (_, i) => unitFloat(randomBits(9, 0, i))),
    );
    expect(values(() => ops.permutation(3, 11))).toEqual(
      Array.from({ length: 11 }, (_, i) => permutedIndex(3, i, 11)),
    );
    expect(values(() => ops.foldIn(12, 34))).toEqual([foldIn(12, 34)]);
  });

  it("differ between keys and between streams, and not between runs", () => {
    const first = values(() => ops.uniform(1, [8]));
    expect(values(() => ops.uniform(1, [8]))).toEqual(first);
    expect(values(() => ops.uniform(2, [8]))).not.toEqual(first);
    expect(values(() => ops.uniform(1, [8], { stream: 1 }))).not.toEqual(first);
  });

  it("take a time stamp as key", () => {
    const stamp = 1_700_000_000_123;
    expect(values(() => ops.uniform(stamp, [4]))).not.toEqual(
      values(() => ops.uniform(stamp + 2 ** 32, [4])),
    );
  });

  it("uniform fills its range evenly", () => {
    const { mean, deviation, low, high } = moments(
      values(() => ops.uniform(4, [count], { min: -1, max: 3 })),
    );
    expect(mean).toBeCloseTo(1, 1);
    expect(deviation).toBeCloseTo(4 / Math.sqrt(12), 1);
    expect(low).toBeGreaterThanOrEqual(-1);
    expect(high).toBeLessThan(3);
  });

  it("normal has the mean, the deviation and the tails of a normal distribution", () => {
    const numbers = values(() => ops.normal(5, [count], { mean: 2, standardDeviation: 3 }));
    const { mean, deviation } = moments(numbers);
    expect(mean).toBeCloseTo(2, 1);
    expect(deviation).toBeCloseTo(3, 1);
    const within = (k: number) => numbers.filter((v) => Math.abs(v - 2) < 3 * k).length / count;
    expect(within(1)).toBeCloseTo(0.6827, 2);
    expect(within(2)).toBeCloseTo(0.9545, 2);
    expect(numbers.every(Number.isFinite)).toBe(true);
  });

  it("truncatedNormal stays within two deviations and has the deviation of that", () => {
    const numbers = values(() => ops.truncatedNormal(6, [count]));
    const { mean, deviation, low, high } = moments(numbers);
    expect(mean).toBeCloseTo(0, 1);
    expect(deviation).toBeCloseTo(0.8796, 2);
    expect(low).toBeGreaterThan(-2);
    expect(low).toBeLessThan(-1.95);
    expect(high).toBeLessThan(2);
    // The middle half of the distribution: erf⁻¹ is right inside, too. Φ(0.6376) = 0.5 + 0.9545 / 4.
    expect(numbers.filter((v) => Math.abs(v) < 0.6376).length / count).toBeCloseTo(0.5, 2);
  });

  it("bernoulli is true as often as asked", () => {
    expect(moments(values(() => ops.bernoulli(7, [count], { probability: 0.3 }))).mean).toBeCloseTo(0.3, 2);
  });

  it("dropout keeps the mean, zeroes the rate, and repeats for the same step", () => {
    const kept = values(() => ops.dropout(ops.ones([count]), 0.25, 8, 3));
    expect(moments(kept).mean).toBeCloseTo(1, 1);
    expect(kept.filter((v) => v === 0).length / count).toBeCloseTo(0.25, 2);
    expect(new Set(kept.map((v) => v.toFixed(4)))).toEqual(new Set(["0.0000", "1.3333"]));
    expect(values(() => ops.dropout(ops.ones([count]), 0.25, 8, 3))).toEqual(kept);
    expect(values(() => ops.dropout(ops.ones([count]), 0.25, 8, 4))).not.toEqual(kept);
  });

  it.each([1, 2, 3, 10, 64, 1000])("permutation of %i has every number once", (n) => {
    expect(values(() => ops.permutation(99, n)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: n }, (_, i) => i),
    );
  });
});
