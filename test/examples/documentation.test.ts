import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = [
  "README.md",
  "docs/guides/tensors.md",
  "docs/guides/getting-started.md",
  "docs/guides/custom-training.md",
  "docs/guides/seeing-computations.md",
];

/** Pages whose programs print the same wherever they run. */
const exact: readonly string[] = ["docs/guides/tensors.md", "docs/guides/seeing-computations.md"];

/** Stands between the output of one program and the next. */
const END = "\u0000";

/** Less data, fewer epochs, files in a folder of the test: the rest is as printed. */
function shrink(code: string, folder: string): string {
  return code
    .replaceAll("await datasets.fashionMnist()", "datasets.digits({ train: 200, test: 100 })")
    .replace(/train: 4000, test: 1000/, "train: 200, test: 100")
    .replace(/epochs: \d+/g, "epochs: 1, verbose: 0")
    .replace(/3000|500(?=,|;|\))/g, (steps) => (steps === "3000" ? "20" : "10"))
    .replaceAll('"fashion.keras"', JSON.stringify(join(folder, "fashion.keras")));
}

let folder: string;
const printed: string[] = [];
beforeAll(() => {
  mkdirSync(join(root, "build"), { recursive: true });
  folder = mkdtempSync(join(root, "build", "documentation-"));
  vi.spyOn(console, "log").mockImplementation((...parts) => void printed.push(format(...parts)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the code in", () => {
  for (const page of pages) {
    it(`${page} runs as one program`, async () => {
      const text = readFileSync(join(root, page), "utf8");
      // A block without a language right behind a program is what it prints.
      const found = [...text.matchAll(/^```ts\n([\s\S]*?)^```$(?:\n\n```\n([\s\S]*?)\n```$)?/gm)];
      const blocks = found.map(([, code]) => `${code}\nconsole.log(${JSON.stringify(END)});\n`);
      expect(blocks.length).toBeGreaterThan(0);
      const file = join(folder, `${page.replaceAll(/\W/g, "-")}.ts`);
      writeFileSync(file, shrink(blocks.join("\n"), folder));
      printed.length = 0;
      await import(file);
      expect(printed.filter((line) => line !== END).length).toBeGreaterThan(0);
      if (!exact.includes(page)) return;
      const outputs = printed.join("\n").split(END);
      for (const [i, [, code, shown]] of found.entries())
        if (shown !== undefined) expect(outputs[i]!.trim(), code).toBe(shown.trim());
    });
  }
});
