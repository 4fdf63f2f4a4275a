import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FileFormatError, gunzip } from "../../src/formats/index.js";
import { bytesOf, concatBytes, expectSafeReader, textBytes } from "./mutations.js";

const content = textBytes("the same words, the same words, the same words".repeat(20));
const packed = new Uint8Array(gzipSync(content));

async function fault(bytes: Uint8Array, maxBytes?: number): Promise<FileFormatError> {
  const error = await gunzip(bytes, { file: "words.gz", ...(maxBytes ? { maxBytes } : {}) }).catch(
    (e: unknown) => e,
  );
  if (error instanceof FileFormatError) return error;
  throw new Error(`expected a FileFormatError, received ${error}`);
}

const flipped = (index: number) => {
  const copy = packed.slice();
  copy.set([copy.at(index)! ^ 0x55], index < 0 ? copy.length + index : index);
  return copy;
};

afterEach(() => {
  vi.unstubAllGlobals();
});

for (const platform of ["DecompressionStream", "script"]) {
  describe(`gunzip by ${platform}`, () => {
    const choose = () => {
      if (platform === "script") vi.stubGlobal("DecompressionStream", undefined);
    };

    it("gives the content back", async () => {
      choose();
      expect(await gunzip(packed)).toEqual(content);
      expect(await gunzip(new Uint8Array(gzipSync(new Uint8Array())))).toEqual(new Uint8Array());
      const large = new Uint8Array(3_000_000).map((_, i) => (i * i) >> 7);
      expect(Buffer.compare(await gunzip(new Uint8Array(gzipSync(large))), large)).toBe(0);
    });

    it("reads known bytes, with a file name and a comment in the header", async () => {
      choose();
      // deflate: one stored block "hi"; CRC-32 of "hi" is 0xd8932aac
      const body = "010200fdff6869" + "ac2a93d8" + "02000000";
      expect(await gunzip(bytesOf(`1f8b0800000000000003${body}`))).toEqual(textBytes("hi"));
      expect(await gunzip(bytesOf(`1f8b081800000000000361006200${body}`))).toEqual(textBytes("hi"));
    });

    it("names what is wrong", async () => {
      choose();
      expect(await fault(packed.subarray(0, 5))).toMatchObject({
        file: "words.gz",
        field: "MTIME XFL OS",
        offset: 4,
      });
      expect(await fault(packed.subarray(0, 14))).toMatchObject({ field: "compressed data", offset: 10 });
      expect(await fault(flipped(0))).toMatchObject({ field: "ID1 ID2", offset: 0 });
      expect(await fault(flipped(2))).toMatchObject({ field: "CM", offset: 2 });
      // Some runtimes say that the checksum is wrong, others only that the stream is broken.
      expect((await fault(flipped(-8))).field).toMatch(/^(CRC32|compressed data)$/);
      expect(await fault(bytesOf("1f8b08000000000000036869707573ffffffff02000000"))).toMatchObject({
        offset: 10,
      });
    });

    it("refuses truncated data, bytes after the end and a second member", async () => {
      choose();
      const hostile = [
        packed.subarray(0, packed.length - 1),
        concatBytes(packed, packed),
        concatBytes(packed, content),
      ];
      for (const bytes of hostile) expect((await fault(bytes)).message).toContain("words.gz");
    });

    it("stops a bomb at the bound and a lying size before it allocates", async () => {
      choose();
      const bomb = new Uint8Array(gzipSync(new Uint8Array(5_000_000)));
      expect(await fault(bomb, 1_000_000)).toMatchObject({ field: "ISIZE", received: "5000000 bytes" });
      expect((await fault(bomb, 1_000_000)).fix).toMatch(/^The file is truncated or corrupt; .* maxBytes/);
      const lying = bomb.slice();
      lying.set([10, 0, 0, 0], bomb.length - 4); // claims 10 bytes, holds 5 million
      await fault(lying);
      const claims = packed.slice();
      claims.set([0, 0, 0, 0x3f], packed.length - 4); // claims 1 GiB
      expect(await fault(claims)).toMatchObject({ field: "ISIZE", offset: packed.length - 4 });
    });

    it("parses or throws FormatError on any bytes", async () => {
      choose();
      await expectSafeReader(
        async (bytes) => (await gunzip(bytes, { file: "fuzz.bin" })).length,
        [packed],
        1032,
      );
    });
  });
}
