/**
 * The oracle: runs programs step by step with each record's own reference function. Slow and obvious, any dtype,
 * float64 included.
 */
import type { NDArray } from "../../base/array.js";
import { allocateArray, bytesPerElement, dtypes, type TypedArray, viewArray } from "../../base/dtype.js";
import { DataError } from "../../base/errors.js";
import { sizeOf, stridesOf } from "../../base/shape.js";
import {
  type Expression,
  INDEX_GENERATOR,
  type LoopStep,
  type MatmulStep,
  type Operand,
  type Program,
  type ReduceStep,
  type Step,
} from "../../compile/program.js";
import { roundTo } from "../../compile/simplify.js";
import { forEachOffset, type Layout } from "../../graph/layout.js";
import type { TensorType } from "../../graph/primitive.js";
import type { Storage } from "../../graph/tensor.js";
import type { Backend, Executable, FaultReport, Meter, RunOptions, RunResult } from "../backend.js";
import { Stopwatch } from "./stopwatch.js";

/** Memory of the reference backend. */
export interface HostStorage extends Storage {
  readonly buffer: ArrayBuffer;
}

export class ReferenceBackend implements Backend {
  readonly name: string = "reference";
  readonly description: string = "TypeScript, one thread; the oracle of the tests";
  readonly dtypes = dtypes;
  readonly synchronous = true;
  /** How fast plain TypeScript could be at most, nobody knows. */
  readonly meter: Meter = { recorder: undefined, limits: () => undefined };

  allocate(bytes: number): HostStorage {
    return { bytes, buffer: new ArrayBuffer(bytes) };
  }
  release(): void {}
  write(storage: Storage, bytes: Uint8Array, offset = 0): void {
    new Uint8Array((storage as HostStorage).buffer).set(bytes, offset);
  }
  read(storage: Storage): Uint8Array {
    return new Uint8Array((storage as HostStorage).buffer);
  }
  copy(from: Storage, to: Storage): void {
    this.write(to, this.read(from));
  }
  load(program: Program): Executable {
    return new ReferenceExecutable(program, this.meter);
  }
}

/** Thrown inside a run and turned into a fault report: the iteration ends before anything donated is written. */
class Fault {
  constructor(readonly report: FaultReport) {}
}

/** Thrown inside a run: the stop flag was raised during a loop without end. */
class Stopped {}

class ReferenceExecutable implements Executable {
  private readonly arena: ArrayBuffer;
  private bindings: readonly HostStorage[] = [];
  /** Logical index and iterations done, by nesting level. */
  private readonly time: { index: number; done: number }[] = [];
  private stop: Int32Array | undefined;

  /** Where somebody wants to know what a run takes. */
  private stopwatch: Stopwatch | undefined;

  constructor(
    private readonly program: Program,
    private readonly meter: Meter,
  ) {
    this.arena = new ArrayBuffer(program.arenaBytes);
  }

  runSync(bindings: readonly Storage[], steps: number): RunResult {
    const { recorder } = this.meter;
    const outer = this.stopwatch; // of an asynchronous run that waits for the host meanwhile
    this.stopwatch = recorder && new Stopwatch(this.program);
    try {
      let done = 0;
      let fault: FaultReport | null = null;
      while (done < steps && !fault) {
        fault = this.iteration(this.program.steps, bindings);
        if (!fault) done++;
      }
      if (this.stopwatch) recorder?.(this.stopwatch.read(done));
      return { steps: done, fault };
    } finally {
      this.stopwatch = outer;
    }
  }

