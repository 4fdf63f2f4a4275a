import type { NDArray } from "../base/array.js";
import { DTypeError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, sizeOf } from "../base/shape.js";
import {
  alignedBuffer,
  asBytes,
  ByteReader,
  type Bytes,
  elementCount,
  type Named,
  namedEntries,
  type ReadOptions,
} from "./bytes.js";

/** Element types the format shares with Myelin, under the format's names. */
export type SafetensorsDType = "float32" | "int32" | "uint8" | "bool";

/** What a safetensors file holds: arrays by name, in the order of their bytes, and a table of text. */
export interface SafetensorsFile {
  readonly tensors: Map<string, NDArray<SafetensorsDType>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The reference implementation's own bound on the header. */
const maxHeaderBytes = 100_000_000;

/** Widest first: the order in which tensors are written, so that each is aligned. */
const formatNames = { float32: "F32", int32: "I32", uint8: "U8", bool: "BOOL" } as const;
const elementTypes: Readonly<Record<string, { dtype: SafetensorsDType; width: number }>> = {
  F32: { dtype: "float32", width: 4 },
  I32: { dtype: "int32", width: 4 },
  U8: { dtype: "uint8", width: 1 },
  BOOL: { dtype: "bool", width: 1 },
};

interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file: 8 bytes of header length, a JSON header, the bytes of all tensors without gaps.
 *
 * Any shapes; float32, int32, uint8, bool. The whole header is checked against the file's size before anything
 * is allocated; the arrays are views of `bytes` where alignment allows.
 *
 * @throws {FormatError} with file, offset and field where the header is no valid one, tensors overlap, leave gaps
 *   or reach past the end, or an element type is none of the four
 * @example const bytes = formats.writeSafetensors({ x: { shape: [2], dtype: "float32", data: new Float32Array([1, 2]) } });
 * formats.readSafetensors(bytes, { file: "model.safetensors" }).tensors.get("x")?.data // [1, 2]
 */
export function readSafetensors(bytes: Bytes, options: ReadOptions = {}): SafetensorsFile {
  const reader = new ByteReader(asBytes("readSafetensors", bytes), {
    who: "readSafetensors",
    file: options.file,
  });
  const headerLength = reader.size64("header length");
  if (headerLength > maxHeaderBytes) {
    throw reader.fault("header length", 0, `at most ${maxHeaderBytes} bytes`, String(headerLength));
  }
  const header = parseHeader(reader, reader.take(headerLength, "header"));
  const dataStart = reader.offset;
  const { metadata, entries } = readEntries(reader, header);

  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      const received = `a start at ${begin}`;
      throw reader.fault(
        `data_offsets of ${name}`,
        8,
        `tensors without gap or overlap, next at ${position}`,
        received,
      );
    }
    position = end;
  }
  if (position !== reader.remaining) {
    const fix = "The file is truncated or damaged; fetch it again.";
    throw reader.fault("data", dataStart, `${position} bytes of tensors`, `${reader.remaining} bytes`, fix);
  }
  const tensors = new Map<string, NDArray<SafetensorsDType>>();
  for (const entry of entries) tensors.set(entry.name, readTensor(reader, entry));
  return { tensors, metadata };
}

/**
 * Writes a safetensors file: wide elements first, then by name, the header padded with spaces to 8 bytes, as the
 * reference implementation does, so that every tensor is aligned.
 *
 * @param tensors arrays of any shape by name; float32, int32, uint8, bool
 * @param metadata text by name, stored under `__metadata__`
 * @throws {DTypeError} where a dtype is none of the four
 * @throws {ShapeError} where a shape does not fit its data
 * @example const bytes = formats.writeSafetensors({ x: { shape: [2], dtype: "float32", data: new Float32Array([1, 2]) } });
 * formats.readSafetensors(bytes).tensors.get("x")?.data // [1, 2]
 */
