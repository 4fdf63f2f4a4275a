import { beforeAll, describe, expect, it } from "vitest";
import "../../src/index.js";
import { useBackend } from "../../src/engine/device.js";
import {
  ConfigError,
  DataError,
  DTypeError,
  ShapeError,
  type TensorData,
  type TensorOptions,
  tensor,
} from "../../src/index.js";
import { thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

beforeAll(() => useBackend(referenceBackend));

/** What was made, as plain values. */
function made(data: TensorData, options: TensorOptions<"float32" | "int32" | "uint8" | "bool"> = {}) {
  const t = tensor(data, options);
  return { shape: [...t.shape], dtype: t.dtype as string, elements: Array.from(t.dataSync()) };
}

describe("a tensor made from numbers", () => {
  it("is float32 and has the shape of the nesting", () => {
    expect(made(3.5)).toEqual({ shape: [], dtype: "float32", elements: [3.5] });
    expect(
      made([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ).toEqual({ shape: [2, 3], dtype: "float32", elements: [1, 2, 3, 4, 5, 6] });
    expect(made([[[1]], [[2]]])).toEqual({ shape: [2, 1, 1], dtype: "float32", elements: [1, 2] });
  });

  it("rounds to the nearest float32", () => {
    expect(made([0.1, 16777217, 1e39]).elements).toEqual([0.10000000149011612, 16777216, Infinity]);
  });

  it("may be empty, with the axes that are written", () => {
    expect(made([])).toEqual({ shape: [0], dtype: "float32", elements: [] });
    expect(made([[], []])).toEqual({ shape: [2, 0], dtype: "float32", elements: [] });
    expect(made([], { shape: [3, 0] })).toEqual({ shape: [3, 0], dtype: "float32", elements: [] });
  });

  it("takes another shape of as many elements", () => {
    expect(made([1, 2, 3, 4], { shape: [2, 2] }).shape).toEqual([2, 2]);
    expect(made(7, { shape: [1, 1] }).shape).toEqual([1, 1]);
  });

  it("is bool where all elements are booleans, else the booleans count as 0 and 1", () => {
    expect(made([true, false])).toEqual({ shape: [2], dtype: "bool", elements: [1, 0] });
    expect(made([true, 2])).toEqual({ shape: [2], dtype: "float32", elements: [1, 2] });
    expect(made([0, 0.5, -3], { dtype: "bool" }).elements).toEqual([0, 1, 1]);
  });

  it("drops fractions in an integer dtype, and takes its whole range", () => {
    expect(made([1.9, -1.9], { dtype: "int32" }).elements).toEqual([1, -1]);
    expect(made([-(2 ** 31), 2 ** 31 - 1], { dtype: "int32" }).elements).toEqual([-2147483648, 2147483647]);
    expect(made([0, 255], { dtype: "uint8" }).elements).toEqual([0, 255]);
  });
});

describe("a tensor made from memory", () => {
  it("has the dtype of the typed array", () => {
    expect(made(Float32Array.of(1.5, 2))).toEqual({ shape: [2], dtype: "float32", elements: [1.5, 2] });
    expect(made(Int32Array.of(-1, 2)).dtype).toBe("int32");
    expect(made(Uint8Array.of(200)).dtype).toBe("uint8");
    expect(made(Uint8ClampedArray.of(300) as unknown as Uint8Array)).toEqual({
      shape: [1],
      dtype: "uint8",
      elements: [255],
    });
    expect(made(Float64Array.of(0.1))).toEqual({
      shape: [1],
      dtype: "float32",
      elements: [0.10000000149011612],
    });
  });

  it("turns 64-bit integers into int32 where they fit", () => {
    expect(made(BigInt64Array.of(-5n, 2n ** 31n - 1n))).toEqual({
      shape: [2],
      dtype: "int32",
      elements: [-5, 2147483647],
    });
    expect(made(BigInt64Array.of(5n), { dtype: "uint8" }).elements).toEqual([5]);
    expect(thrownBy(() => tensor(BigInt64Array.of(1n, 2n ** 31n)))).toMatchObject({
      name: "DataError",
      who: "tensor",
      received: "2147483648 at element 1",
    });
  });

  it("sees only its part of a larger buffer", () => {
    const whole = Float32Array.of(9, 1, 2, 9);
    expect(made(whole.subarray(1, 3)).elements).toEqual([1, 2]);
  });

  it("is a copy: later changes of the array do not reach it", () => {
    const source = Float32Array.of(1, 2);
    const t = tensor(source);
    source[0] = 100;
    expect(Array.from(t.dataSync())).toEqual([1, 2]);
  });

  it("comes from an array with a shape", () => {
    const array = { shape: [2, 2], dtype: "int32", data: Int32Array.of(1, 2, 3, 4) } as const;
    expect(made(array)).toEqual({ shape: [2, 2], dtype: "int32", elements: [1, 2, 3, 4] });
    expect(made(array, { shape: [4], dtype: "float32" })).toEqual({
      shape: [4],
      dtype: "float32",
      elements: [1, 2, 3, 4],
    });
  });

  it("comes from another tensor, converted", () => {
    const t = tensor([1.7, 2]);
    expect(tensor(t)).toBe(t);
    expect(made(t, { dtype: "int32" }).elements).toEqual([1, 2]);
  });
});

describe("a tensor is refused", () => {
  const refused = (data: unknown, options: Record<string, unknown> = {}) =>
    thrownBy(() => tensor(data as TensorData, options as TensorOptions<"float32">));

  it.each([
    { name: "rows of different length", data: [[1, 2], [3]], received: "a row of length 1" },
    { name: "a number beside rows", data: [[1, 2], 3], received: "a number" },
    { name: "a row beside numbers", data: [1, [2]], received: "an array of length 1" },
    { name: "rows deeper than the first", data: [[1], [[2]]], received: "an array of length 1" },
    { name: "null beside rows", data: [[1], null], received: "null" },
  ])("for $name", ({ data, received }) => {
    const error = refused(data) as ShapeError;
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.who).toBe("tensor");
    expect(error.received).toBe(received);
    expect(error.fix).not.toBe("");
  });

  it.each([
    { name: "text", data: "abc", received: "a string" },
    { name: "text in an array", data: [1, "2"], received: "a string" },
    { name: "nothing", data: undefined, received: "undefined" },
    { name: "null", data: null, received: "null" },
    { name: "null among numbers", data: [1, null], received: "null" },
    { name: "bigints", data: [1n], received: "a bigint" },
    { name: "objects", data: [{}], received: "an object" },
    { name: "16-bit integers", data: new Int16Array(2), received: "Int16Array" },
    { name: "unsigned 64-bit integers", data: new BigUint64Array(1), received: "BigUint64Array" },
  ])("for $name", ({ data, received }) => {
    const error = refused(data) as DTypeError;
    expect(error).toBeInstanceOf(DTypeError);
    expect(error.received).toBe(received);
    expect(error.fix).not.toBe("");
  });

  it.each([
    { data: [256], dtype: "uint8", received: "256 at element 0" },
    { data: [0, -1], dtype: "uint8", received: "-1 at element 1" },
    { data: [2 ** 31], dtype: "int32", received: "2147483648 at element 0" },
    { data: [Number.NaN], dtype: "int32", received: "NaN at element 0" },
    { data: Float32Array.of(1, Infinity), dtype: "int32", received: "Infinity at element 1" },
    { data: Int32Array.of(1000), dtype: "uint8", received: "1000 at element 0" },
  ])("where $received does not fit $dtype", ({ data, dtype, received }) => {
    const error = refused(data, { dtype }) as DataError;
    expect(error).toBeInstanceOf(DataError);
    expect(error.received).toBe(received);
  });

  it("where the shape has another number of elements", () => {
    expect(refused([1, 2, 3], { shape: [2, 2] })).toMatchObject({
      name: "ShapeError",
      expected: "4 elements for shape [2, 2]",
      received: "3 elements",
    });
  });

  it("where a length is negative or broken", () => {
    expect(refused([1], { shape: [-1] })).toBeInstanceOf(ShapeError);
    expect(refused([1], { shape: [0.5, 2] })).toBeInstanceOf(ShapeError);
  });

  it("is refused for a dtype that stands alone, which `zeros` takes and `tensor` would overlook", () => {
    const error = refused([1], "int32" as never) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toBe(
      '[tensor] expected options { dtype, shape }, received "int32". Write { dtype: "int32" }.',
    );
  });

  it("where the dtype is unknown, with the nearest one", () => {
    const error = refused([1], { dtype: "float23" }) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.fix).toContain("float32");
  });
});
