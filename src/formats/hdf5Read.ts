/**
 * Reads HDF5: groups (symbol tables, or links in headers) and arrays stored whole.
 *
 * HDF5 File Format Specification 3.0. What neither Keras nor this library writes is a typed error: arrays in chunks
 * or compressed, groups with dense storage (fractal heaps), big-endian numbers, strings.
 */
import type { NDArray } from "../base/array.js";
import { asBytes, ByteReader, type Bytes, elementCount, type ReadOptions } from "./bytes.js";
import { lookup3 } from "./hdf5Checksum.js";
import { type ElementType, elementTypes } from "./hdf5Types.js";

/** What an HDF5 file holds. */
export interface Hdf5File {
  /** Arrays by path, with slashes between the names of groups. */
  readonly arrays: Map<string, NDArray>;
  /** Paths of all groups but the root. */
  readonly groups: ReadonlySet<string>;
}

const signature = "\x89HDF\r\n\x1a\n";
const undefinedAddress = 0xffffffffffffffffn;
const messageTypes = { space: 0x01, linkInfo: 0x02, datatype: 0x03, link: 0x06, layout: 0x08, filters: 0x0b };
const continuation = 0x10;
const symbolTable = 0x11;
/** Deeper nesting, or more objects, than any file of weights has: what a damaged file may claim. */
const maxDepth = 64;
const maxObjects = 1_000_000;

/**
 * Reads the arrays of an HDF5 file.
 *
 * float32, float64, int32, uint8 keep their types; float16 becomes float32; other integers become int32 (the low
 * 32 bits of wider ones). Arrays are views of `bytes` where alignment allows.
 * @throws {FormatError} with file, offset and field where the bytes are no HDF5 file, are damaged, or use what is not
 *   supported
 * @example const bytes = formats.writeHdf5({ "layers/dense/vars/0": { shape: [2], dtype: "float32", data: new Float32Array([1, 2]) } });
 * formats.readHdf5(bytes, { file: "model.weights.h5" }).arrays.get("layers/dense/vars/0")?.data // [1, 2]
 */
export function readHdf5(bytes: Bytes, options: ReadOptions = {}): Hdf5File {
  const reader = new ByteReader(asBytes("readHdf5", bytes), { who: "readHdf5", file: options.file });
  return new Hdf5Reader(reader).read();
}

interface Message {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

class Hdf5Reader {
  private readonly arrays = new Map<string, NDArray>();
  private readonly groups = new Set<string>();
  private objects = 0;

  constructor(private readonly reader: ByteReader) {}

  read(): Hdf5File {
    const root = this.superblock();
    this.object(root, "", 0, new Set());
    return { arrays: this.arrays, groups: this.groups };
  }

  /** The address of the root's object header. */
  private superblock(): number {
    const { reader } = this;
    const start = reader.take(8, "signature");
    const text = String.fromCharCode(...start);
    if (text !== signature) {
      const fix = "The file is no HDF5 file, or has a user block in front.";
      throw reader.fault("signature", 0, "the signature \\x89HDF", JSON.stringify(text), fix);
    }
    const version = reader.uint8("superblock version");
    if (version > 3) throw reader.fault("superblock version", 8, "a version from 0 to 3", String(version));
    if (version < 2) {
      reader.take(4, "versions");
      this.sizes();
      reader.take(1, "reserved");
      reader.take(4, "group nodes"); // sizes of nodes, which each node states itself
      reader.take(4, "flags");
      if (version === 1) reader.take(4, "indexed storage");
      this.baseAddress();
      reader.take(24, "free space, end of file, driver");
      reader.take(8, "root name");
      return this.address("root object header");
    }
    this.sizes();
    reader.take(1, "flags");
    this.baseAddress();
    reader.take(16, "extension, end of file");
    const root = this.address("root object header");
    this.checksum(0, reader.offset, "superblock checksum");
    return root;
  }

  private sizes(): void {
    const at = this.reader.offset;
    const offsets = this.reader.uint8("size of offsets");
    const lengths = this.reader.uint8("size of lengths");
    if (offsets === 8 && lengths === 8) return;
    throw this.reader.fault(
      "size of offsets",
      at,
      "offsets and lengths of 8 bytes",
      `${offsets} and ${lengths}`,
    );
  }

  private baseAddress(): void {
    const at = this.reader.offset;
    const base = this.reader.size64("base address");
    if (base !== 0) throw this.reader.fault("base address", at, "0", String(base));
  }

