/** An instance of a WASM module with its memory and threads, and the order in which programs run on it. */

import { WasmMemory } from "./wasmMemory.js";
import type { WasmExports } from "./wasmModule.js";
import { DriverRunner, failedRun, type Runner, type Segment, SliceRunner } from "./wasmRunner.js";
import type { WasmVariant } from "./wasmVariant.js";
import { countCores, mayBlock, startWorker, type WorkerTask } from "./wasmWorkers.js";

/** Pages of 64 KiB at the start: room for the stack, the data and a few tensors. Untouched pages cost nothing. */
const INITIAL = 256;
/** Pages asked for at most, the best first: some platforms refuse to reserve four gigabytes. */
const MAXIMA = [65536, 32768, 16384, 8192];

interface Job {
  readonly segment: Segment;
  readonly settle: (error?: Error) => void;
}

export class WasmEngine {
  readonly exports: WasmExports;
  readonly memory: WasmMemory;
  /** Whether this thread may sleep while it waits. */
  readonly mayBlock: boolean;
  readonly isa: string;
  private readonly shared: WebAssembly.Memory;
  private readonly cores = countCores();
  private readonly slices = new SliceRunner(this);
  private driver: DriverRunner | undefined;
  private readonly queue: Job[] = [];
  /** What runs now, and who runs it. */
  private current: Runner | undefined;
  private hasWorkers = false;

  constructor(
    private readonly module: WebAssembly.Module,
    readonly variant: WasmVariant,
    readonly threads: number,
  ) {
    const hasThreads = variant !== "simd";
    this.mayBlock = hasThreads && mayBlock();
    this.shared = hasThreads ? sharedMemory() : new WebAssembly.Memory({ initial: INITIAL });
    const imports = { env: { memory: this.shared, now: () => performance.now() } };
    this.exports = new WebAssembly.Instance(module, imports).exports as unknown as WasmExports;
    this.memory = new WasmMemory(this.exports, this.shared);
    this.isa = this.memory.text(this.exports.isaName());
  }

  /** Starts the workers, once; until they are there, the caller computes alone. */
  startWorkers(): void {
    if (this.hasWorkers || this.variant === "simd") return;
    this.hasWorkers = true;
    if (this.threads > 1) {
      const size = this.exports.startTeam(this.threads, this.cores, this.mayBlock ? 1 : 0);
      for (let member = 1; member < size; member++) {
        let hasJoined = false;
        startWorker(this.task({ member }), ({ ready, failure }) => {
          if (ready) hasJoined = true;
          if (failure !== undefined) hasJoined ? this.lose(failure) : this.miss(failure);
        });
      }
    }
    this.driver = new DriverRunner(this);
  }

  /** Resolves when all threads take part. */
  async ready(): Promise<void> {
    this.startWorkers();
    const limit = performance.now() + 10_000;
    const isComplete = () =>
      this.variant === "simd" || (this.exports.readyThreads() >= this.threads && this.driver?.isReady);
    while (!isComplete() && !this.isShort && this.lost === undefined && performance.now() < limit) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  task(part: Pick<WorkerTask, "member" | "stack" | "control">): WorkerTask {
    const { module, shared: memory, cores } = this;
    return { module, memory, cores, origin: performance.timeOrigin, ...part };
  }

  /** Runs a segment before the call returns. */
  runNow(segment: Segment): void {
    this.settle();
    this.execute(segment, segment.steps, segment.budget, segment.resume);
  }

  /** Runs a segment while JavaScript goes on, after those that came before. */
  run(segment: Segment): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ segment, settle: (error) => (error ? reject(error) : resolve()) });
      if (!this.current) this.startNext();
    });
  }

  /** Waits until nothing is queued or in progress. */
  settle(): void {
    while (this.current) this.current.finish();
  }

  /** On the calling thread. @throws {BackendError} where the run fails or traps */
  execute(segment: Segment, steps: number, budget: number, resume: number): void {
    const { program, bindings, stop, result, profile, profileLength } = segment;
    segment.enter();
    let isDone: number;
    try {
      this.exports.startTeam(1, this.cores, this.mayBlock ? 1 : 0);
      isDone = this.exports.run(
        program,
        bindings,
        steps,
        budget,
        stop,
        resume,
        result,
        profile,
        profileLength,
      );
    } catch (error) {
      this.exports.breakTeam();
      throw failedRun(`a trap in WASM: ${error instanceof Error ? error.message : error}`, error);
    }
    segment.leave();
    if (isDone !== 1) throw this.failed();
  }

  /** The error for a run that the engine refused or that trapped. */
  failed(failure?: string): Error {
    return failedRun(failure ?? this.lost ?? this.memory.text(this.exports.lastMessage()));
  }

  /** A worker is gone: every wait ends, this and later runs fail. */
  lose(failure: string): void {
    this.lost = failure;
    this.exports.breakTeam();
  }
  private lost: string | undefined;

  /** A worker could not start: the others do its work. */
  miss(failure: string): void {
    if (!this.isShort) console.warn(`[myelin] WASM computes without some or all of its threads: ${failure}`);
    this.isShort = true;
  }
  private isShort = false;

  private startNext(): void {
    const job = this.queue.shift();
    this.current = undefined;
    if (!job) return;
    const runner = this.driver?.isReady ? this.driver : this.slices;
    this.current = runner;
    runner.start(job.segment, (error) => {
      this.startNext();
      job.settle(error);
    });
  }
}

function sharedMemory(): WebAssembly.Memory {
  let refusal: unknown;
  for (const maximum of MAXIMA) {
    try {
      return new WebAssembly.Memory({ initial: INITIAL, maximum, shared: true });
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal;
}
