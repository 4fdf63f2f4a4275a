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
import { faultOf, HostCalls, rejectedProgram } from "./runs.js";
import { WasmEngine } from "./wasmEngine.js";
import { SMALL, type WasmStorage } from "./wasmMemory.js";
import {
  fetchModule,
  moduleOf,
  supportedVariants,
  type WasmVariant,
  wasmVariants,
  whyNot,
} from "./wasmModule.js";
import type { Segment } from "./wasmRunner.js";
import { fasterOf } from "./wasmTiming.js";
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
  private readonly names: KernelNames;

  constructor(readonly engine: WasmEngine) {
    const { exports, memory } = engine;
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
    return new WasmExecutable(engine, handle, program, flat);
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

class WasmExecutable implements Executable {
  /** The program's own place in linear memory: result, stop word, addresses of the bindings, room for small tensors. */
  private readonly frame: number;
  private readonly frameEnd: number;
  private readonly slots: readonly Slot[];
  /** Constants that are in their slots already. */
  private readonly placed: (Storage | undefined)[];
  private readonly hostCalls: HostCalls;

  constructor(
    private readonly engine: WasmEngine,
    private readonly handle: number,
    program: Program,
    private readonly flat: readonly Step[],
  ) {
    const { memory, exports } = engine;
    const sizes = program.bindings.map(() => 0);
    for (const buffer of program.buffers) {
      if (buffer.kind === "bound") sizes[buffer.binding] = Math.max(sizes[buffer.binding]!, buffer.bytes);
    }
    let end = BINDINGS_OFFSET + 4 * sizes.length;
    const places = sizes.map((bytes) => {
      const place = roundUp(end);
      end = place + Math.min(bytes, SMALL);
      return place;
    });
    const frame = memory.take(end);
    this.frame = frame;
    this.frameEnd = frame + end;
    this.slots = program.bindings.map((binding, i) => ({
      address: frame + places[i]!,
      isConstant: binding.kind === "constant",
      isWritten:
        binding.kind === "output" || binding.kind === "host" || (binding.kind === "leaf" && binding.written),
    }));
    this.placed = sizes.map(() => undefined);
    this.hostCalls = new HostCalls(program, flat, (storage) => memory.read(storage as WasmStorage));
    unloading.register(this, () => {
      exports.unload(handle);
      memory.free(frame, end);
    });
  }

  runSync(bindings: readonly Storage[], steps: number): RunResult {
    const storages = bindings as readonly WasmStorage[];
    const words = new Int32Array(RESULT_WORDS);
    let done = 0;
    let resume = 0;
    this.pin(storages);
    try {
      for (;;) {
        this.engine.runNow(
          this.segment(storages, words, { steps: steps - done, resume, budget: 0, flag: undefined }),
        );
        done += words[RESULT.iterations]!;
        if (!this.hostCalls.isAsked(words)) return { steps: done, fault: faultOf(words, this.flat) };
        this.hostCalls.callSync(words, bindings);
        resume = words[RESULT.resume]!;
      }
    } finally {
      this.unpin(storages);
    }
  }

  async run(bindings: readonly Storage[], steps: number, options: RunOptions = {}): Promise<RunResult> {
    const storages = bindings as readonly WasmStorage[];
    const words = new Int32Array(RESULT_WORDS);
    const { budget = 0, stop: flag } = options;
    let done = 0;
    let resume = 0;
    this.pin(storages);
    try {
      for (;;) {
        await this.engine.run(this.segment(storages, words, { steps: steps - done, resume, budget, flag }));
        done += words[RESULT.iterations]!;
        if (!this.hostCalls.isAsked(words)) return { steps: done, fault: faultOf(words, this.flat) };
        await this.hostCalls.call(words, bindings);
        resume = words[RESULT.resume]!;
      }
    } finally {
      this.unpin(storages);
    }
  }

  private segment(
    storages: readonly WasmStorage[],
    words: Int32Array,
    call: Pick<Segment, "steps" | "budget" | "resume" | "flag">,
  ): Segment {
    return {
      ...call,
      words,
      program: this.handle,
      bindings: this.frame + BINDINGS_OFFSET,
      stop: this.frame + STOP_OFFSET,
      result: this.frame,
      enter: () => this.enter(storages, call.flag),
      leave: () => this.leave(storages, words),
    };
  }

  /** Small tensors into their slots, addresses into the list of bindings. */
  private enter(storages: readonly WasmStorage[], flag: Int32Array | undefined): void {
    const { frame, slots, placed } = this;
    const heap = this.engine.memory.heap(this.frameEnd);
    const words = new Int32Array(heap.buffer, frame, BINDINGS_OFFSET / 4 + storages.length);
    words[STOP_OFFSET / 4] = flag ? Atomics.load(flag, 0) : 0;
    for (let i = 0; i < storages.length; i++) {
      const { address, host } = storages[i]!.block;
      const slot = slots[i]!;
      words[BINDINGS_OFFSET / 4 + i] = host ? slot.address : address;
      if (!host || placed[i] === storages[i]) continue;
      heap.set(host, slot.address);
      if (slot.isConstant) placed[i] = storages[i];
    }
  }

  private leave(storages: readonly WasmStorage[], result: Int32Array): void {
    const { frame, slots } = this;
    const heap = this.engine.memory.heap(this.frameEnd);
    result.set(new Int32Array(heap.buffer, frame, RESULT_WORDS));
    for (let i = 0; i < storages.length; i++) {
      const { host, bytes } = storages[i]!.block;
      const slot = slots[i]!;
      if (host && slot.isWritten) host.set(heap.subarray(slot.address, slot.address + bytes));
    }
  }

  private pin(storages: readonly WasmStorage[]): void {
    const { memory } = this.engine;
    let bytes = 0;
    memory.beginRun();
    for (const storage of storages) {
      if (storage.bytes <= SMALL) continue;
      memory.pin(storage);
      bytes += storage.bytes;
    }
    memory.allowFor(bytes);
  }

  private unpin(storages: readonly WasmStorage[]): void {
    for (const storage of storages) if (storage.bytes > SMALL) this.engine.memory.unpin(storage);
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
  if (variant === undefined) return supportedVariants();
  if (!wasmVariants.includes(variant))
    throw unknownName("setBackend", "a WASM variant", variant, wasmVariants);
  const reason = whyNot(variant);
  return reason === undefined ? [variant] : { reason };
}

function threadsFor(variant: WasmVariant, { threads }: WasmOptions): number {
  return variant === "simd" ? 1 : (threads ?? Math.min(countCores(), 64));
}
