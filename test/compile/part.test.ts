import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { NullBackend } from "../../src/backends/null/null.js";
import { useBackend } from "../../src/engine/device.js";
import { jit, type Tensor, tensor } from "../../src/index.js";
import { add, cast, exp, gather, mul, slice, sum } from "../../src/ops/index.js";
import { referenceBackend } from "../support/evaluate.js";

const rows = 1000;
const inner = 16;
const bytes = Uint8Array.from({ length: rows * inner }, (_, i) => (i * 7) % 251);
const column = () => mul(cast(tensor(bytes, { shape: [rows, inner] }), "float32"), 1 / 255);
const rowOf = (i: number) =>
  Array.from(bytes.subarray(i * inner, (i + 1) * inner), (b) => Math.fround(b * Math.fround(1 / 255)));

let counter: NullBackend;
beforeEach(() => {
  counter = new NullBackend();
  useBackend(counter);
});
afterAll(() => useBackend(referenceBackend));

describe("a part of an elementwise chain", () => {
  it("is computed alone, with the right values", () => {
    useBackend(referenceBackend);
    expect(Array.from(column().at(17).dataSync())).toEqual(rowOf(17));
    expect(Array.from(column().at(-1).dataSync())).toEqual(rowOf(rows - 1));
    const picked = gather(column(), tensor([3, 999], { dtype: "int32" })).dataSync();
    expect(Array.from(picked)).toEqual([...rowOf(3), ...rowOf(999)]);
    const alternate = slice(column(), [10, 15], [4, 3], [2, -2]).dataSync();
    expect(Array.from(alternate.subarray(3, 6))).toEqual([15, 13, 11].map((k) => rowOf(12)[k]));
  });

  it("needs no memory for the whole", () => {
    column().at(17).dataSync();
    gather(column(), tensor([3, 999], { dtype: "int32" })).dataSync();
    const step = jit((data: Tensor, indices: Tensor) => sum(gather(mul(exp(data), 2), indices)));
    step.compile(
      tensor(new Float32Array(rows * inner), { shape: [rows, inner] }),
      tensor([1, 2], { dtype: "int32" }),
    );
    expect(counter.loaded).toHaveLength(3);
    for (const { arenaBytes } of counter.loaded) expect(arenaBytes).toBeLessThan(rows * inner);
  });

  it("of a sum of two arrays, or most of a chain, is taken from the whole", () => {
    const x = tensor(new Float32Array(rows * inner), { shape: [rows, inner] });
    const y = tensor(new Float32Array(rows * inner), { shape: [rows, inner] });
    add(x, y).at(3).dataSync();
    slice(column(), [1, 0], [rows - 1, inner]).dataSync();
    for (const { arenaBytes } of counter.loaded) expect(arenaBytes).toBeGreaterThanOrEqual(4 * rows * inner);
  });
});
