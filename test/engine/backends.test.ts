import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  BackendError,
  type BackendName,
  ConfigError,
  currentBackend,
  jit,
  matmul,
  mul,
  ones,
  setBackend,
  sum,
  type Tensor,
  tensor,
  transpose,
  variable,
  zeros,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { rejectionOf } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";
import { useCounted } from "./counting.js";

beforeEach(() => useBackend(referenceBackend));
afterAll(() => useBackend(referenceBackend));

describe("changing the backend", () => {
  it("is done by name, and can be asked", async () => {
    for (const { name } of backends) {
      await setBackend(name as BackendName);
      expect(currentBackend().name).toBe(name);
      expect(currentBackend().description).not.toBe("");
    }
    await setBackend("reference");
    expect(currentBackend().name).toBe("reference");
  });

  it("is refused for a name that there is none of, with the nearest one", async () => {
    const error = (await rejectionOf(setBackend("nativ" as BackendName))) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.fix).toBe('Did you mean "native"?');
    const gpu = (await rejectionOf(setBackend("cuda" as BackendName))) as ConfigError;
    expect(gpu).toBeInstanceOf(ConfigError);
    expect(gpu.fix).toContain('computes on the CPU: "native"');
    expect(currentBackend().name).toBe("reference");
  });

  it("moves tensors when they are used", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const y = mul(x, 2);
    y.dataSync();
    const pending = transpose(add(y, 1));
    for (const on of [...backends, referenceBackend, ...backends]) {
      useBackend(on);
      expect(add(x, y).arraySync()).toEqual([
        [3, 6],
        [9, 12],
      ]);
      expect(x.arraySync()).toEqual([
        [1, 2],
        [3, 4],
      ]);
    }
    expect(pending.arraySync()).toEqual([
      [3, 7],
      [5, 9],
    ]);
  });

  it("moves variables, and leaves what was read from them before", () => {
    const w = variable(tensor([1, 2]));
    const step = jit(() => {
      w.assign(mul(w.value, 2));
      return w.value;
    });
    const held: Tensor[] = [w.value];
    for (const on of [referenceBackend, ...backends, referenceBackend]) {
      useBackend(on);
      step();
      held.push(w.value);
    }
    expect(held.map((t) => t.arraySync())).toEqual(held.map((_, i) => [2 ** i, 2 * 2 ** i]));
  });

  it("loads each program on each backend once", () => {
    const [a, b] = [useCounted(), useCounted()];
    const x = tensor([1]);
    for (let i = 0; i < 3; i++) {
      for (const on of [a, b]) {
        useBackend(on);
        expect(add(x, i).itemSync()).toBe(1 + i);
      }
    }
    expect([a.programs.length, b.programs.length]).toEqual([1, 1]);
    expect([a.runs, b.runs]).toEqual([3, 3]);
  });

  it("computes float64 on the reference only, which the others say by name", async () => {
    const x = () => add(tensor([0.1], { dtype: "float64" }), 0.2);
    expect(x().dataSync()[0]).toBe(0.1 + 0.2);
    for (const on of backends) {
      useBackend(on);
      const error = (await rejectionOf(x().data())) as BackendError;
      expect(error).toBeInstanceOf(BackendError);
      expect(error).toMatchObject({ who: on.name, received: "dtype float64" });
      expect(error.fix).toContain('setBackend("reference")');
    }
  });
});

describe.each([referenceBackend, ...backends])("a tensor larger than memory on $name", (on) => {
  it.each([
    ["a result", () => add(zeros([2 ** 20, 2 ** 20]), tensor(1))],
    ["on the way", () => sum(matmul(add(zeros([2 ** 20, 2 ** 20]), tensor(1)), ones([2 ** 20, 1])))],
  ])("is refused: %s", async (_, build) => {
    useBackend(on);
    const error = (await rejectionOf(build().data())) as BackendError;
    expect(error).toBeInstanceOf(BackendError);
    expect(error.who).toBe(on.name);
    expect(error.expected).toMatch(/^memory for 41943\d\d MiB$/); // 2²² MiB, and little more
    expect(error.fix).toMatch(/shapes/);
    expect(add(tensor([1]), 1).arraySync()).toEqual([2]);
  });
});
