import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { useBackend } from "../../src/engine/device.js";
import { topologicalOrder } from "../../src/graph/walk.js";
import {
  abs,
  add,
  div,
  exp,
  grad,
  jit,
  max,
  mean,
  mul,
  neg,
  optimizers,
  realize,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  threshold,
  valueAndGrad,
  variable,
} from "../../src/index.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { expectCloseValues } from "../support/close.js";
import { referenceBackend } from "../support/evaluate.js";
import { type Counted, useCounted } from "./counting.js";

let backend: Counted;
beforeEach(() => {
  backend = useCounted();
});
afterAll(() => useBackend(referenceBackend));

/** A node that tells how often it is computed. */
function probe(x: Tensor): { node: Tensor; calls: () => number } {
  let calls = 0;
  const fn = (inputs: readonly NDArray[]) => {
    calls++;
    return inputs;
  };
  return { node: hostCall(fn, [x], [x])[0]!, calls: () => calls };
}

const graphSize = (x: Tensor) => topologicalOrder([x], (node) => node.storage !== undefined).length;

describe("a computation", () => {
  it("does not start before a value is read, and is one program then", async () => {
    const x = tensor([1, 2, 3]);
    const y = sum(mul(add(x, 1), x));
    expect(backend).toMatchObject({ programs: [], runs: 0 });
    expect(await y.item()).toBe(2 + 6 + 12);
    expect(backend.programs).toHaveLength(1);
    expect(backend.runs).toBe(1);
  });

  it("is not repeated when a value is read again", async () => {
    const y = exp(tensor([0]));
    y.dataSync();
    await y.data();
    expect(y.arraySync()).toEqual([1]);
    expect(backend.runs).toBe(1);
  });

  it("of several tensors asked for together is one program", async () => {
    const x = tensor([3, -4]);
    const wanted = [sum(x), max(abs(x)), square(x)];
    await realize(wanted);
    expect(backend.runs).toBe(1);
    expect(wanted.map((t) => t.arraySync())).toEqual([-1, 4, [9, 16]]);
    expect(backend.runs).toBe(1);
  });

  it("of a node that several results need happens twice at most", () => {
    const { node, calls } = probe(tensor([1, 2]));
    expect(add(node, 1).arraySync()).toEqual([2, 3]);
    expect(calls()).toBe(1);
    expect(add(node, 2).arraySync()).toEqual([3, 4]); // now its elements are kept
    expect(calls()).toBe(2);
    for (let i = 3; i < 9; i++) expect(add(node, i).arraySync()).toEqual([1 + i, 2 + i]);
    expect(calls()).toBe(2);
  });

  it("goes on from what was read", () => {
    const { node, calls } = probe(tensor([2]));
    node.dataSync();
    expect(mul(node, 5).itemSync()).toBe(10);
    expect(calls()).toBe(1);
  });

  it("that throws leaves its tensors as they were", () => {
    let isBroken = true;
    const [node] = hostCall(
      (inputs) => {
        if (isBroken) throw new RangeError("broken");
        return inputs;
      },
      [tensor([7])],
      [{ shape: [1], dtype: "float32" }],
    );
    expect(() => node!.dataSync()).toThrow(RangeError);
    isBroken = false;
    expect(node!.itemSync()).toBe(7);
  });
});

