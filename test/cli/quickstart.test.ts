import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "./run.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "myelin-quickstart-"));
  vi.spyOn(process.stderr, "write").mockReturnValue(true); // the progress bar
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = ["quickstart", "--data", "digits", "--samples", "300", "--epochs", "2"];

describe("myelin quickstart", () => {
  it("trains, evaluates, predicts, saves, reloads, and shows all of it", async () => {
    const output = join(folder, "shown.keras");
    const { status, stdout } = await run([...small, "--output", output]);
    expect(status).toBe(0);
    expect(stdout).toContain("Data: generated digits (as asked), 300 training and 300 test images");
    expect(stdout).toContain("Total parameters: 101,770");
    expect(stdout).toMatch(/2 epochs in [\d.]+ s, [\d,]+ images\/s/);
    expect(stdout).toMatch(/Test set: loss [\d.]+, accuracy [\d.]+%/);
    for (const part of ["true: ", "predicted: ", "Confusion matrix", "Worst mistakes"]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).toContain("loaded again: its predictions are equal.");
    expect((await stat(output)).size).toBeGreaterThan(4 * 101_770);
  });

  it("prints the same as JSON; the same seed gives the same figures", async () => {
    const words = [...small, "--json", "--seed", "5", "--batch-size", "64"];
    const [first, second] = [
      await run([...words, "--output", join(folder, "a.keras")]),
      await run([...words, "--output", join(folder, "b.keras")]),
    ];
    const [a, b] = [JSON.parse(first.stdout), JSON.parse(second.stdout)];
    expect(a.settings).toEqual({ epochs: 2, batchSize: 64, seed: 5 });
    expect(a.data).toMatchObject({ name: "generated digits", train: 300, test: 300 });
    expect(a.history.loss).toHaveLength(2);
    expect(a.history.loss[1]).toBeLessThan(a.history.loss[0]);
    expect(a.evaluation.accuracy).toBeGreaterThan(0.2);
    const counts: number[] = a.confusion.flat();
    expect(counts.reduce((sum, n) => sum + n)).toBe(300);
    const right: number = a.confusion.reduce((sum: number, row: number[], i: number) => sum + row[i]!, 0);
    expect(right / 300).toBeCloseTo(a.evaluation.accuracy, 6);
    expect(a.saved.isEqual).toBe(true);
    expect(b.history).toEqual(a.history);
    expect(b.evaluation).toEqual(a.evaluation);
  });

  it("ends with status 130 where it is interrupted", async () => {
    const controller = new AbortController();
    const running = run(
      [...small, "--epochs", "100000", "--output", join(folder, "c.keras")],
      controller.signal,
    );
    setImmediate(() => controller.abort());
    const { status, stderr } = await running;
    expect(status).toBe(130);
    expect(stderr).toBe("interrupted\n");
  });

  it("says before the training that the model can't be saved", async () => {
    const missing = join(folder, "no", "such", "folder");
    for (const [output, reason] of [
      [join(missing, "x.keras"), missing],
      [join(folder, "x.txt"), ".keras"],
    ] as const) {
      const { status, stdout, stderr } = await run([...small, "--output", output]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toContain(reason);
    }
  });
});
