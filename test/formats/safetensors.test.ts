import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { DTypeError, ShapeError } from "../../src/base/errors.js";
import { FileFormatError, readSafetensors, writeSafetensors } from "../../src/formats/index.js";
import { bytesOf, concatBytes, expectSafeReader, hexOf, textBytes } from "./mutations.js";

/** Length, JSON padded with spaces to 8 bytes, data. */
function safetensors(header: unknown, data: string): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setUint32(0, padded.length, true);
  return concatBytes(length, textBytes(padded), bytesOf(data));
}

/** Written by safetensors 0.8.0 (`safetensors.numpy.save`) from the four arrays below with metadata {"k": "v"}. */
const reference = safetensors(
  '{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1,3],"data_offsets":[0,12]},' +
    '"c":{"dtype":"I32","shape":[1],"data_offsets":[12,16]},"a":{"dtype":"U8","shape":[1],"data_offsets":[16,17]},' +
    '"d":{"dtype":"BOOL","shape":[2],"data_offsets":[17,19]}}',
  "0000803f0000004000004040ffffffff070100",
);
const arrays: Record<string, NDArray> = {
  a: { shape: [1], dtype: "uint8", data: new Uint8Array([7]) },
  b: { shape: [1, 3], dtype: "float32", data: new Float32Array([1, 2, 3]) },
  c: { shape: [1], dtype: "int32", data: new Int32Array([-1]) },
  d: { shape: [2], dtype: "bool", data: new Uint8Array([1, 0]) },
};

function fault(bytes: Uint8Array): FileFormatError {
  try {
    readSafetensors(bytes, { file: "m.safetensors" });
  } catch (error) {
    if (error instanceof FileFormatError) return error;
    throw error;
  }
  throw new Error("expected a FileFormatError");
}

const tensor = (dtype: unknown, shape: unknown, offsets: unknown) => ({
  dtype,
  shape,
  data_offsets: offsets,
});

describe("readSafetensors", () => {
  it("reads a file that the reference implementation wrote", () => {
    const { tensors, metadata } = readSafetensors(reference);
    expect(Object.fromEntries(tensors)).toEqual(arrays);
    expect([...tensors.keys()]).toEqual(["b", "c", "a", "d"]);
    expect(metadata).toEqual({ k: "v" });
  });

  it("views aligned data without a copy and reads unaligned data all the same", () => {
    expect(readSafetensors(reference).tensors.get("b")!.data.buffer).toBe(reference.buffer);
    const shifted = concatBytes(new Uint8Array(1), reference).subarray(1);
    expect(Object.fromEntries(readSafetensors(shifted).tensors)).toEqual(arrays);
  });

  it("keeps names that plain objects stumble over", () => {
    const header = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    expect(readSafetensors(safetensors(header, "05")).tensors.get("__proto__")!.data[0]).toBe(5);
  });

  it("names file, offset and field of what is wrong", () => {
    expect(fault(reference.subarray(0, 4))).toMatchObject({
      file: "m.safetensors",
      field: "header length",
      offset: 0,
    });
    expect(fault(reference.subarray(0, 40))).toMatchObject({ field: "header", offset: 8 });
    expect(fault(reference.subarray(0, -1))).toMatchObject({ field: "data", received: "18 bytes" });
    expect(fault(concatBytes(reference, new Uint8Array(1)))).toMatchObject({ field: "data" });
    expect(fault(bytesOf("ffffffffffffff7f"))).toMatchObject({ field: "header length" });
    expect(fault(bytesOf("ffffffffffffffff00"))).toMatchObject({ field: "header length" });
    expect(fault(safetensors("{nonsense", ""))).toMatchObject({ field: "header" });
    expect(fault(safetensors([1], ""))).toMatchObject({ field: "header" });
    expect(fault(safetensors({ w: 3 }, ""))).toMatchObject({ field: "entry of w" });
    expect(fault(safetensors({ w: tensor("BF16", [1], [0, 2]) }, "0000"))).toMatchObject({
      field: "dtype of w",
    });
    expect(fault(safetensors({ w: tensor("toString", [1], [0, 2]) }, "00"))).toMatchObject({
      field: "dtype of w",
    });
    expect(fault(safetensors({ w: tensor("U8", [-1], [0, 1]) }, "00"))).toMatchObject({
      field: "shape of w",
    });
    expect(fault(safetensors({ w: tensor("U8", [1], [0]) }, "00"))).toMatchObject({
      field: "data_offsets of w",
    });
    expect(fault(safetensors({ w: tensor("F32", [1e9, 1e9], [0, 4]) }, "00000000"))).toMatchObject({
      field: "data_offsets of w",
    });
    expect(fault(safetensors({ __metadata__: { k: 1 } }, ""))).toMatchObject({ field: "k of __metadata__" });
    expect(fault(safetensors({ w: tensor("BOOL", [1], [0, 1]) }, "02"))).toMatchObject({
      field: "data of w",
    });
  });

  it("refuses tensors that overlap or leave a gap", () => {
    const overlap = { v: tensor("U8", [2], [0, 2]), w: tensor("U8", [2], [1, 3]) };
    const gap = { v: tensor("U8", [1], [0, 1]), w: tensor("U8", [1], [2, 3]) };
    for (const header of [overlap, gap]) {
      expect(fault(safetensors(header, "000000"))).toMatchObject({ field: "data_offsets of w" });
    }
  });

  it("parses or throws FormatError on any bytes", async () => {
    await expectSafeReader(
      (bytes) => {
        const { tensors } = readSafetensors(bytes, { file: "fuzz.bin" });
        return [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
      },
      [reference, safetensors({}, "")],
      1,
    );
  });
});

describe("writeSafetensors", () => {
  it("writes the bytes that the reference implementation writes", () => {
    expect(hexOf(writeSafetensors(arrays, { k: "v" }))).toBe(hexOf(reference));
    expect(hexOf(writeSafetensors(new Map(Object.entries(arrays)), { k: "v" }))).toBe(hexOf(reference));
  });

  it("is read back as it was", () => {
    const names = fc.string({ unit: "grapheme", maxLength: 8 }).filter((name) => name !== "__metadata__");
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, fc.float32Array({ maxLength: 5 })), { selector: ([n]) => n }),
        (list) => {
          const tensors = new Map(
            list.map(([name, data]) => [
              name,
              { shape: [data.length], dtype: "float32", data } satisfies NDArray,
            ]),
          );
          const read = readSafetensors(writeSafetensors(tensors)).tensors;
          expect(read.size).toBe(tensors.size);
          for (const [name, array] of tensors) expect(read.get(name)).toEqual(array);
        },
      ),
    );
  });

  it("refuses what the format can't say", () => {
    const doubles: NDArray = { shape: [1], dtype: "float64", data: new Float64Array(1) };
    expect(() => writeSafetensors({ w: doubles })).toThrow(DTypeError);
    expect(() => writeSafetensors({ w: { ...arrays.a!, shape: [2] } })).toThrow(ShapeError);
  });
});
