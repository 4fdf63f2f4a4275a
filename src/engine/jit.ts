import type { RunOptions, RunResult } from "../backends/backend.js";
import { bytesPerElement, viewArray } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import { formatShape, sizeOf } from "../base/shape.js";
import { flatten, mapTree, type Tree } from "../base/tree.js";
import { leavesOf } from "../compile/compile.js";
import type { Program } from "../compile/program.js";
import type { TensorType } from "../graph/primitive.js";
import { formatType, isTensor, type Storage, Tensor } from "../graph/tensor.js";
import { dataPrimitive, scalar } from "../ops/leaf.js";
import { allocate, backend } from "./device.js";
import { compileGraph, faultError, LoadedProgram, realizeSync, storageOf } from "./realize.js";
import { atOnce, currentScope, explainTraced, isDifferentiating, record, Trace } from "./trace.js";
import type { Variable } from "./variable.js";

/** What a traced function takes and returns: tensors and numbers, nested in arrays and records. */
export type Value = Tree<Tensor | number>;

export interface JitOptions {
  /**
   * The first axis of all tensor arguments may have any length up to this bound without compiling again: its length
   * becomes a run-time value.
   */
  readonly batchBound?: number;
}

/** A traced and compiled function for one signature of arguments. */
export class CompiledFunction<R> {
  readonly program: Program;
  /** What the function computes, as it was recorded: its results, then the new values of variables. */
  readonly graph: readonly Tensor[];
  private readonly loaded: LoadedProgram;
  private readonly leaves: readonly Tensor[];
  private readonly result: Tree<Tensor>;
  private readonly results: readonly Tensor[];
  private readonly written: ReadonlySet<Variable>;

  /**
   * @param types types of the arguments, in order; null for a number
   * @param batchBound see JitOptions; the last placeholder is then the length of the batch
   */
  constructor(
    fn: (args: readonly Tensor[]) => R,
    types: readonly (TensorType | null)[],
    readonly batchBound?: number,
  ) {
    const trace = new Trace();
    const { args, tensors, updates } = record(trace, () => {
      const length = batchBound === undefined ? undefined : trace.argument({ shape: [], dtype: "int32" });
      const args = types.map((type) => {
        if (!type) return trace.numberArgument();
        return trace.argument(
          length && type.shape.length > 0
            ? {
                ...type,
                shape: [batchBound!, ...type.shape.slice(1)],
                extent: { axis: 0, length, factor: 1 },
              }
            : type,
        );
      });
      const value = atOnce(fn(args));
      // Numbers among the results are results too; anything else stays as it is.
      const tensors = mapTree<unknown, Tensor>(
        value as Tree<unknown>,
        isLeafValue as (v: unknown) => v is unknown,
        (leaf) => (isTensor(leaf) ? leaf : scalar(leaf as number, "float32")),
      );
      return { args: length ? [length, ...args] : args, tensors, updates: trace.updates() };
    });
    this.result = tensors;
    this.results = flatten(tensors, isTensor).leaves;
    const isLeaf = (node: Tensor) => node.storage !== undefined || node.primitive.kind === "leaf";
    const graph = {
      outputs: this.results,
      updates,
      isLeaf: (node: Tensor) => isLeaf(node) && node.payload.scalar === undefined,
    };
    this.graph = [...this.results, ...updates.map(({ value }) => value)];
    this.leaves = leavesOf(graph);
    for (const leaf of this.leaves)
      if (leaf.payload.trace && leaf.payload.trace !== trace) explainTraced(leaf);
    this.program = compileGraph(graph, { foldScalars: true });
    this.loaded = new LoadedProgram(this.program);
    this.written = new Set(updates.map(({ variable }) => variable.payload.variable as Variable));
    this.argumentOf = new Map(args.map((arg, i) => [arg, i]));
    this.positions = args
      .slice(args.length - types.length)
      .flatMap(({ payload }, i) => (payload.number?.isIndex ? [i] : []));
  }
  /** Arguments that are numbers and count as positions. */
  private readonly positions: readonly number[];
  private readonly argumentOf: ReadonlyMap<Tensor, number>;

