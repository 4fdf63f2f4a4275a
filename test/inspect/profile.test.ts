import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  ConfigError,
  FileError,
  jit,
  layers,
  matmul,
  profile,
  relu,
  sequential,
  sum,
  type Tensor,
  tanh,
  tensor,
} from "../../src/index.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

const data = (...shape: number[]) =>
  tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5), { shape });

interface TraceEvent {
  readonly ph: string;
  readonly tid: number;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, unknown>>;
}

const spansOf = (trace: string) =>
  (JSON.parse(trace) as { traceEvents: TraceEvent[] }).traceEvents.filter(({ ph }) => ph === "X");

describeOnEachBackend("a profile", (name) => {
  it("has the steps of a compiled function with calls and shares, the longest first", async () => {
    const layer = jit((x: Tensor, w: Tensor) => sum(relu(matmul(x, w))));
    const [x, w] = [data(64, 48), data(48, 32)];
    const { steps, value } = await profile(() => {
      let last = layer(x, w);
      for (let i = 0; i < 4; i++) last = layer(x, w);
      return last;
    });
    expect(await value.item()).toBe(64 * 32 * 48 * 0.25);
    expect(steps.map(({ calls }) => calls)).toEqual(steps.map(() => 5));
    expect(steps.map(({ computes }) => computes).join()).toContain("matmul");
    expect(steps.reduce((total, { share }) => total + share, 0)).toBeCloseTo(1, 9);
    const times = steps.map(({ milliseconds }) => milliseconds);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    const product = steps.find(({ computes }) => computes.startsWith("matmul"))!;
    expect(product.flops * product.milliseconds * 1e-3).toBeCloseTo(5 * (2 * 64 * 48 * 32 + 64 * 32), 3);
    if (name !== "reference") expect(product.ofBound).toBeGreaterThan(0);
  });

  it("computes the tensors that a function returns, and passes its arguments", async () => {
    const { value, steps } = await profile(
      (x, y) => ({ total: sum(tanh(x)), other: [matmul(x, y)] }),
      data(2, 3),
      data(3, 2),
    );
    expect(steps.map(({ computes }) => computes).sort()).toEqual(["matmul", "tanh → sum"]);
    expect(value.other[0]!.dataSync()).toEqual(new Float32Array(4).fill(0.75));
  });

  it("sees the steps of fit", async () => {
    const model = sequential([layers.dense(3, { inputShape: [4] })]);
    model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
    const { steps, milliseconds, programMilliseconds } = await profile(() =>
      model.fit(data(20, 4), data(20, 3), { batchSize: 5, epochs: 2, verbose: 0 }),
    );
    expect(steps.some(({ computes, calls }) => computes.startsWith("matmul") && calls === 8)).toBe(true);
    expect(programMilliseconds).toBeGreaterThan(0);
    expect(programMilliseconds).toBeLessThan(milliseconds);
  });

  it("makes a trace with a row for the programs and one for each thread", async () => {
    const profiled = await profile(() => sum(tanh(data(300, 300))));
    const trace = JSON.parse(profiled.toChromeTrace()) as { traceEvents: TraceEvent[] };
    const rows = trace.traceEvents.filter((event) => event.name === "thread_name");
    expect(rows[0]!.args.name).toBe("programs");
    const spans = spansOf(profiled.toChromeTrace());
    const [program] = spans.filter(({ tid }) => tid === 0);
    const steps = spans.filter(({ tid }) => tid > 0);
    expect(program!.args.iterations).toBe(1);
    expect(new Set(steps.map((span) => span.name))).toEqual(new Set(["tanh → sum"]));
    for (const { tid, ts, dur, args } of steps) {
      expect(rows.some((row) => row.tid === tid)).toBe(true);
      expect(ts).toBeGreaterThanOrEqual(program!.ts - 1);
      expect(ts + dur).toBeLessThanOrEqual(program!.ts + program!.dur + 1);
      expect(args.flop).toBe(2 * 90_000);
    }
  });

  it("writes the trace to a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "myelin-"));
    try {
      const profiled = await profile(() => tanh(data(5)));
      await profiled.saveChromeTrace(join(folder, "trace.json"));
      expect(spansOf(await readFile(join(folder, "trace.json"), "utf8"))).toHaveLength(2);
      await expect(profiled.saveChromeTrace(join(folder, "none", "trace.json"))).rejects.toThrow(FileError);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("prints a table", async () => {
    const text = String(await profile(() => sum(tanh(data(50, 20)))));
    expect(text).toMatch(/in 1 run of 1 program/);
    expect(text).toMatch(/tanh → sum +│ +1 │/);
  });

  it("is one at a time, and ends where the function fails", async () => {
    await expect(profile(() => profile(() => tanh(data(5))))).rejects.toThrow(ConfigError);
    await expect(
      profile(() => {
        throw new RangeError("mine");
      }),
    ).rejects.toThrow(RangeError);
    expect((await profile(() => undefined)).steps).toEqual([]);
  });
});
