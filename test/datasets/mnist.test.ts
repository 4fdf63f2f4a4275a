import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AbortedError, DataError, FileError, FormatError } from "../../src/base/errors.js";
import type { CatalogueEntry } from "../../src/datasets/catalogue.js";
import type { DownloadProgress } from "../../src/datasets/download.js";
import { datasetPlaces, quickstartData } from "../../src/datasets/index.js";
import { loadImages } from "../../src/datasets/mnist.js";
import { writeIdx } from "../../src/formats/index.js";
import { bytesOf } from "./pixels.js";
import { FileServer } from "./server.js";

const host = vi.hoisted(() => ({ isBrowser: false }));
vi.mock("../../src/formats/nodeFiles.js", async (load) => {
  const real = await load<typeof import("../../src/formats/nodeFiles.js")>();
  return { ...real, runsOnNode: () => !host.isBrowser };
});

/** A tiny data set: 6 training and 4 test images of 2 × 2, three classes. */
const noise = Uint8Array.from({ length: 24 }, (_, i) => (i * 97) % 251);
const contents = {
  trainImages: writeIdx({ shape: [6, 2, 2], dtype: "uint8", data: noise }),
  trainLabels: writeIdx({ shape: [6], dtype: "uint8", data: Uint8Array.from([0, 1, 2, 0, 1, 2]) }),
  testImages: writeIdx({ shape: [4, 2, 2], dtype: "uint8", data: noise.subarray(8) }),
  testLabels: writeIdx({ shape: [4], dtype: "uint8", data: Uint8Array.from([2, 2, 1, 0]) }),
};
type Part = keyof typeof contents;
const names = {
  trainImages: "train-images-idx3-ubyte.gz",
  trainLabels: "train-labels-idx1-ubyte.gz",
  testImages: "t10k-images-idx3-ubyte.gz",
  testLabels: "t10k-labels-idx1-ubyte.gz",
};
const packed = (part: Part) => new Uint8Array(gzipSync(contents[part]));
const parts = Object.keys(contents) as Part[];
const file = (part: Part) => ({
  name: names[part],
  contentSha256: createHash("sha256").update(contents[part]).digest("hex"),
});

let root: string;
let cache: string;
let server: FileServer;
let address: string;
let entry: CatalogueEntry;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "myelin-datasets-"));
  cache = join(root, "cache", "myelin", "datasets", "fashion-mnist");
  vi.stubEnv("XDG_CACHE_HOME", join(root, "cache"));
  vi.stubEnv("MYELIN_DATA", "");
  server = new FileServer();
  address = await server.start();
  for (const part of parts) server.files.set(names[part], packed(part));
  entry = {
    who: "fashionMnist",
    name: "fashion-mnist",
    classNames: ["a", "b", "c"],
    homes: [address],
    files: {
      trainImages: file("trainImages"),
      trainLabels: file("trainLabels"),
      testImages: file("testImages"),
      testLabels: file("testLabels"),
    },
  };
});

afterEach(async () => {
  host.isBrowser = false;
  vi.unstubAllEnvs();
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

async function fill(folder: string, changed: Partial<Record<Part, Uint8Array>> = {}): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const part of parts) await writeFile(join(folder, names[part]), changed[part] ?? packed(part));
}

const load = (options: Parameters<typeof loadImages>[1] = {}) =>
  loadImages(entry, { verbose: false, ...options });
const failureOf = async <E extends Error>(
  work: Promise<unknown>,
  kind: new (...parts: never[]) => E,
): Promise<E> => {
  const error = await work.then(
    () => "nothing thrown",
    (reason: unknown) => reason,
  );
  if (error instanceof kind) return error;
  throw new Error(`expected ${kind.name}, received ${error}`);
};

