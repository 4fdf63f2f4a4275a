import type { NDArray } from "../base/array.js";
import { ShapeError } from "../base/errors.js";
import { checkShape, formatShape, sizeOf, stridesOf } from "../base/shape.js";
import { asBytes, ByteReader, type Bytes, elementCount, type ReadOptions } from "./bytes.js";

/** Longest header accepted; NumPy itself stops at 10,000 bytes unless told otherwise. */
const maxHeaderBytes = 65535;
/** NumPy's own limit of axes. */
const maxRank = 64;

type ElementDType = NDArray["dtype"];
type Read = (view: DataView, byte: number, littleEndian: boolean) => number;

/** Array-protocol types (letter and width): the dtype they become and how one element is read. */
const elementTypes: Readonly<Record<string, { dtype: ElementDType; width: number; read: Read }>> = {
  b1: { dtype: "bool", width: 1, read: (view, byte) => view.getUint8(byte) },
  u1: { dtype: "uint8", width: 1, read: (view, byte) => view.getUint8(byte) },
  i1: { dtype: "int32", width: 1, read: (view, byte) => view.getInt8(byte) },
  u2: { dtype: "int32", width: 2, read: (view, byte, little) => view.getUint16(byte, little) },
  i2: { dtype: "int32", width: 2, read: (view, byte, little) => view.getInt16(byte, little) },
  u4: { dtype: "int32", width: 4, read: (view, byte, little) => view.getUint32(byte, little) },
  i4: { dtype: "int32", width: 4, read: (view, byte, little) => view.getInt32(byte, little) },
  u8: { dtype: "int32", width: 8, read: (view, byte, little) => Number(view.getBigUint64(byte, little)) },
  i8: { dtype: "int32", width: 8, read: (view, byte, little) => Number(view.getBigInt64(byte, little)) },
  f2: {
    dtype: "float32",
    width: 2,
    read: (view, byte, little) => halfToNumber(view.getUint16(byte, little)),
  },
  f4: { dtype: "float32", width: 4, read: (view, byte, little) => view.getFloat32(byte, little) },
  f8: { dtype: "float64", width: 8, read: (view, byte, little) => view.getFloat64(byte, little) },
};

/** Descriptions under which each dtype is written. */
const descriptions = { bool: "|b1", uint8: "|u1", int32: "<i4", float32: "<f4", float64: "<f8" } as const;

const constructors = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/**
 * Reads a NumPy file (NPY 1.0, 2.0, 3.0; NumPy enhancement proposal 1).
 *
 * Any shape. bool, uint8, int32, float32, float64 keep their type; the other integers become int32 where every
 * value fits; float16 becomes float32. Fortran order is transposed to row-major.
 *
 * @throws {FormatError} with file, offset and field where the bytes are no NPY file, truncated or too long, hold
 *   objects, text, complex or structured elements, or an integer that int32 can't hold
 * @example const bytes = formats.writeNpy({ shape: [2], dtype: "float32", data: new Float32Array([1, 2]) });
 * formats.readNpy(bytes, { file: "weights.npy" }).data // [1, 2]
 */
export function readNpy(bytes: Bytes, options: ReadOptions = {}): NDArray {
  const reader = new ByteReader(asBytes("readNpy", bytes), { who: "readNpy", file: options.file });
  const magic = reader.take(6, "magic");
  if (String.fromCharCode(...magic) !== "\x93NUMPY") {
    throw reader.fault("magic", 0, "the bytes \\x93NUMPY", "others", "The file is no NPY file.");
  }
  const major = reader.uint8("version");
  reader.uint8("version");
  if (major < 1 || major > 3) throw reader.fault("version", 6, "version 1, 2 or 3", String(major));
  const headerLength = major === 1 ? reader.uint16("header length") : reader.uint32("header length");
  if (headerLength > maxHeaderBytes) {
    throw reader.fault("header length", 8, `at most ${maxHeaderBytes} bytes`, String(headerLength));
  }
  const headerStart = reader.offset;
  const { description, isFortran, shape } = parseHeader(
    reader,
    reader.take(headerLength, "header"),
    headerStart,
  );

  const [, order, code] = /^([<>|=]?)([a-zA-Z]\d+)$/.exec(description) ?? [];
  const type = code === undefined || !Object.hasOwn(elementTypes, code) ? undefined : elementTypes[code];
  if (type === undefined) {
    const known = `an element type among ${Object.keys(elementTypes).join(", ")}`;
    const fix = "Convert it in NumPy with astype before saving.";
    throw reader.fault("descr", headerStart, known, JSON.stringify(description), fix);
  }
  const count = elementCount(shape);
  if (count * type.width !== reader.remaining) {
    const expected = `${count * type.width} bytes for shape ${formatShape(shape)}`;
    const fix = "The file is truncated or damaged; write or fetch it again.";
    throw reader.fault("data", reader.offset, expected, `${reader.remaining} bytes`, fix);
  }
  const dataStart = reader.offset;
  const data = reader.take(count * type.width, "data");
  const values = new constructors[type.dtype](count);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const littleEndian = order !== ">";
  for (let i = 0; i < count; i++) values[i] = type.read(view, i * type.width, littleEndian);
  if (type.dtype === "int32") checkIntegers(reader, values, view, type, littleEndian, dataStart);
  if (type.dtype === "bool") checkBooleans(reader, values, dataStart);
  const ordered = isFortran && shape.length > 1 ? toRowMajor(values, shape) : values;
  return { shape, dtype: type.dtype, data: ordered } as NDArray;
}