  /** Where the function returns a record of scalars: their values after a run, by name. */
  scalars(completed: Completed<R>): Record<string, number> {
    const values = completed.firstElements(); // in the order of the sorted names
    const names = Object.keys(this.result);
    const sorted = [...names].sort();
    return Object.fromEntries(names.map((name) => [name, values[sorted.indexOf(name)]!]));
  }

  /** What the leaves of the program are, in the order its bindings count them: `argument 0`, `variable "kernel"`. */
  get leafNames(): string[] {
    return this.leaves.map((leaf) => {
      const variable = leaf.payload.variable as Variable | undefined;
      if (variable) return `variable "${variable.name}"`;
      const argument = this.argumentOf.get(leaf);
      if (argument === undefined) return `captured ${formatType(leaf)}`;
      if (this.batchBound === undefined) return `argument ${argument}`;
      return argument === 0 ? "batch length" : `argument ${argument - 1}`;
    });
  }

  /** Variables the function reads or writes. */
  get variables(): Variable[] {
    return this.leaves.flatMap((leaf) => (leaf.payload.variable ? [leaf.payload.variable as Variable] : []));
  }

  /** @throws {DTypeError} where a number that counts as a position is none */
  checkNumbers(leaves: readonly (Tensor | number)[]): void {
    for (const at of this.positions) {
      const value = leaves[at] as number;
      if (Number.isInteger(value) && Math.abs(value) <= 2 ** 24) continue;
      throw new DTypeError({
        who: "jit",
        expected: `a whole number up to 2²⁴ as argument ${at}, which the function uses as a position`,
        received: String(value),
        fix: 'Round it, or hand over a tensor: tensor(n, { dtype: "int32" }).',
      });
    }
  }

  /** Runs up to `steps` times at once and returns the results of the last. */
  runSync(args: readonly Storage[], steps = 1, batch?: number): Completed<R> {
    const outputs = this.loaded.allocateOutputs();
    const result = this.loaded.executable.runSync(this.bindings(args, outputs), steps);
    return this.complete(result, outputs, batch);
  }

  /** Runs up to `steps` times on the engine's thread. */
  async run(
    args: readonly Storage[],
    steps = 1,
    options: RunOptions = {},
    batch?: number,
  ): Promise<Completed<R>> {
    const outputs = this.loaded.allocateOutputs();
    const result = await this.loaded.executable.run(this.bindings(args, outputs), steps, options);
    return this.complete(result, outputs, batch);
  }

  private complete(result: RunResult, outputs: readonly Storage[], batch: number | undefined): Completed<R> {
    if (result.fault) throw faultError(result.fault);
    return new Completed(result.steps, outputs, this.results, () => this.wrap(outputs, batch));
  }

  private bindings(args: readonly Storage[], outputs: readonly Storage[]): Storage[] {
    return this.loaded.bind(
      (index) => {
        const leaf = this.leaves[index]!;
        const argument = this.argumentOf.get(leaf);
        if (argument !== undefined) return args[argument]!;
        const slot = leaf.payload.variable as Variable | undefined;
        if (slot) return this.written.has(slot) ? slot.storageForWrite() : slot.storageForRead();
        if (leaf.storage === undefined) realizeSync([leaf]);
        return storageOf(leaf);
      },
      (index) => this.leaves[index]!.payload.scalar!,
      outputs,
    );
  }

  private wrap(outputs: readonly Storage[], batch: number | undefined): R {
    let next = 0;
    return mapTree<Tensor, Tensor>(this.result, isTensor, () => {
      const type = this.results[next]!;
      const extent = type.extent;
      const shape =
        extent && batch !== undefined
          ? type.shape.map((n, axis) => (axis === extent.axis ? batch * extent.factor : n))
          : type.shape;
      return dataTensor({ shape, dtype: type.dtype }, outputs[next++]!);
    }) as R;
  }
}

/** A finished run: how far it came and what the last step returned. */
export class Completed<R> {
  private wrapped: { value: R } | undefined;

  constructor(
    /** How often the program ran through. */
    readonly steps: number,
    private readonly outputs: readonly Storage[],
    private readonly types: readonly TensorType[],
    private readonly wrap: () => R,
  ) {}

  /** What the function returned, as tensors. */
  get value(): R {
    this.wrapped ??= { value: this.wrap() };
    return this.wrapped.value;
  }