describe("a program", () => {
  it("serves all numbers in the same place", () => {
    const x = tensor([1, -2]);
    const numbers = [2, 3, 0, 1, -1, 0.5, 1e30, Infinity];
    for (const n of numbers) expect(mul(x, n).arraySync()).toEqual([n, Math.fround(-2 * n)].map(Math.fround));
    expect(add(mul(x, Number.NaN), 1).arraySync()).toEqual([Number.NaN, Number.NaN]);
    expect(div(1, mul(tensor([1]), -0)).arraySync()).toEqual([-Infinity]);
    expect(backend.programs).toHaveLength(3); // x · n, x · n + 1, 1 / (x · n)
  });

  it("does not take two numbers for one because they were equal when it was compiled", () => {
    const x = tensor([1, 2]);
    const affine = (a: number, b: number) => add(mul(x, a), b).arraySync();
    expect(affine(2, 2)).toEqual([4, 6]);
    expect(affine(2, 3)).toEqual([5, 7]);
    expect(affine(-1, 0)).toEqual([-1, -2]);
    const above = (limit: number, otherwise: number) => threshold(x, limit, otherwise).arraySync();
    expect(above(1, 1)).toEqual([1, 2]);
    expect(above(1, 20)).toEqual([20, 2]);
    expect(backend.programs).toHaveLength(2);
  });

  it("keeps whole numbers beside integers whole", () => {
    const x = tensor([1, 2], { dtype: "int32" });
    expect(add(x, 16777217).arraySync()).toEqual([16777218, 16777219]);
    expect(add(x, 2 ** 30).arraySync()).toEqual([2 ** 30 + 1, 2 ** 30 + 2]);
    expect(backend.programs).toHaveLength(1);
  });

  it("serves all tensors of the same types", () => {
    for (let i = 0; i < 5; i++) expect(add(tensor([i]), tensor([1])).arraySync()).toEqual([i + 1]);
    expect(backend.programs).toHaveLength(1);
  });

  it.each([
    ["shapes", () => [neg(tensor([1, 2])), neg(tensor([[1, 2]]))]],
    ["dtypes", () => [neg(tensor([1])), neg(tensor([1], { dtype: "int32" }))]],
    ["operations", () => [neg(tensor([1])), abs(tensor([1]))]],
    ["attributes", () => [sum(tensor([[1]]), 0), sum(tensor([[1]]), 1)]],
    ["edges", () => [shared((a, b) => sub(sub(a, b), a)), shared((a, b) => sub(sub(a, b), b))]],
    ["results", () => [add(exp(tensor([1])), 1), exp(tensor([1]))]],
  ] as const)("is another one for other %s", (_, build: () => Tensor[]) => {
    const tensors = build();
    for (const t of tensors) t.dataSync();
    expect(backend.programs).toHaveLength(tensors.length);
  });

  it("is kept for a bounded number of computations; a warning says when there are too many", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const data = new Float32Array(2000);
    const compute = (length: number) => neg(tensor(data.subarray(0, length))).dataSync();
    for (let length = 1; length <= 512; length++) compute(length);
    for (let length = 1; length <= 512; length++) compute(length);
    expect(backend.programs).toHaveLength(512); // they all fit
    expect(warn).not.toHaveBeenCalled();
    compute(513); // takes the place of the one used longest ago
    compute(2);
    expect(backend.programs).toHaveLength(513);
    compute(1);
    expect(backend.programs).toHaveLength(514);
    for (let length = 514; length <= 1200; length++) compute(length);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toMatch(/shapes keep changing.*batchBound/s);
    warn.mockRestore();
  });
});

function shared(build: (a: Tensor, b: Tensor) => Tensor): Tensor {
  return build(tensor([1]), tensor([2]));
}

