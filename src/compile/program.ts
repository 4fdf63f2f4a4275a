/**
 * What the compiler makes of a graph and a backend runs: a flat list of steps over operands. Plain data: it can be
 * printed, hashed and verified, and knows nothing of any backend.
 */
import type { NDArray } from "../base/array.js";
import type { DType } from "../base/dtype.js";
import type { Layout } from "../graph/layout.js";
import type {
  Attributes,
  ElementwisePrimitive,
  KernelPrimitive,
  ReducePrimitive,
} from "../graph/primitive.js";
import type { LeafPayload } from "../graph/tensor.js";

/** Memory of a program. */
export type BufferSpec =
  /** A range of the arena, `offset` bytes from its start. */
  | { readonly kind: "arena"; readonly bytes: number; readonly offset: number }
  /** Bound when the program runs; `binding` is a place in `Program.bindings`. */
  | { readonly kind: "bound"; readonly bytes: number; readonly binding: number };

/** What a bound buffer is bound to. */
export type Binding =
  /** The k-th leaf of the graph: an argument, a captured tensor, a variable (donated where `written`). */
  | { readonly kind: "leaf"; readonly leaf: number; readonly written: boolean }
  /** The numbers of the graph (run-time scalars), 4 bytes each (8 for float64 programs), in the order of `Program.scalars`. */
  | { readonly kind: "scalars" }
  /** Data that belong to the program. */
  | { readonly kind: "constant"; readonly array: NDArray }
  /** What a `yield` step hands to JavaScript or takes from it; allocated with the program. */
  | { readonly kind: "host" }
  /** The k-th result. */
  | { readonly kind: "output"; readonly output: number };

/** Index generator: no memory, element value = offset + Σ index · stride. */
export const INDEX_GENERATOR = -1;

/** A view of a buffer. */
export interface Operand extends Layout {
  /** Place in `Program.buffers`, or INDEX_GENERATOR. */
  readonly buffer: number;
  readonly dtype: DType;
  /** The axis whose length is known at run time, and the operand (an int32 scalar) that holds it. */
  readonly extent?: { readonly axis: number; readonly operand: number } | undefined;
  /**
   * The strides are those of the lengths at run time, not of the bound: no gaps where the dynamic axis ends. For kernels,
   * which go without strides, and results. A loop with such an operand is a copy.
   */
  readonly packed?: true | undefined;
  /** How the address moves with the iterations of enclosing loops. */
  readonly loops?: readonly LoopTerm[] | undefined;
}

/** address += t · stride + ((iterations done + phase) & 1) · parity, in elements. */
export interface LoopTerm {
  /** Nesting depth of the loop, 0 outermost. */
  readonly level: number;
  readonly stride: number;
  readonly parity: number;
  readonly phase: 0 | 1;
}

/**
 * A small expression in static single assignment form. Values are numbered: loads first, then constants, then
 * instructions in order.
 */
export interface Expression {
  readonly loads: number;
  readonly constants: readonly { readonly value: number; readonly dtype: DType }[];
  readonly instructions: readonly Instruction[];
  /** Value numbers of the results. */
  readonly results: readonly number[];
}

export interface Instruction {
  readonly opcode: string;
  readonly primitive: ElementwisePrimitive;
  readonly attributes: Attributes;
  readonly args: readonly number[];
  readonly dtype: DType;
}

interface StepBase {
  /** Operands read; the order is that of the step's kind. */
  readonly reads: readonly number[];
  /** Operands written. */
  readonly writes: readonly number[];
  /** The step touches what an earlier step since the last barrier touched. */
  barrier: boolean;
  /** The step writes a donated buffer: the status word is read before it. */
  readonly commit: boolean;
  /** What the step computes, for people: `matmul → add → relu`. */
  readonly label: string;
}

/** writes[i] = expression(reads…), element by element. */
export interface LoopStep extends StepBase {
  readonly kind: "loop";
  readonly expression: Expression;
}

