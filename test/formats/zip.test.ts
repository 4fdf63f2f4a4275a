import fc from "fast-check";
import { unzipSync, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { crc32, FileFormatError, readNpy, unzip, zip } from "../../src/formats/index.js";
import { bytesOf, concatBytes, expectSafeReader, hexOf, textBytes } from "./mutations.js";

/** zipfile.ZipFile.writestr(ZipInfo("a.txt"), "hello") of Python 3.11. */
const hello = bytesOf(
  "504b03041400000000000000210086a61036050000000500000005000000612e74787468656c6c6f504b010214031400000000000000" +
    "210086a610360500000005000000050000000000000000000000800100000000612e747874504b050600000000010001003300000028" +
    "0000000000",
);
/** np.savez_compressed(x=np.zeros(100, dtype=np.float32)) of NumPy 2.4.6: deflate, ZIP64 field in the local header. */
const arrays = Uint8Array.from(
  atob(
    "UEsDBC0AAAAIAAAAIQDvuX0b//////////8FABQAeC5ucHkBABAAEAIAAAAAAABLAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKu" +
      "o6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GoYGBjqaOgq1CmQDLoZRMKgAAFBLAQItAy0AAAAIAAAAIQDvuX0bSwAAABACAAAFAAAA" +
      "AAAAAAAAAACAAQAAAAB4Lm5weVBLBQYAAAAAAQABADMAAACCAAAAAAA=",
  ),
  (character) => character.charCodeAt(0),
);

function fault(bytes: Uint8Array, maxBytes?: number): FileFormatError {
  try {
    unzip(bytes, { file: "a.zip", ...(maxBytes ? { maxBytes } : {}) });
  } catch (error) {
    if (error instanceof FileFormatError) return error;
    throw error;
  }
  throw new Error("expected a FileFormatError");
}

const changed = (bytes: Uint8Array, index: number, ...values: number[]) => {
  const copy = bytes.slice();
  copy.set(values, index);
  return copy;
};

describe("crc32", () => {
  it("has the check value of the standard and continues", () => {
    expect(crc32(textBytes("123456789"))).toBe(0xcbf43926);
    expect(crc32(textBytes("6789"), crc32(textBytes("12345")))).toBe(0xcbf43926);
  });
});

describe("unzip", () => {
  it("reads stored and deflated entries that others wrote", () => {
    expect(unzip(hello)).toEqual(new Map([["a.txt", textBytes("hello")]]));
    const x = readNpy(unzip(arrays).get("x.npy")!);
    expect(x).toEqual({ shape: [100], dtype: "float32", data: new Float32Array(100) });
  });

  it("reads the ZIP64 fields of sizes, offsets and counts", () => {
    const little = (value: number, bytes: number) => {
      const field = new Uint8Array(bytes);
      new DataView(field.buffer).setUint32(0, value, true);
      return field;
    };
    const all = little(0xffffffff, 4);
    const local = hello.subarray(0, 40);
    const extra = concatBytes(bytesOf("01001800"), little(5, 8), little(5, 8), little(0, 8)); // sizes and offset
    const central = concatBytes(
      hello.subarray(40, 60), // to the sizes
      concatBytes(all, all),
      concatBytes(bytesOf("0500"), little(extra.length, 4), new Uint8Array(8)), // lengths, disk, attributes
      concatBytes(all, textBytes("a.txt"), extra),
    );
    const end64 = concatBytes(
      bytesOf("504b0606"),
      new Uint8Array(28),
      little(1, 8),
      little(central.length, 8),
      little(40, 8),
    );
    const locator = concatBytes(
      bytesOf("504b060700000000"),
      little(40 + central.length, 8),
      bytesOf("01000000"),
    );
    const end = concatBytes(bytesOf("504b050600000000ffffffff"), all, all, bytesOf("0000"));
    expect(unzip(concatBytes(local, central, end64, locator, end))).toEqual(
      new Map([["a.txt", textBytes("hello")]]),
    );
  });

  it("leaves folders and filtered entries out", () => {
    const archive = zipSync({ "f/": new Uint8Array(), "f/a": textBytes("a"), b: textBytes("b") });
    expect([...unzip(archive).keys()]).toEqual(["f/a", "b"]);
    expect([...unzip(archive, { filter: (name) => name === "b" }).keys()]).toEqual(["b"]);
  });

  it("names what is wrong", () => {
    expect(fault(hello.subarray(0, -1))).toMatchObject({ file: "a.zip", field: "end of central directory" });
    expect(fault(new Uint8Array())).toMatchObject({ field: "end of central directory" });
    expect(fault(changed(hello, 36, 0x48))).toMatchObject({ field: "data of a.txt", offset: 35 });
    expect(fault(changed(hello, 40 + 8, 1))).toMatchObject({ field: "flags of a.txt", offset: 40 });
    expect(fault(changed(hello, 40 + 10, 12))).toMatchObject({ field: "method of a.txt" });
    expect(fault(changed(hello, 0, 0))).toMatchObject({ field: "local header of a.txt", offset: 0 });
    expect(fault(changed(hello, hello.length - 6, 60))).toMatchObject({ field: "directory offset" });
    expect(fault(changed(arrays, 60, 0xff))).toMatchObject({ field: "data of x.npy", offset: 55 });
  });

  it("stops bombs: the bound, a lying size, the same name twice", () => {
    const bomb = zipSync({ a: new Uint8Array(1_000_000), b: new Uint8Array(1_000_000) });
    expect(fault(bomb, 1_500_000)).toMatchObject({ field: "size of b" });
    expect(fault(changed(hello, 40 + 24, 0, 0, 0, 0x40))).toMatchObject({ field: "size of a.txt" });
    const directory = hello.subarray(40, 91);
    const twice = concatBytes(hello.subarray(0, 40), directory, directory, hello.subarray(91));
    expect(fault(changed(twice, 142 + 8, 2, 0, 2, 0))).toMatchObject({ field: "name of a.txt" });
  });

  it("parses or throws FormatError on any bytes", async () => {
    await expectSafeReader(
      (bytes) => [...unzip(bytes, { file: "fuzz.bin" }).values()].reduce((sum, file) => sum + file.length, 0),
      [hello, arrays],
      1032,
    );
  });
});

describe("zip", () => {
  it("writes the fields of the format", () => {
    // As Python's, but for the host byte (0, not 3 = Unix), the UTF-8 flag (0x0800) and the external attributes.
    const python = hexOf(hello);
    const expected = python
      .replace("504b030414000000", "504b030414000008")
      .replace("504b0102140314000000", "504b0102140014000008")
      .replace("80010000", "00000000");
    expect(hexOf(zip({ "a.txt": textBytes("hello") }))).toBe(expected);
  });

  it("is read back by fflate and by unzip", () => {
    const contents = fc.dictionary(
      // fflate's result is a plain object, which has no place for "__proto__".
      fc.string({ minLength: 1 }).filter((n) => !n.endsWith("/") && n !== "__proto__"),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(contents, fc.constantFrom("store" as const, "deflate" as const), (files, method) => {
        const named = new Map(Object.entries(files));
        const archive = zip(named, { method });
        expect(unzip(archive)).toEqual(named);
        expect(new Map(Object.entries(unzipSync(archive)))).toEqual(named);
      }),
    );
    const text = textBytes("again and ".repeat(500));
    expect(zip({ t: text }, { method: "deflate" }).length).toBeLessThan(400);
    expect(unzip(zip({ t: text }, { method: "deflate" })).get("t")).toEqual(text);
  });
});