  /** The first element of each result, in order, read without making tensors. */
  firstElements(): number[] {
    return this.outputs.map((storage, i) => {
      const bytes = backend().read(storage);
      return viewArray(this.types[i]!.dtype, bytes.buffer, bytes.byteOffset, 1)[0]!;
    });
  }
}

/** A realized tensor over memory. */
export function dataTensor(type: TensorType, storage: Storage): Tensor {
  const tensor = new Tensor(dataPrimitive, [], {}, { shape: type.shape, dtype: type.dtype });
  tensor.storage = storage;
  return tensor;
}

function isLeafValue(value: unknown): value is Tensor | number {
  return isTensor(value) || typeof value === "number";
}

/** A function whose calls run as compiled programs. */
export interface Jitted<A extends readonly unknown[], R> {
  (...args: A): R;
  /** The program for these arguments, traced now if need be. */
  compile(...args: A): CompiledFunction<R>;
  /**
   * Runs up to `steps` times on the engine's thread, in one native call; JavaScript stays responsive. The result is
   * that of the last step.
   */
  repeat(steps: number, args: A, options?: RunOptions): Promise<Completed<R>>;
}

const SIGNATURE_BOUND = 64;

/**
 * Compiles a function of tensors: it runs once per signature of its arguments (shapes, dtypes, nesting) to record
 * what it computes; after that each call is one call into the backend.
 *
 * Variables it reads and assigns are found on the way and updated in place. Numbers among the arguments are run-time
 * values: scalar tensors of dtype float32 inside, exact up to 2²⁴, which count as int32 where an operation wants a
 * position (`gather`, `oneHot`). Strings, booleans, functions and objects are static: another one compiles again. Tensors
 * it captures from outside become inputs. Inside another compiled function, a `scan` or a derivative it is recorded there.
 * @throws {TraceError} where the function reads a value while it is traced
 * @throws {ConfigError} for arguments of other kinds: typed arrays, maps, promises
 * @throws {DTypeError} for a number with a fraction that the function uses as a position
 * @example
 * const w = variable(tensor([1, 2]));
 * const step = jit((x, rate) => {
 *   const { value, gradients } = valueAndGrad(() => sum(square(mul(w.value, x))), [w])();
 *   w.assign(sub(w.value, mul(gradients[0], rate)));
 *   return value;
 * });
 * step(tensor([1, 3]), 0.5) // 37
 */
export function jit<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: JitOptions = {},
): Jitted<A, R> {
  const entries = new Map<string, { backend: object; compiled: CompiledFunction<R> }>();
  let warned = false;
  if (typeof fn !== "function") {
    throw new ConfigError({ who: "jit", expected: "a function", received: fn === null ? "null" : typeof fn });
  }
  const { batchBound } = options;
  if (batchBound !== undefined && (!Number.isInteger(batchBound) || batchBound < 1)) {
    throw new ConfigError({
      who: "jit",
      expected: "a positive integer as batchBound",
      received: String(batchBound),
    });
  }

  const lookUp = (args: A) => {
    const { leaves, structure } = flatten<Tensor | number>(args as Tree<Tensor | number>, isArgument);
    const batch = batchBound === undefined ? undefined : batchLength(leaves, batchBound);
    const types = leaves.map((leaf) => argumentType(leaf, batch, batchBound));
    const key = `${structure}|${types.map((t) => (t ? `${t.dtype}[${t.shape}]` : "number")).join(",")}`;
    let entry = entries.get(key);
    if (!entry || entry.backend !== backend()) {
      const compiled = new CompiledFunction<R>(
        (placeholders) => {
          let next = 0;
          const refilled = mapTree<Tensor | number, Tensor>(
            args as Tree<Tensor | number>,
            isLeafValue,
            () => placeholders[next++]!,
          );
          return fn(...(refilled as unknown as A));
        },
        types,
        batchBound,
      );
      entry = { backend: backend(), compiled };
      entries.set(key, entry);
      if (entries.size > SIGNATURE_BOUND) {
        entries.delete(entries.keys().next().value!);
        if (!warned)
          console.warn(
            `[myelin] jit: more than ${SIGNATURE_BOUND} signatures; shapes keep changing. Pad to a few lengths, or use { batchBound }.`,
          );
        warned = true;
      }
    }
    entry.compiled.checkNumbers(leaves);
    const lead = batch === undefined ? [] : [numberStorage(batch, "int32")];
    return { compiled: entry.compiled, storages: [...lead, ...argumentStorages(leaves)], batch };
  };

  const call = (...args: A): R => {
    if (isRecording()) return inline(fn, args);
    const { compiled, storages, batch } = lookUp(args);
    return compiled.runSync(storages, 1, batch).value;
  };
  return Object.assign(call, {
    compile: (...args: A) => lookUp(args).compiled,
    repeat: (steps: number, args: A, runOptions: RunOptions = {}) => {
      const { compiled, storages, batch } = lookUp(args);
      return compiled.run(storages, steps, runOptions, batch);
    },
  });
}