  /** An address inside the file. */
  private address(field: string): number {
    const at = this.reader.offset;
    const address = this.optionalAddress(field);
    if (address !== undefined) return address;
    throw this.reader.fault(field, at, "an address", "none");
  }

  private optionalAddress(field: string): number | undefined {
    const at = this.reader.offset;
    const bytes = this.reader.take(8, field);
    const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
    if (value === undefinedAddress) return undefined;
    if (value < BigInt(this.reader.bytes.length)) return Number(value);
    throw this.reader.fault(field, at, "an address inside the file", String(value), "The file is truncated.");
  }

  private checksum(start: number, end: number, field: string): void {
    this.reader.offset = end;
    const stated = this.reader.uint32(field);
    const computed = lookup3(this.reader.bytes.subarray(start, end));
    if (stated !== computed) {
      throw this.reader.fault(field, end, `checksum ${computed}`, String(stated), "The file is damaged.");
    }
  }

  private expectSignature(text: string, field: string): void {
    const at = this.reader.offset;
    const found = String.fromCharCode(...this.reader.take(4, field));
    if (found !== text) {
      throw this.reader.fault(
        field,
        at,
        `the signature ${text}`,
        JSON.stringify(found),
        "The file is damaged.",
      );
    }
  }

  /** A group or an array. `around` holds the headers on the way here: a cycle of links would never end. */
  private object(address: number, path: string, depth: number, around: ReadonlySet<number>): void {
    const { reader } = this;
    if (depth > maxDepth || around.has(address) || ++this.objects > maxObjects) {
      throw reader.fault(`links of ${path}`, address, "a tree of groups", "a cycle or too many levels");
    }
    const messages = this.messages(address, path);
    const layout = messages.find(({ type }) => type === messageTypes.layout);
    if (layout) {
      this.arrays.set(path, this.array(messages, layout, path));
      return;
    }
    if (path !== "") this.groups.add(path);
    const inside = new Set([...around, address]);
    for (const [name, target] of this.links(messages, path)) {
      this.object(target, path === "" ? name : `${path}/${name}`, depth + 1, inside);
    }
  }

  // Object headers

  private messages(address: number, path: string): Message[] {
    const { reader } = this;
    reader.offset = address;
    const isNew = reader.bytes[address] === 0x4f; // "O" of OHDR; version 1 begins with the byte 1
    return isNew ? this.messagesOfVersion2(address, path) : this.messagesOfVersion1(address, path);
  }

  private messagesOfVersion1(address: number, path: string): Message[] {
    const { reader } = this;
    const version = reader.uint8(`object header of ${path}`);
    if (version !== 1) {
      throw reader.fault(
        `object header of ${path}`,
        address,
        "version 1 or the signature OHDR",
        String(version),
      );
    }
    reader.take(1, "reserved");
    const count = reader.uint16("number of messages");
    reader.take(4, "reference count");
    const size = reader.uint32("header size");
    reader.take(4, "padding");
    const messages: Message[] = [];
    const blocks = [{ start: reader.offset, size }];
    for (let b = 0; b < blocks.length && messages.length < count; b++) {
      const block = blocks[b]!;
      reader.offset = block.start;
      while (reader.offset + 8 <= block.start + block.size && messages.length < count) {
        const type = reader.uint16("message type");
        const length = reader.uint16("message size");
        reader.take(4, "message flags");
        const start = reader.offset;
        reader.take(length, `message ${type} of ${path}`);
        messages.push({ type, start, end: start + length });
        if (type === continuation) blocks.push(this.continued(start, reader.offset));
      }
    }
    return messages;
  }

  private messagesOfVersion2(address: number, path: string): Message[] {
    const { reader } = this;
    this.expectSignature("OHDR", `object header of ${path}`);
    const version = reader.uint8("object header version");
    if (version !== 2) throw reader.fault("object header version", address + 4, "version 2", String(version));
    const flags = reader.uint8("object header flags");
    if (flags & 0x20) reader.take(16, "times");
    if (flags & 0x10) reader.take(4, "attribute storage");
    const width = 1 << (flags & 3);
    let size = 0;
    for (const [i, byte] of reader.take(width, "header size").entries()) size += byte * 256 ** i;
    const messages: Message[] = [];
    const blocks = [{ start: reader.offset, size, from: address }];
    for (let b = 0; b < blocks.length; b++) {
      const { start, size: length, from } = blocks[b]!;
      reader.offset = start;
      reader.take(length, `object header of ${path}`);
      this.checksum(from, start + length, `checksum of ${path}`);
      reader.offset = start;
      const prefix = flags & 4 ? 6 : 4; // with creation order
      while (reader.offset + prefix <= start + length) {
        const type = reader.uint8("message type");
        const messageSize = reader.uint16("message size");
        reader.take(prefix - 3, "message flags");
        const at = reader.offset;
        reader.take(messageSize, `message ${type} of ${path}`);
        messages.push({ type, start: at, end: at + messageSize });
        if (type !== continuation) continue;
        if (blocks.length > 1000) throw reader.fault("continuation", at, "an end", "more than 1,000 blocks");
        const next = this.continued(at, reader.offset);
        reader.offset = next.start;
        this.expectSignature("OCHK", `continued header of ${path}`);
        blocks.push({ start: next.start + 4, size: next.size - 8, from: next.start });
        reader.offset = at + messageSize;
      }
    }
    return messages;
  }

