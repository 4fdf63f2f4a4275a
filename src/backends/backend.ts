import type { DType } from "../base/dtype.js";
import type { Program } from "../compile/program.js";
import type { Storage } from "../graph/tensor.js";

/** A place that holds programs and tensors and runs the ones on the others. */
export interface Backend {
  /** `native`, `wasm`, `reference`, `null`. */
  readonly name: string;
  /** What it is in words, for `doctor`: instruction set, threads. */
  readonly description: string;
  /** Dtypes it computes on. */
  readonly dtypes: readonly DType[];
  /** Whether a run and a read can finish before the call returns. */
  readonly synchronous: boolean;
  /** Awaited work goes through `run` though it could be done at once: this thread must not be held up. */
  readonly prefersRun?: boolean;
  /** Resolves when it works at full strength, where it does not from the start. */
  ready?(): Promise<void>;
  /** Memory for `bytes` bytes; contents undefined. */
  allocate(bytes: number): Storage;
  /** Gives the memory back at once; the collector does it otherwise. */
  release(storage: Storage): void;
  /** Copies bytes in. */
  write(storage: Storage, bytes: Uint8Array, offset?: number): void;
  /** The bytes, as a view that is valid until the next run. */
  read(storage: Storage): Uint8Array;
  /** Copies between two of its places. */
  copy(from: Storage, to: Storage): void;
  /**
   * Prepares a program.
   * @throws {BackendError} that names the operation the backend lacks
   */
  load(program: Program): Executable;
}

export interface Executable {
  /**
   * Runs the program `steps` times and returns when done.
   * @param bindings one storage per `program.bindings`
   */
  runSync(bindings: readonly Storage[], steps: number): RunResult;
  /** Runs the program up to `steps` times on the engine's thread. */
  run(bindings: readonly Storage[], steps: number, options?: RunOptions): Promise<RunResult>;
}

export interface RunOptions {
  /** Return between two steps once so many milliseconds have passed. Default: no bound. */
  readonly budget?: number;
  /** Polled between two steps: the run ends where element 0 is not 0. */
  readonly stop?: Int32Array;
}

export interface RunResult {
  /** How often the program ran through. */
  readonly steps: number;
  /** The first fault in the data; nothing donated was written in that iteration. */
  readonly fault: FaultReport | null;
}

export interface FaultReport {
  readonly kind: "indexRange" | "notFinite";
  /** What the faulty step computes. */
  readonly label: string;
  /** Row or element that is at fault. */
  readonly index: number;
  /** The offending value. */
  readonly value: number;
}
