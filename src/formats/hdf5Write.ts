/**
 * Writes HDF5: groups and contiguous arrays, the structures of version 1.8 (superblock 2, object headers 2, links in
 * the headers), which every HDF5 library since 2008 reads.
 *
 * HDF5 File Format Specification 3.0, sections II.A, IV.A.
 */
import type { NDArray } from "../base/array.js";
import { ConfigError, DTypeError } from "../base/errors.js";
import { type Named, namedEntries } from "./bytes.js";
import { lookup3 } from "./hdf5Checksum.js";

const superblockBytes = 48;
const undefinedAddress = 0xffffffffffffffffn;

/** A group while its members are gathered. */
interface Group {
  readonly groups: Map<string, Group>;
  readonly arrays: Map<string, NDArray>;
}

/**
 * Arrays as an HDF5 file. Slashes in the names make groups.
 *
 * float32, float64, int32 and uint8 keep their types, bool becomes uint8.
 * @param groups paths of groups that should be there even if they are empty
 * @throws {ConfigError} for names that are empty or used twice
 * @example const bytes = formats.writeHdf5({ "layers/dense/vars/0": { shape: [2], dtype: "float32", data: new Float32Array([1, 2]) } });
 * formats.readHdf5(bytes).arrays.get("layers/dense/vars/0")?.data // [1, 2]
 */
export function writeHdf5(arrays: Named<NDArray>, groups: readonly string[] = []): Uint8Array {
  const root: Group = { groups: new Map(), arrays: new Map() };
  for (const path of groups) groupAt(root, parts(path));
  for (const [path, array] of namedEntries(arrays)) {
    const names = parts(path);
    const name = names.pop()!;
    const group = groupAt(root, names);
    if (group.groups.has(name) || group.arrays.has(name)) throw taken(path);
    group.arrays.set(name, array);
  }
  const file = new Layout();
  const rootAddress = writeGroup(file, root);
  return file.finish(rootAddress);
}

function parts(path: string): string[] {
  const names = path.split("/");
  if (names.every((name) => name !== "" && name !== "." && name !== "..")) return names;
  throw new ConfigError({
    who: "writeHdf5",
    expected: "a path of names with slashes between them",
    received: JSON.stringify(path),
  });
}

function taken(path: string): ConfigError {
  return new ConfigError({
    who: "writeHdf5",
    expected: "paths that differ",
    received: `${JSON.stringify(path)} as both, or twice`,
  });
}

function groupAt(root: Group, names: readonly string[]): Group {
  let group = root;
  for (const name of names) {
    if (group.arrays.has(name)) throw taken(names.join("/"));
    let inner = group.groups.get(name);
    if (!inner) {
      inner = { groups: new Map(), arrays: new Map() };
      group.groups.set(name, inner);
    }
    group = inner;
  }
  return group;
}

/** Blocks in the order they were placed; addresses are known at once, since nothing moves. */
class Layout {
  private readonly blocks: { address: number; bytes: Uint8Array }[] = [];
  private end = superblockBytes;

  place(bytes: Uint8Array): number {
    const address = Math.ceil(this.end / 8) * 8;
    this.blocks.push({ address, bytes });
    this.end = address + bytes.length;
    return address;
  }

  finish(rootAddress: number): Uint8Array {
    const file = new Uint8Array(Math.ceil(this.end / 8) * 8);
    for (const { address, bytes } of this.blocks) file.set(bytes, address);
    const superblock = new Writer();
    superblock.raw(Uint8Array.of(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a)); // "\x89HDF\r\n\x1a\n"
    superblock.uint8(2, 8, 8, 0); // version, bytes of offsets, of lengths, flags
    superblock.uint64(0, undefinedAddress, file.length, rootAddress);
    file.set(superblock.checked(), 0);
    return file;
  }
}

