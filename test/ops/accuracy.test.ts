/** Sums of many elements in float32, against float64, and the same bits for any number of threads. */
import { afterAll, describe, expect, it } from "vitest";
import { randomBits, unitFloat } from "../../src/base/prng.js";
import type { Shape } from "../../src/base/shape.js";
import { backend, useBackend } from "../../src/engine/device.js";
import * as ops from "../../src/ops/index.js";
import { backends } from "../support/backends.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { backendsByThreads } from "../support/threads.js";

const size = 10_000_000;
const data = Float32Array.from({ length: size }, (_, i) => unitFloat(randomBits(5, 0, i)));
let total = 0;
for (const value of data) total += value;

describe.each(backends)("ten million elements on $name", (on) => {
  const input = (shape: Shape) => [{ shape, dtype: "float32" as const, data }];
  const relative = (actual: number, expected: number) => Math.abs(actual / expected - 1);

  it("have their sum, mean and variance to float32's precision", () => {
    const [sum, mean, variance] = evaluate(
      input([size]),
      ([x]) => [ops.sum(x!), ops.mean(x!), ops.variance(x!)],
      { on },
    );
    let squares = 0;
    for (const value of data) squares += (value - total / size) ** 2;
    expect(relative(sum!.data[0]!, total)).toBeLessThan(2e-7);
    expect(relative(mean!.data[0]!, total / size)).toBeLessThan(2e-7);
    expect(relative(variance!.data[0]!, squares / size)).toBeLessThan(4e-7);
  });

  it("have the sums of long columns and of long rows", () => {
    const sums = (rows: number, axis: number) =>
      evaluate(input([rows, size / rows]), ([x]) => [ops.sum(x!, axis)], { on })[0]!.data;
    for (const rows of [size / 10, 1000]) {
      const columns = new Float64Array(size / rows);
      for (let i = 0; i < size; i++) columns[i % columns.length]! += data[i]!;
      sums(rows, 0).forEach((sum: number, i: number) => {
        expect(relative(sum, columns[i]!)).toBeLessThan(1e-6);
      });
    }
    const rows = new Float64Array(10);
    for (let i = 0; i < size; i++) rows[Math.floor(i / (size / 10))]! += data[i]!;
    sums(10, 1).forEach((sum: number, i: number) => {
      expect(relative(sum, rows[i]!)).toBeLessThan(2e-7);
    });
  });

  it("have running totals that are rounded once each", () => {
    const [sums] = evaluate(input([size]), ([x]) => [ops.cumSum(x!, 0)], { on });
    let sum = 0;
    let worst = 0;
    for (let i = 0; i < size; i++) {
      sum += data[i]!;
      worst = Math.max(worst, relative(sums!.data[i]!, Math.fround(sum)));
    }
    expect(worst).toBe(0);
  });
});

describe.each(backendsByThreads)("a million elements on $name", ({ threads, use }) => {
  afterAll(() => {
    use(2);
    useBackend(referenceBackend);
  });

  it("have the same bits for any number of threads", () => {
    const rows = { shape: [2000, 500], dtype: "float32" as const, data: data.slice(0, 1_000_000) };
    const runs = threads.map((count) => {
      use(count);
      return evaluate(
        [rows],
        ([x]) => [
          ops.sum(x!),
          ops.sum(x!, 0),
          ops.variance(x!, 1),
          ops.cumSum(x!),
          ops.cumSum(x!, 0),
          ops.cumProd(x!, 1),
          ops.cumMin(x!, 0),
          ops.histogram(x!, 20).counts,
          ops.bincount(ops.cast(ops.mul(x!, 50), "uint8"), 51, { weights: x! }),
        ],
        { on: backend() },
      );
    });
    const bytes = runs.map((run) => run.map(({ data: { buffer } }) => new Uint8Array(buffer)));
    for (const run of bytes)
      run.forEach((result, i) => {
        expect(Buffer.compare(result, bytes[0]![i]!), `result ${i}`).toBe(0);
      });
  });
});
