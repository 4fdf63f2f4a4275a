import { deflateSync, inflateSync } from "fflate";
import { ConfigError } from "../base/errors.js";
import { asBytes, ByteReader, type Bytes, type Named, namedEntries, type ReadOptions } from "./bytes.js";
import { crc32 } from "./checksum.js";

export interface UnzipOptions extends ReadOptions {
  /** Bound on the decompressed size of all entries together in bytes, against bombs; 2 GiB unless told. */
  maxBytes?: number;
  /** Bound on the number of entries; 65,535 unless told. */
  maxEntries?: number;
  /** Only entries for which this is true are decompressed. */
  filter?: (name: string) => boolean;
}

export interface ZipOptions {
  /** `"store"` (the default: weights hardly shrink, and a stored entry can be read in place) or `"deflate"`. */
  method?: "store" | "deflate";
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
};
const maxRatio = 1032; // what deflate can reach at most

/**
 * Reads a ZIP archive (PKWARE APPNOTE 6.3): stored and deflated entries, by name, folders left out.
 *
 * The central directory is checked against the file and `maxBytes` before anything is allocated; every entry's
 * size and CRC-32 are verified. Stored entries are views of `bytes`. ZIP64 sizes are read.
 *
 * @throws {FormatError} with file, offset and field where the bytes are no archive, truncated, corrupt, encrypted,
 *   compressed by another method, or larger than the bounds
 * @example formats.unzip(formats.zip({ "hi.txt": new TextEncoder().encode("hi") })).get("hi.txt") // [104, 105]
 */
export function unzip(bytes: Bytes, options: UnzipOptions = {}): Map<string, Uint8Array> {
  const reader = new ByteReader(asBytes("unzip", bytes), { who: "unzip", file: options.file });
  const { maxBytes = 2 ** 31, maxEntries = 65535, filter = () => true } = options;
  const entries = readDirectory(reader, maxEntries).filter(({ name }) => !name.endsWith("/") && filter(name));
  let total = 0;
  for (const entry of entries) {
    total += entry.size;
    const fault = (field: string, expected: string, received: number, fix?: string) =>
      reader.fault(`${field} of ${entry.name}`, entry.headerOffset, expected, `${received} bytes`, fix);
    if (total > maxBytes) throw fault("size", `at most ${maxBytes} bytes in all`, total, "Raise maxBytes.");
    const most = entry.method === 0 ? entry.compressedSize : entry.compressedSize * maxRatio;
    if (entry.size > most) throw fault("size", `at most ${most} bytes from its compressed data`, entry.size);
  }
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) files.set(entry.name, readEntry(reader, entry));
  return files;
}

/**
 * Writes a ZIP archive with the entries in the given order and a fixed date, so that equal content gives equal bytes.
 *
 * @throws {ConfigError} where the archive would need ZIP64 (4 GiB or 65,535 entries)
 * @example const bytes = formats.zip({ "hi.txt": new TextEncoder().encode("hi") });
 * [...formats.unzip(bytes).keys()] // ["hi.txt"]
 */