describe("a data set in folders", () => {
  it("is found in MYELIN_DATA, under images/ and beside", async () => {
    for (const folder of [join(root, "fashion-mnist"), join(root, "images", "fashion-mnist")]) {
      await fill(folder);
      vi.stubEnv("MYELIN_DATA", root);
      const data = await load();
      expect(data.source).toEqual({ kind: "MYELIN_DATA", location: folder });
      expect(data.train.images).toMatchObject({ shape: [6, 2, 2], dtype: "float32" });
      expect(bytesOf(data.train.images)).toEqual(noise);
      expect([...data.test.labels.dataSync()]).toEqual([2, 2, 1, 0]);
      expect(data.classNames).toEqual(["a", "b", "c"]);
    }
    expect(server.requests).toEqual([]);
  });

  it("is found in the cache where MYELIN_DATA lacks a file", async () => {
    await fill(join(root, "fashion-mnist"));
    await rm(join(root, "fashion-mnist", names.testLabels));
    await fill(cache);
    vi.stubEnv("MYELIN_DATA", root);
    expect((await load({ offline: true })).source).toEqual({ kind: "cache", location: cache });
  });

  it("that is corrupt or truncated is a FormatError that names the file", async () => {
    const images = packed("trainImages");
    await fill(cache, { trainImages: images.subarray(0, images.length - 9) });
    expect((await failureOf(load(), FormatError)).message).toContain(join(cache, names.trainImages));
    const short = gzipSync(contents.trainLabels.subarray(0, -1));
    await fill(cache, { trainLabels: new Uint8Array(short) });
    expect((await failureOf(load(), FormatError)).message).toContain(names.trainLabels);
  });

  it("with labels in place of images is a FormatError that says which rank was expected", async () => {
    await fill(cache, { trainImages: packed("trainLabels") });
    const { message } = await failureOf(load(), FormatError);
    expect(message).toContain("expected rank 3");
    expect(message).toContain(names.trainImages);
  });

  it("with images and labels that do not fit is a DataError", async () => {
    await fill(cache, { testLabels: packed("trainLabels") });
    expect((await failureOf(load(), DataError)).received).toBe("shapes [4, 2, 2] and [6]");
    const labels = writeIdx({ shape: [4], dtype: "uint8", data: Uint8Array.from([0, 3, 0, 0]) });
    await fill(cache, { testLabels: labels });
    expect((await failureOf(load(), DataError)).received).toBe("label 3 at 1");
    const wide = writeIdx({ shape: [4], dtype: "int32", data: new Int32Array(4) });
    await fill(cache, { testLabels: wide });
    expect((await failureOf(load(), DataError)).received).toBe("int32");
  });

  it("that is nowhere, offline, names the three ways to get it", async () => {
    const error = await failureOf(load({ offline: true }), DataError);
    expect(error.received).toBe(`MYELIN_DATA is not set; not in ${cache}; offline is set`);
    for (const way of ["Set MYELIN_DATA", `put these files into ${cache}`, "connect to the internet"]) {
      expect(error.fix).toContain(way);
    }
    expect(server.requests).toEqual([]);
  });

  it("has its places listed in order", async () => {
    await fill(cache);
    vi.stubEnv("MYELIN_DATA", root);
    const places = await datasetPlaces("fashion-mnist");
    expect(places.slice(0, 3)).toEqual([
      { kind: "MYELIN_DATA", location: join(root, "images", "fashion-mnist"), isComplete: false },
      { kind: "MYELIN_DATA", location: join(root, "fashion-mnist"), isComplete: false },
      { kind: "cache", location: cache, isComplete: true },
    ]);
    expect(places.slice(3).map(({ kind }) => kind)).toEqual(["download", "download"]);
  });
});