/**
 * Writes a NumPy file, version 1.0, little-endian, row-major, header padded to 64 bytes as NumPy does.
 *
 * Any shape of up to 64 axes; `data` holds its elements row by row.
 *
 * @throws {ShapeError} where the shape does not fit the data or has more axes than NumPy allows
 * @example formats.writeNpy({ shape: [2], dtype: "float32", data: new Float32Array([1, 2]) }).length // 136
 */
export function writeNpy(array: NDArray): Uint8Array {
  const { shape, dtype, data } = array;
  checkShape("writeNpy", shape);
  if (sizeOf(shape) !== data.length || shape.length > maxRank) {
    throw new ShapeError({
      who: "writeNpy",
      expected: `a shape of ${data.length} elements and at most ${maxRank} axes`,
      received: `shape ${formatShape(shape)}`,
    });
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (start - 10) & 0xff, (start - 10) >> 8]);
  bytes.set(new TextEncoder().encode(`${dictionary.padEnd(start - 11)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

/** The header is a Python dict literal of exactly these three keys; nothing else of Python is read. */
function parseHeader(reader: ByteReader, header: Uint8Array, start: number) {
  const text = new TextDecoder("latin1").decode(header);
  const description = /(['"])descr\1\s*:\s*(['"])([^'"]*)\2/.exec(text);
  const fortran = /(['"])fortran_order\1\s*:\s*(True|False)/.exec(text);
  const shapeText = /(['"])shape\1\s*:\s*\(([\dL,\s]*)\)/.exec(text);
  const fault = (expected: string, field: string) => reader.fault(field, start, expected, quoteShort(text));
  if (!description) throw fault("'descr' with a plain element type", "descr");
  if (!fortran) throw fault("'fortran_order': True or False", "fortran_order");
  if (!shapeText) throw fault("'shape' with a tuple of lengths", "shape");
  const rest = text.replace(description[0], "").replace(fortran[0], "").replace(shapeText[0], "");
  if (!/^\s*\{[\s,]*\}\s*$/.test(rest)) throw fault("a dict of descr, fortran_order and shape", "header");
  const parts = shapeText[2]!.split(",").map((part) => part.trim().replace(/L$/, ""));
  if (parts.at(-1) === "") parts.pop();
  const shape = parts.map(Number);
  if (parts.length > maxRank || parts.some((part) => !/^\d+$/.test(part))) {
    throw fault(`a tuple of at most ${maxRank} lengths`, "shape");
  }
  if (shape.some((length) => !Number.isSafeInteger(length))) throw fault("lengths below 2^53", "shape");
  return { description: description[3]!, isFortran: fortran[2] === "True", shape };
}

/** 32 bits hold every value but those of u4, u8 and i8, which are compared with what was stored. */
function checkIntegers(
  reader: ByteReader,
  values: ArrayLike<number>,
  view: DataView,
  type: { width: number; read: Read },
  littleEndian: boolean,
  start: number,
): void {
  if (type.width < 4) return;
  for (let i = 0; i < values.length; i++) {
    const stored = type.read(view, i * type.width, littleEndian);
    if (stored === values[i]) continue;
    const fix = "Convert the array in NumPy (astype) before saving.";
    throw reader.fault("data", start + i * type.width, "integers that int32 can hold", String(stored), fix);
  }
}

function checkBooleans(reader: ByteReader, values: ArrayLike<number>, start: number): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > 1) throw reader.fault("data", start + i, "a bool, 0 or 1", String(values[i]));
  }
}

/** Elements stored first axis fastest, put last axis fastest. */
function toRowMajor<A extends NDArray["data"]>(values: A, shape: readonly number[]): A {
  const result = values.slice() as A;
  const reversedStrides = stridesOf([...shape].reverse()).reverse(); // of the stored, reversed array
  const index = new Array<number>(shape.length).fill(0);
  let source = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += reversedStrides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= index[axis]! * reversedStrides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function quoteShort(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text.trimEnd());
}
