import type { NDArray } from "../base/array.js";
import { DataError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { progressWriter } from "../charts/progress.js";
import { readFile } from "../formats/files.js";
import { gunzip, isGzip } from "../formats/gzip.js";
import { readIdx } from "../formats/idx.js";
import { runsOnNode } from "../formats/nodeFiles.js";
import { checkContent, downloadToFolder } from "./cacheFile.js";
import { type CatalogueEntry, type CatalogueFile, fashionMnistEntry, mnistEntry } from "./catalogue.js";
import {
  DownloadError,
  type DownloadOptions,
  type DownloadProgress,
  download,
  MemorySink,
  throwIfAborted,
} from "./download.js";
import type { ImageDataset, LabelledImages } from "./imageDataset.js";
import { folderPlaces } from "./places.js";
import { labelledImages } from "./wrap.js";

export interface DatasetOptions {
  /** Ends loading; a download goes on where it stopped the next time. */
  signal?: AbortSignal;
  /** Told how far a download has come; instead of the progress bar. */
  onProgress?: (progress: DownloadProgress) => void;
  /** A progress bar for downloads; true unless told. */
  verbose?: boolean;
  /** Never use the network. */
  offline?: boolean;
  /** Address of a folder that holds the files, instead of the public home: a mirror, or a page's own server. */
  baseUrl?: string;
}

/** What loading itself needs beyond what users choose. */
type LoadOptions = DatasetOptions & Pick<DownloadOptions, "connectSeconds" | "rounds">;

/**
 * Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 × 28, 10 classes (Xiao, Rasul, Vollgraf 2017).
 *
 * `images` `[n, 28, 28]` float32 from 0 to 1 (bytes in memory, converted batch by batch), `labels` `[n]` uint8. Looked
 * for in `MYELIN_DATA`, then in the cache folder, then downloaded from its public home (30 MB, checked, kept in the cache). In a browser it is fetched, from `baseUrl`
 * where given. `source` says where it came from.
 *
 * @throws {DataError} where it can be had nowhere, or a checksum fails
 * @throws {FormatError} where a file is truncated or corrupt
 * @throws {FileError} where a file or the cache folder can't be read or written
 * @throws {AbortedError} where `signal` ended it
 * @example const { train, test, classNames } = await datasets.fashionMnist();
 */
export function fashionMnist(options: DatasetOptions = {}): Promise<ImageDataset> {
  return loadImages(fashionMnistEntry, options);
}

/**
 * MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 × 28 (LeCun, Cortes, Burges).
 *
 * Shapes, places and errors as of `fashionMnist`.
 *
 * @example const { train, test } = await datasets.mnist({ offline: true });
 */
export function mnist(options: DatasetOptions = {}): Promise<ImageDataset> {
  return loadImages(mnistEntry, options);
}

/** Loads a data set of four IDX files from the first place that has it. */
export async function loadImages(entry: CatalogueEntry, options: LoadOptions = {}): Promise<ImageDataset> {
  throwIfAborted(entry.who, options.signal);
  const places = runsOnNode() ? await folderPlaces(entry) : [];
  const place = places.find(({ isComplete }) => isComplete);
  if (place) {
    const images = await assemble(entry, (file) => readContent(place.location, file), options.signal);
    return { ...images, source: { kind: place.kind, location: place.location } };
  }
  const cache = places.at(-1)?.location; // none in a browser
  if (options.offline) throw nowhere(entry, "offline is set", cache);
  const { onProgress, stop } = progressOf(options);
  try {
    return await downloadImages(entry, { ...options, onProgress }, cache);
  } catch (error) {
    throw error instanceof DownloadError ? nowhere(entry, error.received, cache, error) : error;
  } finally {
    stop();
  }
}

/** Into the cache folder, and from there; without one (a browser) into memory. */
async function downloadImages(
  entry: CatalogueEntry,
  options: DownloadOptions & Pick<DatasetOptions, "baseUrl">,
  cache: string | undefined,
): Promise<ImageDataset> {
  const homes = options.baseUrl === undefined ? entry.homes : [folderAddress(options.baseUrl)];
  const addressesOf = (file: CatalogueFile) => homes.map((home) => `${home}${file.name}`);
  let location = homes[0]!;
  const fetchContent = async (file: CatalogueFile) => {
    const sink = new MemorySink();
    const address = await download(entry.who, file.name, addressesOf(file), sink, options);
    location = address.slice(0, -file.name.length);
    return checkContent(entry.who, file, sink.bytes());
  };
  if (cache !== undefined) {
    const { trainImages, trainLabels, testImages, testLabels } = entry.files;
    // Small files first: where the home can't be reached, that shows soon.
    for (const file of [testLabels, trainLabels, testImages, trainImages]) {
      const address = await downloadToFolder(entry.who, file, cache, addressesOf(file), options);
      if (address !== undefined) location = address.slice(0, -file.name.length);
    }
  }
  const contentOf = cache === undefined ? fetchContent : (file: CatalogueFile) => readContent(cache, file);
  const images = await assemble(entry, contentOf, options.signal);
  return { ...images, source: { kind: "download", location } };
}

async function readContent(folder: string, file: CatalogueFile): Promise<Uint8Array> {
  const path = `${folder}/${file.name}`;
  const bytes = await readFile(path);
  return isGzip(bytes) ? gunzip(bytes, { file: path }) : bytes;
}

async function assemble(
  entry: CatalogueEntry,
  contentOf: (file: CatalogueFile) => Promise<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Omit<ImageDataset, "source">> {
  const read = async (file: CatalogueFile, rank: number): Promise<NDArray<"uint8">> => {
    throwIfAborted(entry.who, signal);
    const array = readIdx(await contentOf(file), { file: file.name, rank });
    if (array.dtype === "uint8") return array;
    throw new DataError({ who: entry.who, expected: `bytes in ${file.name}`, received: array.dtype });
  };
  const pair = async (imagesFile: CatalogueFile, labelsFile: CatalogueFile): Promise<LabelledImages> => {
    const [labels, images] = [await read(labelsFile, 1), await read(imagesFile, 3)];
    checkPair(entry, imagesFile, images, labels);
    return labelledImages(images, labels);
  };
  const { trainImages, trainLabels, testImages, testLabels } = entry.files;
  const test = await pair(testImages, testLabels);
  const train = await pair(trainImages, trainLabels);
  throwIfAborted(entry.who, signal);
  return { train, test, classNames: entry.classNames };
}

function checkPair(
  entry: CatalogueEntry,
  file: CatalogueFile,
  images: NDArray<"uint8">,
  labels: NDArray<"uint8">,
): void {
  const { who, classNames } = entry;
  const fix = "The files are not of this data set, or mixed up; remove them and load again.";
  if (images.shape[0] !== labels.shape[0]) {
    throw new DataError({
      who,
      expected: `images [n, height, width] and as many labels [n] for ${file.name}`,
      received: `shapes ${formatShape(images.shape)} and ${formatShape(labels.shape)}`,
      fix,
    });
  }
  const bad = labels.data.findIndex((label) => label >= classNames.length);
  if (bad < 0) return;
  const expected = `labels from 0 to ${classNames.length - 1} for ${file.name}`;
  throw new DataError({ who, expected, received: `label ${labels.data[bad]} at ${bad}`, fix });
}

function nowhere(entry: CatalogueEntry, why: string, cache: string | undefined, cause?: unknown): DataError {
  const given = runsOnNode() ? process.env.MYELIN_DATA : undefined;
  const looked =
    cache === undefined
      ? []
      : [given ? `not in MYELIN_DATA (${given})` : "MYELIN_DATA is not set", `not in ${cache}`];
  const ways =
    cache === undefined
      ? "Give the address of a folder that holds the files as baseUrl, or connect to the internet."
      : `Set MYELIN_DATA to a folder that holds ${entry.name}/${entry.files.trainImages.name} and its three companions, ` +
        `or put these files into ${cache}, or connect to the internet and run again.`;
  return new DataError(
    {
      who: entry.who,
      expected: `the files of ${entry.name}`,
      received: [...looked, why].join("; "),
      fix: ways,
    },
    { cause },
  );
}

/** The listener the user gave, or a progress bar of its own; `stop` ends the bar's line. */
function progressOf({ onProgress, verbose = true }: LoadOptions) {
  if (onProgress || !verbose) return { onProgress, stop: () => undefined };
  const writer = progressWriter();
  return {
    onProgress({ file, loaded, total }: DownloadProgress) {
      const state = { label: file, done: loaded, unit: "bytes", ...(total === undefined ? {} : { total }) };
      if (loaded === total) writer.done(state);
      else writer.update(state);
    },
    stop: writer.stop,
  };
}

function folderAddress(baseUrl: string): string {
  const relativeTo = typeof location === "undefined" ? undefined : location.href;
  const address = new URL(baseUrl, relativeTo).href;
  return address.endsWith("/") ? address : `${address}/`;
}