  /** Where an object header goes on. */
  private continued(start: number, back: number): { start: number; size: number } {
    const { reader } = this;
    reader.offset = start;
    const address = this.address("continuation address");
    const size = reader.size64("continuation size");
    if (size < 8 || address + size > reader.bytes.length) {
      throw reader.fault("continuation size", start + 8, "a block inside the file", String(size));
    }
    reader.offset = back;
    return { start: address, size };
  }

  // Groups

  private links(messages: readonly Message[], path: string): [string, number][] {
    const links: [string, number][] = [];
    for (const { type, start, end } of messages) {
      this.reader.offset = start;
      if (type === symbolTable) links.push(...this.symbolTable(path));
      else if (type === messageTypes.link) links.push(...this.link(path, end));
      else if (type === messageTypes.linkInfo) this.expectCompactLinks(path, start);
    }
    return links;
  }

  private expectCompactLinks(path: string, start: number): void {
    this.reader.take(1, "link info version");
    const flags = this.reader.uint8("link info flags");
    if (flags & 1) this.reader.take(8, "creation index");
    if (this.optionalAddress("fractal heap") === undefined) return;
    throw this.unsupported(
      `links of ${path}`,
      start,
      "links in the header or a symbol table",
      "dense storage",
    );
  }

  private link(path: string, end: number): [string, number][] {
    const { reader } = this;
    const at = reader.offset;
    reader.take(1, "link version");
    const flags = reader.uint8("link flags");
    const kind = flags & 8 ? reader.uint8("link type") : 0;
    if (flags & 4) reader.take(8, "creation order");
    if (flags & 16) reader.take(1, "character set");
    let length = 0;
    for (const [i, byte] of reader.take(1 << (flags & 3), "link name").entries()) length += byte * 256 ** i;
    const name = new TextDecoder().decode(reader.take(length, `link name in ${path}`));
    if (kind !== 0) throw this.unsupported(`link ${name}`, at, "a hard link", `a link of type ${kind}`);
    const target = this.address(`link ${name}`);
    if (reader.offset > end)
      throw reader.fault(`link ${name}`, at, "a link inside its message", "a longer one");
    return [[name, target]];
  }

  private symbolTable(path: string): [string, number][] {
    const { reader } = this;
    const tree = this.address(`B-tree of ${path}`);
    const heap = this.address(`heap of ${path}`);
    reader.offset = heap;
    this.expectSignature("HEAP", `heap of ${path}`);
    reader.take(4, "heap version");
    const size = reader.size64("heap size");
    reader.take(8, "heap free list");
    const data = this.address("heap data");
    if (data + size > reader.bytes.length) {
      throw reader.fault(
        "heap size",
        heap + 8,
        "a heap inside the file",
        String(size),
        "The file is truncated.",
      );
    }
    const name = (offset: number) => {
      const start = data + offset;
      const end = reader.bytes.indexOf(0, start);
      if (offset >= size || end < 0 || end > data + size) {
        throw reader.fault(`name in ${path}`, start, "a name inside the heap", String(offset));
      }
      return new TextDecoder().decode(reader.bytes.subarray(start, end));
    };
    const links: [string, number][] = [];
    const pending = [tree];
    const seen = new Set<number>();
    while (pending.length > 0) {
      const node = pending.pop()!;
      if (seen.has(node)) throw reader.fault(`B-tree of ${path}`, node, "nodes that differ", "one twice");
      seen.add(node);
      reader.offset = node;
      if (reader.bytes[node] === 0x53) {
        // "SNOD": the entries themselves
        this.expectSignature("SNOD", `symbols of ${path}`);
        reader.take(2, "version");
        for (let left = reader.uint16("number of symbols"); left > 0; left--) {
          const offset = reader.size64("name offset");
          const target = this.address("object header address");
          reader.take(24, "scratch");
          links.push([name(offset), target]);
        }
        continue;
      }
      this.expectSignature("TREE", `B-tree of ${path}`);
      const type = reader.uint8("node type");
      if (type !== 0) throw reader.fault("node type", node + 4, "a node of a group (0)", String(type));
      reader.take(1, "node level");
      const count = reader.uint16("entries used");
      reader.take(16, "siblings");
      const children: number[] = [];
      for (let i = 0; i < count; i++) {
        reader.take(8, "key");
        children.push(this.address("child"));
      }
      pending.push(...children.reverse());
    }
    return links;
  }

