import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = [
  "README.md",
  "docs/guides/getting-started.md",
  "docs/guides/custom-training.md",
  "docs/guides/seeing-computations.md",
];

/** Pages whose programs print the same wherever they run. */
const exact: readonly string[] = ["docs/guides/seeing-computations.md"];

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
  vi.spyOn(console, "log").mockImplementation((...parts) => void printed.push(parts.join(" ")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the code in", () => {
  for (const page of pages) {
    it(`${page} runs as one program`, async () => {
      const text = readFileSync(join(root, page), "utf8");
      const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);
      expect(blocks.length).toBeGreaterThan(0);
      const file = join(folder, `${page.replaceAll(/\W/g, "-")}.ts`);
      writeFileSync(file, shrink(blocks.join("\n"), folder));
      printed.length = 0;
      await import(file);
      expect(printed.length).toBeGreaterThan(0);
      if (!exact.includes(page)) return;
      // A block without a language right behind a program is what it prints.
      const shown = [...text.matchAll(/^```ts\n[\s\S]*?^```\n\n```\n([\s\S]*?)\n```$/gm)].map(
        ([, output]) => output!,
      );
      expect(shown.length).toBeGreaterThan(0);
      for (const output of shown) expect(printed.join("\n")).toContain(output);
    });
  }
});