export function writeSafetensors(
  tensors: Named<NDArray>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = namedEntries(tensors);
  for (const [name, array] of entries) checkTensor(name, array);
  const order = Object.keys(formatNames);
  const rank = ({ dtype }: NDArray) => order.indexOf(dtype);
  entries.sort(([a, x], [b, y]) => rank(x) - rank(y) || (a < b ? -1 : 1));

  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let position = 0;
  for (const [name, { shape, dtype, data }] of entries) {
    const end = position + data.byteLength;
    header.push([
      name,
      { dtype: formatNames[dtype as SafetensorsDType], shape, data_offsets: [position, end] },
    ]);
    position = end;
  }
  const json = new TextEncoder().encode(
    `{${header.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`,
  );
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + position);
  new DataView(bytes.buffer).setUint32(0, headerLength, true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let offset = 8 + headerLength;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

function checkTensor(name: string, { shape, dtype, data }: NDArray): void {
  const who = `writeSafetensors ${JSON.stringify(name)}`;
  if (!Object.hasOwn(formatNames, dtype) || name === "__metadata__") {
    throw new DTypeError({
      who,
      expected: "float32, int32, uint8 or bool under a name other than __metadata__",
      received: `${dtype}`,
      fix: "Cast it first.",
    });
  }
  checkShape(who, shape);
  if (sizeOf(shape) !== data.length) {
    throw new ShapeError({
      who,
      expected: `a shape of ${data.length} elements`,
      received: formatShape(shape),
    });
  }
}

function parseHeader(reader: ByteReader, header: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch (error) {
    throw reader.fault(
      "header",
      8,
      "JSON in UTF-8",
      "other bytes",
      "The file is no safetensors file.",
      error,
    );
  }
  if (!isRecord(value)) throw reader.fault("header", 8, "a JSON object", "another JSON value");
  return value;
}

function readEntries(reader: ByteReader, header: Record<string, unknown>) {
  const metadata: [string, string][] = [];
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    const fault = (field: string, expected: string, received: unknown, fix?: string) =>
      reader.fault(`${field} of ${name}`, 8, expected, JSON.stringify(received) ?? "nothing", fix);
    if (!isRecord(value)) throw fault("entry", "a JSON object", value);
    if (name === "__metadata__") {
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== "string") throw fault(key, "text", text);
        metadata.push([key, text]);
      }
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = value;
    const type =
      typeof dtype === "string" && Object.hasOwn(elementTypes, dtype) ? elementTypes[dtype] : undefined;
    if (type === undefined) {
      throw fault(
        "dtype",
        `one of ${Object.keys(elementTypes).join(", ")}`,
        dtype,
        "Convert the tensor before saving.",
      );
    }
    if (!isSizes(shape)) throw fault("shape", "an array of axis lengths", shape);
    if (!isSizes(offsets) || offsets.length !== 2)
      throw fault("data_offsets", "two offsets in bytes", offsets);
    const [begin, end] = offsets as [number, number];
    const length = elementCount(shape) * type.width;
    if (begin + length !== end)
      throw fault("data_offsets", `${length} bytes for shape ${formatShape(shape)}`, offsets);
    entries.push({ name, dtype: type.dtype, shape, begin, end });
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  return { metadata: Object.fromEntries(metadata), entries };
}

function readTensor(reader: ByteReader, { name, dtype, shape }: Entry): NDArray<SafetensorsDType> {
  const start = reader.offset;
  const count = elementCount(shape);
  const bytes = reader.take(count * (dtype === "float32" || dtype === "int32" ? 4 : 1), `data of ${name}`);
  if (dtype === "uint8") return { shape, dtype, data: bytes };
  if (dtype === "bool") {
    const bad = bytes.findIndex((byte) => byte > 1);
    if (bad >= 0) throw reader.fault(`data of ${name}`, start + bad, "a bool, 0 or 1", String(bytes[bad]));
    return { shape, dtype, data: bytes };
  }
  const { buffer, byteOffset } = alignedBuffer(bytes, 4);
  if (dtype === "float32") return { shape, dtype, data: new Float32Array(buffer, byteOffset, count) };
  return { shape, dtype, data: new Int32Array(buffer, byteOffset, count) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
