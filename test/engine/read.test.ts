import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  BackendError,
  DataError,
  gather,
  mul,
  type NestedArray,
  ShapeError,
  TraceError,
  tensor,
  transpose,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { rejectionOf } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";
import { counted } from "./counting.js";

afterAll(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("reading on $name", (on) => {
  beforeEach(() => useBackend(on));

  const matrix = () =>
    tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);

  it("gives the elements row by row, in the typed array of the dtype", async () => {
    expect(await transpose(matrix()).data()).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
    expect(await tensor([1, -2], { dtype: "int32" }).data()).toEqual(Int32Array.of(1, -2));
    expect(tensor([1, 255], { dtype: "uint8" }).dataSync()).toEqual(Uint8Array.of(1, 255));
    expect(tensor([true, false]).dataSync()).toEqual(Uint8Array.of(1, 0));
    expect(tensor([[], []]).dataSync()).toEqual(new Float32Array(0));
  });

  it("gives a copy: writing to it changes nothing", () => {
    const x = matrix();
    x.dataSync()[0] = 100;
    expect(x.dataSync()[0]).toBe(1);
    const y = add(x, 0);
    y.dataSync()[5] = 100;
    expect(add(y, 1).arraySync()).toEqual([
      [2, 3, 4],
      [5, 6, 7],
    ]);
  });

  it("gives nested arrays, with booleans for bool", async () => {
    expect(await matrix().array()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(tensor([[true], [false]]).arraySync()).toEqual([[true], [false]]);
    expect(tensor(7).arraySync()).toBe(7);
    expect(tensor(true).arraySync()).toBe(true);
    expect(tensor([[], []]).arraySync()).toEqual([[], []]);
    expect(tensor(new Float32Array(0), { shape: [0, 2] }).arraySync()).toEqual([]);
  });

  it("gives the only element of a tensor of any rank", async () => {
    expect(await tensor([[[2.5]]]).item()).toBe(2.5);
    expect(tensor(-3, { dtype: "int32" }).itemSync()).toBe(-3);
    await expect(matrix().item()).rejects.toThrow(ShapeError);
    expect(() => matrix().itemSync()).toThrow(/one element.*\[2, 3\].*data\(\)/s);
    expect(() => tensor([]).itemSync()).toThrow(ShapeError);
  });

  it("of several tensors at once is fine", async () => {
    const x = matrix();
    const y = mul(x, 2);
    const [a, b, c] = await Promise.all([y.array(), y.data(), add(y, 1).array()]);
    expect(a).toEqual([
      [2, 4, 6],
      [8, 10, 12],
    ]);
    expect(Array.from(b)).toEqual([2, 4, 6, 8, 10, 12]);
    expect(c).toEqual([
      [3, 5, 7],
      [9, 11, 13],
    ]);
  });

  it("reports what the data did wrong", async () => {
    const wrong = () => gather(matrix(), tensor([0, 2], { dtype: "int32" }));
    const error = (await rejectionOf(wrong().data())) as DataError;
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ who: "gather", received: "index 2 at row 1" });
    expect(error.message).toMatch(/from 0/);
    expect(() => wrong().dataSync()).toThrow(DataError);
  });

  it("takes parts by index, from the end where it is negative", () => {
    const x = tensor([matrix().arraySync(), mul(matrix(), 10).arraySync()] as NestedArray); // [2, 2, 3]
    expect(x.at(1).arraySync()).toEqual([
      [10, 20, 30],
      [40, 50, 60],
    ]);
    expect(x.at(0, -1).arraySync()).toEqual([4, 5, 6]);
    expect(x.at(-2, 1, 2).itemSync()).toBe(6);
    expect(x.at().arraySync()).toEqual(x.arraySync());
    expect(x.at(1).at(0).at(-3).itemSync()).toBe(10);
    expect(transpose(x.at(0)).at(2).arraySync()).toEqual([3, 6]);
    expect(x.at(1).shape).toEqual([2, 3]);
  });

  it.each([
    ["beyond the end", [2], /axis -2 to 1.*axis 2|from -2 to 1.*2/],
    ["before the start", [-3], /-3/],
    ["broken", [0.5], /0\.5/],
    ["too many", [0, 0, 0], /at most 2.*3/],
  ])("refuses an index %s", (_, indices, message) => {
    expect(() => matrix().at(...indices)).toThrow(ShapeError);
    expect(() => matrix().at(...indices)).toThrow(message);
  });

  it("refuses an index into an axis without elements", () => {
    expect(() => tensor(new Float32Array(0), { shape: [0, 2] }).at(0)).toThrow(/elements.*length 0/);
  });

  it("is not possible after the memory was given back", async () => {
    const x = add(matrix(), 1);
    const y = mul(x, 2);
    x.dataSync();
    x.dispose();
    expect(() => x.dataSync()).toThrow(TraceError);
    expect((await rejectionOf(x.data())).message).toMatch(/disposed float32 \[2, 3\]/);
    expect(() => y.dataSync()).toThrow(/disposed/);
    x.dispose(); // once more does no harm
  });

  it("is possible for what was computed from it before", () => {
    const x = add(matrix(), 1);
    const y = mul(x, 2);
    y.dataSync();
    x.dispose();
    expect(y.arraySync()).toEqual([
      [4, 6, 8],
      [10, 12, 14],
    ]);
  });

  it("does not need a tensor that was disposed of before it was computed", () => {
    const x = add(matrix(), 1);
    const y = mul(x, 2);
    x.dispose();
    expect(y.at(0).arraySync()).toEqual([4, 6, 8]);
    expect(() => x.dataSync()).toThrow(/disposed/);
  });

  it("disposes at the end of a scope", () => {
    const outer = add(matrix(), 1);
    const use = () => {
      using inner = add(outer, 1);
      expect(inner.at(0, 0).itemSync()).toBe(3);
      inner.dataSync();
      return inner;
    };
    const gone = use();
    expect(() => gone.dataSync()).toThrow(/disposed/);
    expect(outer.at(0, 0).itemSync()).toBe(2);
  });
});

describe("a backend that works beside JavaScript", () => {
  it("answers with await only", async () => {
    const on = counted(referenceBackend);
    Object.assign(on, { synchronous: false });
    useBackend(on);
    const y = mul(tensor([1, 2]), 3);
    for (const read of [() => y.dataSync(), () => y.arraySync(), () => y.at(0).itemSync()]) {
      expect(read).toThrow(BackendError);
      expect(read).toThrow(/reference.*await x\.data\(\)/s);
    }
    expect(on.runs).toBe(0);
    expect(await y.array()).toEqual([3, 6]);
    expect(`${add(y, 1)}`).toContain("not computed");
  });
});
