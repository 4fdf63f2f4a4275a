/** How fast a WASM variant multiplies matrices here: the reason to take the one or the other. */

import type { Operand, Program } from "../../compile/program.js";
import type { Storage } from "../../graph/tensor.js";
import type { Executable } from "../backend.js";
import type { WasmBackend } from "./wasm.js";

/** Rows and columns: large enough that an engine soon compiles the inner loop with all optimizations. */
const SIZE = 128;
/**
 * How much faster the other one must be, of two. Well above what other work on the machine does to a timing, so that
 * two runs of a program choose alike.
 */
const LEAD = 1.25;
/** Milliseconds until the preferred one must have shown its speed: optimized code arrives when a thread has made it. */
const PATIENCE = 100;
/** Milliseconds before the first comparison: in Node the preferred one is known to be good, browsers are not known. */
const WARMUP = globalThis.process?.versions?.node ? 8 : 30;
/** Milliseconds of each round. */
const ROUND = 2;

/** The preferred backend, unless the other one stays clearly faster. */
export function fasterOf(preferred: WasmBackend, other: WasmBackend): WasmBackend {
  const began = performance.now();
  const first = new Timing(preferred);
  const second = new Timing(other);
  try {
    for (;;) {
      first.measure(ROUND);
      second.measure(ROUND);
      const passed = performance.now() - began;
      if (passed > WARMUP && first.best <= LEAD * second.best) return preferred;
      if (passed > PATIENCE) return other;
    }
  } finally {
    first.end();
    second.end();
  }
}

class Timing {
  /** Milliseconds of the fastest product: the one that other work on the machine disturbed least. */
  best = Number.POSITIVE_INFINITY;
  private readonly storages: readonly Storage[];
  private readonly executable: Executable;

  constructor(private readonly backend: WasmBackend) {
    this.storages = Array.from({ length: 3 }, () => backend.allocate(4 * SIZE * SIZE));
    for (const storage of this.storages) backend.write(storage, new Uint8Array(storage.bytes));
    this.executable = backend.loadAlone(product);
  }

  measure(milliseconds: number): void {
    const began = performance.now();
    for (let now = began; now < began + milliseconds; ) {
      this.executable.runSync(this.storages, 1);
      const end = performance.now();
      this.best = Math.min(this.best, end - now);
      now = end;
    }
  }

  end(): void {
    for (const storage of this.storages) this.backend.release(storage);
  }
}

const operand = (buffer: number): Operand => ({
  buffer,
  offset: 0,
  dtype: "float32",
  shape: [SIZE, SIZE],
  strides: [SIZE, 1],
});

const product: Program = {
  buffers: [0, 1, 2].map((binding) => ({ kind: "bound", bytes: 4 * SIZE * SIZE, binding })),
  operands: [0, 1, 2].map(operand),
  bindings: [
    { kind: "leaf", leaf: 0, written: false },
    { kind: "leaf", leaf: 1, written: false },
    { kind: "output", output: 0 },
  ],
  scalars: [],
  steps: [
    {
      kind: "matmul",
      reads: [0, 1],
      writes: [2],
      epilogue: null,
      barrier: false,
      commit: false,
      label: "matmul",
    },
  ],
  arenaBytes: 0,
  outputs: [{ shape: [SIZE, SIZE], dtype: "float32" }],
};
