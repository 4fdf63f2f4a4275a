import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWasm, WasmBackend, type WasmOptions } from "../../src/backends/cpu/wasm.js";
import { whyNot } from "../../src/backends/cpu/wasmModule.js";
import { wasmVariants } from "../../src/backends/cpu/wasmVariant.js";
import type { NDArray } from "../../src/base/array.js";
import type { Program } from "../../src/compile/program.js";
import { backendReport, findBackend, setBackend } from "../../src/engine/backends.js";
import { backend, ownerOf, useBackend } from "../../src/engine/device.js";
import {
  add,
  BackendError,
  ConfigError,
  DataError,
  grad,
  jit,
  losses,
  matmul,
  mul,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  variable,
  zeros,
} from "../../src/index.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { referenceBackend } from "../support/evaluate.js";

const MB = 2 ** 20;

function wasm(options: WasmOptions = {}): WasmBackend {
  const found = findBackend("wasm", options as { threads?: number });
  if (!(found instanceof WasmBackend)) throw new Error("reason" in found ? found.reason : found.name);
  return found;
}

/** One of its own, for tests that break it or look at its memory. */
function fresh(options: WasmOptions): WasmBackend {
  const made = createWasm(options);
  if ("reason" in made) throw new Error(made.reason);
  return made;
}

function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** Weights after some steps of gradient descent on a network large enough to be shared out among threads. */
async function train(): Promise<Float32Array> {
  const wave = (rows: number, columns: number, phase: number) =>
    tensor(
      Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(1.3 * i + phase)),
      { shape: [rows, columns] },
    );
  const x = wave(96, 160, 0);
  const y = wave(96, 48, 1);
  const w = variable(mul(wave(160, 48, 2), 0.1));
  const step = jit(() => {
    const loss = (weights: Tensor) => losses.meanSquaredError().call(y, tanh(matmul(x, weights)));
    w.assign(sub(w.value, mul(grad(loss)(w.value), 0.5)));
    return sum(w.value);
  });
  await step.repeat(25, []);
  return (await w.value.data()) as Float32Array;
}

afterAll(() => useBackend(referenceBackend));

describe("the choice of a WASM module", () => {
  test("takes each variant that Node can run", () => {
    for (const variant of wasmVariants) {
      expect(whyNot(variant)).toBeUndefined();
      expect(wasm({ variant }).engine.variant).toBe(variant);
    }
    expect(wasm({ variant: "simd", threads: 4 }).description).toBe("SIMD, 1 thread");
    expect(wasm({ variant: "threads", threads: 2 }).description).toBe("SIMD, 2 threads");
    expect(wasm({ variant: "relaxed", threads: 1 }).description).toBe("relaxed SIMD, 1 thread");
  });

  test("takes one with threads where nobody says which", () => {
    expect(["threads", "relaxed"]).toContain(wasm().engine.variant);
  });

  test("knows the kernels and instructions of the native backend", () => {
    const native = findBackend("native");
    if ("reason" in native) return;
    const { addon } = native as unknown as { addon: { kernels(): string[]; opcodes(): string[] } };
    const { names } = wasm() as unknown as { names: { kernels: string[]; opcodes: string[] } };
    expect(names.kernels).toEqual(addon.kernels());
    expect(names.opcodes).toEqual(addon.opcodes());
  });

  test("says what is wrong with an option", async () => {
    await expect(setBackend("wasm", { threads: 0 })).rejects.toThrow(ConfigError);
    await expect(setBackend("wasm", { variant: "smd" as "simd" })).rejects.toThrow('Did you mean "simd"?');
  });

  test("is told in the report of backends", () => {
    useBackend(wasm());
    const report = backendReport();
    expect(report.map(({ name }) => name)).toEqual(["native", "wasm", "reference"]);
    expect(report[1]).toMatchObject({ isAvailable: true, isInUse: true, description: wasm().description });
  });
});

