import { allSteps, bodiesOf, type Program, type Step } from "../../compile/program.js";
import type { MeasuredRun, StepEvent } from "../backend.js";

/** Events kept; more are counted only. */
const MOST_EVENTS = 16384;

/** Times the steps of one run. */
export class Stopwatch {
  private readonly place: ReadonlyMap<Step, number>;
  private readonly calls: Float64Array;
  private readonly milliseconds: Float64Array;
  private readonly events: StepEvent[] = [];
  private droppedEvents = 0;
  private readonly began = performance.now();

  constructor(private readonly program: Program) {
    const steps = [...allSteps(program.steps)].map(({ step }) => step);
    this.place = new Map(steps.map((step, i) => [step, i]));
    this.calls = new Float64Array(steps.length);
    this.milliseconds = new Float64Array(steps.length);
  }

  /** Notes a step that ran from `began` until now; the steps in a body have times of their own. */
  note(step: Step, began: number): void {
    const place = this.place.get(step)!;
    this.calls[place]!++;
    if (bodiesOf(step).length > 0) return;
    const ended = performance.now();
    this.milliseconds[place]! += ended - began;
    if (this.events.length < MOST_EVENTS) this.events.push({ step: place, thread: 0, began, ended });
    else this.droppedEvents++;
  }

  read(iterations: number): MeasuredRun {
    const { program, began, calls, milliseconds, events, droppedEvents } = this;
    const ended = performance.now();
    return { program, iterations, threads: 1, began, ended, calls, milliseconds, events, droppedEvents };
  }
}