  async run(bindings: readonly Storage[], steps: number, options: RunOptions = {}): Promise<RunResult> {
    // One after the other: a run that waits for the host still needs the arena.
    const before = this.queue;
    let finished = () => {};
    this.queue = new Promise((resolve) => {
      finished = resolve;
    });
    await before;
    const { recorder } = this.meter;
    this.stopwatch = recorder && new Stopwatch(this.program);
    const end = options.budget === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.budget;
    let done = 0;
    try {
      while (done < steps && !(options.stop && Atomics.load(options.stop, 0) !== 0)) {
        const fault = await this.iterationAsync(bindings, options.stop);
        if (fault) return { steps: done, fault };
        done++;
        if (performance.now() > end) break;
      }
      // Timers and input get their turn between two runs, as they do beside a backend with a thread of its own.
      await new Promise((resolve) => setTimeout(resolve));
      return { steps: done, fault: null };
    } catch (error) {
      if (error instanceof Stopped) return { steps: done, fault: null };
      throw error;
    } finally {
      if (this.stopwatch) recorder?.(this.stopwatch.read(done));
      this.stopwatch = undefined;
      finished();
    }
  }
  private queue: Promise<void> = Promise.resolve();

  private async iterationAsync(
    bindings: readonly Storage[],
    stop: Int32Array | undefined,
  ): Promise<FaultReport | null> {
    // A host function may be asynchronous, so the list is cut at its yields.
    const { steps } = this.program;
    let from = 0;
    for (let i = 0; i <= steps.length; i++) {
      const step = steps[i];
      if (step && step.kind !== "yield") continue;
      let inputs: NDArray[] = [];
      const fault = this.iteration(
        steps.slice(from, i),
        bindings,
        () => {
          if (step) inputs = step.reads.map((r) => this.gather(r));
        },
        stop,
      );
      if (fault) return fault;
      if (step) {
        const began = performance.now();
        const outputs = await step.host(inputs);
        this.iteration([], bindings, () => this.finishYield(step.writes, outputs));
        this.stopwatch?.note(step, began);
      }
      from = i + 1;
    }
    return null;
  }

  /** Runs steps, then `last`, on the given memory. */
  private iteration(
    steps: readonly Step[],
    bindings: readonly Storage[],
    last: () => void = () => {},
    stop?: Int32Array,
  ): FaultReport | null {
    const outer = this.bindings;
    this.bindings = bindings as readonly HostStorage[];
    this.stop = stop;
    try {
      this.steps(steps);
      last();
      return null;
    } catch (error) {
      if (error instanceof Fault) return error.report;
      throw error;
    } finally {
      this.bindings = outer;
    }
  }

  private steps(steps: readonly Step[]): void {
    for (const step of steps) {
      const began = this.stopwatch ? performance.now() : 0;
      this.step(step);
      this.stopwatch?.note(step, began);
    }
  }

  private step(step: Step): void {
    switch (step.kind) {
      case "loop":
        return this.loop(step);
      case "reduce":
        return this.reduce(step);
      case "matmul":
        return this.matmul(step);
      case "kernel": {
        const outputs = step.writes.map((index): TensorType => {
          const { shape, dtype } = this.actual(this.operand(index));
          return { shape, dtype };
        });
        const results = this.guard(step.label, () =>
          step.primitive.reference(
            step.reads.map((r) => this.gather(r)),
            step.attributes,
            outputs,
          ),
        );
        step.writes.forEach((index, i) => {
          this.scatter(index, results[i]!.data);
        });
        return;
      }
      case "scan":
        for (let done = 0; done < step.length; done++) {
          this.time[step.level] = { index: step.reverse ? step.length - 1 - done : done, done };
          this.steps(step.body);
        }
        return;
      case "while": {
        const most = step.maxIterations ?? Number.POSITIVE_INFINITY;
        for (let done = 0; done < most; done++) {
          if (this.stop && Atomics.load(this.stop, 0) !== 0) throw new Stopped();
          this.time[step.level] = { index: done, done };
          this.steps(step.condition);
          if (this.gather(step.reads[0]!).data[0] === 0) return;
          this.steps(step.body);
        }
        return;
      }
      case "cond":
        return this.steps(this.gather(step.reads[0]!).data[0] !== 0 ? step.whenTrue : step.whenFalse);
      case "yield": {
        const results = step.host(step.reads.map((r) => this.gather(r)));
        if (results instanceof Promise) {
          throw new DataError({
            who: "hostCall",
            expected: "a synchronous function in a synchronous run",
            received: "a promise",
            fix: "Use await.",
          });
        }
        return this.finishYield(step.writes, results);
      }
    }
  }

