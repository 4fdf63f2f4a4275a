/**
 * A program as the words that cpp/runtime/program.h describes. Kernels and instructions go by the numbers of the
 * tables the addon exports, so a name the backend lacks is found here, before anything runs.
 */
import { type DType, isFloat } from "../../base/dtype.js";
import { BackendError } from "../../base/errors.js";
import {
  type Expression,
  INDEX_GENERATOR,
  type Operand,
  type Program,
  type Step,
} from "../../compile/program.js";
import { PROGRAM_VERSION } from "./addon.js";

const MAGIC = 0x4d59454c;
const DTYPE: Partial<Record<DType, number>> = { float32: 0, int32: 1, uint8: 2, bool: 3 };
const STEP = { kernel: 0, scan: 1, cond: 2, yield: 3, while: 4 } as const;
const FLAG = { barrier: 1, commit: 2 } as const;
const REDUCE: Readonly<Record<string, number>> = { sum: 0, prod: 1, max: 2, min: 3, argMax: 4, argMin: 5 };

/** Names of the backend's kernels and loop instructions; an index is a number in the program. */
export interface KernelNames {
  readonly backend: string;
  readonly kernels: readonly string[];
  readonly opcodes: readonly string[];
}

export interface EncodedProgram {
  readonly words: Int32Array;
  /** The steps in the order the runtime numbers them, bodies included. */
  readonly flat: readonly Step[];
}

export function encode(program: Program, names: KernelNames): EncodedProgram {
  const encoder = new Encoder(program, names);
  return encoder.encode();
}

class Encoder {
  private readonly flat: Step[] = [];
  private hostCalls = 0;
  private readonly kernelNumber: ReadonlyMap<string, number>;
  private readonly opcodeNumber: ReadonlyMap<string, number>;
  /** For each buffer the first one at its place: kernels see by equal numbers that a result overwrites an input. */
  private readonly sharedBuffer: readonly number[];

  constructor(
    private readonly program: Program,
    private readonly names: KernelNames,
  ) {
    this.kernelNumber = new Map(names.kernels.map((name, i) => [name, i]));
    this.opcodeNumber = new Map(names.opcodes.map((name, i) => [name, i]));
    const places = program.buffers.map((buffer) =>
      buffer.kind === "arena" ? `arena ${buffer.offset}` : `binding ${buffer.binding}`,
    );
    const first = new Map([...places.entries()].reverse().map(([index, place]) => [place, index]));
    this.sharedBuffer = places.map((place) => first.get(place)!);
  }

  encode(): EncodedProgram {
    const { program } = this;
    const steps = program.steps.flatMap((step) => this.step(step));
    const buffers = program.buffers.flatMap((buffer) =>
      buffer.kind === "arena" ? [0, buffer.offset / 256] : [1, buffer.binding],
    );
    const operands = program.operands.flatMap((operand) => this.operand(operand));
    const words = [
      MAGIC,
      PROGRAM_VERSION,
      program.buffers.length,
      program.operands.length,
      program.steps.length,
      steps.length,
      program.bindings.length,
      Math.ceil(program.arenaBytes / 256),
      ...buffers,
      ...operands,
    ];
    const result = new Int32Array(words.length + steps.length);
    result.set(words);
    result.set(steps, words.length);
    return { words: result, flat: this.flat };
  }

  private operand(operand: Operand): number[] {
    const dtype = DTYPE[operand.dtype];
    if (dtype === undefined)
      throw this.missing(
        `dtype ${operand.dtype}`,
        'Gradient checks in float64 run on setBackend("reference").',
      );
    return [
      operand.buffer === INDEX_GENERATOR ? -1 : this.sharedBuffer[operand.buffer]!,
      operand.offset,
      dtype,
      operand.shape.length,
      operand.extent ? operand.extent.axis : -1,
      operand.extent ? operand.extent.operand : -1,
      operand.packed ? 1 : 0,
      ...operand.shape,
      ...operand.strides,
      operand.loops?.length ?? 0,
      ...(operand.loops ?? []).flatMap(({ level, stride, parity, phase }) => [level, stride, parity, phase]),
    ];
  }