/** Members first, then the header that links to them. */
function writeGroup(file: Layout, group: Group): number {
  const links: [string, number][] = [
    ...[...group.groups].map(([name, inner]): [string, number] => [name, writeGroup(file, inner)]),
    ...[...group.arrays].map(([name, array]): [string, number] => [name, writeArray(file, name, array)]),
  ];
  links.sort(([a], [b]) => (a < b ? -1 : 1));
  const messages = new Writer();
  const info = new Writer();
  info.uint8(0, 0); // version; no creation order
  info.uint64(undefinedAddress, undefinedAddress); // no heap, no index: the links stand in this header
  messages.message(0x02, info);
  const groupInfo = new Writer();
  groupInfo.uint8(0, 0);
  messages.message(0x0a, groupInfo);
  for (const [name, address] of links) {
    const text = new TextEncoder().encode(name);
    const link = new Writer();
    link.uint8(1, 0x11, 1); // version; character set given, two bytes of length; UTF-8
    link.uint16(text.length);
    link.raw(text);
    link.uint64(address);
    messages.message(0x06, link);
  }
  return file.place(objectHeader(messages));
}

function writeArray(file: Layout, name: string, { shape, dtype, data }: NDArray): number {
  const type = datatypes[dtype];
  if (!type) {
    throw new DTypeError({ who: "writeHdf5", expected: `a dtype of HDF5 for ${name}`, received: dtype });
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const address = bytes.length > 0 ? BigInt(file.place(bytes)) : undefinedAddress;
  const messages = new Writer();
  const space = new Writer();
  space.uint8(2, shape.length, 0, shape.length === 0 ? 0 : 1); // version, rank, no maximum, scalar or simple
  space.uint64(...shape);
  messages.message(0x01, space);
  const datatype = new Writer();
  datatype.raw(Uint8Array.from(type));
  messages.message(0x03, datatype, 1); // constant
  const fill = new Writer();
  fill.uint8(3, 0x09); // version; allocated late, written on allocation, the default value
  messages.message(0x05, fill, 1);
  const layout = new Writer();
  layout.uint8(3, 1); // version; contiguous
  layout.uint64(address, bytes.length);
  messages.message(0x08, layout);
  return file.place(objectHeader(messages));
}

function objectHeader(messages: Writer): Uint8Array {
  const content = messages.bytes();
  const header = new Writer();
  header.raw(new TextEncoder().encode("OHDR"));
  header.uint8(2, 0x02); // version; four bytes of size
  header.uint32(content.length);
  header.raw(content);
  return header.checked();
}

/** Class and version, three bytes of flags, size, properties (section IV.A.2.d). */
const datatypes: Readonly<Record<string, readonly number[]>> = {
  float32: [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0],
  float64: [0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0],
  int32: [0x10, 0x08, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0],
  uint8: [0x10, 0x00, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0],
  bool: [0x10, 0x00, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0],
};

/** Little-endian bytes, appended. */
class Writer {
  private readonly chunks: Uint8Array[] = [];

  raw(bytes: Uint8Array): void {
    this.chunks.push(bytes);
  }

  uint8(...values: number[]): void {
    this.chunks.push(Uint8Array.from(values));
  }

  uint16(value: number): void {
    this.chunks.push(new Uint8Array(Uint16Array.of(value).buffer));
  }

  uint32(value: number): void {
    this.chunks.push(new Uint8Array(Uint32Array.of(value).buffer));
  }

  uint64(...values: (number | bigint)[]): void {
    this.chunks.push(new Uint8Array(BigUint64Array.from(values, BigInt).buffer));
  }

  /** A message of an object header. */
  message(type: number, content: Writer, flags = 0): void {
    const bytes = content.bytes();
    this.uint8(type);
    this.uint16(bytes.length);
    this.uint8(flags);
    this.raw(bytes);
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** The bytes and their checksum. */
  checked(): Uint8Array {
    const bytes = this.bytes();
    this.uint32(lookup3(bytes));
    return this.bytes();
  }
}
