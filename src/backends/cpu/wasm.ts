/**
 * The WASM backend: the native kernels compiled for browsers and for machines without a native addon.
 *
 * One engine per backend: a module, its linear memory, its workers. `runSync` computes on the calling thread, together
 * with the workers; `run` on a worker of its own where memory can be shared, else on the calling thread in slices of
 * ten milliseconds.
 */

import type { DType } from "../../base/dtype.js";
import { ConfigError, unknownName } from "../../base/errors.js";
import type { Program, Step } from "../../compile/program.js";
import type { Storage } from "../../graph/tensor.js";
import type { Backend, Executable, RunOptions, RunResult } from "../backend.js";
import { RESULT, RESULT_WORDS } from "./addon.js";
import { encode, type KernelNames } from "./encode.js";
import { EngineMeter, measurementLength, readMeasurement } from "./measurement.js";
import { faultOf, HostCalls, rejectedProgram } from "./runs.js";
import { WasmEngine } from "./wasmEngine.js";
import { SMALL, type WasmMemory, type WasmStorage } from "./wasmMemory.js";
import { fetchModule, moduleOf, whyNot } from "./wasmModule.js";
import type { Segment } from "./wasmRunner.js";
import { fasterOf } from "./wasmTiming.js";
import { type WasmVariant, wasmVariants } from "./wasmVariant.js";
import { countCores, isPage } from "./wasmWorkers.js";

export interface WasmOptions {
  /** Threads that compute, the caller's included. Default: the cores; always 1 for the variant `simd`. */
  readonly threads?: number | undefined;
  /** Default: the fastest this platform can run. */
  readonly variant?: WasmVariant | undefined;
}

export class WasmBackend implements Backend {
  readonly name = "wasm";
  readonly dtypes: readonly DType[] = ["bool", "uint8", "int32", "float32"];
  readonly synchronous = true;
  readonly prefersRun = isPage();
  readonly meter: EngineMeter;
  private readonly names: KernelNames;

  constructor(readonly engine: WasmEngine) {
    const { exports, memory } = engine;
    this.meter = new EngineMeter(exports, () => engine.threads);
    const list = (count: number, name: (i: number) => number) =>
      Array.from({ length: count }, (_, i) => memory.text(name(i)));
    this.names = {
      backend: "wasm",
      kernels: list(exports.kernelCount(), exports.kernelName),
      opcodes: list(exports.opcodeCount(), exports.opcodeName),
    };
  }

  get description(): string {
    const { variant, threads } = this.engine;
    const isa = variant === "relaxed" ? "relaxed SIMD" : "SIMD";
    return `${isa}, ${threads} thread${threads === 1 ? "" : "s"}`;
  }

  /** Resolves when all threads take part; before, programs run too, on fewer. */
  ready(): Promise<void> {
    return this.engine.ready();
  }

  allocate(bytes: number): WasmStorage {
    return this.engine.memory.allocate(bytes);
  }

  release(storage: Storage): void {
    this.engine.memory.release(storage as WasmStorage);
  }

  write(storage: Storage, bytes: Uint8Array, offset = 0): void {
    this.engine.settle();
    this.engine.memory.read(storage as WasmStorage).set(bytes, offset);
  }

  read(storage: Storage): Uint8Array {
    this.engine.settle();
    return this.engine.memory.read(storage as WasmStorage);
  }

  copy(from: Storage, to: Storage): void {
    this.write(to, this.read(from));
  }

  load(program: Program): Executable {
    this.engine.startWorkers();
    return this.loadAlone(program);
  }

  /** The same without starting the workers. */
  loadAlone(program: Program): Executable {
    const { engine } = this;
    const { words, flat } = encode(program, this.names);
    engine.settle();
    const address = engine.memory.take(words.byteLength);
    engine.memory.bytes(address, words.byteLength).set(new Uint8Array(words.buffer));
    const handle = engine.exports.load(address, words.length) >>> 0;
    engine.memory.free(address, words.byteLength);
    if (handle === 0) throw rejectedProgram("wasm", engine.memory.text(engine.exports.lastMessage()));
    return new WasmExecutable(engine, this.meter, handle, program, flat);
  }
}

const unloading = new FinalizationRegistry<() => void>((unload) => unload());

/** Where a binding finds room for a small tensor, and whether the program writes it. */
interface Slot {
  readonly address: number;
  readonly isWritten: boolean;
  readonly isConstant: boolean;
}

const STOP_OFFSET = 4 * RESULT_WORDS;
const BINDINGS_OFFSET = 128;
const STOP_WORD = STOP_OFFSET / 4;
const BINDINGS_WORD = BINDINGS_OFFSET / 4;
/** Up to so many bytes a loop copies faster than a call of `set`. */
const TINY = 32;

/** A program's own place in linear memory: result, stop word, addresses of the bindings, room for small tensors. */
class Frame {
  readonly address: number;
  private readonly end: number;
  private readonly slots: readonly Slot[];
  /** Constants that are in their slots already. */
  private readonly placed: (Storage | undefined)[];
  /** Linear memory from `address` on; replaced where the memory has grown. */
  private words: Int32Array = new Int32Array(0);

