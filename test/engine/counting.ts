import type { Backend } from "../../src/backends/backend.js";
import type { Program } from "../../src/compile/program.js";
import { useBackend } from "../../src/engine/device.js";
import { referenceBackend } from "../support/evaluate.js";

/** What a backend was asked to do. */
export interface Counted extends Backend {
  /** The programs that were loaded, in order. */
  readonly programs: readonly Program[];
  /** How often a program was run, with blocking or without. */
  readonly runs: number;
}

/** The same backend under an identity of its own, so that nothing is loaded yet, with its work counted. */
export function counted(on: Backend = referenceBackend): Counted {
  const programs: Program[] = [];
  const counting = Object.assign(Object.create(on) as Backend, { programs, runs: 0 });
  counting.load = (program) => {
    programs.push(program);
    const executable = on.load(program);
    return {
      runSync: (...args) => {
        counting.runs++;
        return executable.runSync(...args);
      },
      run: (...args) => {
        counting.runs++;
        return executable.run(...args);
      },
    };
  };
  return counting;
}

/** Uses a counted backend from now on. */
export function useCounted(on?: Backend): Counted {
  const backend = counted(on);
  useBackend(backend);
  return backend;
}