export function zip(files: Named<Uint8Array>, options: ZipOptions = {}): Uint8Array {
  const entries = namedEntries(files).map(([name, content]) => {
    const deflated = options.method === "deflate" ? deflateSync(content) : content;
    const isSmaller = deflated.length < content.length;
    return { name: new TextEncoder().encode(name), content, body: isSmaller ? deflated : content, isSmaller };
  });
  let size = 22;
  for (const { name, body } of entries) size += 30 + 46 + 2 * name.length + body.length;
  if (size > 0xffffffff || entries.length >= 0xffff || entries.some(({ name }) => name.length > 0xffff)) {
    throw new ConfigError({
      who: "zip",
      expected: "less than 4 GiB, 65,535 entries and 65,536 bytes in a name",
      received: `${size} bytes in ${entries.length} entries`,
    });
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const offsets: number[] = [];
  const crcs = entries.map(({ content }) => crc32(content));
  let at = 0;
  // The fields that local and central header share: version, UTF-8 flag, method, 1980-01-01, CRC, sizes, name and extra length.
  const writeCommon = (index: number) => {
    const { name, content, body, isSmaller } = entries[index]!;
    view.setUint16(at, 20, true);
    view.setUint16(at + 2, 0x0800, true);
    view.setUint16(at + 4, isSmaller ? 8 : 0, true);
    view.setUint32(at + 6, 0x00210000, true);
    view.setUint32(at + 10, crcs[index]!, true);
    view.setUint32(at + 14, body.length, true);
    view.setUint32(at + 18, content.length, true);
    view.setUint16(at + 22, name.length, true);
    at += 26;
  };
  for (const [index, { name, body }] of entries.entries()) {
    offsets.push(at);
    view.setUint32(at, signatures.local, true);
    at += 4;
    writeCommon(index);
    bytes.set(name, at);
    bytes.set(body, at + name.length);
    at += name.length + body.length;
  }
  const directory = at;
  for (const [index, { name }] of entries.entries()) {
    view.setUint32(at, signatures.central, true);
    view.setUint16(at + 4, 20, true);
    at += 6;
    writeCommon(index);
    view.setUint32(at + 10, offsets[index]!, true); // after comment length, disk and attributes, all 0
    bytes.set(name, at + 14);
    at += 14 + name.length;
  }
  view.setUint32(at, signatures.end, true);
  view.setUint16(at + 8, entries.length, true);
  view.setUint16(at + 10, entries.length, true);
  view.setUint32(at + 12, at - directory, true);
  view.setUint32(at + 16, directory, true);
  return bytes;
}

function readDirectory(reader: ByteReader, maxEntries: number): Entry[] {
  let { count, offset } = readEnd(reader);
  if (count > maxEntries)
    throw reader.fault("entry count", reader.offset, `at most ${maxEntries}`, String(count));
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (; count > 0; count--) {
    reader.offset = offset;
    expectSignature(reader, signatures.central, "central header");
    reader.take(4, "version");
    const flags = reader.uint16("flags");
    const method = reader.uint16("method");
    reader.take(4, "time");
    const crc = reader.uint32("crc-32");
    let compressedSize = reader.uint32("compressed size");
    let size = reader.uint32("size");
    const nameLength = reader.uint16("name length");
    const extraLength = reader.uint16("extra length");
    const commentLength = reader.uint16("comment length");
    reader.take(8, "attributes");
    let headerOffset = reader.uint32("local header offset");
    const name = new TextDecoder().decode(reader.take(nameLength, "name"));
    const extraEnd = reader.offset + extraLength;
    if (extraEnd > reader.bytes.byteLength) reader.take(extraLength, "extra field");
    while (reader.offset + 4 <= extraEnd) {
      const id = reader.uint16("extra field");
      const next = reader.uint16("extra field") + reader.offset;
      if (id === 1) {
        // ZIP64: only the fields that did not fit, in this order.
        if (size === 0xffffffff) size = reader.size64("size");
        if (compressedSize === 0xffffffff) compressedSize = reader.size64("compressed size");
        if (headerOffset === 0xffffffff) headerOffset = reader.size64("local header offset");
      }
      reader.offset = Math.min(next, extraEnd);
    }
    const fault = (field: string, expected: string, received: string) =>
      reader.fault(`${field} of ${name}`, offset, expected, received);
    if (flags & 1) throw fault("flags", "an entry without encryption", "an encrypted one");
    if (method !== 0 && method !== 8)
      throw fault("method", "method 0 (stored) or 8 (deflate)", String(method));
    if (names.has(name)) throw fault("name", "names that differ", "the same name twice");
    names.add(name);
    entries.push({ name, method, crc, compressedSize, size, headerOffset });
    offset = extraEnd + commentLength;
  }
  return entries;
}

/** Number of entries and start of the central directory, from the end record (ZIP64's where it is there). */
function readEnd(reader: ByteReader): { count: number; offset: number } {
  const { bytes } = reader;
  const first = Math.max(0, bytes.length - 22 - 0xffff);
  let end = bytes.length - 22;
  for (; end >= first; end--) {
    // "PK\5\6" and a comment that reaches exactly to the end of the file.
    const isSignature =
      bytes[end] === 0x50 && bytes[end + 1] === 0x4b && bytes[end + 2] === 5 && bytes[end + 3] === 6;
    if (isSignature && end + 22 + bytes[end + 20]! + 256 * bytes[end + 21]! === bytes.length) break;
  }
  if (end < first) {
    const fix = "The file is truncated or no ZIP archive.";
    const at = Math.max(0, bytes.length - 22);
    throw reader.fault("end of central directory", at, "the signature PK\\5\\6", "none", fix);
  }
  reader.offset = end + 10;
  let count = reader.uint16("entry count");
  reader.take(4, "directory size");
  let offset = reader.uint32("directory offset");
  if (end >= 20 && (count === 0xffff || offset === 0xffffffff)) {
    reader.offset = end - 20;
    if (reader.uint32("ZIP64 locator") === signatures.locator64) {
      reader.take(4, "ZIP64 disk");
      reader.offset = reader.size64("ZIP64 end offset");
      expectSignature(reader, signatures.end64, "ZIP64 end of central directory");
      reader.take(28, "ZIP64 end of central directory");
      count = reader.size64("entry count");
      reader.take(8, "directory size");
      offset = reader.size64("directory offset");
    }
  }
  if (count * 46 + offset > end) {
    const received = `${count} entries from byte ${offset}`;
    throw reader.fault("directory offset", end + 16, `a directory before byte ${end}`, received);
  }
  return { count, offset };
}

function readEntry(reader: ByteReader, entry: Entry): Uint8Array {
  reader.offset = entry.headerOffset;
  expectSignature(reader, signatures.local, `local header of ${entry.name}`);
  reader.take(22, `local header of ${entry.name}`);
  const nameLength = reader.uint16(`name length of ${entry.name}`);
  const extraLength = reader.uint16(`extra length of ${entry.name}`);
  reader.take(nameLength + extraLength, `local header of ${entry.name}`);
  const start = reader.offset;
  const body = reader.take(entry.compressedSize, `data of ${entry.name}`);
  const content = entry.method === 0 ? body : inflate(reader, entry, body, start);
  if (content.length !== entry.size) {
    const received = content.length > entry.size ? "more" : `${content.length} bytes`;
    throw reader.fault(
      `data of ${entry.name}`,
      start,
      `${entry.size} bytes`,
      received,
      "The archive is corrupt.",
    );
  }
  if (crc32(content) !== entry.crc) {
    throw reader.fault(
      `data of ${entry.name}`,
      start,
      "its CRC-32",
      "another one",
      "The archive is corrupt.",
    );
  }
  return content;
}

function inflate(reader: ByteReader, entry: Entry, body: Uint8Array, start: number): Uint8Array {
  try {
    // One byte more than claimed: fflate clips at the end of `out`, so an overlong stream shows as a longer result.
    return inflateSync(body, { out: new Uint8Array(entry.size + 1) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const fix = "The archive is corrupt.";
    throw reader.fault(`data of ${entry.name}`, start, "valid deflate data", reason, fix, error);
  }
}

function expectSignature(reader: ByteReader, signature: number, field: string): void {
  const offset = reader.offset;
  const received = reader.uint32(field);
  if (received === signature) return;
  const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`;
  throw reader.fault(
    field,
    offset,
    `the signature ${hex(signature)}`,
    hex(received),
    "The archive is corrupt.",
  );
}