  constructor(
    private readonly memory: WasmMemory,
    program: Program,
  ) {
    const sizes = program.bindings.map(() => 0);
    for (const buffer of program.buffers) {
      if (buffer.kind === "bound") sizes[buffer.binding] = Math.max(sizes[buffer.binding]!, buffer.bytes);
    }
    let bytes = BINDINGS_OFFSET + 4 * sizes.length;
    const places = sizes.map((size) => {
      const place = roundUp(bytes);
      bytes = place + Math.min(size, SMALL);
      return place;
    });
    const address = memory.take(bytes);
    this.address = address;
    this.end = address + bytes;
    this.slots = program.bindings.map((binding, i) => ({
      address: address + places[i]!,
      isConstant: binding.kind === "constant",
      isWritten:
        binding.kind === "output" || binding.kind === "host" || (binding.kind === "leaf" && binding.written),
    }));
    this.placed = sizes.map(() => undefined);
  }

  free(): void {
    this.memory.free(this.address, this.end - this.address);
  }

  /** Small tensors into their slots, addresses into the list of bindings. */
  enter(storages: readonly WasmStorage[], flag: Int32Array | undefined): void {
    const { slots, placed } = this;
    const heap = this.memory.heap(this.end);
    if (this.words.buffer !== heap.buffer) this.words = new Int32Array(heap.buffer, this.address);
    const { words } = this;
    words[STOP_WORD] = flag ? Atomics.load(flag, 0) : 0;
    for (let i = 0; i < storages.length; i++) {
      const { address, host } = storages[i]!.block;
      const slot = slots[i]!;
      words[BINDINGS_WORD + i] = host ? slot.address : address;
      if (!host || placed[i] === storages[i]) continue;
      if (host.length > TINY) heap.set(host, slot.address);
      else for (let k = 0; k < host.length; k++) heap[slot.address + k] = host[k]!;
      if (slot.isConstant) placed[i] = storages[i];
    }
  }

  /** The result, and what small tensors have become. */
  leave(storages: readonly WasmStorage[], result: Int32Array): void {
    const heap = this.memory.heap(this.end);
    if (this.words.buffer !== heap.buffer) this.words = new Int32Array(heap.buffer, this.address);
    for (let k = 0; k < RESULT_WORDS; k++) result[k] = this.words[k]!;
    for (let i = 0; i < storages.length; i++) {
      const { host } = storages[i]!.block;
      const slot = this.slots[i]!;
      if (!host || !slot.isWritten) continue;
      if (host.length > TINY) host.set(heap.subarray(slot.address, slot.address + host.length));
      else for (let k = 0; k < host.length; k++) host[k] = heap[slot.address + k]!;
    }
  }
}

/** One run, call by call into the engine. */
class Call implements Segment {
  readonly bindings: number;
  readonly stop: number;
  readonly result: number;
  readonly words = new Int32Array(RESULT_WORDS);
  storages: readonly WasmStorage[] = nothing;
  steps = 0;
  resume = 0;
  budget = 0;
  profile = 0;
  profileLength = 0;
  flag: Int32Array | undefined;

  constructor(
    readonly program: number,
    private readonly frame: Frame,
  ) {
    this.bindings = frame.address + BINDINGS_OFFSET;
    this.stop = frame.address + STOP_OFFSET;
    this.result = frame.address;
  }

  enter(): void {
    this.frame.enter(this.storages, this.flag);
  }

  leave(): void {
    this.frame.leave(this.storages, this.words);
  }
}

const nothing: readonly WasmStorage[] = [];

class WasmExecutable implements Executable {
  private readonly frame: Frame;
  private readonly hostCalls: HostCalls;
  /** Of all runs that end before the call returns. */
  private readonly call: Call;

  constructor(
    private readonly engine: WasmEngine,
    private readonly meter: EngineMeter,
    private readonly handle: number,
    private readonly program: Program,
    private readonly flat: readonly Step[],
  ) {
    const { memory, exports } = engine;
    const frame = new Frame(memory, program);
    this.frame = frame;
    this.call = new Call(handle, frame);
    this.hostCalls = new HostCalls(program, flat, (storage) => memory.read(storage as WasmStorage));
    unloading.register(this, () => {
      exports.unload(handle);
      frame.free();
    });
  }

  runSync(bindings: readonly Storage[], steps: number): RunResult {
    const { call, hostCalls, flat } = this;
    const { words } = call;
    const storages = bindings as readonly WasmStorage[];
    const measured = this.measure(steps);
    let done = 0;
    let resume = 0;
    this.engine.memory.pin(storages);
    try {
      for (;;) {
        call.storages = storages;
        call.steps = steps - done;
        call.resume = resume;
        call.profile = measured?.address ?? 0;
        call.profileLength = measured?.length ?? 0;
        this.engine.runNow(call);
        done += words[RESULT.iterations]!;
        if (!hostCalls.isAsked(words)) break;
        resume = words[RESULT.resume]!; // Before the host call, which may run this very program.
        hostCalls.callSync(words, bindings, measured?.hostTimes);
      }
      measured?.report(done);
      return { steps: done, fault: faultOf(words, flat) };
    } finally {
      measured?.release();
      call.storages = nothing;
      this.engine.memory.unpin(storages);
    }
  }

