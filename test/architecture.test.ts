import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The line of docs/architecture.md that states the order of the folders; those in braces stand side by side. */
const order = /^`(base → .*)`$/m.exec(readFileSync(join(root, "docs", "architecture.md"), "utf8"))![1]!;
const ranks = new Map<string, number>();
order.split(" → ").forEach((entry, rank) => {
  for (const folder of entry.replace(/[{}]/g, "").split(", ")) ranks.set(folder, rank);
});

const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => path.split("\\").join("/"));

/** Files of src/ that a file imports, with or without those it takes only types from. */
function importsOf(file: string, types = true): string[] {
  const source = readFileSync(join(root, "src", file), "utf8");
  const text = types ? source : source.replace(/(?:im|ex)port type [^;]*;/g, "");
  return [...text.matchAll(/(?:from|import|declare module) ?\(?"(\.[^"]+)"/g)].map(([, path]) =>
    posix.join(dirname(file), path!).replace(/\.js$/, ".ts"),
  );
}

const folderOf = (file: string) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "");

describe("the folders of src/", () => {
  it("all have their place in docs/architecture.md", () => {
    const folders = [...new Set(files.map(folderOf))].filter((folder) => folder !== "");
    expect(folders.filter((folder) => !ranks.has(folder))).toEqual([]);
    expect([...ranks.keys()].filter((folder) => !folders.includes(folder))).toEqual([]);
  });

  it("import only from folders to their left", () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((imported) => {
          const [from, to] = [folderOf(file), folderOf(imported)];
          return from !== "" && from !== to && !(ranks.get(to)! < ranks.get(from)!);
        })
        .map((imported) => `${file} imports ${relative(".", imported)}`),
    );
    expect(wrong).toEqual([]);
  });

  it("hold no cycles of files that run", () => {
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]) => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
        return;
      }
      state.set(file, "open");
      for (const imported of importsOf(file, false)) visit(imported, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
