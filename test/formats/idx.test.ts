import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, ShapeError } from "../../src/base/errors.js";
import { FileFormatError, readIdx, writeIdx } from "../../src/formats/index.js";
import { bytesOf, expectSafeReader, hexOf } from "./mutations.js";

const images = bytesOf("00000803 00000001 00000002 00000003 010203040506".replaceAll(" ", ""));
const fault = (bytes: Uint8Array): FileFormatError => {
  try {
    readIdx(bytes, { file: "digits.idx" });
  } catch (error) {
    if (error instanceof FileFormatError) return error;
  }
  throw new Error("expected a FileFormatError");
};

describe("readIdx", () => {
  it("reads bytes of any rank without a copy", () => {
    const array = readIdx(images);
    expect(array).toEqual({ shape: [1, 2, 3], dtype: "uint8", data: new Uint8Array([1, 2, 3, 4, 5, 6]) });
    expect(array.data.buffer).toBe(images.buffer);
    expect(readIdx(bytesOf("00000800" + "2a"))).toEqual({
      shape: [],
      dtype: "uint8",
      data: new Uint8Array([42]),
    });
  });

  it("reads the other element types big-endian", () => {
    const cases: [string, "int32" | "float32", number[]][] = [
      ["00000901 00000002 7fff", "int32", [127, -1]],
      ["00000b01 00000002 0102fffe", "int32", [258, -2]],
      ["00000c01 00000002 00010000ffffffff", "int32", [65536, -1]],
      ["00000d01 00000002 3fc00000c0000000", "float32", [1.5, -2]],
      ["00000e01 00000001 3ff8000000000000", "float32", [1.5]],
    ];
    for (const [hex, dtype, values] of cases) {
      const array = readIdx(bytesOf(hex.replaceAll(" ", "")));
      expect(array.dtype).toBe(dtype);
      expect([...array.data]).toEqual(values);
    }
  });

  it("reads from the middle of a buffer at an odd place", () => {
    const padded = new Uint8Array(images.length + 3);
    padded.set(images, 3);
    expect([...readIdx(padded.subarray(3)).data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("names file, offset and field of what is wrong", () => {
    expect(fault(images.subarray(0, 10))).toMatchObject({ file: "digits.idx", offset: 8, field: "shape" });
    expect(fault(images.subarray(0, 20))).toMatchObject({ offset: 16, field: "data" });
    expect(fault(bytesOf("00000803"))).toMatchObject({ offset: 4, field: "shape" });
    expect(fault(bytesOf("0000ff01"))).toMatchObject({ offset: 2, field: "element type", received: "0xff" });
    expect(fault(bytesOf("1f8b0800"))).toMatchObject({
      offset: 0,
      field: "magic",
      fix: "Decompress it first with gunzip.",
    });
    expect(fault(new Uint8Array())).toMatchObject({ offset: 0, field: "magic" });
    expect(fault(images.subarray(0, 20)).message).toBe(
      '[readIdx] expected 6 bytes for shape [1, 2, 3] (field "data" at byte 16 of digits.idx), received 4 bytes.' +
        " The file is truncated or damaged; fetch it again.",
    );
  });

  it("refuses another rank than the one asked for", () => {
    expect(readIdx(images, { rank: 3 }).shape).toEqual([1, 2, 3]);
    expect(() => readIdx(images, { rank: 1, file: "labels.idx" })).toThrow(
      /expected rank 1 .*labels\.idx.* received rank 3/,
    );
  });

  it("refuses a shape larger than the file before it allocates", () => {
    const header = bytesOf(`00000d10${"ffffffff".repeat(16)}`);
    expect(() => readIdx(header)).toThrow(FormatError);
  });

  it("parses or throws FormatError on any bytes", async () => {
    const floats = bytesOf("00000d0100000002" + "3fc00000c0000000");
    await expectSafeReader(
      (bytes) => readIdx(bytes, { file: "fuzz.bin" }).data.byteLength,
      [images, floats],
      4,
    );
  });
});

describe("writeIdx", () => {
  it("writes the bytes of the format", () => {
    expect(hexOf(writeIdx(readIdx(images)))).toBe(hexOf(images));
    const floats = { shape: [1], dtype: "float32", data: new Float32Array([1.5]) } as const;
    expect(hexOf(writeIdx(floats))).toBe("00000d01000000013fc00000");
  });

  it("refuses a shape that does not fit the data", () => {
    expect(() => writeIdx({ shape: [2], dtype: "uint8", data: new Uint8Array(3) })).toThrow(ShapeError);
    expect(() => writeIdx({ shape: [-1], dtype: "uint8", data: new Uint8Array(0) })).toThrow(ShapeError);
  });

  it("is read back as it was", () => {
    fc.assert(
      fc.property(fc.int32Array({ maxLength: 30 }), (data) => {
        const array = { shape: [data.length, 1], dtype: "int32", data } as const;
        expect(readIdx(writeIdx(array))).toEqual(array);
      }),
    );
  });
});
