/**
 * Tensors of the WASM backend. A tensor rests in linear memory or in JavaScript, in one of the two at a time.
 *
 * Small ones always rest in JavaScript: the collector knows their size, and a run copies them in and out. Large ones
 * rest in linear memory, where runs find them, up to a bound; past it, those that were not used for longest move to
 * JavaScript. So a synchronous loop that leaves its results to the collector, which learns of dead tensors only between
 * two tasks, fills neither the four gigabytes of linear memory nor the machine's.
 */

import { BackendError } from "../../base/errors.js";
import type { Storage } from "../../graph/tensor.js";
import type { WasmExports } from "./wasmModule.js";

/** Up to this size tensors rest in JavaScript. */
export const SMALL = 2048;
/** Bytes of large tensors in linear memory, unless a single run needs more than half as many. */
const BOUND = 256 * 2 ** 20;

export interface WasmStorage extends Storage {
  readonly block: Block;
}

/** Where the bytes of a storage are. */
export interface Block {
  readonly bytes: number;
  /** In linear memory, or 0. */
  address: number;
  /** In JavaScript, where `address` is 0. */
  host: Uint8Array | undefined;
  /** Number of the last run that used it. */
  lastUse: number;
  /** Runs that hold its address. */
  pins: number;
  isReleased: boolean;
}

export class WasmMemory {
  private view: Uint8Array;
  private readonly resident = new Set<Block>();
  private residentBytes = 0;
  private bound = BOUND;
  private runs = 0;
  private readonly collected: FinalizationRegistry<Block>;

  constructor(
    private readonly exports: WasmExports,
    readonly memory: WebAssembly.Memory,
  ) {
    this.view = new Uint8Array(memory.buffer);
    this.collected = new FinalizationRegistry((block) => this.drop(block));
  }

  /** All of linear memory, at least up to `end`; replaced where the memory has grown. */
  heap(end = 0): Uint8Array {
    if (this.view.buffer !== this.memory.buffer || end > this.view.length) {
      // Another thread may have grown a shared memory: growing it by nothing shows its new length here.
      if (end > this.memory.buffer.byteLength) this.memory.grow(0);
      this.view = new Uint8Array(this.memory.buffer);
    }
    return this.view;
  }

  /** Bytes of linear memory in place. */
  bytes(address: number, length: number): Uint8Array {
    return this.heap(address + length).subarray(address, address + length);
  }

  /** Zero-terminated text at an address. */
  text(address: number): string {
    const length = this.exports.textLength(address);
    return new TextDecoder().decode(this.bytes(address >>> 0, length).slice());
  }

  /** Linear memory of the engine's own, never moved; to be given back with `free`. */
  take(bytes: number): number {
    const address = this.tryToTake(bytes);
    if (address !== 0) return address;
    this.evict(0);
    const again = this.tryToTake(bytes);
    if (again !== 0) return again;
    const inUse = Math.round((this.exports.memoryInUse() >>> 0) / 2 ** 20);
    throw new BackendError({
      who: "wasm",
      expected: `${Math.ceil(bytes / 2 ** 20)} MB of linear memory`,
      received: `none: ${inUse} MB are in use, of 4096 MB at most`,
      fix: "Use smaller batches, or keep fewer large tensors.",
    });
  }

  private tryToTake(bytes: number): number {
    return bytes < 2 ** 32 ? this.exports.allocate(bytes) >>> 0 : 0;
  }

  free(address: number, bytes: number): void {
    this.exports.release(address, bytes);
  }

  allocate(bytes: number): WasmStorage {
    const block: Block = {
      bytes,
      address: 0,
      host: undefined,
      lastUse: this.runs,
      pins: 0,
      isReleased: false,
    };
    const storage = { bytes, block };
    if (bytes <= SMALL) block.host = new Uint8Array(bytes);
    else this.settleIn(storage);
    return storage;
  }

  /** Gives the memory back: at once, or when the runs that use it are over. */
  release({ block }: WasmStorage): void {
    this.collected.unregister(block);
    block.isReleased = true;
    if (block.pins > 0) return;
    this.drop(block);
    block.host = new Uint8Array(0);
  }

  /** The bytes in place, until the next run or allocation. */
  read({ block }: WasmStorage): Uint8Array {
    return block.host ?? this.bytes(block.address, block.bytes);
  }

  /** Moves the large ones into linear memory, where need be, and keeps them there until `unpin`. */
  pin(storages: readonly WasmStorage[]): void {
    this.runs++;
    let bytes = 0;
    for (let i = 0; i < storages.length; i++) {
      const storage = storages[i]!;
      if (storage.bytes <= SMALL) continue;
      bytes += storage.bytes;
      try {
        this.pinOne(storage);
      } catch (error) {
        this.unpin(storages.slice(0, i));
        throw error;
      }
    }
    // What one run needs at once, the next one must not throw out.
    if (2 * bytes > this.bound) this.bound = 2 * bytes;
  }

  unpin(storages: readonly WasmStorage[]): void {
    for (const storage of storages) {
      const { block } = storage;
      if (storage.bytes <= SMALL) continue;
      if (--block.pins === 0 && block.isReleased) this.release(storage);
    }
  }

  private pinOne(storage: WasmStorage): void {
    const { block } = storage;
    const { host } = block;
    block.lastUse = this.runs;
    if (host) {
      this.settleIn(storage);
      this.heap(block.address + block.bytes).set(host, block.address);
      block.host = undefined;
    }
    block.pins++;
  }

  /** A place in linear memory for a large tensor. */
  private settleIn(storage: WasmStorage): void {
    const { block } = storage;
    if (this.residentBytes + block.bytes > this.bound) this.evict(this.bound / 2);
    block.address = this.take(block.bytes);
    this.resident.add(block);
    this.residentBytes += block.bytes;
    this.collected.register(storage, block, block);
  }

  /** Moves tensors to JavaScript, those not used for longest first, until so many bytes are left. */
  private evict(target: number): void {
    const candidates = [...this.resident].filter((block) => block.pins === 0);
    candidates.sort((a, b) => a.lastUse - b.lastUse);
    for (const block of candidates) {
      if (this.residentBytes <= target) return;
      // From now on only its tensor knows the bytes, so the collector alone decides about them.
      this.collected.unregister(block);
      block.host = this.bytes(block.address, block.bytes).slice();
      this.drop(block);
    }
  }

  private drop(block: Block): void {
    if (block.address === 0) return;
    this.exports.release(block.address, block.bytes);
    block.address = 0;
    this.resident.delete(block);
    this.residentBytes -= block.bytes;
  }
}