describe("a loop that builds graph without reading", () => {
  it("is computed on the way: the graph behind a tensor is bounded", () => {
    let x = tensor([0, 1]) as Tensor;
    let largest = 0;
    for (let i = 0; i < 5000; i++) {
      x = add(mul(x, 1), 1);
      if (i % 100 === 0) largest = Math.max(largest, graphSize(x));
    }
    expect(x.arraySync()).toEqual([5000, 5001]);
    expect(largest).toBeLessThan(3000);
    expect(backend.programs.length).toBeLessThan(5); // the same piece again and again, and the end
  });

  it("is bounded where it assigns variables, and computes them together", () => {
    const counter = variable(0);
    const total = variable(0);
    for (let i = 0; i < 2000; i++) {
      counter.assign(add(counter.value, 1));
      total.assign(add(total.value, counter.value));
    }
    expect(graphSize(total.value)).toBeLessThan(3000);
    expect(counter.value.itemSync()).toBe(2000);
    expect(total.value.itemSync()).toBe((2000 * 2001) / 2);
    expect(backend.programs.length).toBeLessThan(10);
  });

  it("is bounded where views stand between the nodes, and copies none of them", () => {
    let x = tensor(new Float32Array(6), { shape: [2, 3] }) as Tensor;
    for (let i = 0; i < 2001; i++) x = add(x.transpose(), i % 2 === 0 ? 1 : 0);
    expect(graphSize(x)).toBeLessThan(3000);
    expect(x.shape).toEqual([3, 2]);
    expect(x.arraySync()).toEqual([
      [1001, 1001],
      [1001, 1001],
      [1001, 1001],
    ]);
    for (const program of backend.programs) {
      expect(program.steps.every((step) => !step.label.includes("copy"))).toBe(true);
    }
  });

  it("computes no more than once what it computes on the way", () => {
    const { node, calls } = probe(tensor([1]));
    node.dataSync();
    let x: Tensor = node;
    for (let i = 0; i < 3000; i++) x = add(x, 1);
    expect(x.itemSync()).toBe(3001);
    expect(calls()).toBe(1);
  });

  it("waits for the read where the host is called asynchronously on the way", async () => {
    let x = hostCall(async (inputs) => inputs, [tensor([1])], [{ shape: [1], dtype: "float32" }])[0]!;
    for (let i = 0; i < 600; i++) x = add(x, 1);
    expect(await x.item()).toBe(601);
  });

  it("is recorded whole in a trace", () => {
    const step = jit((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 1500; i++) y = add(y, 1);
      return y;
    });
    expect(step(tensor([1])).arraySync()).toEqual([1501]);
    expect(step(tensor([2])).arraySync()).toEqual([1502]);
    expect(backend.programs).toHaveLength(1);
  });

  it("is recorded whole where its derivative is taken", () => {
    const sumOfCopies = (x: Tensor) => {
      let y: Tensor = mul(x, 0);
      for (let i = 0; i < 1500; i++) y = add(y, x);
      return sum(y);
    };
    expect(grad(sumOfCopies)(tensor([1, 2])).arraySync()).toEqual([1500, 1500]);
  });

  it("of training steps gives what compiled steps give", () => {
    const train = (compiled: boolean) => {
      const w = variable(tensor([0.5, -1, 2]));
      const optimizer = optimizers.adam({ learningRate: 0.1 });
      const run = () => {
        const { gradients } = valueAndGrad(() => mean(square(sub(mul(w.value, 2), 1))), [w])();
        optimizer.apply(gradients, [w]);
        return w.value;
      };
      const step = compiled ? jit(run) : run;
      for (let i = 0; i < 120; i++) step();
      return w.value.dataSync();
    };
    const loaded = () => backend.programs.length;
    const expected = train(true);
    const before = loaded();
    expectCloseValues(train(false), expected, { relative: 1e-5, absolute: 1e-6 });
    expect(loaded() - before).toBeLessThan(12);
  });
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

describe("a tensor that was read", () => {
  it("keeps nothing of what it was computed from", () => {
    const y = sqrt(add(tensor([3]), 1));
    expect(graphSize(y)).toBeGreaterThan(3);
    expect(y.itemSync()).toBe(2);
    expect(topologicalOrder([y])).toEqual([y]);
    expect(sub(y, 1).itemSync()).toBe(1);
  });

  it("lets the tensors before it in a loop be collected", async () => {
    let x = tensor(new Float32Array(1000)) as Tensor;
    const first = new WeakRef(x);
    for (let i = 0; i < 10; i++) {
      x = add(x, 1);
      await x.data();
    }
    await new Promise((resolve) => setImmediate(resolve)); // weak references last to the end of their task
    collect();
    expect(first.deref()).toBeUndefined();
    expect((await x.data())[0]).toBe(10);
  });

  it("inside a function whose derivative is taken still counts for the derivative", () => {
    const branching = (x: Tensor) => {
      const y = square(x);
      return y.itemSync() > 4 ? mul(y, 3) : y; // the value decides
    };
    expect(grad(branching)(tensor(3)).itemSync()).toBe(18);
    expect(grad(branching)(tensor(1)).itemSync()).toBe(2);
  });
});