  // Arrays

  private array(messages: readonly Message[], layout: Message, path: string): NDArray {
    const message = (type: number, what: string) => {
      const found = messages.find((m) => m.type === type);
      if (found) return found;
      throw this.reader.fault(`${what} of ${path}`, layout.start, `a ${what} message`, "none");
    };
    const filters = messages.find(({ type }) => type === messageTypes.filters);
    if (filters) throw this.unsupported(`filters of ${path}`, filters.start, "plain data", "filtered data");
    const shape = this.shape(message(messageTypes.space, "dataspace"), path);
    const type = this.datatype(message(messageTypes.datatype, "datatype"), path);
    const count = elementCount(shape);
    const bytes = this.data(layout, count * type.width, path);
    return { shape, dtype: type.dtype, data: type.read(bytes, count) };
  }

  private shape({ start }: Message, path: string): number[] {
    const { reader } = this;
    reader.offset = start;
    const version = reader.uint8("dataspace version");
    const rank = reader.uint8("rank");
    reader.take(1, "dataspace flags");
    if (version === 1) reader.take(5, "reserved");
    else if (version === 2) {
      const kind = reader.uint8("dataspace type");
      if (kind === 2) throw this.unsupported(`dataspace of ${path}`, start, "an array", "no data at all");
    } else throw reader.fault("dataspace version", start, "version 1 or 2", String(version));
    return Array.from({ length: rank }, () => reader.size64(`shape of ${path}`));
  }

  private datatype({ start }: Message, path: string): ElementType {
    const { reader } = this;
    reader.offset = start;
    const kind = reader.uint8("datatype class") & 15;
    const flags = reader.uint8("datatype flags");
    reader.take(2, "datatype flags");
    const size = reader.uint32("datatype size");
    const isSigned = (flags & 8) !== 0;
    const found = kind === 1 ? `float${8 * size}` : kind === 0 ? `${isSigned ? "" : "u"}int${8 * size}` : "";
    const type = elementTypes[found];
    if (type && !(flags & 1)) return type;
    // h5py writes booleans as an enumeration of int8.
    if (kind === 8 && size === 1) return elementTypes.uint8!;
    const received = found ? `${flags & 1 ? "big-endian " : ""}${found}` : `class ${kind}`;
    throw this.unsupported(`datatype of ${path}`, start, "little-endian numbers", received);
  }

  private data({ start, end }: Message, size: number, path: string): Uint8Array {
    const { reader } = this;
    reader.offset = start;
    const version = reader.uint8("layout version");
    if (version !== 3 && version !== 4) {
      throw this.unsupported(`layout of ${path}`, start, "version 3 or 4", String(version));
    }
    const kind = reader.uint8("layout class");
    if (kind === 0) {
      const length = reader.uint16("compact size");
      if (length < size || reader.offset + length > end) {
        throw reader.fault(`data of ${path}`, start, `${size} bytes`, `${length} bytes`);
      }
      return reader.take(size, `data of ${path}`);
    }
    if (kind !== 1) {
      const fix = "Save it again without chunks and compression.";
      throw this.unsupported(`layout of ${path}`, start, "contiguous data", "data in chunks", fix);
    }
    const address = this.optionalAddress(`data address of ${path}`);
    const length = reader.size64(`data size of ${path}`);
    if (size === 0) return new Uint8Array(0);
    if (length !== size) throw reader.fault(`data size of ${path}`, start, `${size} bytes`, String(length));
    if (address === undefined) {
      throw this.unsupported(`data of ${path}`, start, "data that were written", "a fill value only");
    }
    reader.offset = address;
    return reader.take(size, `data of ${path}`);
  }

  private unsupported(field: string, offset: number, expected: string, received: string, fix?: string) {
    return this.reader.fault(field, offset, expected, received, fix ?? "This part of HDF5 is not supported.");
  }
}
