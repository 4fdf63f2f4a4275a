import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/base/errors.js";
import { FileFormatError, readNpy, writeNpy } from "../../src/formats/index.js";
import { bytesOf, concatBytes, expectSafeReader, hexOf, textBytes } from "./mutations.js";

/** A file as NumPy writes it: magic, version, header length, dict padded so that the data start at 64·n. */
function npy(header: string, data: string, version = 1): Uint8Array {
  const before = version === 1 ? 10 : 12;
  const length = Math.ceil((before + header.length + 1) / 64) * 64 - before;
  const size = [length & 255, length >> 8, ...(version === 1 ? [] : [0, 0])];
  const start = Uint8Array.from([0x93, ...textBytes("NUMPY"), version, 0, ...size]);
  return concatBytes(start, textBytes(`${header.padEnd(length - 1)}\n`), bytesOf(data));
}

const dict = (descr: string, shape: string, fortran = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

/** np.array([[1.5, -2.0], [0.25, 3.0]], dtype="<f4") written by NumPy 2.4.6. */
const matrix = bytesOf(
  "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c2027736861" +
    `7065273a2028322c2032292c207d${"20".repeat(58)}0a0000c03f000000c00000803e00004040`,
);

function fault(bytes: Uint8Array): FileFormatError {
  try {
    readNpy(bytes, { file: "a.npy" });
  } catch (error) {
    if (error instanceof FileFormatError) return error;
  }
  throw new Error("expected a FileFormatError");
}

describe("readNpy", () => {
  it("reads a file that NumPy wrote", () => {
    expect(readNpy(matrix)).toEqual({
      shape: [2, 2],
      dtype: "float32",
      data: new Float32Array([1.5, -2, 0.25, 3]),
    });
    expect(matrix).toEqual(npy(dict("<f4", "(2, 2)"), "0000c03f000000c00000803e00004040"));
  });

  it("reads each element type", () => {
    const cases: [string, string, string, number[]][] = [
      ["|b1", "010001", "bool", [1, 0, 1]],
      ["|u1", "0007ff", "uint8", [0, 7, 255]],
      ["|i1", "7fff00", "int32", [127, -1, 0]],
      [">i2", "0001fffe0100", "int32", [1, -2, 256]],
      ["<u2", "0100ffff0000", "int32", [1, 65535, 0]],
      ["<i4", "01000000ffffffff00000080", "int32", [1, -1, -(2 ** 31)]],
      ["<i8", "0700000000000000ffffffffffffffff0000008000000000".slice(0, 32), "int32", [7, -1]],
      ["<f2", "003efffb0100", "float32", [1.5, -65504, 2 ** -24]],
      ["<f8", "000000000000f83f", "float64", [1.5]],
      [">f4", "3fc00000", "float32", [1.5]],
    ];
    for (const [descr, hex, dtype, values] of cases) {
      const array = readNpy(npy(dict(descr, `(${values.length},)`), hex));
      expect(array.dtype).toBe(dtype);
      expect([...array.data]).toEqual(values);
    }
  });

  it("reads versions 2 and 3, scalars, empty arrays and lengths of Python 2", () => {
    expect(readNpy(npy(dict("<f8", "(1,)"), "000000000000f83f", 3)).data[0]).toBe(1.5);
    expect(readNpy(npy(dict("|u1", "()"), "07", 2))).toEqual({
      shape: [],
      dtype: "uint8",
      data: new Uint8Array([7]),
    });
    expect(readNpy(npy(dict("|u1", "(0, 5)"), ""))).toMatchObject({ shape: [0, 5] });
    expect(readNpy(npy(dict("|u1", "(2L, 1L)"), "0102"))).toMatchObject({ shape: [2, 1] });
  });

  it("turns Fortran order into row-major order", () => {
    // [[0, 1, 2], [3, 4, 5]], columns first
    const columns = npy(dict("|u1", "(2, 3)", "True"), "000301040205");
    expect([...readNpy(columns).data]).toEqual([0, 1, 2, 3, 4, 5]);
    // element (i, j, k) of shape (2, 2, 2) holds 100·i + 10·j + k; stored i fastest
    const cube = npy(dict("|u1", "(2, 2, 2)", "True"), "00640a6e01650b6f");
    expect([...readNpy(cube).data]).toEqual([0, 1, 10, 11, 100, 101, 110, 111]);
  });

  it("names file, offset and field of what is wrong", () => {
    expect(fault(textBytes("not an npy file"))).toMatchObject({ file: "a.npy", field: "magic", offset: 0 });
    expect(fault(matrix.subarray(0, 50))).toMatchObject({ field: "header", offset: 10 });
    expect(fault(matrix.subarray(0, 140))).toMatchObject({
      field: "data",
      offset: 128,
      received: "12 bytes",
    });
    expect(fault(npy(dict("<c8", "(1,)"), "00"))).toMatchObject({ field: "descr", received: '"<c8"' });
    expect(fault(npy(dict("|O", "(1,)"), "00"))).toMatchObject({ field: "descr" });
    expect(fault(npy("{'descr': '<f4', 'fortran_order': False}", ""))).toMatchObject({ field: "shape" });
    expect(fault(npy(`${dict("|u1", "()")} + exit()`, "00"))).toMatchObject({ field: "header" });
    expect(fault(npy(dict("|u1", "(99999999999999999999,)"), "00"))).toMatchObject({ field: "shape" });
    expect(fault(npy(dict("<f4", "(4000000000, 4000000000)"), "00"))).toMatchObject({ field: "data" });
    expect(fault(npy(dict("|b1", "(2,)"), "0102"))).toMatchObject({ field: "data", offset: 129 });
  });

  it("refuses integers that int32 can't hold, with their place", () => {
    const wide = npy(dict("<i8", "(2,)"), "0700000000000000" + "0000000001000000");
    expect(fault(wide)).toMatchObject({ field: "data", offset: 136, received: String(2 ** 32) });
    expect(fault(npy(dict("<u4", "(1,)"), "ffffffff"))).toMatchObject({ received: "4294967295" });
  });

  it("parses or throws FormatError on any bytes", async () => {
    const columns = npy(dict("<i4", "(2, 3)", "True"), "00000000".repeat(6));
    await expectSafeReader(
      (bytes) => readNpy(bytes, { file: "fuzz.bin" }).data.byteLength,
      [matrix, columns],
      4,
    );
  });
});

describe("writeNpy", () => {
  it("writes the bytes that NumPy writes", () => {
    const data = new Float32Array([1.5, -2, 0.25, 3]);
    expect(hexOf(writeNpy({ shape: [2, 2], dtype: "float32", data }))).toBe(hexOf(matrix));
    const labels = { shape: [3], dtype: "uint8", data: new Uint8Array([7, 2, 1]) } as const;
    expect(hexOf(writeNpy(labels))).toBe(hexOf(npy(dict("|u1", "(3,)"), "070201")));
    const scalar = { shape: [], dtype: "bool", data: new Uint8Array([1]) } as const;
    expect(hexOf(writeNpy(scalar))).toBe(hexOf(npy(dict("|b1", "()"), "01")));
  });

  it("is read back as it was", () => {
    fc.assert(
      fc.property(fc.float64Array({ maxLength: 30 }), (data) => {
        const array = { shape: [1, data.length, 1], dtype: "float64", data } as const;
        expect(readNpy(writeNpy(array))).toEqual(array);
      }),
    );
  });

  it("refuses a shape that does not fit the data", () => {
    expect(() => writeNpy({ shape: [2, 2], dtype: "uint8", data: new Uint8Array(3) })).toThrow(ShapeError);
  });
});
