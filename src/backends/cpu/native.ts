/** The native backend: programs run in the addon's thread pool, tensors live in its memory. */

import type { DType } from "../../base/dtype.js";
import type { Program, Step } from "../../compile/program.js";
import type { Storage } from "../../graph/tensor.js";
import type { Backend, Executable, RunOptions, RunResult } from "../backend.js";
import { type Addon, RESULT, RESULT_WORDS } from "./addon.js";
import { encode, type KernelNames } from "./encode.js";
import { EngineMeter, measurementLength, readMeasurement } from "./measurement.js";
import { faultOf, HostCalls, rejectedProgram } from "./runs.js";

export interface NativeStorage extends Storage {
  readonly buffer: ArrayBuffer;
  readonly address: number;
}

/** Below this, memory is JavaScript's own: cheaper to get, and the collector knows its size. */
const SMALL = 4096;

export class NativeBackend implements Backend {
  readonly name = "native";
  readonly dtypes: readonly DType[] = ["bool", "uint8", "int32", "float32"];
  readonly synchronous = true;
  readonly meter: EngineMeter;
  /** Runs that are queued or in progress on the engine's thread. */
  inFlight = 0;
  private readonly names: KernelNames;

  constructor(readonly addon: Addon) {
    this.names = { backend: "native", kernels: addon.kernels(), opcodes: addon.opcodes() };
    this.meter = new EngineMeter(addon, () => addon.info().threads);
  }

  get description(): string {
    const info = this.addon.info();
    return `${info.isa}, ${info.threads} thread${info.threads === 1 ? "" : "s"}`;
  }

  allocate(bytes: number): NativeStorage {
    if (bytes <= SMALL) {
      const buffer = new ArrayBuffer(bytes);
      return { bytes, buffer, address: bytes === 0 ? 0 : this.addon.addressOf(buffer) };
    }
    const { buffer, address } = this.addon.allocate(bytes);
    return { bytes, buffer, address };
  }

  release(storage: Storage): void {
    const { buffer } = storage as NativeStorage;
    this.settle(); // a run in flight may still read it
    if (storage.bytes > SMALL) this.addon.release(buffer);
  }

  write(storage: Storage, bytes: Uint8Array, offset = 0): void {
    this.settle();
    new Uint8Array((storage as NativeStorage).buffer).set(bytes, offset);
  }

  read(storage: Storage): Uint8Array {
    this.settle();
    return new Uint8Array((storage as NativeStorage).buffer);
  }

  copy(from: Storage, to: Storage): void {
    this.write(to, this.read(from));
  }

  load(program: Program): Executable {
    const { words, flat } = encode(program, this.names);
    let handle: number;
    try {
      handle = this.addon.load(words);
    } catch (error) {
      throw rejectedProgram("native", error instanceof Error ? error.message : String(error), error);
    }
    const executable = new NativeExecutable(this, handle, flat, program);
    unloading.register(executable, { addon: this.addon, handle });
    return executable;
  }

  /** Waits until nothing is in flight: an empty run queues behind everything. */
  private settle(): void {
    if (this.inFlight === 0) return;
    this.emptyProgram ??= this.load({
      buffers: [],
      operands: [],
      bindings: [],
      scalars: [],
      steps: [],
      arenaBytes: 0,
      outputs: [],
    });
    this.emptyProgram.runSync([], 1);
  }
  private emptyProgram: Executable | undefined;
}

const unloading = new FinalizationRegistry<{ addon: Addon; handle: number }>(({ addon, handle }) =>
  addon.unload(handle),
);

const neverStops = new Int32Array(1);

class NativeExecutable implements Executable {
  private readonly result = new Int32Array(RESULT_WORDS);
  private readonly addresses: Float64Array;
  private readonly hostCalls: HostCalls;

  constructor(
    private readonly backend: NativeBackend,
    private readonly handle: number,
    private readonly flat: readonly Step[],
    private readonly program: Program,
  ) {
    this.addresses = new Float64Array(program.bindings.length);
    this.hostCalls = new HostCalls(
      program,
      flat,
      (storage) => new Uint8Array((storage as NativeStorage).buffer),
    );
  }

  runSync(bindings: readonly Storage[], steps: number): RunResult {
    const { addresses, result } = this;
    for (let i = 0; i < bindings.length; i++) addresses[i] = (bindings[i] as NativeStorage).address;
    const { addon } = this.backend;
    const measured = this.measure(steps);
    let done = 0;
    let resume = 0;
    for (;;) {
      if (measured) addon.runSync(this.handle, addresses, steps - done, resume, result, measured.words);
      else addon.runSync(this.handle, addresses, steps - done, resume, result);
      done += result[RESULT.iterations]!;
      if (!this.hostCalls.isAsked(result)) break;
      this.hostCalls.callSync(result, bindings, measured?.hostTimes);
      resume = result[RESULT.resume]!;
    }
    measured?.report(done);
    return { steps: done, fault: faultOf(result, this.flat) };
  }

  async run(bindings: readonly Storage[], steps: number, options: RunOptions = {}): Promise<RunResult> {
    const addresses = Float64Array.from(bindings, (storage) => (storage as NativeStorage).address);
    const result = new Int32Array(RESULT_WORDS);
    const measured = this.measure(steps);
    const { budget = 0, stop = neverStops } = options;
    const { handle, backend } = this;
    let done = 0;
    let resume = 0;
    for (;;) {
      const rest = steps - done;
      backend.inFlight++;
      try {
        await (measured
          ? backend.addon.run(handle, addresses, rest, budget, stop, resume, result, measured.words)
          : backend.addon.run(handle, addresses, rest, budget, stop, resume, result));
      } finally {
        backend.inFlight--;
      }
      keepAlive(bindings);
      done += result[RESULT.iterations]!;
      if (!this.hostCalls.isAsked(result)) break;
      await this.hostCalls.call(result, bindings, measured?.hostTimes);
      resume = result[RESULT.resume]!;
    }
    measured?.report(done);
    return { steps: done, fault: faultOf(result, this.flat) };
  }

  /** Where somebody wants to know what a run takes: what the engine and host calls write, and how it is told. */
  private measure(steps: number) {
    const { recorder } = this.backend.meter;
    if (!recorder) return undefined;
    const threads = this.backend.addon.info().threads;
    const words = new Float64Array(measurementLength(this.program, steps, threads));
    const hostTimes = new Map<number, number>();
    return {
      words,
      hostTimes,
      report: (done: number) => recorder(readMeasurement(this.program, words, done, hostTimes, clockShift())),
    };
  }
}

/** The engine counts from the start of the machine, `performance.now()` from that of the process. */
function clockShift(): number {
  return performance.now() - Number(process.hrtime.bigint()) / 1e6;
}

/** Storages must outlive the run that holds their addresses; a use after the await says so to the collector. */
function keepAlive(_bindings: readonly Storage[]): void {}