  async run(bindings: readonly Storage[], steps: number, options: RunOptions = {}): Promise<RunResult> {
    const storages = bindings as readonly WasmStorage[];
    const call = new Call(this.handle, this.frame);
    const { words } = call;
    call.storages = storages;
    call.budget = options.budget ?? 0;
    call.flag = options.stop;
    const measured = this.measure(steps);
    call.profile = measured?.address ?? 0;
    call.profileLength = measured?.length ?? 0;
    let done = 0;
    this.engine.memory.pin(storages);
    try {
      for (;;) {
        call.steps = steps - done;
        await this.engine.run(call);
        done += words[RESULT.iterations]!;
        if (!this.hostCalls.isAsked(words)) break;
        await this.hostCalls.call(words, bindings, measured?.hostTimes);
        call.resume = words[RESULT.resume]!;
      }
      measured?.report(done);
      return { steps: done, fault: faultOf(words, this.flat) };
    } finally {
      measured?.release();
      this.engine.memory.unpin(storages);
    }
  }

  /** Where somebody wants to know what a run takes: memory for it, and how it is told. */
  private measure(steps: number) {
    const { recorder } = this.meter;
    if (!recorder) return undefined;
    const { memory, threads } = this.engine;
    const length = measurementLength(this.program, steps, threads);
    const address = memory.take(8 * length);
    const bytes = () => memory.bytes(address, 8 * length);
    bytes().fill(0);
    const hostTimes = new Map<number, number>();
    return {
      address,
      length,
      hostTimes,
      report: (done: number) => {
        const words = new Float64Array(bytes().slice().buffer);
        recorder(readMeasurement(this.program, words, done, hostTimes, 0));
      },
      release: () => memory.free(address, 8 * length),
    };
  }
}

/** Blocks of linear memory are aligned so, and kernels expect it of tensors. */
function roundUp(address: number): number {
  return Math.ceil(address / 256) * 256;
}

// ---- Making one ------------------------------------------------------------------------------------------------

/**
 * A WASM backend, or why it can't be had here.
 *
 * In Node the module is read and compiled at once. In a browser it must have been fetched: `await prepareWasm()`.
 * Where the platform can run relaxed SIMD and plain SIMD, a short timing decides: browsers differ.
 */
export function createWasm(options: WasmOptions = {}): WasmBackend | { readonly reason: string } {
  const candidates = candidatesFor(options);
  if (!Array.isArray(candidates)) return candidates;
  const problems: string[] = [];
  const made: WasmBackend[] = [];
  for (const variant of fastest && options.variant === undefined ? [fastest] : candidates) {
    if (variant === "simd" && made.length > 0) break;
    try {
      const engine = new WasmEngine(moduleOf(variant), variant, threadsFor(variant, options));
      made.push(new WasmBackend(engine));
    } catch (error) {
      problems.push(`${variant}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const [first, second] = made;
  if (!first) return { reason: problems.join("; ") };
  const chosen = second ? fasterOf(first, second) : first;
  if (options.variant === undefined) fastest = chosen.engine.variant;
  return chosen;
}

/** What the timing said. */
let fastest: WasmVariant | undefined;

/** Fetches and compiles what `createWasm` will need. Where that fails, `createWasm` says why. */
export async function prepareWasm(options: WasmOptions = {}): Promise<void> {
  const candidates = candidatesFor(options);
  if (!Array.isArray(candidates)) return;
  const fetched = async (variants: readonly WasmVariant[]) =>
    (await Promise.all(variants.map(fetchModule))).some((module) => module !== undefined);
  const shared = candidates.filter((variant) => variant !== "simd");
  if (!(await fetched(shared))) await fetched(candidates.filter((variant) => variant === "simd"));
}

function candidatesFor({ variant, threads }: WasmOptions): WasmVariant[] | { readonly reason: string } {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
    throw new ConfigError({
      who: "setBackend",
      expected: "a number of threads from 1 to 64",
      received: String(threads),
    });
  }
  if (variant !== undefined && !wasmVariants.includes(variant))
    throw unknownName("setBackend", "a WASM variant", variant, wasmVariants);
  const asked = variant === undefined ? wasmVariants : [variant];
  const able = asked.filter((one) => whyNot(one) === undefined);
  return able.length > 0 ? able : { reason: whyNot(asked.at(-1)!)! };
}

function threadsFor(variant: WasmVariant, { threads }: WasmOptions): number {
  return variant === "simd" ? 1 : (threads ?? Math.min(countCores(), 64));
}
