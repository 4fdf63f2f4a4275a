import { DataError, FormatError } from "../base/errors.js";
import { sha256 } from "../formats/checksum.js";
import { fileSystemError, readFile } from "../formats/files.js";
import { gunzip, isGzip } from "../formats/gzip.js";
import { nodeFiles } from "../formats/nodeFiles.js";
import type { CatalogueFile } from "./catalogue.js";
import { type DownloadOptions, type DownloadSink, download } from "./download.js";
import { fileExists } from "./places.js";

/**
 * Downloads a file into a folder unless it is there: into `<name>.part`, which an interrupted download leaves for
 * the next one, then checked, then renamed. Two processes may do so at once: both write the same bytes to the same
 * places, and the first to finish renames.
 *
 * @returns the address that served it; undefined where the file was there
 * @throws {DataError} where it can't be downloaded, or its checksum is another one (the file is then removed)
 * @throws {FileError} where the folder can't be written
 */
export async function downloadToFolder(
  who: string,
  file: CatalogueFile,
  folder: string,
  addresses: readonly string[],
  options: DownloadOptions,
): Promise<string | undefined> {
  const { fs, path } = await nodeFiles(who);
  const target = path.join(folder, file.name);
  if (await fileExists(who, target)) return undefined;
  const part = `${target}.part`;
  try {
    await fs.mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileSystemError(who, "to make the folder", folder, error);
  }
  for (;;) {
    const sink = await PartFile.open(who, part);
    const isResumed = sink.length > 0;
    let address: string;
    try {
      address = await download(who, file.name, addresses, sink, options);
    } finally {
      await sink.close();
    }
    try {
      await checkContent(who, file, await readFile(part), true);
    } catch (error) {
      if (await fileExists(who, target)) return address; // another process was faster and took the part away
      await fs.rm(part, { force: true });
      // Remains of an older download may belong to another version of the file: once more from the start.
      if (isResumed && error instanceof DataError) continue;
      throw error;
    }
    try {
      const handle = await fs.open(part, "r+");
      await handle.sync().finally(() => handle.close());
      await fs.rename(part, target);
    } catch (error) {
      if (!(await fileExists(who, target))) throw fileSystemError(who, "to write", target, error);
    }
    return address;
  }
}

/**
 * The content of a downloaded file, decompressed where it is compressed.
 *
 * @throws {DataError} where its SHA-256 is not the known one
 */
export async function checkContent(
  who: string,
  file: CatalogueFile,
  bytes: Uint8Array,
  isRemoved = false,
): Promise<Uint8Array> {
  const fault = (received: string, cause?: unknown) =>
    new DataError(
      {
        who,
        expected: `${file.name} with content of SHA-256 ${file.contentSha256}`,
        received,
        fix: `${isRemoved ? "The download was removed. " : ""}Try again, or give another mirror as baseUrl.`,
      },
      { cause },
    );
  let content: Uint8Array;
  try {
    content = isGzip(bytes) ? await gunzip(bytes, { file: file.name }) : bytes;
  } catch (error) {
    if (error instanceof FormatError) throw fault(`${bytes.length} bytes that do not decompress`, error);
    throw error;
  }
  const sum = await sha256(content);
  if (sum !== file.contentSha256) throw fault(`SHA-256 ${sum}`);
  return content;
}

/** A file that grows at its end. Writes name their place, so that two processes can't interleave. */
class PartFile implements DownloadSink {
  length: number;
  private readonly who: string;
  private readonly path: string;
  private readonly handle: Awaited<ReturnType<typeof import("node:fs/promises").open>>;

  private constructor(who: string, path: string, handle: PartFile["handle"], length: number) {
    this.who = who;
    this.path = path;
    this.handle = handle;
    this.length = length;
  }

  static async open(who: string, path: string): Promise<PartFile> {
    const { fs } = await nodeFiles(who);
    try {
      const handle = await fs.open(path, fs.constants.O_RDWR | fs.constants.O_CREAT);
      return new PartFile(who, path, handle, (await handle.stat()).size);
    } catch (error) {
      throw fileSystemError(who, "to write", path, error);
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.handle.write(chunk, done, chunk.length - done, this.length);
        done += bytesWritten;
        this.length += bytesWritten;
      }
    } catch (error) {
      throw fileSystemError(this.who, "to write", this.path, error);
    }
  }

  async restart(): Promise<void> {
    try {
      await this.handle.truncate(0);
    } catch (error) {
      throw fileSystemError(this.who, "to write", this.path, error);
    }
    this.length = 0;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
