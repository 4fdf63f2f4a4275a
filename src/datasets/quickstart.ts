import { DataError, FileError, FormatError } from "../base/errors.js";
import { fashionMnistEntry } from "./catalogue.js";
import { digits } from "./digits.js";
import type { ImageDataset } from "./imageDataset.js";
import { type DatasetOptions, loadImages } from "./mnist.js";

/** A data set for a first program, with its name and why it is this one. */
export interface QuickstartData extends ImageDataset {
  readonly name: "Fashion-MNIST" | "generated digits";
  readonly reason: string;
}

/** Longest wait for the public home: who has no network should not wait. */
const connectSeconds = 3;

/**
 * Fashion-MNIST where it can be had without asking (`MYELIN_DATA`, the cache folder, or its public home if that
 * answers within a few seconds), else generated digits; `name` and `reason` say which and why.
 *
 * Shapes as of `fashionMnist`; the digits are 6,000 and 1,000 images.
 *
 * @throws {AbortedError} where `signal` ended it
 * @example
 * const { name, reason, train } = await datasets.quickstartData();
 * console.log(`Data: ${name} (${reason})`);
 */
export async function quickstartData(
  options: DatasetOptions & { seed?: number } = {},
): Promise<QuickstartData> {
  const { seed = 0, ...rest } = options;
  try {
    const data = await loadImages(fashionMnistEntry, { ...rest, connectSeconds, rounds: 1 });
    const { kind, location } = data.source;
    const reason =
      kind === "download" ? `downloaded from ${new URL(location).host}` : `found in ${kind}, ${location}`;
    return { ...data, name: "Fashion-MNIST", reason };
  } catch (error) {
    // Nothing there, not reachable, damaged or unreadable: the reason is told, the first program still runs.
    if (!(error instanceof DataError || error instanceof FileError || error instanceof FormatError))
      throw error;
    const reason = `Fashion-MNIST can't be had: ${error.received}`;
    return { ...digits({ seed }), name: "generated digits", reason };
  }
}
