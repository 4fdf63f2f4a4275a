import { type CostOptions, costOfStep } from "../compile/cost.js";
import { allSteps, bodiesOf, type Operand, type Program, type Step } from "../compile/program.js";
import { formatType } from "../graph/tensor.js";
import { leastTime, type StepTimes } from "./stepTimes.js";

/** One step of a program: what was fused into it, and what it costs each time it runs. */
export interface ProgramStep {
  /** `loop`, `reduce`, `matmul`, `kernel`, `scan`, `cond`, `while` or `yield`. */
  readonly kind: Step["kind"];
  /** The operations that became this step, in order: `matmul → add → relu`. */
  readonly computes: string;
  /** 0, or how many bodies of `scan`, `cond` and `whileLoop` it stands in. */
  readonly depth: number;
  /** Types of what it writes, each once. */
  readonly results: readonly string[];
  /** Floating-point operations; 0 for steps with a body, whose steps count for themselves. */
  readonly flop: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** After a profile: how often the step ran, the milliseconds it took each time, … */
  readonly calls?: number;
  readonly milliseconds?: number;
  /** … and the least that the machine needs for its arithmetic and its bytes; absent where that is not known. */
  readonly bound?: number;
}

/** The steps of a program with what they cost and, once measured, took. */
export function stepsOf(program: Program, options: CostOptions, times: StepTimes | undefined): ProgramStep[] {
  return [...allSteps(program.steps)].map(({ step, depth }, place): ProgramStep => {
    const hasBody = bodiesOf(step).length > 0;
    const cost = hasBody ? { flop: 0, bytesRead: 0, bytesWritten: 0 } : costOfStep(program, step, options);
    const calls = times?.calls[place] ?? 0;
    const least = times?.limits ? leastTime(cost, times.limits) : 0;
    return {
      kind: step.kind,
      computes: step.label,
      depth,
      results: [...new Set(step.writes.map((operand) => operandType(program.operands[operand]!)))],
      ...cost,
      ...(times ? { calls } : {}),
      ...(times && calls > 0 ? { milliseconds: times.milliseconds[place]! / calls } : {}),
      ...(least > 0 ? { bound: least } : {}),
    };
  });
}

/** `float32 [32, 128]`. */
export function operandType({ dtype, shape }: Operand): string {
  return formatType({ dtype, shape });
}
