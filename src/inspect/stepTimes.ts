import type { MachineLimits, MeasuredRun } from "../backends/backend.js";
import type { Cost } from "../compile/cost.js";
import { allSteps, type Program } from "../compile/program.js";

/** What all measured runs of a program took together. */
export interface StepTimes {
  readonly runs: number;
  readonly iterations: number;
  /** By step, in the order of `allSteps`. */
  readonly calls: Float64Array;
  readonly milliseconds: Float64Array;
  readonly limits: MachineLimits | undefined;
}

const known = new WeakMap<Program, StepTimes>();

/** What the last profile in which the program ran has measured of it. */
export function timesOf(program: Program): StepTimes | undefined {
  return known.get(program);
}

export function keepTimes(program: Program, times: StepTimes): void {
  known.set(program, times);
}

/** Adds up the runs of one program. */
export function addUp(
  program: Program,
  runs: readonly MeasuredRun[],
  limits: MachineLimits | undefined,
): StepTimes {
  const steps = [...allSteps(program.steps)].length;
  const calls = new Float64Array(steps);
  const milliseconds = new Float64Array(steps);
  let iterations = 0;
  for (const run of runs) {
    iterations += run.iterations;
    for (let i = 0; i < steps; i++) {
      calls[i]! += run.calls[i]!;
      milliseconds[i]! += run.milliseconds[i]!;
    }
  }
  return { runs: runs.length, iterations, calls, milliseconds, limits };
}

/**
 * The least time the machine needs for a step, in milliseconds: for its arithmetic or for moving its bytes, whichever
 * takes longer. What fits into the caches of the cores moves at their speed.
 */
export function leastTime({ flop, bytesRead, bytesWritten }: Cost, limits: MachineLimits): number {
  const bytes = bytesRead + bytesWritten;
  const bandwidth = bytes <= limits.cacheBytes ? limits.cacheBandwidth : limits.memoryBandwidth;
  return Math.max(flop / limits.flops, bytes / bandwidth) * 1e3;
}
