import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { progressBar, progressWriter } from "../../src/charts/index.js";
import { textWidth } from "../../src/charts/text.js";

const epoch = {
  label: "Epoch 1/5",
  done: 50,
  total: 100,
  seconds: 2,
  unit: "images",
  unitsPerStep: 32,
  values: { loss: 0.43123, accuracy: 0.5 },
};

function streamOf(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  return { written, isTTY, ...(columns ? { columns } : {}), write: (text: string) => written.push(text) };
}

describe("progressBar", () => {
  it("shows count, bar, share, rate, time left and values", () => {
    // 50 of 100 steps of 32 images in 2 s: 800 images/s, 2 s left; the bar has 30 columns, 15 of them full
    const bar = `${"━".repeat(15)}╺${"─".repeat(14)}`;
    expect(progressBar(epoch, { width: 120 })).toBe(
      `Epoch 1/5  50/100 ${bar}   50%  800 images/s  2s left  loss 0.4312  accuracy 0.5000`,
    );
  });

  it("is full, with the time taken, at the end", () => {
    expect(progressBar({ done: 3, total: 3, seconds: 65 }, { width: 60, unicode: false })).toBe(
      `3/3 ${"=".repeat(30)}  100%  1m05s`,
    );
    expect(progressBar({ done: 5, total: 3 }, { width: 24 })).toContain("3/3");
  });

  it("drops time, per cent, rate and bar where they do not fit, values last", () => {
    const plain = { unicode: false };
    expect(progressBar(epoch, { ...plain, width: 77 })).toBe(
      "Epoch 1/5  50/100 ====>....   50%  800 images/s  loss 0.4312  accuracy 0.5000",
    );
    expect(progressBar(epoch, { ...plain, width: 69 })).toBe(
      "Epoch 1/5  50/100 ===>...  800 images/s  loss 0.4312  accuracy 0.5000",
    );
    expect(progressBar(epoch, { ...plain, width: 63 })).toBe(
      "Epoch 1/5  50/100 ====>....   50%  loss 0.4312  accuracy 0.5000",
    );
    expect(progressBar(epoch, { width: 54 })).toBe("Epoch 1/5  50/100   50%  loss 0.4312  accuracy 0.5000");
    expect(progressBar(epoch, { width: 50 })).toBe("Epoch 1/5  50/100  loss 0.4312  accuracy 0.5000");
  });

  it("counts bytes, with and without a total", () => {
    const bytes = { label: "a.gz", done: 12_000_000, seconds: 2, unit: "bytes" };
    expect(progressBar(bytes)).toBe("a.gz  12.0 MB  6.0 MB/s  2s");
    expect(progressBar({ ...bytes, total: 24_000_000 })).toContain("12.0 MB/24.0 MB ━");
  });

  it("never exceeds the width", () => {
    const states = fc.record({
      label: fc.string({ maxLength: 30 }),
      done: fc.nat(),
      total: fc.option(fc.nat(), { nil: undefined }),
      seconds: fc.option(fc.double({ min: 0, noNaN: true }), { nil: undefined }),
      unit: fc.constantFrom("images", "bytes", ""),
      values: fc.dictionary(fc.string({ maxLength: 9 }), fc.double()),
    });
    fc.assert(
      fc.property(states, fc.integer({ min: 1, max: 140 }), (state, width) => {
        const { total, seconds, ...rest } = state;
        const given = {
          ...rest,
          ...(total === undefined ? {} : { total }),
          ...(seconds === undefined ? {} : { seconds }),
        };
        expect(textWidth(progressBar(given, { width }))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("progressWriter", () => {
  it("redraws one line on a terminal, not more often than every 50 ms", () => {
    let time = 0;
    const stream = streamOf(true, 60);
    const writer = progressWriter(stream, () => time);
    writer.update({ done: 1, total: 4 });
    time = 49;
    writer.update({ done: 2, total: 4 });
    time = 50;
    writer.update({ done: 3, total: 4 });
    writer.done({ done: 4, total: 4 });
    expect(stream.written.map((text) => /\d\/4/.exec(text)?.[0] ?? text)).toEqual([
      "1/4",
      "3/4",
      "4/4",
      "\n",
    ]);
    for (const text of stream.written.slice(0, 3)) expect(text.startsWith("\r\x1b[2K")).toBe(true);
  });

  it("ends an open line where work stops, once", () => {
    const stream = streamOf(true, 60);
    const writer = progressWriter(stream, () => 0);
    writer.stop();
    writer.update({ done: 1, total: 4 });
    writer.stop();
    writer.stop();
    expect(stream.written.filter((text) => text === "\n")).toHaveLength(1);
    expect(stream.written.at(-1)).toBe("\n");
  });

  it("prints plain lines elsewhere: every ten seconds and the last", () => {
    let time = 0;
    const stream = streamOf(false);
    const writer = progressWriter(stream, () => time);
    for (time = 0; time < 25_000; time += 1000) writer.update({ done: time / 1000, total: 25 });
    writer.done({ done: 25, total: 25 });
    expect(stream.written.map((text) => /\d+\/25/.exec(text)?.[0])).toEqual(["10/25", "20/25", "25/25"]);
    for (const text of stream.written) expect(text).toMatch(/^\d+\/25 [━╺─ ]+\d+%\n$/);
  });

  it("cuts nothing where the line is not drawn again", () => {
    const values = { loss: 0.4312, accuracy: 0.8451, val_loss: 0.4033, val_accuracy: 0.8565 };
    const state = { label: "Epoch 1/5", done: 4, total: 4, seconds: 1, unit: "samples", values };
    const whole =
      "Epoch 1/5  4/4  4 samples/s  loss 0.4312  accuracy 0.8451  val_loss 0.4033  val_accuracy 0.8565";
    for (const isTerminal of [true, false]) {
      const stream = streamOf(isTerminal, 60);
      progressWriter(stream, () => 0).done(state);
      expect(stream.written[0]).toContain(whole);
    }
  });
});
