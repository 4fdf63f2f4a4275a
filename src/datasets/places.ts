import { codeOf, fileSystemError } from "../formats/files.js";
import { nodeFiles, runsOnNode } from "../formats/nodeFiles.js";
import { type CatalogueEntry, fashionMnistEntry, mnistEntry } from "./catalogue.js";

/** A place where a data set is looked for, in the order of the list. */
export interface DatasetPlace {
  readonly kind: "MYELIN_DATA" | "cache" | "download";
  /** A folder, or an address that ends in a slash. */
  readonly location: string;
  /** All files are there; false for a download, which is not tried. */
  readonly isComplete: boolean;
}

/** Data sets that are looked for in folders. */
export type DatasetName = "fashion-mnist" | "mnist";

/**
 * Where a data set is looked for, in order: `MYELIN_DATA` (`images/<name>`, then `<name>`), the cache folder, the
 * public homes. For `myelin doctor`; nothing is downloaded.
 *
 * @throws {FileError} where a folder can't be looked into
 * @example for (const { kind, location } of await datasetPlaces("fashion-mnist")) console.log(kind, location);
 */
export async function datasetPlaces(name: DatasetName): Promise<DatasetPlace[]> {
  const entry = name === "mnist" ? mnistEntry : fashionMnistEntry;
  const folders = runsOnNode() ? await folderPlaces(entry) : [];
  return [
    ...folders,
    ...entry.homes.map((location) => ({ kind: "download" as const, location, isComplete: false })),
  ];
}

/** The folders among the places. */
export async function folderPlaces(entry: CatalogueEntry): Promise<DatasetPlace[]> {
  const { path } = await nodeFiles(entry.who);
  const given = process.env.MYELIN_DATA;
  const folders: { kind: "MYELIN_DATA" | "cache"; location: string }[] = given
    ? [
        { kind: "MYELIN_DATA", location: path.resolve(given, "images", entry.name) },
        { kind: "MYELIN_DATA", location: path.resolve(given, entry.name) },
      ]
    : [];
  folders.push({ kind: "cache", location: path.join(await cacheFolder(entry.who), "datasets", entry.name) });
  return Promise.all(
    folders.map(async (place) => {
      const names = Object.values(entry.files).map((file) => path.join(place.location, file.name));
      const found = await Promise.all(names.map((file) => fileExists(entry.who, file)));
      return { ...place, isComplete: found.every(Boolean) };
    }),
  );
}

/** True where there is a file; a folder that may not be looked into is an error, not a missing file. */
export async function fileExists(who: string, file: string): Promise<boolean> {
  const { fs } = await nodeFiles(who);
  try {
    return (await fs.stat(file)).isFile();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return false;
    throw fileSystemError(who, "to look for", file, error);
  }
}

/** `XDG_CACHE_HOME` where set, else the platform's folder for caches; `myelin` inside. */
async function cacheFolder(who: string): Promise<string> {
  const { path } = await nodeFiles(who);
  const { homedir } = process.getBuiltinModule("node:os");
  const { XDG_CACHE_HOME: given, LOCALAPPDATA: local } = process.env;
  if (given && path.isAbsolute(given)) return path.join(given, "myelin");
  if (process.platform === "darwin") return path.join(homedir(), "Library", "Caches", "myelin");
  if (process.platform === "win32")
    return path.join(local ?? path.join(homedir(), "AppData", "Local"), "myelin");
  return path.join(homedir(), ".cache", "myelin");
}