  private finishYield(writes: readonly number[], results: readonly NDArray[]): void {
    writes.forEach((index, i) => {
      this.scatter(index, results[i]!.data);
    });
  }

  /** Reference functions throw DataError for data that do not fit; a run reports it as a fault. */
  private guard<T>(label: string, compute: () => T): T {
    try {
      return compute();
    } catch (error) {
      if (!(error instanceof DataError) || !isFaultCause(error.cause)) throw error;
      throw new Fault({ kind: "indexRange", ...error.cause, label });
    }
  }

  private loop(step: LoopStep): void {
    const columns = evaluate(
      step.expression,
      step.reads.map((r) => this.gather(r)),
      sizeOf(this.actual(this.operand(step.writes[0]!)).shape),
    );
    step.writes.forEach((index, i) => {
      this.scatter(index, columns[i]!);
    });
  }

  private reduce(step: ReduceStep): void {
    const prologueLoads = step.reads.slice(0, step.prologue.loads);
    const shape = this.reducedShape(step, prologueLoads);
    const [values] = evaluate(
      step.prologue,
      prologueLoads.map((r) => this.gather(r)),
      sizeOf(shape),
    );
    const kept = shape.map((length, axis) => (step.axes.includes(axis) ? 1 : length));
    const total = fold(step, values!, shape, kept);
    const epilogueLoads = step.reads.slice(step.prologue.loads).map((r) => this.gather(r));
    const columns = evaluate(
      step.epilogue,
      [{ shape: kept, dtype: "float64", data: total }, ...epilogueLoads],
      total.length,
    );
    step.writes.forEach((index, i) => {
      this.scatter(index, columns[i]!);
    });
  }

  private reducedShape(_step: ReduceStep, loads: readonly number[]): readonly number[] {
    if (loads.length === 0) throw new Error("a reduction reads at least one operand");
    return this.actual(this.operand(loads[0]!)).shape;
  }

  private matmul(step: MatmulStep): void {
    const [a, b] = step.reads.slice(0, 2).map((r) => this.gather(r));
    const c = step.writes[0]!;
    this.scatter(c, product(a!, b!));
    if (!step.epilogue) return;
    const loads = step.reads.slice(2).map((r) => this.gather(r));
    const columns = evaluate(step.epilogue, loads, sizeOf(this.actual(this.operand(c)).shape));
    step.writes.slice(1).forEach((index, i) => {
      this.scatter(index, columns[i]!);
    });
  }

  // ---- operands ------------------------------------------------------------------------------------------------

  private operand(index: number): Operand {
    return this.program.operands[index]!;
  }

  /** The operand with the run-time length of its dynamic axis and the address of this iteration. */
  private actual(operand: Operand): Operand {
    if (!operand.extent && !operand.loops) return operand;
    const shape = [...operand.shape];
    if (operand.extent) {
      const length = Number(this.gather(operand.extent.operand).data[0]);
      shape[operand.extent.axis] = Math.max(0, Math.min(shape[operand.extent.axis]!, length));
    }
    const strides = operand.packed ? stridesOf(shape) : operand.strides;
    let { offset } = operand;
    for (const term of operand.loops ?? []) {
      const { index, done } = this.time[term.level]!;
      offset += index * term.stride + ((done + term.phase) & 1) * term.parity;
    }
    return { ...operand, shape, strides, offset };
  }

  private memory(operand: Operand): TypedArray {
    const spec = this.program.buffers[operand.buffer]!;
    const [buffer, start] =
      spec.kind === "arena" ? [this.arena, spec.offset] : [this.bindings[spec.binding]!.buffer, 0];
    const width = bytesPerElement(operand.dtype);
    // A batch shorter than its bound may come in memory of its own size.
    const bytes = Math.min(spec.bytes, buffer.byteLength - start);
    return viewArray(operand.dtype, buffer, start, Math.floor(bytes / width));
  }

