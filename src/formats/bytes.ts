import { ConfigError } from "../base/errors.js";
import { FileFormatError, type Origin } from "./fault.js";

/** Bytes of a file in memory. */
export type Bytes = Uint8Array | ArrayBuffer;

/** Options of every reader. */
export interface ReadOptions {
  /** The name errors give the data. */
  file?: string;
}

/** The bytes as a plain `Uint8Array`, without a copy: `slice` of Node's `Buffer` is a view, not a copy. */
export function asBytes(who: string, bytes: Bytes): Uint8Array {
  if (bytes instanceof Uint8Array) {
    const isPlain = bytes.constructor === Uint8Array;
    return isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  throw new ConfigError({
    who,
    expected: "a Uint8Array or an ArrayBuffer",
    received: bytes === null ? "null" : typeof bytes,
    fix: "Read the file first: await readFile(path).",
  });
}

/** Values by name, from a `Map` or a plain object. */
export type Named<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

/** Pairs of name and value, in order. */
export function namedEntries<T>(named: Named<T>): [string, T][] {
  return named instanceof Map
    ? [...(named as ReadonlyMap<string, T>)]
    : Object.entries(named as Record<string, T>);
}

/** Number of elements of a shape read from a file; `Infinity` where it leaves the exact integers. */
export function elementCount(shape: readonly number[]): number {
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const length of shape) count *= length;
  return count <= Number.MAX_SAFE_INTEGER ? count : Number.POSITIVE_INFINITY;
}

/** A typed array over bytes where their alignment allows it, over a copy elsewhere (little-endian hosts). */
export function alignedBuffer(
  bytes: Uint8Array,
  alignment: number,
): { buffer: ArrayBufferLike; byteOffset: number } {
  const place = bytes.byteOffset % alignment === 0 ? bytes : bytes.slice();
  return { buffer: place.buffer, byteOffset: place.byteOffset };
}

/**
 * A cursor over bytes that checks every step: reading past the end is a `FileFormatError` with the field's name,
 * never `undefined` or an out-of-range view.
 */
export class ByteReader {
  offset = 0;
  readonly bytes: Uint8Array;
  readonly origin: Origin;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, origin: Origin) {
    this.bytes = bytes;
    this.origin = origin;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.bytes.byteLength - this.offset;
  }

  uint8(field: string): number {
    return this.view.getUint8(this.advance(1, field, "1 byte"));
  }

  uint16(field: string, littleEndian = true): number {
    return this.view.getUint16(this.advance(2, field, "2 bytes"), littleEndian);
  }

  uint32(field: string, littleEndian = true): number {
    return this.view.getUint32(this.advance(4, field, "4 bytes"), littleEndian);
  }

  /** A 64-bit size: above 2⁵³ − 1 it is a fault, since no file in memory is that long. */
  size64(field: string): number {
    const start = this.advance(8, field, "8 bytes");
    const value = this.view.getBigUint64(start, true);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.fault(field, start, "a size below 2^53", String(value));
  }

  /** The next `count` bytes, a view. */
  take(count: number, field: string): Uint8Array {
    const start = this.advance(count, field, `${count} bytes`);
    return this.bytes.subarray(start, start + count);
  }

  fault(
    field: string,
    offset: number,
    expected: string,
    received: string,
    fix?: string,
    cause?: unknown,
  ): FileFormatError {
    return new FileFormatError(
      { ...this.origin, offset, field, expected, received, ...(fix ? { fix } : {}) },
      cause === undefined ? undefined : { cause },
    );
  }

  private advance(count: number, field: string, expected: string): number {
    const start = this.offset;
    if (count > this.remaining) {
      const end = this.bytes.byteLength;
      const fix = "The file is truncated or not of this format; fetch it again.";
      throw this.fault(field, start, expected, `end of data at byte ${end}`, fix);
    }
    this.offset += count;
    return start;
  }
}
