import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileError } from "../../src/base/errors.js";
import { FileSystemError, readFile, sha256, writeFileAtomic } from "../../src/formats/index.js";
import { textBytes } from "./mutations.js";

/** Makes the file system fail as a full disk or missing permissions do; root passes every real check. */
const disk = { isFull: false, deniesRename: false, deniesRead: false };
const realModule = process.getBuiltinModule;
const real = realModule("node:fs/promises");
const failure = (code: string) => Object.assign(new Error(`${code}: failed`), { code });
const failing = {
  ...real,
  open: async (...parts: Parameters<typeof real.open>) => {
    const file = await real.open(...parts);
    if (disk.isFull && parts[1] === "wx") {
      file.writeFile = async () => {
        await file.write(textBytes("par"));
        throw failure("ENOSPC");
      };
    }
    return file;
  },
  rename: async (...parts: Parameters<typeof real.rename>) => {
    if (disk.deniesRename) throw failure("EACCES");
    return real.rename(...parts);
  },
  readFile: async (...parts: Parameters<typeof real.readFile>) => {
    if (disk.deniesRead) throw failure("EACCES");
    return real.readFile(...parts);
  },
};
vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
  name === "node:fs/promises" ? failing : realModule(name)) as typeof realModule);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "myelin-files-"));
});
afterEach(async () => {
  disk.isFull = false;
  disk.deniesRename = false;
  disk.deniesRead = false;
  await rm(folder, { recursive: true, force: true });
});

const failureOf = async (work: Promise<unknown>): Promise<FileSystemError> => {
  const error = await work.catch((reason: unknown) => reason);
  if (error instanceof FileSystemError) return error;
  throw new Error(`expected a FileSystemError, received ${error}`);
};

describe("readFile and writeFileAtomic", () => {
  it("write, replace and read a file by path and by URL, leaving nothing else", async () => {
    const path = join(folder, "a.bin");
    await writeFileAtomic(path, textBytes("one"));
    await writeFileAtomic(pathToFileURL(path), textBytes("second"));
    expect(await readFile(path)).toEqual(textBytes("second"));
    expect(await readFile(pathToFileURL(path))).toEqual(textBytes("second"));
    expect(await readdir(folder)).toEqual(["a.bin"]);
  });

  it("name the path and the reason", async () => {
    const missing = join(folder, "missing", "a.bin");
    const error = await failureOf(readFile(missing));
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ path: missing, code: "ENOENT" });
    expect(error.message).toContain(
      `a readable file at ${missing}, received no such file or folder (ENOENT)`,
    );
    expect(await failureOf(writeFileAtomic(missing, textBytes("x")))).toMatchObject({ code: "ENOENT" });
    expect(await failureOf(readFile(folder))).toMatchObject({ code: "EISDIR" });
    await writeFile(join(folder, "plain"), "x");
    expect(await failureOf(readFile(join(folder, "plain", "a")))).toMatchObject({ code: "ENOTDIR" });
    await mkdir(join(folder, "taken"));
    expect((await failureOf(writeFileAtomic(join(folder, "taken"), textBytes("x")))).path).toBe(
      join(folder, "taken"),
    );
    expect(await readdir(folder)).toEqual(["plain", "taken"]);
  });

  it("leave the old file and no remains where the disk is full", async () => {
    const path = join(folder, "a.bin");
    await writeFileAtomic(path, textBytes("old"));
    disk.isFull = true;
    const error = await failureOf(writeFileAtomic(path, textBytes("new content")));
    expect(error).toMatchObject({ code: "ENOSPC", received: "a full disk (ENOSPC)" });
    expect(await readFile(path)).toEqual(textBytes("old"));
    expect(await readdir(folder)).toEqual(["a.bin"]);
  });

  it("leave the old file and no remains where permission is missing", async () => {
    const path = join(folder, "a.bin");
    await writeFileAtomic(path, textBytes("old"));
    disk.deniesRename = true;
    expect(await failureOf(writeFileAtomic(path, textBytes("new")))).toMatchObject({ code: "EACCES" });
    expect(await readdir(folder)).toEqual(["a.bin"]);
    expect(await readFile(path)).toEqual(textBytes("old"));
  });

  it("report an unreadable file", async () => {
    const path = join(folder, "secret");
    await writeFile(path, "x");
    disk.deniesRead = true;
    expect(await failureOf(readFile(path))).toMatchObject({ code: "EACCES" });
  });
});

describe("sha256", () => {
  it("has the values of FIPS 180-4", async () => {
    expect(await sha256(textBytes("abc"))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    expect(await sha256(new Uint8Array())).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });
});

describe("in a browser", () => {
  it("files are a FileError that says what to do instead", async () => {
    vi.stubGlobal("process", undefined);
    const failures = [readFile("a"), writeFileAtomic("a", textBytes("x"))].map((work) =>
      work.catch((e: unknown) => e),
    );
    const errors = await Promise.all(failures);
    vi.unstubAllGlobals();
    for (const error of errors) {
      expect(error).toBeInstanceOf(FileError);
      expect((error as FileError).fix).toContain("fetch the bytes");
    }
  });
});
