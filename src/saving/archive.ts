/**
 * The file of a model, in the format of Keras 3: a ZIP archive of its configuration (config.json), a note of what
 * wrote it (metadata.json) and its weights (model.weights.h5).
 */
import type { NDArray } from "../base/array.js";
import { ConfigError, FormatError } from "../base/errors.js";
import { readHdf5, unzip, writeHdf5, zip } from "../formats/index.js";
import type { KerasObject } from "./toKeras.js";

/** A model's file, unpacked. */
export interface ModelArchive {
  /** The content of config.json. */
  readonly config: KerasObject;
  /** Weights and the optimizer's state by place: `layers/dense/vars/0`, `optimizer/vars/0`. */
  readonly arrays: ReadonlyMap<string, NDArray>;
}

const names = { config: "config.json", metadata: "metadata.json", weights: "model.weights.h5" } as const;

/** The version of Keras whose format this is. */
const kerasVersion = "3.15.1";

/** The bytes of a model's file. */
export function writeArchive({ config, arrays }: ModelArchive): Uint8Array {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  return zip({
    [names.metadata]: json({ keras_version: kerasVersion, written_by: "myelin" }),
    [names.config]: json(config),
    [names.weights]: writeWeights(arrays),
  });
}

/** Weights as HDF5. */
export function writeWeights(arrays: ReadonlyMap<string, NDArray>): Uint8Array {
  return writeHdf5(new Map(arrays), ["vars"]);
}

/**
 * Reads a model's file.
 *
 * @throws {FormatError} where the bytes are no such archive, truncated or corrupt
 */
export function readArchive(bytes: Uint8Array, file: string): ModelArchive {
  const entries = unzip(bytes, { file });
  const entry = (name: string) => {
    const found = entries.get(name);
    if (found) return found;
    throw new FormatError({
      who: "loadModel",
      expected: `an entry ${name} in ${file}`,
      received: entries.size === 0 ? "an empty archive" : `entries ${[...entries.keys()].join(", ")}`,
      fix: "Give the path of a file that model.save or Keras 3 wrote.",
    });
  };
  const config = parseJson(entry(names.config), names.config, file);
  if (typeof config !== "object" || config === null || !("class_name" in config)) {
    throw new FormatError({
      who: "loadModel",
      expected: `{ class_name, config } in ${names.config} of ${file}`,
      received: JSON.stringify(config).slice(0, 80),
    });
  }
  return {
    config: config as KerasObject,
    arrays: readHdf5(entry(names.weights), { file: `${file}/${names.weights}` }).arrays,
  };
}

function parseJson(bytes: Uint8Array, name: string, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FormatError(
      {
        who: "loadModel",
        expected: `JSON in ${name} of ${file}`,
        received: error instanceof Error ? error.message : String(error),
        fix: "The file is damaged.",
      },
      { cause: error },
    );
  }
}

/** Throws where a path does not end as files of this kind do. */
export function checkExtension(who: string, path: string, extensions: readonly string[]): void {
  if (typeof path === "string" && extensions.some((extension) => path.endsWith(extension))) return;
  throw new ConfigError({
    who,
    expected: `a path that ends in ${extensions.join(" or ")}`,
    received: typeof path === "string" ? JSON.stringify(path) : path === undefined ? "none" : typeof path,
  });
}
