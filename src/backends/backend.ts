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
  /** Measures runs; absent where the backend can't. */
  readonly meter?: Meter;
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

/** Measures the runs of a backend. What is not measured costs nothing more. */
export interface Meter {
  /** Is told what each run took, while it is set. Runs that began before are not measured. */
  recorder: ((run: MeasuredRun) => void) | undefined;
  /** What the machine can do at most, measured at the first call; undefined where that says nothing. */
  limits(): MachineLimits | undefined;
}

/** All threads together. */
export interface MachineLimits {
  /** Floating-point operations per second, of fused multiply-adds. */
  readonly flops: number;
  /** Bytes per second to and from memory beyond the caches. */
  readonly memoryBandwidth: number;
  /** Bytes per second to and from the cache of each core. */
  readonly cacheBandwidth: number;
  /** Bytes that these caches hold for certain. */
  readonly cacheBytes: number;
}

/** Where the time of a run went. Times are milliseconds, points in time those of `performance.now()`. */
export interface MeasuredRun {
  readonly program: Program;
  /** How often the program ran through. */
  readonly iterations: number;
  readonly threads: number;
  readonly began: number;
  readonly ended: number;
  /** How often each step ran, and how long in all, its slowest thread counted; steps in the order of `allSteps`. */
  readonly calls: Float64Array;
  readonly milliseconds: Float64Array;
  /** When each thread was at work on which step. */
  readonly events: readonly StepEvent[];
  /** Events beyond those kept. */
  readonly droppedEvents: number;
}

export interface StepEvent {
  /** Place in the order of `allSteps`. */
  readonly step: number;
  readonly thread: number;
  readonly began: number;
  readonly ended: number;
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
  /** An index or label outside of its range; a matrix that the operation does not take. */
  readonly kind: "indexRange" | "matrix";
  /** What the faulty step computes. */
  readonly label: string;
  /** Row, or number of the matrix in its batch, that is at fault. */
  readonly index: number;
  /** The offending value. */
  readonly value: number;
}
