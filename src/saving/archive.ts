/** The file of a model: a ZIP archive of its configuration, a note of what wrote it, and its weights. */
import type { NDArray } from "../base/array.js";
import type { DType } from "../base/dtype.js";
import { ConfigError, FormatError } from "../base/errors.js";
import { isSerialized, type Serialized } from "../base/lookup.js";
import { readSafetensors, unzip, writeSafetensors, zip } from "../formats/index.js";
import type { SymbolicShape } from "../layers/index.js";

/** What config.json holds. */
export interface ModelConfig extends Serialized {
  readonly build: {
    readonly inputShapes: readonly SymbolicShape[];
    readonly dtypes: readonly DType[] | null;
  };
  readonly compile: Readonly<Record<string, unknown>> | null;
}

/** A model's file, unpacked. */
export interface ModelArchive {
  readonly config: ModelConfig;
  readonly arrays: ReadonlyMap<string, NDArray>;
}

const names = {
  config: "config.json",
  metadata: "metadata.json",
  weights: "model.weights.safetensors",
} as const;

/** The bytes of a model's file. */
export function writeArchive({ config, arrays }: ModelArchive): Uint8Array {
  const json = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  return zip({
    [names.metadata]: json({ format: "myelin", version: 1 }),
    [names.config]: json(config),
    [names.weights]: writeSafetensors(new Map(arrays)),
  });
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
      fix: "Give the path of a file that model.save wrote.",
    });
  };
  const metadata = parseJson(entry(names.metadata), names.metadata, file) as {
    format?: unknown;
    version?: unknown;
  };
  if (metadata?.format !== "myelin" || metadata.version !== 1) {
    throw new FormatError({
      who: "loadModel",
      expected: `a model file of version 1 in ${file}`,
      received: JSON.stringify(metadata),
    });
  }
  const config = parseJson(entry(names.config), names.config, file);
  if (!isSerialized(config) || !("build" in config)) {
    throw new FormatError({
      who: "loadModel",
      expected: `{ className, config, build } in ${names.config} of ${file}`,
      received: JSON.stringify(config).slice(0, 80),
    });
  }
  return {
    config: config as ModelConfig,
    arrays: readSafetensors(entry(names.weights), { file: `${file}/${names.weights}` }).tensors,
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
  if (extensions.some((extension) => path.endsWith(extension))) return;
  throw new ConfigError({
    who,
    expected: `a path that ends in ${extensions.join(" or ")}`,
    received: JSON.stringify(path),
  });
}
