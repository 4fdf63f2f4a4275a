import type { NDArray } from "../base/array.js";
import { DTypeError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, sizeOf } from "../base/shape.js";
import { asBytes, ByteReader, type Bytes, elementCount, type ReadOptions } from "./bytes.js";

/** What an IDX file holds: bytes stay bytes, signed and 16-bit integers become int32, doubles float32. */
export type IdxArray = NDArray<"uint8"> | NDArray<"int32"> | NDArray<"float32">;

export interface IdxOptions extends ReadOptions {
  /** Number of axes the file must have: 3 for images, 1 for labels. Any unless told. */
  rank?: number;
}

/** Element types of the format: the third byte of the file, the width in bytes, how one is read. */
const elementTypes: Readonly<Record<number, { dtype: IdxArray["dtype"]; width: number }>> = {
  8: { dtype: "uint8", width: 1 },
  9: { dtype: "int32", width: 1 },
  11: { dtype: "int32", width: 2 },
  12: { dtype: "int32", width: 4 },
  13: { dtype: "float32", width: 4 },
  14: { dtype: "float32", width: 8 },
};

/**
 * Reads an IDX file, the format of MNIST: two zero bytes, element type, rank, axis lengths, elements, all
 * big-endian (Y. LeCun, "The MNIST database", file formats).
 *
 * Any rank and shape. uint8 data is a view of `bytes`, not a copy; int8, int16 and int32 give int32, float and
 * double give float32. Compressed files (`.gz`) go through `gunzip` first.
 *
 * @throws {FormatError} with file, offset and field where the bytes are no IDX file, truncated, too long or of another rank
 * @example const bytes = formats.writeIdx({ shape: [3], dtype: "uint8", data: new Uint8Array([7, 2, 1]) });
 * formats.readIdx(bytes, { file: "labels.idx" }).data // [7, 2, 1]
 */
export function readIdx(bytes: Bytes, options: IdxOptions = {}): IdxArray {
  const reader = new ByteReader(asBytes("readIdx", bytes), { who: "readIdx", file: options.file });
  const magic = reader.uint16("magic", false);
  if (magic !== 0) {
    const isGzip = magic === 0x1f8b;
    const received = `0x${magic.toString(16).padStart(4, "0")}${isGzip ? " (gzip)" : ""}`;
    throw reader.fault(
      "magic",
      0,
      "two zero bytes",
      received,
      isGzip ? "Decompress it first with gunzip." : undefined,
    );
  }
  const code = reader.uint8("element type");
  const type = elementTypes[code];
  if (type === undefined) {
    const known = "0x08 (uint8), 0x09 (int8), 0x0b (int16), 0x0c (int32), 0x0d (float) or 0x0e (double)";
    throw reader.fault("element type", 2, known, `0x${code.toString(16).padStart(2, "0")}`);
  }
  const rank = reader.uint8("rank");
  if (options.rank !== undefined && rank !== options.rank) {
    const fix = "The file is another one, or damaged; fetch it again.";
    throw reader.fault("rank", 3, `rank ${options.rank}`, `rank ${rank}`, fix);
  }
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) shape.push(reader.uint32("shape", false));
  const count = elementCount(shape);
  const expected = `${count * type.width} bytes for shape ${formatShape(shape)}`;
  if (count * type.width !== reader.remaining) {
    const received = `${reader.remaining} bytes`;
    const fix = "The file is truncated or damaged; fetch it again.";
    throw reader.fault("data", reader.offset, expected, received, fix);
  }
  const data = reader.take(count * type.width, "data");
  if (type.dtype === "uint8") return { shape, dtype: "uint8", data };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type.dtype === "float32") {
    const read =
      type.width === 4 ? (i: number) => view.getFloat32(4 * i) : (i: number) => view.getFloat64(8 * i);
    return { shape, dtype: "float32", data: fill(new Float32Array(count), read) };
  }
  const read =
    type.width === 4
      ? (i: number) => view.getInt32(4 * i)
      : type.width === 2
        ? (i: number) => view.getInt16(2 * i)
        : (i: number) => view.getInt8(i);
  return { shape, dtype: "int32", data: fill(new Int32Array(count), read) };
}

/**
 * Writes an IDX file: uint8 and bool as bytes, int32, float32, float64 (as double), big-endian.
 *
 * Any shape of up to 255 axes; `data` holds its elements row by row.
 *
 * @throws {ShapeError} where the shape does not fit the data or the format
 * @example formats.writeIdx({ shape: [3], dtype: "uint8", data: new Uint8Array([7, 2, 1]) }) // [0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]
 */
export function writeIdx(array: NDArray): Uint8Array {
  const { shape, dtype, data } = array;
  checkShape("writeIdx", shape);
  if (shape.length > 255 || shape.some((length) => length > 0xffffffff) || sizeOf(shape) !== data.length) {
    throw new ShapeError({
      who: "writeIdx",
      expected: `at most 255 axes below 2^32 with ${data.length} elements`,
      received: `shape ${formatShape(shape)}`,
    });
  }
  const code = { uint8: 8, bool: 8, int32: 12, float32: 13, float64: 14 }[dtype];
  if (code === undefined) {
    throw new DTypeError({
      who: "writeIdx",
      expected: "uint8, bool, int32, float32 or float64",
      received: dtype,
    });
  }
  const header = 4 + 4 * shape.length;
  const bytes = new Uint8Array(header + data.byteLength);
  const view = new DataView(bytes.buffer);
  bytes[2] = code;
  bytes[3] = shape.length;
  for (const [axis, length] of shape.entries()) view.setUint32(4 + 4 * axis, length);
  if (dtype === "int32") for (let i = 0; i < data.length; i++) view.setInt32(header + 4 * i, data[i]!);
  else if (dtype === "float32")
    for (let i = 0; i < data.length; i++) view.setFloat32(header + 4 * i, data[i]!);
  else if (dtype === "float64")
    for (let i = 0; i < data.length; i++) view.setFloat64(header + 8 * i, data[i]!);
  else bytes.set(data, header);
  return bytes;
}

function fill<A extends Float32Array | Int32Array>(array: A, read: (index: number) => number): A {
  for (let i = 0; i < array.length; i++) array[i] = read(i);
  return array;
}