  private gather(index: number): NDArray {
    const operand = this.actual(this.operand(index));
    const size = sizeOf(operand.shape);
    const data = allocateArray(operand.dtype, size);
    if (operand.buffer === INDEX_GENERATOR) {
      forEachOffset(operand, (offset, i) => {
        data[i] = offset;
      });
    } else if (size > 0) {
      const memory = this.memory(operand);
      forEachOffset(operand as Layout, (offset, i) => {
        data[i] = memory[offset]!;
      });
    }
    return { shape: operand.shape, dtype: operand.dtype, data };
  }

  private scatter(index: number, values: ArrayLike<number>): void {
    const operand = this.actual(this.operand(index));
    const memory = this.memory(operand);
    forEachOffset(operand, (offset, i) => {
      memory[offset] = roundTo(values[i]!, operand.dtype);
    });
  }
}

/** What a record's reference function attaches to the DataError it throws for data that do not fit. */
export interface FaultCause {
  /** Default: an index or label out of range. */
  readonly kind?: FaultReport["kind"];
  readonly index: number;
  readonly value: number;
}

function isFaultCause(cause: unknown): cause is FaultCause {
  return typeof cause === "object" && cause !== null && "index" in cause && "value" in cause;
}

/** Each result of the expression over all elements. */
function evaluate(expression: Expression, loads: readonly NDArray[], size: number): Float64Array[] {
  const values: (Float64Array | TypedArray)[] = loads.map((load) => load.data);
  for (const { value } of expression.constants) values.push(new Float64Array(size).fill(value));
  for (const { primitive, attributes, args, dtype } of expression.instructions) {
    const columns = args.map((arg) => values[arg]!);
    const result = new Float64Array(size);
    const row = new Array<number>(args.length);
    for (let i = 0; i < size; i++) {
      for (let k = 0; k < row.length; k++) row[k] = columns[k]![i]!;
      result[i] = roundTo(primitive.reference(row, attributes, dtype), dtype);
    }
    values.push(result);
  }
  return expression.results.map((id) => Float64Array.from(values[id]!));
}

function fold(
  step: ReduceStep,
  values: Float64Array,
  shape: readonly number[],
  kept: readonly number[],
): Float64Array {
  const { reference } = step.primitive;
  const size = sizeOf(kept);
  const result = new Float64Array(size);
  const best = new Float64Array(size);
  const seen = new Uint8Array(size);
  if (typeof reference === "object") result.fill(reference.initial);
  const strides = keptStrides(kept);
  forEachOffset({ offset: 0, shape, strides }, (target, i) => {
    const value = values[i]!;
    if (typeof reference === "object") {
      result[target] = reference.combine(result[target]!, value);
      return;
    }
    const axis = step.axes[0]!;
    const inner = sizeOf(shape.slice(axis + 1));
    const position = Math.floor(i / inner) % shape[axis]!;
    const wins = reference === "argMax" ? value > best[target]! : value < best[target]!;
    if (!seen[target] || wins || (Number.isNaN(value) && !Number.isNaN(best[target]!))) {
      if (seen[target] && Number.isNaN(best[target]!)) return;
      seen[target] = 1;
      best[target] = value;
      result[target] = position;
    }
  });
  return result;
}

/** Strides over the kept axes, 0 along the reduced ones. */
function keptStrides(kept: readonly number[]): number[] {
  let stride = 1;
  const strides = new Array<number>(kept.length).fill(0);
  for (let axis = kept.length - 1; axis >= 0; axis--) {
    if (kept[axis] !== 1) strides[axis] = stride;
    stride *= kept[axis]!;
  }
  return strides;
}

function product(a: NDArray, b: NDArray): Float64Array {
  const rank = a.shape.length;
  const [rows, inner] = a.shape.slice(-2) as [number, number];
  const columns = b.shape[rank - 1]!;
  const batch = sizeOf(a.shape.slice(0, -2));
  const result = new Float64Array(batch * rows * columns);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++)
          sum += a.data[(n * rows + i) * inner + k]! * b.data[(n * inner + k) * columns + j]!;
        result[(n * rows + i) * columns + j] = sum;
      }
    }
  }
  return result;
}
