import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

/** Settings that keep each example under a second or two, and what it must have printed and written. */
const examples: Readonly<Record<string, { options: string[]; prints: RegExp[]; writes?: string[] }>> = {
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
  parabola: {
    options: ["FOLDER", "--steps", "20"],
    // the loss at (−1, 2, −1/2) has the slope of its formula; the step is rate · slope: −1 + 0.1 · 6.8671
    prints: [/∂\/∂a +2\*x\^2\*\(a\*x\^2 \+ b\*x \+ c - y\)/, /5 update .*-0\.3133/, /adam/],
    writes: ["parabola-loss.svg", "parabola-fit.svg", "parabola-losses.svg"],
  },
  featureEngineering: {
    options: ["FOLDER", "--steps", "300"],
    prints: [/line \+ season: level \+ slope\*t/, /error, last 2 years/],
    writes: ["feature-engineering.svg"],
  },
  confidentlyWrong: {
    options: ["FOLDER"],
    // log(1 + 2 e^−3) + 0.3 = 0.395; log(1 + 2 e^−40) + 4
    prints: [
      / 3 │ +0\.9094 │ +3\.095 │ +0\.395 │ +0\.9/,
      /40 │ .* 4\.000 │ +0\.9/,
      /grad\(accuracy\): .*argMax/,
    ],
    writes: ["confidently-wrong.svg"],
  },
  expressionTrees: {
    options: ["FOLDER"],
    prints: [/∂f\/∂x = 4\*a\*x \+ 2\*b/, /└─ \+ ↑1/, /Did you mean "sin"/, /matmul\(x, w\)/],
    writes: ["neuron.svg", "neuron.html", "neuron.mmd", "neuron.dot"],
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
  for (const [name, { options, prints, writes = [] }] of Object.entries(examples)) {
    it(`${name} runs from top to bottom`, async () => {
      printed = "";
      const output = name === "quickstart" ? ["--output", join(folder, "model.keras")] : [];
      const given = options.map((option) => (option === "FOLDER" ? folder : option));
      process.argv = [process.execPath, name, ...given, ...output];
      await import(`../../examples/${name}.ts`);
      for (const text of prints) expect(printed).toMatch(text);
      for (const file of writes)
        expect((await readFile(join(folder, file), "utf8")).length).toBeGreaterThan(100);
    });
  }

  it("each is tested", async () => {
    const files = await readdir(fileURLToPath(new URL("../../examples", import.meta.url)));
    const names = files.filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3));
    expect(Object.keys(examples).sort()).toEqual(names.sort());
  });
});
