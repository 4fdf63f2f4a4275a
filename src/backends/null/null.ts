import { allSteps, type Program } from "../../compile/program.js";
import type { Storage } from "../../graph/tensor.js";
import type { Executable, RunResult } from "../backend.js";
import { ReferenceBackend } from "../reference/reference.js";

/** What a program would cost. */
export interface ProgramCount {
  /** Steps by kind, bodies included once. */
  readonly steps: Readonly<Record<string, number>>;
  readonly barriers: number;
  readonly arenaBytes: number;
}

/** Computes nothing and counts: steps, barriers and arena bytes of each program it is given. */
export class NullBackend extends ReferenceBackend {
  override readonly name = "null";
  override readonly description = "computes nothing, counts steps and bytes";
  /** One entry per loaded program. */
  readonly loaded: ProgramCount[] = [];

  override load(program: Program): Executable {
    this.loaded.push(countProgram(program));
    const done = (_bindings: readonly Storage[], steps: number): RunResult => ({ steps, fault: null });
    return { runSync: done, run: async (bindings, steps) => done(bindings, steps) };
  }
}

export function countProgram(program: Program): ProgramCount {
  const steps: Record<string, number> = {};
  let barriers = 0;
  for (const { step } of allSteps(program.steps)) {
    steps[step.kind] = (steps[step.kind] ?? 0) + 1;
    if (step.barrier) barriers++;
  }
  return { steps, barriers, arenaBytes: program.arenaBytes };
}
