import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { ConfigError } from "../../src/base/errors.js";
import { lookup3 } from "../../src/formats/hdf5Checksum.js";
import { FileFormatError, readHdf5, unzip, writeHdf5 } from "../../src/formats/index.js";
import { thrownBy } from "../support/data.js";
import { expectSafeReader, textBytes } from "./mutations.js";

const arrays: Record<string, NDArray> = {
  "layers/dense/vars/0": { shape: [2, 3], dtype: "float32", data: Float32Array.of(1, 2, 3, 4, 5, 6.5) },
  "layers/dense/vars/1": { shape: [], dtype: "int32", data: Int32Array.of(-7) },
  exact: { shape: [2], dtype: "float64", data: Float64Array.of(Math.PI, 1e300) },
  bytes: { shape: [3], dtype: "uint8", data: Uint8Array.of(1, 2, 255) },
  nothing: { shape: [0, 3], dtype: "float32", data: new Float32Array() },
};

/** The weights of a model that Keras saved, through h5py and the HDF5 library. */
const ofKeras = (name: string) =>
  unzip(readFileSync(new URL(`../golden/files/${name}.keras`, import.meta.url))).get("model.weights.h5")!;

describe("HDF5", () => {
  it("arrays and groups come back as they were", () => {
    const file = readHdf5(writeHdf5(arrays, ["vars", "layers/flatten/vars"]));
    expect(Object.fromEntries(file.arrays)).toEqual(arrays);
    expect([...file.groups].sort()).toEqual([
      "layers",
      "layers/dense",
      "layers/dense/vars",
      "layers/flatten",
      "layers/flatten/vars",
      "vars",
    ]);
  });

  it("a group may have thousands of members, a path many levels", () => {
    const one = (value: number): NDArray => ({ shape: [1], dtype: "float32", data: Float32Array.of(value) });
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`many/${i}`, one(i)]));
    const deep = `${"g/".repeat(40)}x`;
    const file = readHdf5(writeHdf5({ ...many, [deep]: one(1) }));
    expect(file.arrays.size).toBe(3001);
    expect(file.arrays.get("many/2999")!.data[0]).toBe(2999);
    expect(file.arrays.has(deep)).toBe(true);
  });

  it("arrays need not be aligned in memory", () => {
    const bytes = writeHdf5(arrays);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(Object.fromEntries(readHdf5(shifted.subarray(1)).arrays)).toEqual(arrays);
    expect(Object.fromEntries(readHdf5(Buffer.from(shifted.buffer, 1)).arrays)).toEqual(arrays);
  });

  it("files of the HDF5 library, with symbol tables, are read", () => {
    const { arrays: weights } = readHdf5(ofKeras("keras-functional"));
    const shapes = Object.fromEntries([...weights].map(([path, { shape }]) => [path, shape]));
    expect(shapes["layers/simple_rnn/cell/vars/0"]).toEqual([3, 2]);
    expect(shapes["layers/sequential/layers/dense/vars/1"]).toEqual([2]);
    expect(weights.get("optimizer/vars/0")).toEqual({ shape: [], dtype: "int32", data: Int32Array.of(1) });
  });

  it("the checksum is Jenkins's lookup3", () => {
    // From the test driver of lookup3.c.
    expect(lookup3(textBytes("Four score and seven years ago"))).toBe(0x17770551);
    expect(lookup3(new Uint8Array())).toBe(0xdeadbeef);
  });

  it("a flipped bit in a header is found by its checksum", () => {
    const bytes = writeHdf5(arrays);
    const at = bytes.findIndex((_, i) => String.fromCharCode(...bytes.subarray(i, i + 4)) === "OHDR") + 20;
    bytes[at]! ^= 1;
    const error = thrownBy(() => readHdf5(bytes, { file: "weights.h5" }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message).toMatch(/checksum .* of weights\.h5/);
  });

  it.each([
    [new Uint8Array(), "signature"],
    [textBytes("PK\x03\x04 something else"), "signature"],
    [writeHdf5(arrays).subarray(0, 60), "inside the file"],
  ])("%# what is no HDF5 file is a typed error", (bytes, message) => {
    const error = thrownBy(() => readHdf5(bytes, { file: "x.h5" }));
    expect(error).toBeInstanceOf(FileFormatError);
    expect(error.message).toContain(message);
  });

  it("names that are empty, or array and group at once, are errors", () => {
    const one = arrays.bytes!;
    for (const names of [["a//b"], ["/a"], ["a", "a/b"]]) {
      const entries = Object.fromEntries(names.map((name) => [name, one]));
      expect(thrownBy(() => writeHdf5(entries))).toBeInstanceOf(ConfigError);
    }
  });

  it("random bytes and damaged files are typed errors, without large allocations", async () => {
    const read = (bytes: Uint8Array) => {
      const file = readHdf5(bytes, { file: "fuzz.bin" });
      return [...file.arrays.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    };
    await expectSafeReader(read, [writeHdf5(arrays), ofKeras("keras-sequential")], 64);
  });
});
