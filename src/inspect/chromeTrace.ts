import type { MeasuredRun } from "../backends/backend.js";
import { costOfStep } from "../compile/cost.js";
import { allSteps, type Program } from "../compile/program.js";

/** Row of the programs; thread t has row t + 1. */
const PROGRAMS = 0;

/**
 * Measured runs in the Trace Event Format that chrome://tracing and Perfetto read.
 * @param origin milliseconds of `performance.now()` that count as 0
 */
export function chromeTrace(runs: readonly MeasuredRun[], origin: number): string {
  const programs = new Map<Program, { number: number; args: object[]; names: string[] }>();
  for (const { program } of runs) {
    if (programs.has(program)) continue;
    const steps = [...allSteps(program.steps)].map(({ step }) => step);
    programs.set(program, {
      number: programs.size + 1,
      names: steps.map((step) => step.label),
      args: steps.map((step, place) => ({ step: place, kind: step.kind, ...costOfStep(program, step) })),
    });
  }
  const threads = Math.max(0, ...runs.map((run) => run.threads));
  const rows = ["programs", ...Array.from({ length: threads }, (_, t) => `thread ${t}`)];
  const span = (began: number, ended: number) => ({
    ph: "X",
    ts: (began - origin) * 1e3, // microseconds
    dur: (ended - began) * 1e3,
    pid: 1,
  });
  const traceEvents = [
    { ph: "M", pid: 1, tid: PROGRAMS, name: "process_name", args: { name: "Myelin" } },
    ...rows.map((name, tid) => ({ ph: "M", pid: 1, tid, name: "thread_name", args: { name } })),
    ...runs.flatMap(({ program, iterations, began, ended, events, droppedEvents }) => {
      const { number, names, args } = programs.get(program)!;
      return [
        {
          ...span(began, ended),
          tid: PROGRAMS,
          name: `program ${number}`,
          args: { iterations, droppedEvents },
        },
        ...events.map((event) => ({
          ...span(event.began, event.ended),
          tid: event.thread + 1,
          name: names[event.step]!,
          args: args[event.step]!,
        })),
      ];
    }),
  ];
  return JSON.stringify({ displayTimeUnit: "ms", traceEvents });
}
