import { FileError } from "../base/errors.js";

/**
 * The file modules of Node, loaded when first needed so that a browser can load this module too.
 *
 * @throws {FileError} in a browser
 */
export async function nodeFiles(who: string) {
  try {
    const [fs, path] = await Promise.all([import("node:fs/promises"), import("node:path")]);
    return { fs, path };
  } catch (error) {
    throw new FileError(
      {
        who,
        expected: "Node's file system",
        received: "a runtime without it",
        fix: "In a browser, fetch the bytes and give them to the reader.",
      },
      { cause: error },
    );
  }
}
