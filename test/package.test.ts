import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
};

/** Folders of src/ with an index.ts that is not for users. */
const internalFolders: readonly string[] = [];

const folders = readdirSync(join(root, "src"))
  .filter((name) => existsSync(join(root, "src", name, "index.ts")))
  .filter((name) => !internalFolders.includes(name));

describe("the exports of package.json", () => {
  it("name each folder of src/ that users import", () => {
    const paths = Object.keys(manifest.exports).filter((path) => path !== "." && path !== "./package.json");
    expect(paths.sort()).toEqual(folders.map((name) => `./${name}`).sort());
  });

  it.each(folders)("give types and code of %s", (name) => {
    expect(manifest.exports[`./${name}`]).toEqual({
      types: `./dist/${name}/index.d.ts`,
      default: `./dist/${name}/index.js`,
    });
  });
});