describe("threads", () => {
  test("change no bit, and neither does running on one thread without shared memory", async () => {
    const bits: Uint32Array[] = [];
    for (const options of [
      { variant: "simd" },
      { variant: "threads", threads: 1 },
      { variant: "threads", threads: 2 },
      { variant: "threads", threads: 3 },
    ] as const) {
      await setBackend("wasm", options);
      bits.push(new Uint32Array((await train()).buffer));
    }
    for (const other of bits.slice(1)) expect(other).toEqual(bits[0]);
  });

  test("are all there once setBackend has resolved", async () => {
    await setBackend("wasm", { variant: "threads", threads: 3 });
    expect(wasm({ variant: "threads", threads: 3 }).engine.exports.readyThreads()).toBe(3);
  });

  test("leave the event loop free while a program runs", async () => {
    await setBackend("wasm", { variant: "threads", threads: 2 });
    const x = variable(zeros([512, 512]));
    const step = jit(() => {
      x.assign(add(matmul(x.value, x.value), 1e-3));
      return sum(x.value);
    });
    step.compile();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await step.repeat(40, []);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

describe.each(["simd", "threads"] as const)("a run (%s)", (variant) => {
  beforeAll(() => setBackend("wasm", { variant, threads: 2 }));

  function counter() {
    const count = variable(0, { dtype: "int32" });
    const step = jit(() => {
      count.assign(add(count.value, 1));
      return count.value;
    });
    return { count, step };
  }

  test("ends after the asked number of steps", async () => {
    const { count, step } = counter();
    expect((await step.repeat(1000, [])).steps).toBe(1000);
    expect(await count.value.item()).toBe(1000);
  });

  test("ends where its time is over, and goes on from there", async () => {
    const { count, step } = counter();
    const { steps } = await step.repeat(2 ** 30, [], { budget: 5 });
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(2 ** 30);
    expect((await step.repeat(7, [])).steps).toBe(7);
    expect(await count.value.item()).toBe(steps + 7);
  });

  test("ends where the stop flag is set, in whatever memory it lies", async () => {
    for (const memory of [new ArrayBuffer(4), new SharedArrayBuffer(4)]) {
      const { count, step } = counter();
      const stop = new Int32Array(memory as ArrayBuffer);
      setTimeout(() => Atomics.store(stop, 0, 1), 20);
      const { steps } = await step.repeat(2 ** 30, [], { stop });
      expect(steps).toBeLessThan(2 ** 30);
      expect(await count.value.item()).toBe(steps);
      expect((await step.repeat(5, [], { stop })).steps).toBe(0);
    }
  });

  test("that begins while another is in progress comes after it", async () => {
    const { count, step } = counter();
    const first = step.repeat(20_000, []);
    const second = step.repeat(20_000, []);
    step(); // At once, but in its turn.
    expect(count.value.itemSync()).toBe(40_001);
    expect([(await first).steps, (await second).steps]).toEqual([20_000, 20_000]);
    expect(await count.value.item()).toBe(40_001);
  });

  test("hands control to JavaScript between two steps", async () => {
    const seen: number[] = [];
    const sumOf = variable(0);
    const step = jit(() => {
      const double = ([value]: readonly NDArray[]) => {
        seen.push(value!.data[0]!);
        return [{ shape: [], dtype: "float32" as const, data: Float32Array.of(value!.data[0]! * 2) }];
      };
      const [doubled] = hostCall(double, [add(sumOf.value, 1)], [{ shape: [], dtype: "float32" }]);
      sumOf.assign(doubled!);
      return sumOf.value;
    });
    await step.repeat(3, []);
    expect(seen).toEqual([1, 3, 7]);
    expect(await sumOf.value.item()).toBe(14);
    expect(await step().item()).toBe(30);
  });

  test("reports a fault in the data and leaves variables as they were", async () => {
    const w = variable(zeros([4]));
    const step = jit((labels: Tensor) => {
      const loss = losses.sparseCategoricalCrossentropy({ fromLogits: true });
      w.assign(add(w.value, loss.call(labels, zeros([2, 3]))));
      return w.value;
    });
    const bad = tensor([1, 9], { dtype: "int32" });
    expect(() => step(bad)).toThrow(DataError);
    await expect(step.repeat(3, [bad])).rejects.toThrow("label 9 at row 1");
    expect(await w.value.data()).toEqual(new Float32Array(4));
  });
});

describe("memory", () => {
  test("goes back when a tensor is released, and when it is collected", async () => {
    const on = fresh({ variant: "threads", threads: 1 });
    const inUse = () => on.engine.exports.memoryInUse() >>> 0;
    const before = inUse();
    const released = on.allocate(8 * MB);
    expect(inUse() - before).toBe(8 * MB);
    on.release(released);
    expect(inUse()).toBe(before);

    (() => on.allocate(8 * MB))();
    for (let i = 0; i < 10 && inUse() > before; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      collect();
    }
    expect(inUse()).toBe(before);
  });

  test("holds more tensors than the bound: those unused for longest rest in JavaScript, unchanged", () => {
    const on = fresh({ variant: "simd" });
    const stored = Array.from({ length: 60 }, (_, i) => {
      const storage = on.allocate(8 * MB);
      on.write(storage, new Uint8Array(8 * MB).fill(i + 1));
      return storage;
    });
    expect(on.engine.exports.memoryInUse() >>> 0).toBeLessThan(270 * MB);
    stored.forEach((storage, i) => {
      const bytes = on.read(storage);
      expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([8 * MB, i + 1, i + 1]);
    });
  });

  test("stays bounded in a synchronous loop of large results", async () => {
    await setBackend("wasm", { variant: "threads", threads: 1 });
    const x = zeros([4 * MB]);
    const addOne = jit((t: Tensor) => add(t, 1)); // 16 MB of results each time, 4.8 GB in all
    for (let i = 0; i < 300; i++) addOne(x);
    expect(process.memoryUsage.rss()).toBeLessThan(1000 * MB);
    const last = addOne(x);
    for (let i = 0; i < 40; i++) addOne(x);
    expect(last.at(4 * MB - 1).itemSync()).toBe(1);
  });

  test("that can't be had is an error, and the backend goes on", () => {
    const on = fresh({ variant: "simd" });
    expect(() => on.allocate(5000 * MB)).toThrow(BackendError);
    expect(on.read(on.allocate(MB)).length).toBe(MB);
  });
});

describe("a trap", () => {
  const bytes = 4 * 256 * 256;
  const view = { offset: 0, dtype: "float32", shape: [256, 256], strides: [256, 1] } as const;
  const product: Program = {
    buffers: [0, 1, 2].map((binding) => ({ kind: "bound", bytes, binding })),
    operands: [0, 1, 2].map((buffer) => ({ buffer, ...view })),
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
    outputs: [{ shape: [256, 256], dtype: "float32" }],
  };

  test.each(["simd", "threads"] as const)("ends a run with an error (%s)", async (variant) => {
    const on = fresh({ variant, threads: 2 });
    const executable = on.load(product);
    await on.ready();
    const storages = [0, 1, 2].map(() => on.allocate(bytes));
    expect(executable.runSync(storages, 1)).toEqual({ steps: 1, fault: null });
    storages[0]!.block.address = 2 ** 32 - 2 * MB; // Beyond what there is.
    await expect(executable.run(storages, 1)).rejects.toThrow(BackendError);
    expect(() => executable.runSync(storages, 1)).toThrow(BackendError);
  });

  test("of one thread ends what the others wait for", async () => {
    const on = fresh({ variant: "threads", threads: 2 });
    const executable = on.load(product);
    await on.ready();
    const storages = [0, 1, 2].map(() => on.allocate(bytes));
    on.engine.lose("a worker has trapped");
    await expect(executable.run(storages, 1)).rejects.toThrow("a worker has trapped");
    expect(() => executable.runSync(storages, 1)).toThrow("a worker has trapped");
    expect(on.read(storages[0]!).length).toBe(bytes);
  });
});

test("tensors move between WASM and the reference when they are used", async () => {
  useBackend(wasm());
  const here = add(tensor([1, 2, 3]), 1);
  expect(await here.data()).toEqual(Float32Array.of(2, 3, 4));
  expect(ownerOf(here.storage!)).toBe(backend());
  useBackend(referenceBackend);
  expect(await add(here, 1).data()).toEqual(Float32Array.of(3, 4, 5));
});
