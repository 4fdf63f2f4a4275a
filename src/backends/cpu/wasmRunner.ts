/** Who runs a program while JavaScript goes on: the calling thread, in short slices, or a worker. */

import { BackendError } from "../../base/errors.js";
import { RESULT } from "./addon.js";
import type { WasmEngine } from "./wasmEngine.js";
import { nextTask, startWorker, type WorkerHandle, type WorkerMessage } from "./wasmWorkers.js";

/** One call into the engine: up to `steps` iterations, or up to a host call. */
export interface Segment {
  readonly program: number;
  /** Address of the bindings' addresses, of the stop word and of the result words. */
  readonly bindings: number;
  readonly stop: number;
  readonly result: number;
  readonly steps: number;
  /** Milliseconds, 0: no bound. */
  readonly budget: number;
  readonly resume: number;
  /** Address and number of the doubles that take what the run measures, 0: it measures nothing. */
  readonly profile: number;
  readonly profileLength: number;
  readonly flag: Int32Array | undefined;
  /** Puts small tensors and addresses in place. */
  enter(): void;
  /** Takes small tensors and the result out. */
  leave(): void;
  /** The result words, once it has left. */
  readonly words: Int32Array;
}

/** Runs one segment at a time. */
export interface Runner {
  /** Begins; `settle` is called once, when it is over. */
  start(segment: Segment, settle: (error?: Error) => void): void;
  /** Ends what has begun, before the call returns. */
  finish(): void;
}

/** Longest stay on the calling thread, in milliseconds. */
const SLICE = 10;

/** On the calling thread, with a task of its own for everything else between slices. */
export class SliceRunner implements Runner {
  private segment: Segment | undefined;
  private settle: (error?: Error) => void = () => {};
  private iterations = 0;
  private spent = 0;
  /** When the event loop last had its turn. */
  private turn = 0;

  constructor(private readonly engine: WasmEngine) {}

  start(segment: Segment, settle: (error?: Error) => void): void {
    this.segment = segment;
    this.settle = settle;
    this.iterations = 0;
    this.spent = 0;
    void this.proceed(segment);
  }

  finish(): void {
    while (this.segment) this.slice(this.segment, 0);
  }

  private async proceed(segment: Segment): Promise<void> {
    while (this.segment === segment) {
      if (performance.now() - this.turn >= SLICE) {
        await nextTask();
        this.turn = performance.now();
        if (this.segment !== segment) return;
      }
      this.slice(segment, SLICE);
    }
  }

  /** @param limit milliseconds, 0: none but the segment's budget */
  private slice(segment: Segment, limit: number): void {
    const { budget, words } = segment;
    const rest = budget > 0 ? Math.max(budget - this.spent, 0.001) : 0;
    const allowed = limit > 0 && rest > 0 ? Math.min(limit, rest) : limit || rest;
    const began = performance.now();
    let error: Error | undefined;
    try {
      const resume = this.iterations === 0 && this.spent === 0 ? segment.resume : 0;
      this.engine.execute(segment, segment.steps - this.iterations, allowed, resume);
    } catch (thrown) {
      error = thrown as Error;
    }
    this.spent += performance.now() - began;
    this.iterations += words[RESULT.iterations]!;
    const isOver =
      error !== undefined ||
      this.iterations >= segment.steps ||
      words[RESULT.fault] !== 0 ||
      words[RESULT.yield]! >= 0 ||
      words[RESULT.stopped] !== 0 ||
      (budget > 0 && this.spent >= budget);
    if (!isOver) return;
    words[RESULT.iterations] = this.iterations;
    this.segment = undefined;
    this.settle(error);
  }
}

/** Words of the control block; worker.js has the same list. */
const CONTROL = {
  command: 0,
  done: 1,
  ok: 2,
  program: 3,
  bindings: 4,
  stop: 5,
  resume: 6,
  result: 7,
  profile: 12, // 8 to 11 are two doubles: steps and budget
  profileLength: 13,
} as const;
const CONTROL_BYTES = 64;
const DRIVER_STACK = 256 * 1024;
/** Milliseconds between two looks at the caller's stop flag. */
const POLL = 2;

/** On a worker, which is member 0 of the team while it runs. */
export class DriverRunner implements Runner {
  /** Whether the worker is there and works; else runs take place on the calling thread. */
  isReady = false;
  private readonly words: Int32Array;
  private readonly numbers: Float64Array;
  private readonly worker: WorkerHandle;
  private segment: Segment | undefined;
  private settle: (error?: Error) => void = () => {};
  private command = 0;
  private polling: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly engine: WasmEngine) {
    const { memory } = engine;
    const control = memory.take(CONTROL_BYTES);
    const stack = memory.take(DRIVER_STACK) + DRIVER_STACK;
    // A shared buffer stays what it is when the memory grows.
    const buffer = memory.heap(stack).buffer;
    this.words = new Int32Array(buffer, control, CONTROL_BYTES / 4);
    this.numbers = new Float64Array(buffer, control + 32, 2);
    this.words.fill(0);
    this.worker = startWorker(engine.task({ member: 0, stack, control }), (message) => this.receive(message));
  }

  start(segment: Segment, settle: (error?: Error) => void): void {
    this.segment = segment;
    this.settle = settle;
    segment.enter();
    const { words, numbers } = this;
    words[CONTROL.program] = segment.program;
    words[CONTROL.bindings] = segment.bindings;
    words[CONTROL.stop] = segment.stop;
    words[CONTROL.resume] = segment.resume;
    words[CONTROL.result] = segment.result;
    words[CONTROL.profile] = segment.profile;
    words[CONTROL.profileLength] = segment.profileLength;
    numbers[0] = segment.steps;
    numbers[1] = segment.budget;
    this.worker.keepAlive(true);
    this.poll(segment);
    Atomics.store(words, CONTROL.command, ++this.command);
    Atomics.notify(words, CONTROL.command);
  }

  finish(): void {
    if (!this.segment) return;
    const { words, command } = this;
    for (;;) {
      const done = Atomics.load(words, CONTROL.done);
      if (done === command) break;
      if (this.engine.mayBlock) Atomics.wait(words, CONTROL.done, done);
    }
    this.complete();
  }

  private receive({ ready, done, failure }: WorkerMessage): void {
    if (ready) this.isReady = true;
    if (done !== undefined && done === this.command) this.complete(failure);
    else if (failure !== undefined) {
      if (!this.isReady) return this.engine.miss(failure);
      this.isReady = false;
      this.engine.lose(failure);
      this.complete(failure);
    }
  }

  private complete(failure?: string): void {
    const { segment } = this;
    if (!segment) return; // Another call has waited for it.
    this.segment = undefined;
    clearInterval(this.polling);
    this.worker.keepAlive(false);
    segment.leave();
    if (this.words[CONTROL.ok] === 1 && failure === undefined) this.settle();
    else this.settle(this.engine.failed(failure));
  }

  /** The engine polls a word of linear memory, the caller's flag lies elsewhere. */
  private poll({ flag, stop }: Segment): void {
    if (!flag) return;
    const word = new Int32Array(this.words.buffer as SharedArrayBuffer, stop, 1);
    this.polling = setInterval(() => Atomics.store(word, 0, Atomics.load(flag, 0)), POLL);
  }
}

/** A run that could not take place. */
export function failedRun(why: string, cause?: unknown): BackendError {
  return new BackendError(
    {
      who: "wasm",
      expected: "a run to end",
      received: why,
      fix: 'Take another backend: await setBackend("native") or setBackend("reference").',
    },
    cause === undefined ? {} : { cause },
  );
}
