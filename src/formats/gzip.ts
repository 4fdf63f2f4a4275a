import { Gunzip } from "fflate";
import { asBytes, ByteReader, type Bytes, type ReadOptions } from "./bytes.js";
import { crc32 } from "./checksum.js";
import type { FileFormatError } from "./fault.js";

export interface GunzipOptions extends ReadOptions {
  /** Bound on the decompressed size in bytes, against decompression bombs; 1 GiB unless told. */
  maxBytes?: number;
}

/** Deflate can't shrink below one bit per 258-byte match with a two-bit code: about 1032 to 1 (zlib, "Technical details"). */
const maxRatio = 1032;
const chunkBytes = 65536;

/** True where bytes start like a gzip file. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses a gzip file of one member (RFC 1952), with the platform's `DecompressionStream` where there is one.
 *
 * The claimed size is checked against `maxBytes` and against what deflate can reach before anything is allocated;
 * output that grows past the claim stops at once. CRC-32 and size are verified.
 *
 * @throws {FormatError} with file, offset and field where the bytes are no gzip, truncated, corrupt or too large
 * @example const bytes = Uint8Array.from([31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 200, 4, 0, 172, 42, 147, 216, 2, 0, 0, 0]);
 * await formats.gunzip(bytes, { file: "hi.gz" }) // [104, 105]
 */
export async function gunzip(bytes: Bytes, options: GunzipOptions = {}): Promise<Uint8Array> {
  const reader = new ByteReader(asBytes("gunzip", bytes), { who: "gunzip", file: options.file });
  const maxBytes = options.maxBytes ?? 2 ** 30;
  readHeader(reader);
  const start = reader.offset;
  const end = reader.bytes.byteLength - 8;
  if (end <= start) throw truncated(reader, start);
  reader.offset = end;
  const crc = reader.uint32("CRC32");
  const size = reader.uint32("ISIZE");
  if (size > (end - start) * maxRatio) {
    const expected = `a size that ${end - start} compressed bytes can hold`;
    throw reader.fault(
      "ISIZE",
      end + 4,
      expected,
      `${size} bytes`,
      "The file is truncated or corrupt; fetch it again.",
    );
  }
  if (size > maxBytes) {
    // The last bytes of a file that was cut off are not its size.
    const fix =
      "The file is truncated or corrupt; fetch it again. If it is whole and trusted, raise maxBytes.";
    throw reader.fault("ISIZE", end + 4, `at most ${maxBytes} bytes of content`, `${size} bytes`, fix);
  }
  const output = new BoundedOutput(size);
  try {
    if (typeof DecompressionStream === "undefined") inflateInScript(reader.bytes, output, crc);
    else await inflateOnPlatform(reader.bytes, output);
  } catch (error) {
    throw corrupt(reader, start, error);
  }
  if (output.isFull || output.length !== size) {
    const received = output.isFull ? "more" : `${output.length} bytes`;
    const fix = "The file is corrupt, has bytes after its end, or holds several gzip members.";
    throw reader.fault("ISIZE", end + 4, `${size} bytes of content`, received, fix);
  }
  return output.bytes;
}

/** Fixed space for the claimed size; a byte too many ends the decompression. */
class BoundedOutput {
  readonly bytes: Uint8Array;
  length = 0;
  isFull = false;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** False where the chunk does not fit. */
  push(chunk: Uint8Array): boolean {
    if (this.length + chunk.length > this.bytes.length) {
      this.isFull = true;
      return false;
    }
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
    return true;
  }
}

async function inflateOnPlatform(bytes: Uint8Array, output: BoundedOutput): Promise<void> {
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const feed = async () => {
    for (let i = 0; i < bytes.length; i += chunkBytes) {
      await writer.write(bytes.subarray(i, i + chunkBytes) as Uint8Array<ArrayBuffer>);
    }
    await writer.close();
  };
  const fed = feed();
  fed.catch(() => undefined); // the reader below reports the same failure
  const chunks = stream.readable.getReader();
  for (;;) {
    const { done, value } = await chunks.read();
    if (done) return;
    if (!output.push(value)) return void chunks.cancel().catch(() => undefined);
  }
}

/** For runtimes without the stream. fflate verifies no checksum, so the CRC is computed here. */
function inflateInScript(bytes: Uint8Array, output: BoundedOutput, expectedCrc: number): void {
  let crc = 0;
  const stream = new Gunzip((chunk) => {
    if (output.isFull || !output.push(chunk)) return;
    crc = crc32(chunk, crc);
  });
  for (let i = 0; i < bytes.length && !output.isFull; i += chunkBytes) {
    stream.push(bytes.subarray(i, i + chunkBytes));
  }
  if (output.isFull) return;
  stream.push(new Uint8Array(), true); // an end of its own: fflate does not look behind a member in the last chunk
  if (crc !== expectedCrc) throw new Error("incorrect data check");
}

/** Header of RFC 1952 section 2.3; the cursor stands at the compressed data afterwards. */
function readHeader(reader: ByteReader): void {
  const magic = reader.uint16("ID1 ID2", false);
  if (magic !== 0x1f8b) {
    const received = `0x${magic.toString(16).padStart(4, "0")}`;
    throw reader.fault(
      "ID1 ID2",
      0,
      "the gzip magic 0x1f8b",
      received,
      "The file is not compressed with gzip.",
    );
  }
  const method = reader.uint8("CM");
  if (method !== 8) throw reader.fault("CM", 2, "compression method 8 (deflate)", String(method));
  const flags = reader.uint8("FLG");
  if (flags & 0xe0) throw reader.fault("FLG", 3, "reserved flags 0", `0x${flags.toString(16)}`);
  reader.take(6, "MTIME XFL OS");
  if (flags & 4) reader.take(reader.uint16("XLEN"), "extra field");
  if (flags & 8) skipText(reader, "file name");
  if (flags & 16) skipText(reader, "comment");
  if (flags & 2) reader.take(2, "CRC16");
}

function skipText(reader: ByteReader, field: string): void {
  const end = reader.bytes.indexOf(0, reader.offset);
  reader.take((end < 0 ? reader.bytes.byteLength : end) - reader.offset + 1, field);
}

function truncated(reader: ByteReader, offset: number): FileFormatError {
  const received = `end of data at byte ${reader.bytes.byteLength}`;
  const fix = "The file is truncated; fetch it again.";
  return reader.fault("compressed data", offset, "compressed data, CRC32 and ISIZE", received, fix);
}

/** Runtimes word the failures of zlib differently; what they agree on is told apart here. */
function corrupt(reader: ByteReader, start: number, error: unknown): FileFormatError {
  const reason = error instanceof Error ? error.message : String(error);
  if (/truncated|unexpected (end|eof)/i.test(reason)) return truncated(reader, start);
  const fix = "The file is corrupt; fetch it again.";
  if (/data check|crc|checksum/i.test(reason)) {
    const offset = reader.bytes.byteLength - 8;
    return reader.fault("CRC32", offset, "the CRC-32 of the content", "another one", fix, error);
  }
  return reader.fault("compressed data", start, "valid deflate data", reason.replace(/\.$/, ""), fix, error);
}
