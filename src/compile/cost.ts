/**
 * What a step costs whatever computes it: floating-point operations and bytes that have to move. Estimates from shapes
 * alone; a profile puts measured time beside them.
 */
import { bytesPerElement } from "../base/dtype.js";
import { sizeOf } from "../base/shape.js";
import type { TensorType } from "../graph/primitive.js";
import {
  type Expression,
  INDEX_GENERATOR,
  type KernelStep,
  type MatmulStep,
  type Operand,
  type Program,
  type Step,
} from "./program.js";

/** The cost of running a step, or a whole program, once. */
export interface Cost {
  /** Floating-point operations; an instruction of a loop counts as one per element, a multiply-add as two. */
  readonly flop: number;
  /** Bytes read from memory: each element once, however often it is used. */
  readonly bytesRead: number;
  /** Bytes written. */
  readonly bytesWritten: number;
}

export interface CostOptions {
  /** Used part of an axis with a run-time length, from 0 to 1 of its bound. Default 1. */
  readonly fill?: number;
}

const FREE: Cost = { flop: 0, bytesRead: 0, bytesWritten: 0 };

/** The cost of a step run once. A `scan` costs its body times its length, a `cond` its dearer side, a `whileLoop` one iteration. */
export function costOfStep(program: Program, step: Step, options: CostOptions = {}): Cost {
  switch (step.kind) {
    case "scan":
      return scaled(costOfSteps(program, step.body, options), step.length);
    case "while": // how often it runs is known at run time only: its condition and its body once
      return costOfSteps(program, [...step.condition, ...step.body], options);
    case "cond":
      return dearer(
        costOfSteps(program, step.whenTrue, options),
        costOfSteps(program, step.whenFalse, options),
      );
    default: {
      const types = typesOf(program, options);
      return {
        flop: flopOf(step, types),
        bytesRead: distinctBytes(program, movedIn(program, step), types, lookedUp(step, types)),
        bytesWritten: distinctBytes(program, step.writes, types),
      };
    }
  }
}

/** The cost of a program run through once. */
export function costOfProgram(program: Program, options: CostOptions = {}): Cost {
  return costOfSteps(program, program.steps, options);
}

function costOfSteps(program: Program, steps: readonly Step[], options: CostOptions): Cost {
  return steps.map((step) => costOfStep(program, step, options)).reduce(sum, FREE);
}

const sum = (a: Cost, b: Cost): Cost => ({
  flop: a.flop + b.flop,
  bytesRead: a.bytesRead + b.bytesRead,
  bytesWritten: a.bytesWritten + b.bytesWritten,
});

const scaled = (cost: Cost, times: number): Cost => ({
  flop: cost.flop * times,
  bytesRead: cost.bytesRead * times,
  bytesWritten: cost.bytesWritten * times,
});

const dearer = (a: Cost, b: Cost): Cost => ({
  flop: Math.max(a.flop, b.flop),
  bytesRead: Math.max(a.bytesRead, b.bytesRead),
  bytesWritten: Math.max(a.bytesWritten, b.bytesWritten),
});

type TypeOf = (operand: number) => TensorType;

/** Types of operands with the run-time length in place of its bound. */
function typesOf(program: Program, { fill = 1 }: CostOptions): TypeOf {
  return (index) => {
    const { shape, dtype, extent } = program.operands[index]!;
    if (!extent || fill === 1) return { shape, dtype };
    return { shape: shape.map((n, axis) => (axis === extent.axis ? Math.round(n * fill) : n)), dtype };
  };
}

// ---- Operations ------------------------------------------------------------------------------------------------

function flopOf(step: Exclude<Step, { kind: "scan" | "cond" | "while" }>, typeOf: TypeOf): number {
  const size = (operand: number) => sizeOf(typeOf(operand).shape);
  switch (step.kind) {
    case "loop":
      return instructionFlop(step.expression) * size(step.writes[0]!);
    case "reduce": {
      const all = Math.max(1, ...step.reads.slice(0, step.prologue.loads).map(size));
      const kept = size(step.writes[0]!);
      return (instructionFlop(step.prologue) + 1) * all + instructionFlop(step.epilogue) * kept;
    }
    case "matmul":
      return matmulFlop(step, typeOf);
    case "kernel":
      return kernelFlop(step, typeOf);
    case "yield":
      return 0;
  }
}

