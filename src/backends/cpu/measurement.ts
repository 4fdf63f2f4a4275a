/** Where the time of a run on the addon or on WASM goes: the memory that cpp/runtime/profile.h fills, and its reading. */

import { allSteps, type Program, type Step } from "../../compile/program.js";
import type { MachineLimits, MeasuredRun, Meter, StepEvent } from "../backend.js";

const HEADER = 4;
const WORDS_PER_EVENT = 3;
/** Events kept for each thread and run; more are counted only. */
const MOST_EVENTS = 16384;

/** Doubles that a run of so many iterations needs. */
export function measurementLength(program: Program, iterations: number, threads: number): number {
  const events = Math.max(1, Math.min(MOST_EVENTS, eventsOf(program.steps) * iterations));
  const steps = [...allSteps(program.steps)].length;
  return HEADER + 2 * steps + threads * (1 + WORDS_PER_EVENT * events);
}

/** Room for so many iterations of a loop whose length only the run knows; what does not fit is counted, not kept. */
const WHILE_ITERATIONS = 1000;

/** Events of one thread in one iteration. */
function eventsOf(steps: readonly Step[]): number {
  let count = 0;
  for (const step of steps) {
    if (step.kind === "scan") count += step.length * eventsOf(step.body);
    else if (step.kind === "while")
      count += (step.maxIterations ?? WHILE_ITERATIONS) * eventsOf([...step.condition, ...step.body]);
    else if (step.kind === "cond") count += Math.max(eventsOf(step.whenTrue), eventsOf(step.whenFalse));
    else if (step.kind !== "yield") count++;
  }
  return count;
}

/**
 * What a run has measured.
 * @param words as the engine filled them
 * @param hostTimes milliseconds that host calls took, by place of their step: the engine does not see them
 * @param clock what to add to the engine's milliseconds to have those of `performance.now()`
 */
export function readMeasurement(
  program: Program,
  words: Float64Array,
  iterations: number,
  hostTimes: ReadonlyMap<number, number>,
  clock: number,
): MeasuredRun {
  const steps = [...allSteps(program.steps)].length;
  const threads = words[2]!;
  const capacity = words[3]!;
  const time = (nanoseconds: number) => nanoseconds / 1e6 + clock;
  const events: StepEvent[] = [];
  let droppedEvents = 0;
  for (let thread = 0; thread < threads; thread++) {
    const start = HEADER + 2 * steps + thread * (1 + WORDS_PER_EVENT * capacity);
    const kept = Math.min(words[start]!, capacity);
    droppedEvents += words[start]! - kept;
    for (let i = 0; i < kept; i++) {
      const [step, began, ended] = words.subarray(start + 1 + i * WORDS_PER_EVENT) as unknown as number[];
      events.push({ step: step!, thread, began: time(began!), ended: time(ended!) });
    }
  }
  const milliseconds = Float64Array.from({ length: steps }, (_, i) => words[HEADER + 2 * i + 1]! / 1e6);
  for (const [step, spent] of hostTimes) milliseconds[step]! += spent;
  return {
    program,
    iterations,
    threads,
    began: time(words[0]!),
    ended: time(words[1]!),
    calls: Float64Array.from({ length: steps }, (_, i) => words[HEADER + 2 * i]!),
    milliseconds,
    events,
    droppedEvents,
  };
}

/** Both engines measure in the same words. */
interface MeasuringEngine {
  peak(threads: number, seconds: number): number;
  bandwidth(threads: number, seconds: number): number;
  cacheBandwidth(threads: number, seconds: number): number;
}

/** Seconds given to each of the three measurements. */
const SECONDS = 0.05;

/** No processor of the last ten years has a smaller second-level cache. */
const CACHE_BYTES = 256 * 1024;

/** The meter of an engine: it asks the machine for its limits once. */
export class EngineMeter implements Meter {
  recorder: Meter["recorder"];
  private known: MachineLimits | undefined;

  constructor(
    private readonly engine: MeasuringEngine,
    private readonly threads: () => number,
  ) {}

  limits(): MachineLimits {
    const { engine } = this;
    const threads = this.threads();
    this.known ??= {
      flops: engine.peak(threads, SECONDS),
      memoryBandwidth: engine.bandwidth(threads, SECONDS),
      cacheBandwidth: engine.cacheBandwidth(threads, SECONDS),
      cacheBytes: threads * CACHE_BYTES,
    };
    return this.known;
  }
}