/** A leaf among arguments; what would be taken for a static part by mistake is refused. */
function isArgument(value: unknown): value is Tensor | number {
  if (isLeafValue(value)) return true;
  const fix = whyRefused(value);
  if (fix !== undefined) {
    throw new ConfigError({
      who: "jit",
      expected: "tensors and numbers, nested in arrays and records, and static values as arguments",
      received: typeof value === "symbol" ? "a symbol" : `a ${(value as object).constructor.name}`,
      fix,
    });
  }
  return false;
}

/** How to hand over what holds data, but not as jit takes them; undefined for all that may stay as it is. */
function whyRefused(value: unknown): string | undefined {
  if (ArrayBuffer.isView(value)) return "Wrap it: tensor(array).";
  if (value instanceof ArrayBuffer) return "Wrap it: tensor(new Float32Array(buffer)).";
  if (value instanceof Map) return "Use a plain record: Object.fromEntries(map).";
  if (value instanceof Set) return "Use an array: [...set].";
  if (value instanceof Promise) return "Await it before the call.";
  if (typeof value === "symbol") return "Use a string.";
  return undefined;
}

/** Inside another trace, a body or a derivative the function becomes part of what is recorded there. */
function isRecording(): boolean {
  return currentScope() !== undefined || isDifferentiating();
}

function inline<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A): R {
  const asTensors = (tree: unknown) =>
    mapTree<Tensor | number, Tensor>(tree as Tree<Tensor | number>, isLeafValue, (leaf) =>
      isTensor(leaf) ? leaf : scalar(leaf, "float32"),
    );
  return asTensors(fn(...(asTensors(args) as unknown as A))) as R;
}

function batchLength(leaves: readonly (Tensor | number)[], bound: number): number {
  const lengths = leaves.flatMap((leaf) => (isTensor(leaf) && leaf.rank > 0 ? [leaf.shape[0]!] : []));
  const [first] = lengths;
  if (first === undefined || lengths.some((length) => length !== first) || first > bound) {
    throw new ShapeError({
      who: "jit",
      expected: `tensor arguments that share a first axis of at most ${bound}`,
      received: `lengths ${formatShape(lengths)}`,
      fix: "With batchBound all tensor arguments are batches of one length.",
    });
  }
  return first;
}

function argumentType(
  leaf: Tensor | number,
  batch: number | undefined,
  bound: number | undefined,
): TensorType | null {
  if (!isTensor(leaf)) return null;
  const shape = batch !== undefined && leaf.rank > 0 ? [bound!, ...leaf.shape.slice(1)] : leaf.shape;
  return { shape, dtype: leaf.dtype };
}

function argumentStorages(leaves: readonly (Tensor | number)[]): Storage[] {
  const tensors = leaves.filter(isTensor);
  if (tensors.some((t) => t.storage === undefined)) realizeSync(tensors);
  return leaves.map((leaf) => (isTensor(leaf) ? storageOf(leaf) : numberStorage(leaf, "float32")));
}

function numberStorage(value: number, dtype: "float32" | "int32"): Storage {
  const storage = allocate(sizeOf([]) * bytesPerElement(dtype));
  const array = dtype === "int32" ? Int32Array.of(value) : Float32Array.of(value);
  backend().write(storage, new Uint8Array(array.buffer));
  return storage;
}
