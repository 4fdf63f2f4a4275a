import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

/** Settings that keep each example under a second or two, and what it must have printed. */
const examples: Readonly<Record<string, { options: string[]; prints: RegExp[] }>> = {
  quickstart: {
    options: ["--digits", "300", "--epochs", "2"],
    prints: [/Total parameters: 101,770/, /test set: loss [\d.]+, accuracy 0\.\d+/, /◀/, /differ by 0\n/],
  },
  customTraining: {
    options: ["--steps", "600"],
    prints: [/bells \(Bells\)/, /step +600 +loss 0\.0\d+/, /largest distance/, /sin 2x²/],
  },
  twoOutputs: {
    options: ["--samples", "200", "--epochs", "2"],
    prints: [/digit \(Dense\)/, /digit_loss/, /ink_meanAbsoluteError/, /First test images/],
  },
  gradient: {
    options: ["--steps", "400"],
    // tanh 1 = 0.7616, 1 − tanh² 1 = 0.4200, −2 tanh 1 (1 − tanh² 1) = −0.6397
    prints: [/1\.0000 +│ 0\.7616 +│ 0\.4200 +│ -0\.6397/, /step +400: \(/],
  },
};

let folder: string;
let printed: string;
const argv = process.argv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "myelin-examples-"));
  vi.spyOn(console, "log").mockImplementation((...parts) => {
    printed += `${parts.join(" ")}\n`;
  });
  vi.spyOn(process.stderr, "write").mockReturnValue(true); // progress bars
});
afterEach(() => {
  process.argv = argv;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the example", () => {
  for (const [name, { options, prints }] of Object.entries(examples)) {
    it(`${name} runs from top to bottom`, async () => {
      printed = "";
      const output = name === "quickstart" ? ["--output", join(folder, "model.keras")] : [];
      process.argv = [process.execPath, name, ...options, ...output];
      await import(`../../examples/${name}.ts`);
      for (const text of prints) expect(printed).toMatch(text);
    });
  }

  it("each is tested", async () => {
    const files = await readdir(fileURLToPath(new URL("../../examples", import.meta.url)));
    const names = files.filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3));
    expect(Object.keys(examples).sort()).toEqual(names.sort());
  });
});