describe("a data set that is downloaded", () => {
  it("is checked, kept in the cache and reported", async () => {
    const seen: DownloadProgress[] = [];
    const data = await load({ onProgress: (progress) => seen.push(progress) });
    expect(data.source).toEqual({ kind: "download", location: address });
    expect(bytesOf(data.train.images)).toEqual(noise);
    expect((await readdir(cache)).sort()).toEqual(Object.values(names).sort());
    for (const part of parts) {
      const last = seen.filter((progress) => progress.file === names[part]).at(-1);
      expect(last).toEqual({ file: names[part], loaded: packed(part).length, total: packed(part).length });
    }
    const { length } = server.requests;
    expect((await load()).source.kind).toBe("cache");
    expect(server.requests).toHaveLength(length);
  });

  it("goes on where an earlier download stopped", async () => {
    await mkdir(cache, { recursive: true });
    await writeFile(join(cache, `${names.trainImages}.part`), packed("trainImages").subarray(0, 20));
    await load();
    expect(server.requests.at(-1)).toEqual({ path: names.trainImages, range: "bytes=20-" });
    expect(new Uint8Array(await readFile(join(cache, names.trainImages)))).toEqual(packed("trainImages"));
  });

  it("goes on after a cut connection", async () => {
    server.cut = { after: 15, times: 1 };
    expect(bytesOf((await load()).train.images)).toEqual(noise);
    expect(server.requests.slice(0, 2).map(({ path }) => path)).toEqual([names.testLabels, names.testLabels]);
  });

  it("starts anew where the remains are of another file, longer or shorter", async () => {
    await mkdir(cache, { recursive: true });
    await writeFile(join(cache, `${names.testLabels}.part`), new Uint8Array(7));
    await writeFile(join(cache, `${names.testImages}.part`), new Uint8Array(5000));
    expect([...(await load()).test.labels.dataSync()]).toEqual([2, 2, 1, 0]);
    expect((await readdir(cache)).sort()).toEqual(Object.values(names).sort());
  });

  it("with another checksum is a DataError and is removed", async () => {
    server.files.set(names.testLabels, packed("trainLabels"));
    const error = await failureOf(load(), DataError);
    expect(error.expected).toContain(entry.files.testLabels.contentSha256);
    expect(error.received).toBe(`SHA-256 ${entry.files.trainLabels.contentSha256}`);
    expect(await readdir(cache)).toEqual([]);
    server.files.set(names.testLabels, packed("testLabels").fill(0xff, 12));
    expect((await failureOf(load(), DataError)).received).toContain("do not decompress");
    expect(await readdir(cache)).toEqual([]);
  });

  it("comes from the next home where the first lacks it, or from baseUrl", async () => {
    entry = { ...entry, homes: [`${address}none/`, address] };
    expect((await load()).source.location).toBe(address);
    await rm(cache, { recursive: true });
    entry = { ...entry, homes: ["http://127.0.0.1:1/"] };
    expect((await load({ baseUrl: address.slice(0, -1) })).source.location).toBe(address);
  });

  it("that no home serves names each home and the ways to get it", async () => {
    entry = { ...entry, homes: [`${address}none/`, "http://127.0.0.1:1/"] };
    const error = await failureOf(load(), DataError);
    expect(error.received).toMatch(/127\.0\.0\.1:\d+: HTTP status 404; 127\.0\.0\.1:1: /);
    expect(error.fix).toContain("Set MYELIN_DATA");
  });

  it("from a server that never answers is given up", async () => {
    server.isSilent = true;
    const error = await failureOf(load({ connectSeconds: 0.05, rounds: 1 }), DataError);
    expect(error.received).toContain("no answer within 0.05 s");
  });

  it("ends at an abort signal and keeps what has arrived", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ file: name }: DownloadProgress) => {
      if (name === names.trainImages) controller.abort(reason);
    };
    const error = await failureOf(load({ signal: controller.signal, onProgress }), AbortedError);
    expect(error.cause).toBe(reason);
    expect(await readdir(cache)).toContain(names.testImages);
    expect((await load()).source.kind).toBe("download");
    await failureOf(load({ signal: controller.signal }), AbortedError);
  });

  it.runIf(process.platform === "linux")("reports a full disk", async () => {
    await mkdir(cache, { recursive: true });
    await symlink("/dev/full", join(cache, `${names.testLabels}.part`));
    expect((await failureOf(load(), FileError)).received).toBe("a full disk (ENOSPC)");
  });

  it("reports a cache folder that can't be made", async () => {
    await writeFile(join(root, "cache"), "a file in the way");
    expect((await failureOf(load(), FileError)).message).toContain(join(root, "cache"));
  });
});

describe("in a browser", () => {
  it("a data set is fetched, also where the server decompresses it on the way", async () => {
    host.isBrowser = true;
    const data = await load({ baseUrl: address });
    expect(data.source).toEqual({ kind: "download", location: address });
    expect(bytesOf(data.train.images)).toEqual(noise);
    server.headers = { "content-encoding": "gzip" };
    expect(bytesOf((await load()).test.images)).toEqual(noise.subarray(8));
    expect(await readdir(root)).toEqual([]);
  });

  it("offline or a failed checksum is a DataError", async () => {
    host.isBrowser = true;
    expect((await failureOf(load({ offline: true }), DataError)).fix).toContain("baseUrl");
    server.files.set(names.testLabels, packed("trainLabels"));
    expect((await failureOf(load(), DataError)).received).toContain("SHA-256");
  });
});

describe("quickstartData", () => {
  it("is Fashion-MNIST where it is at hand", async () => {
    await fill(cache);
    const data = await quickstartData({ offline: true });
    expect(data).toMatchObject({ name: "Fashion-MNIST", reason: `found in cache, ${cache}` });
    expect(data.classNames).toHaveLength(10);
  });

  it("is generated digits elsewhere, and says why", async () => {
    const offline = await quickstartData({ offline: true });
    expect(offline).toMatchObject({ name: "generated digits", source: { kind: "generated" } });
    expect(offline.reason).toContain("offline is set");
    expect(offline.train.images.shape).toEqual([6000, 28, 28]);
    const unreachable = await quickstartData({ baseUrl: "http://127.0.0.1:1/", verbose: false, seed: 2 });
    expect(unreachable.reason).toContain("127.0.0.1:1: ");
    expect(unreachable.source.location).toBe("digits, seed 2");
    const wrong = await quickstartData({ baseUrl: address, verbose: false });
    expect(wrong.reason).toContain("SHA-256");
  });

  it("ends at an abort signal", async () => {
    await failureOf(quickstartData({ signal: AbortSignal.abort() }), AbortedError);
  });
});