/** Reads: the prologue's loads, then the epilogue's. The epilogue's value 0 is the reduced value. */
export interface ReduceStep extends StepBase {
  readonly kind: "reduce";
  readonly primitive: ReducePrimitive;
  readonly axes: readonly number[];
  readonly prologue: Expression;
  readonly epilogue: Expression;
}

/** Reads: a, b, then the epilogue's loads; writes: c, then the epilogue's results. */
export interface MatmulStep extends StepBase {
  readonly kind: "matmul";
  readonly epilogue: Expression | null;
}

export interface KernelStep extends StepBase {
  readonly kind: "kernel";
  readonly primitive: KernelPrimitive;
  readonly attributes: Attributes;
}

export interface ScanStep extends StepBase {
  readonly kind: "scan";
  readonly level: number;
  readonly length: number;
  readonly reverse: boolean;
  readonly body: readonly Step[];
}

/** Reads: the predicate, which the condition's steps write. */
export interface WhileStep extends StepBase {
  readonly kind: "while";
  readonly level: number;
  readonly maxIterations: number | null;
  readonly condition: readonly Step[];
  readonly body: readonly Step[];
}

/** Reads: the predicate. */
export interface CondStep extends StepBase {
  readonly kind: "cond";
  readonly whenTrue: readonly Step[];
  readonly whenFalse: readonly Step[];
}

/** Control goes to JavaScript: it computes the writes from the reads. */
export interface YieldStep extends StepBase {
  readonly kind: "yield";
  readonly host: NonNullable<LeafPayload["host"]>;
}

export type Step =
  | LoopStep
  | ReduceStep
  | MatmulStep
  | KernelStep
  | ScanStep
  | WhileStep
  | CondStep
  | YieldStep;

export interface Program {
  readonly buffers: readonly BufferSpec[];
  readonly operands: readonly Operand[];
  readonly bindings: readonly Binding[];
  /** Numbers the program takes at run time: the k-th scalar leaf of the graph and its dtype. */
  readonly scalars: readonly { readonly leaf: number; readonly dtype: DType }[];
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
  /** Result types, by output. */
  readonly outputs: readonly { readonly shape: readonly number[]; readonly dtype: DType }[];
}

/** The lists of steps that a step holds, in the order in which they stand behind it. */
export function bodiesOf(step: Step): readonly (readonly Step[])[] {
  switch (step.kind) {
    case "scan":
      return [step.body];
    case "cond":
      return [step.whenTrue, step.whenFalse];
    case "while":
      return [step.condition, step.body];
    default:
      return [];
  }
}

/** All steps in order, bodies included, with their depth. */
export function* allSteps(steps: readonly Step[], depth = 0): Generator<{ step: Step; depth: number }> {
  for (const step of steps) {
    yield { step, depth };
    for (const body of bodiesOf(step)) yield* allSteps(body, depth + 1);
  }
}

/** The program as text, one step a line. */
export function printProgram(program: Program): string {
  const operand = (index: number) => {
    const { buffer, dtype, shape, offset } = program.operands[index]!;
    if (buffer === INDEX_GENERATOR) return `index[${shape}]`;
    const spec = program.buffers[buffer]!;
    const place =
      spec.kind === "arena" ? `arena+${spec.offset}` : describeBinding(program.bindings[spec.binding]!);
    return `${dtype}[${shape}]@${place}${offset ? `:${offset}` : ""}`;
  };
  const lines = [...allSteps(program.steps)].map(({ step, depth }, i) => {
    const flags = `${step.barrier ? "|" : " "}${step.commit ? "!" : " "}`;
    const reads = step.reads.map(operand).join(", ");
    const writes = step.writes.map(operand).join(", ");
    return `${String(i).padStart(3)} ${flags} ${"  ".repeat(depth)}${step.kind} ${step.label}: ${writes} ← ${reads}`;
  });
  return [`arena ${program.arenaBytes} bytes, ${program.bindings.length} bindings`, ...lines].join("\n");
}

function describeBinding(binding: Binding): string {
  switch (binding.kind) {
    case "leaf":
      return `leaf${binding.leaf}`;
    case "output":
      return `output${binding.output}`;
    default:
      return binding.kind;
  }
}
