import { FileError } from "../base/errors.js";

/** What is needed of Node to read and write files. */
export interface NodeFiles {
  readonly fs: typeof import("node:fs/promises");
  readonly path: typeof import("node:path");
}

/**
 * The file modules of Node, taken when first needed so that a browser can load this module too.
 *
 * @throws {FileError} in a browser
 */
export async function nodeFiles(who: string): Promise<NodeFiles> {
  if (!runsOnNode()) {
    throw new FileError({
      who,
      expected: "Node's file system",
      received: "a runtime without it",
      fix: "In a browser, fetch the bytes and give them to the reader.",
    });
  }
  // Not imported: a bundler for browsers would complain of modules it can't find.
  return { fs: process.getBuiltinModule("node:fs/promises"), path: process.getBuiltinModule("node:path") };
}

/** True in Node; false in a browser, where there are no files, also where a bundler put empty modules in their place. */
export function runsOnNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}