/** a [batch…, m, k] · b [batch…, k, n]: a multiplication and an addition for each of batch · m · k · n terms. */
function matmulFlop(step: MatmulStep, typeOf: TypeOf): number {
  const inner = typeOf(step.reads[0]!).shape.at(-1)!;
  const results = sizeOf(typeOf(step.writes[0]!).shape);
  return 2 * results * inner + (step.epilogue ? instructionFlop(step.epilogue) * results : 0);
}

function kernelFlop({ primitive, reads, writes, attributes }: KernelStep, typeOf: TypeOf): number {
  const inputs = reads.map(typeOf);
  const outputs = writes.map(typeOf);
  if (primitive.flop) return primitive.flop(inputs, outputs, attributes);
  return Math.max(0, ...[...inputs, ...outputs].map(({ shape }) => sizeOf(shape)));
}

/** Operations per element; what only moves or converts values is free. */
function instructionFlop(expression: Expression): number {
  let flop = 0;
  for (const { primitive } of expression.instructions) flop += OPERATIONS[primitive.name] ?? 1;
  return flop;
}

const OPERATIONS: Readonly<Record<string, number>> = { identity: 0, cast: 0 };

// ---- Bytes -----------------------------------------------------------------------------------------------------

/** Where an operand begins and how it walks: equal texts, equal elements. */
function placeOf({ operands, buffers }: Program, index: number): string {
  const { buffer, offset, strides } = operands[index]!;
  if (buffer === INDEX_GENERATOR) return "";
  const spec = buffers[buffer]!;
  return `${spec.kind === "arena" ? `arena ${spec.offset}` : `binding ${spec.binding}`}:${offset}:${strides}`;
}

/** Operands read from memory: what follows a matrix product takes its elements from registers or the nearest cache. */
function movedIn(program: Program, step: Step): readonly number[] {
  if (step.kind !== "matmul") return step.reads;
  const product = placeOf(program, step.writes[0]!);
  return step.reads.filter((operand, i) => i < 2 || placeOf(program, operand) !== product);
}

/** Most bytes that are read of each input that is a table: as much as is looked up. */
function lookedUp(step: Step, typeOf: TypeOf): ReadonlyMap<number, number> {
  if (step.kind !== "kernel" || !step.primitive.lookedUpInputs) return new Map();
  const results = step.writes.reduce((bytes, operand) => {
    const { shape, dtype } = typeOf(operand);
    return bytes + sizeOf(shape) * bytesPerElement(dtype);
  }, 0);
  return new Map(step.primitive.lookedUpInputs.map((input) => [step.reads[input]!, results]));
}

/** Bytes of the elements that the operands show; what two of them show alike counts once. */
function distinctBytes(
  program: Program,
  operands: readonly number[],
  typeOf: TypeOf,
  limits: ReadonlyMap<number, number> = new Map(),
): number {
  const seen = new Map<string, number>();
  for (const index of operands) {
    const operand = program.operands[index]!;
    if (operand.buffer === INDEX_GENERATOR) continue;
    const { shape } = typeOf(index);
    const bytes = Math.min(
      bytesShown(program, operand, shape),
      limits.get(index) ?? Number.POSITIVE_INFINITY,
    );
    const place = `${placeOf(program, index)}[${shape}]`;
    seen.set(place, Math.max(seen.get(place) ?? 0, bytes));
  }
  return [...seen.values()].reduce((total, bytes) => total + bytes, 0);
}

/** An axis without stride shows one element again and again; overlapping windows show no more than the buffer has. */
function bytesShown(program: Program, { buffer, dtype, strides }: Operand, shape: readonly number[]): number {
  const elements = shape.reduce((count, n, axis) => count * (strides[axis] === 0 ? Math.min(n, 1) : n), 1);
  return Math.min(elements * bytesPerElement(dtype), program.buffers[buffer]!.bytes);
}
