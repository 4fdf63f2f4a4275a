import type { MachineLimits, MeasuredRun } from "../backends/backend.js";
import { ConfigError } from "../base/errors.js";
import { inspect } from "../base/inspect.js";
import { flatten, type Tree } from "../base/tree.js";
import { type Cell, table } from "../charts/table.js";
import type { Program } from "../compile/program.js";
import { backend } from "../engine/device.js";
import { realize } from "../engine/realize.js";
import { writeFileAtomic } from "../formats/files.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { formatDuration, formatShare } from "./amounts.js";
import { chromeTrace } from "./chromeTrace.js";
import { stepsOf } from "./programSteps.js";
import { addUp, keepTimes } from "./stepTimes.js";

/** A step of a program and what it took in all measured runs. */
export interface ProfiledStep {
  /** The number of its program, from 1, in the order in which they first ran. */
  readonly program: number;
  /** Its place in the program, as `explainProgram` numbers steps. */
  readonly step: number;
  /** The operations that became this step. */
  readonly computes: string;
  readonly calls: number;
  /** All calls together. */
  readonly milliseconds: number;
  /** Its part of the time of all steps, from 0 to 1. */
  readonly share: number;
  /** Floating-point operations and bytes per second. */
  readonly flops: number;
  readonly bandwidth: number;
  /** The least time the machine needs over the time taken; absent where it is not known. */
  readonly ofBound?: number;
}

/** Where the time of a computation went; see {@link profile}. */
export class Profile<R = unknown> {
  /** Steps of all programs, the one that took longest first. */
  readonly steps: readonly ProfiledStep[];
  /** Milliseconds that passed, … */
  readonly milliseconds: number;
  /** … and those of them in which programs ran; the rest is JavaScript: recording, compiling, callbacks, waiting. */
  readonly programMilliseconds: number;

  constructor(
    /** What the function returned. */
    readonly value: R,
    private readonly runs: readonly MeasuredRun[],
    limits: MachineLimits | undefined,
    private readonly began: number,
    ended: number,
  ) {
    this.milliseconds = ended - began;
    this.programMilliseconds = runs.reduce((sum, run) => sum + run.ended - run.began, 0);
    const steps = [...byProgram(runs)].flatMap(([program, ofProgram], i) => {
      const times = addUp(program, ofProgram, limits);
      keepTimes(program, times);
      return stepsOf(program, {}, times).flatMap((step, place): Omit<ProfiledStep, "share">[] => {
        const { calls = 0, milliseconds = 0, bound } = step;
        if (calls === 0 || milliseconds === 0) return [];
        return [
          {
            program: i + 1,
            step: place,
            computes: step.computes,
            calls,
            milliseconds: calls * milliseconds,
            flops: step.flop / (milliseconds / 1e3),
            bandwidth: (step.bytesRead + step.bytesWritten) / (milliseconds / 1e3),
            ...(bound === undefined ? {} : { ofBound: bound / milliseconds }),
          },
        ];
      });
    });
    const total = steps.reduce((sum, step) => sum + step.milliseconds, 0);
    this.steps = steps
      .map((step) => ({ ...step, share: step.milliseconds / total }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** The table that `console.log` prints. */
  toString(): string {
    const programs = byProgram(this.runs).size;
    const rows = this.steps
      .slice(0, MOST_ROWS)
      .map((step): Cell[] => [
        programs > 1 ? `${step.program}.${step.step}` : String(step.step),
        step.computes,
        step.calls,
        formatDuration(step.milliseconds),
        formatShare(step.share),
        formatDuration(step.milliseconds / step.calls),
        step.flops === 0 ? "" : (step.flops / 1e9).toPrecision(3),
        step.bandwidth === 0 ? "" : (step.bandwidth / 1e9).toPrecision(3),
        step.ofBound === undefined ? "" : formatShare(step.ofBound),
      ]);
    const more = this.steps.length - rows.length;
    return table(rows, {
      title: `${formatDuration(this.milliseconds)}, of which ${formatDuration(this.programMilliseconds)} in ${this.runs.length} run${this.runs.length === 1 ? "" : "s"} of ${programs} program${programs === 1 ? "" : "s"}`,
      header: ["Step", "Computes", "Calls", "Time", "Share", "Per call", "GFLOP/s", "GB/s", "Of bound"],
      align: [undefined, undefined, ...Array<"right">(7).fill("right")],
      width: 120,
      ...(more > 0 ? { footer: [`and ${more} more steps`] } : {}),
    });
  }

  /**
   * The runs as a trace file for chrome://tracing or https://ui.perfetto.dev: a row for the programs, one for each
   * thread, time from the beginning of the profile.
   */
  toChromeTrace(): string {
    return chromeTrace(this.runs, this.began);
  }

  /**
   * Writes the trace to a file.
   * @throws {FileError} where it can't be written
   */
  async saveChromeTrace(path: string | URL): Promise<void> {
    await writeFileAtomic(path, new TextEncoder().encode(this.toChromeTrace()));
  }

  [inspect](): string {
    return this.toString();
  }
}

/** Rows of the table; `steps` has them all. */
const MOST_ROWS = 40;

function byProgram(runs: readonly MeasuredRun[]): Map<Program, MeasuredRun[]> {
  const groups = new Map<Program, MeasuredRun[]>();
  for (const run of runs) {
    const group = groups.get(run.program);
    if (group) group.push(run);
    else groups.set(run.program, [run]);
  }
  return groups;
}

/**
 * Runs a function and says where the time went: every program that runs meanwhile is measured step by step, be it of a
 * `jit` function, of `model.fit` or of tensors that are read. Tensors that the function returns are computed.
 *
 * The table has the steps that took longest first: calls, time, share, arithmetic and bytes per second, and the part of
 * what this machine can do at most. Bytes that rest in a cache which the estimate does not know of can bring a step
 * beyond 100 %. A first call includes compiling; call the function once before to leave that out.
 *
 * While a program is measured its threads wait for each other before each step, which takes some tenths of a
 * microsecond; the results have the same bits. Afterwards `explainProgram` shows the times beside the steps.
 * @param fn a function, asynchronous or not
 * @param args its arguments
 * @throws {ConfigError} inside of another profile
 * @throws whatever the function throws
 * @example
 * const { steps } = await profile((x) => sum(tanh(x)), ones([1000, 100]));
 * steps.map(({ computes, calls }) => `${computes}, ${calls} call`) // ["tanh → sum, 1 call"]
 */
export async function profile<A extends readonly unknown[], R>(
  fn: (...args: A) => R | Promise<R>,
  ...args: A
): Promise<Profile<R>> {
  const { meter } = backend();
  if (meter?.recorder) {
    throw new ConfigError({
      who: "profile",
      expected: "one profile at a time",
      received: "a call inside of another profile",
      fix: "Await the outer one first.",
    });
  }
  const runs: MeasuredRun[] = [];
  const began = performance.now();
  if (meter) meter.recorder = (run) => runs.push(run);
  try {
    const value = await fn(...args);
    await realize(flatten<Tensor>(value as Tree<Tensor>, isTensor).leaves);
    const ended = performance.now();
    return new Profile(value, runs, runs.length > 0 ? meter?.limits() : undefined, began, ended);
  } finally {
    if (meter) meter.recorder = undefined;
  }
}