  private step(step: Step): number[] {
    this.flat.push(step);
    switch (step.kind) {
      case "loop": {
        const views = [...step.reads, ...step.writes];
        if (views.some((index) => this.program.operands[index]!.packed))
          return this.kernel(step, "pack", views, []);
        return this.kernel(step, "loop", views, this.expression(step.expression));
      }
      case "reduce": {
        const mask = step.axes.reduce((bits, axis) => bits | (1 << axis), 0);
        const op = REDUCE[step.primitive.name];
        if (op === undefined) throw this.missing(`reduction ${step.primitive.name}`);
        const type = this.reducesIntegers(step.prologue, step.reads) ? 1 : 0;
        const words = [op, mask, type, ...this.expression(step.prologue), ...this.expression(step.epilogue)];
        return this.kernel(step, "reduce", [...step.reads, ...step.writes], words);
      }
      case "matmul": {
        const [c, ...results] = step.writes;
        const views = [step.reads[0]!, step.reads[1]!, c!, ...step.reads.slice(2), ...results];
        return this.kernel(
          step,
          "matmul",
          views,
          step.epilogue ? [1, ...this.expression(step.epilogue)] : [0],
        );
      }
      case "kernel":
        return this.kernel(
          step,
          step.primitive.name,
          [...step.reads, ...step.writes],
          step.primitive.words?.(step.attributes) ?? [],
        );
      case "scan": {
        const header = [step.level, step.length, step.reverse ? 1 : 0, step.body.length];
        return [STEP.scan, flags(step), header.length, ...header, ...step.body.flatMap((s) => this.step(s))];
      }
      case "cond": {
        const header = [step.reads[0]!, step.whenTrue.length, step.whenFalse.length];
        const bodies = [...step.whenTrue, ...step.whenFalse].flatMap((s) => this.step(s));
        return [STEP.cond, flags(step), header.length, ...header, ...bodies];
      }
      case "while": {
        const bound = step.maxIterations ?? -1;
        const header = [step.level, bound, step.reads[0]!, step.condition.length, step.body.length];
        const bodies = [...step.condition, ...step.body].flatMap((s) => this.step(s));
        return [STEP.while, flags(step), header.length, ...header, ...bodies];
      }
      case "yield":
        return [STEP.yield, flags(step), 1, this.hostCalls++];
    }
  }

  private kernel(step: Step, name: string, views: readonly number[], words: readonly number[]): number[] {
    const number = this.kernelNumber.get(name);
    if (number === undefined) throw this.missing(`operation ${name}`);
    const payload = [number, views.length, ...views, words.length, ...words];
    return [STEP.kernel, flags(step), payload.length, ...payload];
  }

  private expression(expression: Expression): number[] {
    const instructions = expression.instructions.flatMap(({ opcode, args }) => {
      const number = this.opcodeNumber.get(opcode);
      if (number === undefined) throw this.missing(`instruction ${opcode}`);
      return [number, args.length, ...args];
    });
    return [
      expression.loads,
      expression.constants.length,
      ...expression.constants.map(({ value, dtype }) => constantBits(value, dtype)),
      expression.instructions.length,
      ...instructions,
      expression.results.length,
      ...expression.results,
    ];
  }

  /** The lanes of the prologue's result: integers unless it is a float load, constant or instruction. */
  private reducesIntegers(prologue: Expression, reads: readonly number[]): boolean {
    const id = prologue.results[0]!;
    if (id < prologue.loads) return !isFloat(this.program.operands[reads[id]!]!.dtype);
    const constant = prologue.constants[id - prologue.loads];
    if (constant) return !isFloat(constant.dtype);
    return !isFloat(prologue.instructions[id - prologue.loads - prologue.constants.length]!.dtype);
  }

  private missing(
    what: string,
    fix = 'Use setBackend("reference"), or compose it from operations the backend has.',
  ): BackendError {
    return new BackendError({
      who: this.names.backend,
      expected: "a program of operations this backend has",
      received: what,
      fix,
    });
  }
}

function flags(step: Step): number {
  return (step.barrier ? FLAG.barrier : 0) | (step.commit ? FLAG.commit : 0);
}

const bits = new DataView(new ArrayBuffer(4));

function constantBits(value: number, dtype: DType): number {
  if (isFloat(dtype)) bits.setFloat32(0, value);
  else bits.setInt32(0, value);
  return bits.getInt32(0);
}
