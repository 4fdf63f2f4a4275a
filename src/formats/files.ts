import { type ErrorParts, FileError } from "../base/errors.js";
import { nodeFiles } from "./nodeFiles.js";

/** A path that can't be read or written: carries the path and the system's code (`ENOENT`, `EACCES`, `ENOSPC`, …). */
export class FileSystemError extends FileError {
  readonly path: string;
  readonly code: string;

  constructor(parts: ErrorParts & { path: string; code: string }, options?: ErrorOptions) {
    super(parts, options);
    this.path = parts.path;
    this.code = parts.code;
  }
}

/** What the system's codes mean and how to mend them. */
const reasons: Readonly<Record<string, { received: string; fix: string }>> = {
  ENOENT: {
    received: "no such file or folder",
    fix: "Check the path; relative paths start at the working folder.",
  },
  ENOTDIR: { received: "a path that leads through a file", fix: "Check the folders of the path." },
  EISDIR: { received: "a folder", fix: "Give the path of a file." },
  EACCES: { received: "no permission", fix: "Change the permissions or choose another folder." },
  EPERM: {
    received: "an operation that is not permitted",
    fix: "Change the permissions or choose another folder.",
  },
  EROFS: { received: "a read-only file system", fix: "Choose another folder." },
  ENOSPC: { received: "a full disk", fix: "Free some space; what was there before is unchanged." },
  EDQUOT: { received: "a used-up disk quota", fix: "Free some space; what was there before is unchanged." },
  EFBIG: { received: "a file larger than allowed", fix: "Split it or raise the limit." },
  EMFILE: { received: "too many open files", fix: "Close some or raise the limit." },
  ENAMETOOLONG: { received: "a name that is too long", fix: "Choose a shorter one." },
  ERR_FS_FILE_TOO_LARGE: { received: "a file larger than 2 GiB", fix: "Split it." },
};

/** The typed error for a failure of the file system, with its cause. */
export function fileSystemError(
  who: string,
  expected: string,
  path: string,
  error: unknown,
): FileSystemError {
  const code = codeOf(error);
  const { received, fix } = reasons[code] ?? {
    received: error instanceof Error ? error.message : String(error),
    fix: "",
  };
  const parts = { who, expected: `${expected} ${path}`, received: `${received} (${code})`, fix, path, code };
  return new FileSystemError(parts, { cause: error });
}

/** The system's code of a failure, `"unknown"` where it has none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "unknown";
}

/**
 * The bytes of a file.
 *
 * @throws {FileError} naming path and reason where it can't be read, or in a browser
 * @example await formats.writeFileAtomic("weights.npy", formats.writeNpy({ shape: [2], dtype: "float32", data: new Float32Array([1, 2]) }));
 * const bytes = await formats.readFile("weights.npy");
 * formats.readNpy(bytes, { file: "weights.npy" }).shape // [2]
 */
export async function readFile(path: string | URL): Promise<Uint8Array> {
  const { fs } = await nodeFiles("readFile");
  try {
    const buffer = await fs.readFile(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (error) {
    throw fileSystemError("readFile", "a readable file at", String(path), error);
  }
}

/**
 * Writes a file whole or not at all: into a temporary name in the same folder, to the disk, then renamed.
 *
 * After a crash or a full disk either the old content or the new one is there, never a part.
 *
 * @throws {FileError} naming path and reason; the temporary file is removed and an older file left as it was
 * @example const weights = { x: { shape: [2], dtype: "float32", data: new Float32Array([1, 2]) } };
 * await formats.writeFileAtomic("model.safetensors", formats.writeSafetensors(weights));
 * await formats.fileExists("model.safetensors") // true
 */
export async function writeFileAtomic(path: string | URL, bytes: Uint8Array): Promise<void> {
  const { fs, path: paths } = await nodeFiles("writeFileAtomic");
  const target = path instanceof URL ? process.getBuiltinModule("node:url").fileURLToPath(path) : path;
  const folder = paths.dirname(target);
  const temporary = paths.join(folder, `.myelin-${crypto.randomUUID()}.tmp`);
  try {
    const file = await fs.open(temporary, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, target);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to report
    throw fileSystemError("writeFileAtomic", "to write", target, error);
  }
  await syncFolder(folder);
}

/** Makes a rename durable. Some systems can't sync a folder (Windows); there the rename itself has to do. */
async function syncFolder(folder: string): Promise<void> {
  const { fs } = await nodeFiles("writeFileAtomic");
  try {
    const handle = await fs.open(folder, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    return;
  }
}

/** Whether a path exists. @example await formats.fileExists("nowhere.npy") // false */
export async function fileExists(path: string): Promise<boolean> {
  const { fs } = await nodeFiles("fileExists");
  return fs.access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Removes a file, if it is there. @throws {FileError} naming path and reason
 *
 * @example await formats.removeFile("old.npy")
 */
export async function removeFile(path: string): Promise<void> {
  const { fs } = await nodeFiles("removeFile");
  await fs.rm(path, { force: true }).catch((error: unknown) => {
    throw fileSystemError("removeFile", "to remove", path, error);
  });
}
