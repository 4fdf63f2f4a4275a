import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  ConfigError,
  cast,
  DataError,
  DTypeError,
  exp,
  gather,
  grad,
  jit,
  matmul,
  mean,
  mul,
  neg,
  ShapeError,
  scan,
  square,
  sub,
  sum,
  type Tensor,
  TraceError,
  tensor,
  valueAndGrad,
  variable,
  zeros,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { rejectionOf, thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";
import { type Counted, useCounted } from "./counting.js";

let backend: Counted;
beforeEach(() => {
  backend = useCounted();
});
afterAll(() => useBackend(referenceBackend));

/** A compiled function that counts how often it is recorded. */
function recorded<A extends readonly unknown[], R>(fn: (...args: A) => R, options = {}) {
  let times = 0;
  const compiled = jit((...args: A) => {
    times++;
    return fn(...args);
  }, options);
  return { compiled, times: () => times };
}

describe("a compiled function", () => {
  it("is recorded once for each signature of its arguments", () => {
    const { compiled, times } = recorded((x: Tensor) => sum(square(x)));
    const vector = [tensor([1, 2]), tensor([3, 4]), add(tensor([5, 6]), 0)];
    expect(vector.map((x) => compiled(x).itemSync())).toEqual([5, 25, 61]);
    expect(times()).toBe(1);
    expect(compiled(tensor([1, 2, 3])).itemSync()).toBe(14);
    expect(compiled(tensor([[1, 2]])).itemSync()).toBe(5);
    expect(compiled(tensor([1, 2], { dtype: "int32" })).itemSync()).toBe(5);
    expect(times()).toBe(4);
    compiled(tensor([9, 9]));
    expect(times()).toBe(4);
  });

  it("is one run for each call", () => {
    const step = jit((x: Tensor) => add(mul(x, 2), 1));
    const x = tensor([1]);
    step(x);
    const before = backend.runs;
    for (let i = 0; i < 5; i++) step(x);
    expect(backend.runs - before).toBe(5);
    expect(backend.programs).toHaveLength(1);
  });

  it("takes and returns nested arrays and records, whatever the order of the keys", () => {
    const { compiled, times } = recorded(
      ({ a, rest }: { a: Tensor; rest: readonly [Tensor, { b: Tensor }] }) => ({
        sums: [add(a, rest[0]), add(a, rest[1].b)],
        twice: { a: mul(a, 2) },
      }),
    );
    const result = compiled({ a: tensor([1]), rest: [tensor([10]), { b: tensor([100]) }] });
    expect(result.sums.map((t) => t.arraySync())).toEqual([[11], [101]]);
    expect(result.twice.a.arraySync()).toEqual([2]);
    const swapped = compiled({ rest: [tensor([20]), { b: tensor([200]) }], a: tensor([2]) });
    expect(swapped.sums.map((t) => t.arraySync())).toEqual([[22], [202]]);
    expect(times()).toBe(1);
  });

  it("compiles again for another static argument", () => {
    const { compiled, times } = recorded((x: Tensor, mode: string, flags: { double?: boolean }) => {
      const y = mode === "negative" ? neg(x) : x;
      return flags.double ? mul(y, 2) : y;
    });
    const x = tensor([3]);
    const call = (mode: string, double?: boolean) =>
      compiled(x, mode, double === undefined ? {} : { double }).itemSync();
    expect([call("positive"), call("negative"), call("negative", true), call("negative", false)]).toEqual([
      3, -3, -6, -3,
    ]);
    expect(times()).toBe(4);
    expect([call("positive"), call("negative", true)]).toEqual([3, -6]);
    expect(times()).toBe(4);
  });

  it("tells functions and objects among its arguments apart", () => {
    class Scale {
      constructor(readonly factor: number) {}
    }
    const { compiled, times } = recorded((x: Tensor, f: (x: Tensor) => Tensor, scale: Scale) =>
      mul(f(x), scale.factor),
    );
    const x = tensor([2]);
    const [two, three] = [new Scale(2), new Scale(3)];
    expect(compiled(x, square, two).itemSync()).toBe(8);
    expect(compiled(x, neg, two).itemSync()).toBe(-4);
    expect(compiled(x, neg, three).itemSync()).toBe(-6);
    expect(compiled(x, square, two).itemSync()).toBe(8);
    expect(times()).toBe(3);
  });

  it("takes nothing, null and undefined for what they are", () => {
    const { compiled, times } = recorded((x: Tensor, mask?: Tensor | null) => (mask ? mul(x, mask) : x));
    const x = tensor([3]);
    expect(
      [compiled(x), compiled(x, undefined), compiled(x, null), compiled(x, tensor([0]))].map((t) =>
        t.itemSync(),
      ),
    ).toEqual([3, 3, 3, 0]);
    expect(times()).toBe(4);
  });

  it("reads numbers among its arguments when it runs", () => {
    const { compiled, times } = recorded((x: Tensor, rate: number, { bias }: { bias: number }) =>
      add(mul(x, rate), bias),
    );
    const x = tensor([2]);
    expect(compiled(x, 3, { bias: 1 }).itemSync()).toBe(7);
    expect(compiled(x, -0.5, { bias: 0 }).itemSync()).toBe(-1);
    expect(compiled(x, Infinity, { bias: 0 }).itemSync()).toBe(Infinity);
    expect(times()).toBe(1);
  });

  it("takes whole numbers where positions are wanted, and refuses others by number", () => {
    const table = tensor([10, 20, 30]);
    const { compiled, times } = recorded((n: number, { scale }: { scale: number }) =>
      mul(gather(table, n as unknown as Tensor), scale),
    );
    expect([0, 2, 1].map((n) => compiled(n, { scale: 0.5 }).itemSync())).toEqual([5, 15, 10]);
    expect(times()).toBe(1);
    const error = thrownBy(() => compiled(1.5, { scale: 1 }));
    expect(error).toBeInstanceOf(DTypeError);
    expect(error.message).toMatch(/^\[jit\].*argument 0.*position.*received 1\.5.*int32/);
    expect(() => compiled(2 ** 24 + 2, { scale: 1 })).toThrow(DTypeError);
    expect(() => compiled(3, { scale: 1 })).toThrow(DataError);
    expect(jit((x: Tensor) => compiled(x.rank, { scale: 2 }))(table).itemSync()).toBe(40);
    expect(compiled(1, { scale: 0.25 }).itemSync()).toBe(5);
  });

  it.each([
    ["a typed array", () => new Float32Array(2), /Float32Array.*tensor\(array\)/],
    ["a buffer", () => new ArrayBuffer(4), /ArrayBuffer.*tensor\(new Float32Array/],
    ["a map", () => new Map([["x", 1]]), /Map.*Object\.fromEntries/],
    ["a set", () => new Set([1]), /Set.*array/],
    ["a promise", () => Promise.resolve(1), /Promise.*Await/],
    ["a symbol", () => Symbol("x"), /symbol.*string/],
  ])("refuses %s, alone and nested", (_, make, message) => {
    const step = jit((_: unknown) => tensor(1));
    for (const argument of [make(), { deep: [make()] }]) {
      const error = thrownBy(() => step(argument));
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.message).toMatch(message);
    }
  });

  it("needs a function", () => {
    expect(() => jit(3 as unknown as () => void)).toThrow(/\[jit\] expected a function, received number/);
  });

  it("returns its arguments, captured tensors, variables, numbers, the same thing twice, and anything else as it is", () => {
    const captured = tensor([7, 8]);
    const w = variable(tensor([5]));
    const step = jit((x: Tensor) => {
      const y = add(x, 1);
      return { x, y, again: y, view: y.at(0), captured, w: w.value, number: 3, text: "text", none: null };
    });
    for (let i = 0; i < 2; i++) {
      const { x, y, again, view, captured: same, w: value, number, text, none } = step(tensor([i, 2]));
      expect([x, y, again, view, same, value].map((t) => t.arraySync())).toEqual([
        [i, 2],
        [i + 1, 3],
        [i + 1, 3],
        i + 1,
        [7, 8],
        [5],
      ]);
      expect((number as unknown as Tensor).itemSync()).toBe(3);
      expect([text, none]).toEqual(["text", null]);
    }
  });

  it("takes captured tensors as inputs, computed or not, once", () => {
    const data = tensor([1, 2]);
    const graph = exp(tensor([0, 0]));
    const { compiled, times } = recorded((x: Tensor) => add(add(x, data), graph));
    expect(compiled(tensor([10, 20])).arraySync()).toEqual([12, 23]);
    graph.dataSync();
    expect(compiled(tensor([20, 30])).arraySync()).toEqual([22, 33]);
    expect(times()).toBe(1);
    expect(backend.programs[0]!.bindings.filter(({ kind }) => kind === "constant")).toEqual([]);
  });

  it("says when a captured tensor was disposed of", () => {
    const data = tensor([1, 2]);
    const step = jit((x: Tensor) => add(x, data));
    step(tensor([1, 1]));
    data.dispose();
    expect(() => step(tensor([1, 1]))).toThrow(/disposed float32 \[2\]/);
  });

  it("can be compiled before it is called, and shows its program and variables", () => {
    const w = variable(tensor([2]), { name: "w" });
    const unused = variable(tensor([1]));
    const step = jit((x: Tensor) => {
      w.assign(mul(w.value, x));
      return w.value;
    });
    const compiled = step.compile(tensor([3]));
    expect(backend.runs).toBe(0);
    expect(compiled.variables).toEqual([w]);
    expect(compiled.variables).not.toContain(unused);
    expect(compiled.program.outputs).toEqual([{ shape: [1], dtype: "float32" }]);
    expect(step(tensor([3])).itemSync()).toBe(6);
    expect(backend.programs).toHaveLength(1);
  });

  it("moves to another backend with its tensors and variables", () => {
    const w = variable(tensor([1]));
    const x = tensor([10]);
    const { compiled, times } = recorded((y: Tensor) => {
      w.assign(add(w.value, y));
      return add(w.value, x);
    });
    expect(compiled(tensor([1])).itemSync()).toBe(12);
    for (const on of backends) {
      useBackend(on);
      compiled(tensor([1]));
    }
    const other = useCounted();
    expect(compiled(tensor([1])).itemSync()).toBe(13 + backends.length);
    expect(other.programs).toHaveLength(1);
    expect(times()).toBe(2 + backends.length);
  });

  it("keeps a bounded number of signatures; a warning says when there are too many", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { compiled, times } = recorded((x: Tensor) => sum(x));
    const data = new Float32Array(100).fill(1);
    const call = (n: number) => compiled(tensor(data.subarray(0, n))).itemSync();
    for (let n = 1; n <= 64; n++) expect(call(n)).toBe(n);
    expect(warn).not.toHaveBeenCalled();
    for (let n = 65; n <= 90; n++) expect(call(n)).toBe(n);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toMatch(/jit.*64 signatures.*batchBound/s);
    expect(times()).toBe(90);
    call(90);
    expect(times()).toBe(90);
    expect(call(1)).toBe(1);
    expect(times()).toBe(91);
    warn.mockRestore();
  });
});

describe("batchBound", () => {
  const weights = tensor([
    [1, 0, 2],
    [0, 1, -1],
  ]);
  const network = (x: Tensor, y: Tensor) => {
    const z = matmul(x, weights);
    return { z, loss: mean(square(sub(z, y))), rows: sum(z, 1), total: sum(add(z, 1)) };
  };
  const inputs = (rows: number) => {
    const x = Array.from({ length: rows }, (_, i) => [i + 1, 2 * i]);
    const y = Array.from({ length: rows }, (_, i) => [i, 0, 1]);
    return {
      x: tensor(x.flat(), { shape: [rows, 2] }),
      y: tensor(y.flat(), { shape: [rows, 3] }),
      xs: x,
      ys: y,
    };
  };

  it.each([["reference", referenceBackend] as const, ...backends.map((b) => [b.name, b] as const)])(
    "serves all lengths up to the bound with one program on %s",
    (_, on) => {
      const counted = useCounted(on);
      const { compiled, times } = recorded(network, { batchBound: 6 });
      for (const rows of [6, 1, 4, 3, 6]) {
        const { x, y, xs, ys } = inputs(rows);
        const { z, loss, rows: sums, total } = compiled(x, y);
        const expected = xs.map(([a, b]) => [a!, b!, 2 * a! - b!]);
        expect(z.shape).toEqual([rows, 3]);
        expect(z.arraySync()).toEqual(expected);
        expect(sums.arraySync()).toEqual(expected.map(([a, b, c]) => a! + b! + c!));
        const errors = expected.flatMap((row, i) => row.map((v, k) => (v - ys[i]![k]!) ** 2));
        expect(loss.itemSync()).toBeCloseTo(errors.reduce((a, b) => a + b, 0) / errors.length, 4);
        expect(total.itemSync()).toBe(expected.flat().reduce((a, b) => a + b + 1, 0));
      }
      expect(times()).toBe(1);
      expect(counted.programs).toHaveLength(1);
    },
  );

  it("gives the gradient of the rows that are there", () => {
    const w = variable(tensor([2]));
    const step = jit((x: Tensor) => valueAndGrad(() => mean(square(mul(x, w.value))), [w])().gradients[0]!, {
      batchBound: 4,
    });
    expect(step(tensor([[1], [2], [3], [4]])).arraySync()).toEqual([30]); // 4 · mean(x²)
    expect(step(tensor([[1], [3]])).arraySync()).toEqual([20]);
  });

  it("may be a batch without rows", () => {
    const step = jit((x: Tensor) => ({ rows: mul(x, 2), total: sum(x), columns: sum(x, 0) }), {
      batchBound: 3,
    });
    for (const on of [referenceBackend, ...backends]) {
      useBackend(on);
      const { rows, total, columns } = step(zeros([0, 2]));
      expect([rows.shape, rows.arraySync(), total.itemSync(), columns.arraySync()]).toEqual([
        [0, 2],
        [],
        0,
        [0, 0],
      ]);
      expect(step(tensor([[1, 2]])).columns.arraySync()).toEqual([1, 2]);
    }
  });

  it("leaves scalars and numbers alone", () => {
    const step = jit((x: Tensor, scale: Tensor, n: number) => mul(mul(x, scale), n), { batchBound: 3 });
    expect(step(tensor([1, 2]), tensor(10), 2).arraySync()).toEqual([20, 40]);
  });

  it.each([
    ["a longer batch", [zeros([5, 2])], /at most 4.*\[5\]/],
    ["batches of different length", [zeros([2, 2]), zeros([3, 2])], /share a first axis.*\[2, 3\]/],
    ["no batch at all", [zeros([])], /at most 4.*\[\]/],
  ])("refuses %s", (_, args, message) => {
    const step = jit((...xs: Tensor[]) => xs[0]!, { batchBound: 4 });
    expect(() => step(...args)).toThrow(ShapeError);
    expect(() => step(...args)).toThrow(message);
  });

  it.each([0, -1, 1.5, Number.NaN])("can't be %s", (batchBound) => {
    expect(() => jit((x: Tensor) => x, { batchBound })).toThrow(ConfigError);
  });
});

describe("repeat", () => {
  const counter = () => {
    const n = variable(tensor([0, 10]));
    const step = jit((x: Tensor, by: number) => {
      n.assign(add(n.value, mul(x, by)));
      return mul(n.value, 2);
    });
    return { n, step };
  };

  it.each([["reference", referenceBackend] as const, ...backends.map((b) => [b.name, b] as const)])(
    "of K steps does what K calls do, in one run, on %s",
    async (_, on) => {
      const counted = useCounted(on);
      const [a, b] = [counter(), counter()];
      const x = tensor([1, 2]);
      let last: Tensor | undefined;
      for (let i = 0; i < 7; i++) last = a.step(x, 0.5);
      const before = counted.runs;
      const { steps, value } = await b.step.repeat(7, [x, 0.5]);
      expect(counted.runs - before).toBe(1);
      expect(steps).toBe(7);
      expect(value.dataSync()).toEqual(last!.dataSync());
      expect(b.n.value.dataSync()).toEqual(a.n.value.dataSync());
      expect(b.n.value.arraySync()).toEqual([3.5, 17]);
    },
  );

  it("ends after the first step where the stop flag is set", async () => {
    for (const on of [referenceBackend, ...backends]) {
      useBackend(on);
      const { n, step } = counter();
      const stop = new Int32Array(new SharedArrayBuffer(4));
      stop[0] = 1;
      const { steps } = await step.repeat(1000, [tensor([1, 1]), 1], { stop });
      expect(steps).toBeLessThanOrEqual(1);
      expect(n.value.arraySync()).toEqual([steps, 10 + steps]);
    }
  });

  it("ends between two steps when its time is over", async () => {
    for (const on of [referenceBackend, ...backends]) {
      useBackend(on);
      const { n, step } = counter();
      const { steps } = await step.repeat(2 ** 30, [tensor([1, 1]), 1], { budget: 1 });
      expect(steps).toBeGreaterThan(0);
      expect(steps).toBeLessThan(2 ** 30);
      expect(n.value.arraySync()).toEqual([steps, 10 + steps]);
    }
  });

  it("leaves what was read before alone", async () => {
    const { n, step } = counter();
    const held = n.value;
    await step.repeat(3, [tensor([1, 1]), 1]);
    expect(held.arraySync()).toEqual([0, 10]);
    expect(n.value.arraySync()).toEqual([3, 13]);
  });

  it("may have an argument disposed of while it runs", async () => {
    for (const on of [referenceBackend, ...backends]) {
      useBackend(on);
      const n = variable(zeros([5000]));
      const step = jit((x: Tensor) => n.assign(add(n.value, x)));
      const x = mul(tensor(new Float32Array(5000).fill(1)), 1);
      x.dataSync();
      const running = step.repeat(300, [x]);
      x.dispose();
      for (let i = 0; i < 20; i++) mul(tensor(new Float32Array(5000).fill(7)), i).dataSync(); // takes its memory
      await running;
      expect(n.value.dataSync()).toEqual(new Float32Array(5000).fill(300));
    }
  });

  it("keeps the steps before a fault, and rejects with it", async () => {
    for (const on of [referenceBackend, ...backends]) {
      useBackend(on);
      const table = tensor([1, 2, 3]);
      const at = variable(tensor([0], { dtype: "int32" }));
      const total = variable(tensor([0]));
      const step = jit(() => {
        total.assign(add(total.value, gather(table, at.value)));
        at.assign(add(at.value, 1));
        return total.value;
      });
      const error = await rejectionOf(step.repeat(10, []));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(/gather.*index 3/s);
      expect([at.value.arraySync(), total.value.arraySync()]).toEqual([[3], [6]]);
      expect(() => step()).toThrow(DataError);
      at.assign(tensor([1], { dtype: "int32" }));
      expect(step().arraySync()).toEqual([8]);
    }
  });
});

describe("inside other recordings a compiled function", () => {
  const double = jit((x: Tensor, by: number) => mul(x, by));

  it("becomes part of the program", () => {
    const outer = jit((x: Tensor) => add(double(x, 3), 1));
    expect(outer(tensor([2])).arraySync()).toEqual([7]);
    expect(backend.programs).toHaveLength(1);
  });

  it("assigns variables in its place", () => {
    const n = variable(tensor([1]));
    const inner = jit(() => n.assign(mul(n.value, 10)));
    const outer = jit(() => {
      n.assign(add(n.value, 1));
      inner();
      n.assign(add(n.value, 5));
    });
    outer();
    expect(n.value.arraySync()).toEqual([25]);
  });

  it("hands gradients through", () => {
    expect(grad((x: Tensor) => sum(double(square(x), 5)))(tensor([1, 2])).arraySync()).toEqual([10, 20]);
    const compiled = jit((x: Tensor) => grad((y: Tensor) => sum(double(square(y), 5)))(x));
    expect(compiled(tensor([1, 2])).arraySync()).toEqual([10, 20]);
  });

  it("runs in the body of a scan", () => {
    const [last] = scan((s: Tensor, x: Tensor) => [add(double(s, 2), x), []], tensor(0), tensor([1, 2, 3]));
    expect(last.itemSync()).toBe(11);
  });
});

describe("tracing is refused", () => {
  const x = () => tensor([1, 2]);

  it.each([
    ["an argument", (a: Tensor) => a.dataSync()[0] === 1],
    ["what is computed from one", (a: Tensor) => sum(a).itemSync() > 0],
    ["an argument printed as an array", (a: Tensor) => a.arraySync()],
  ])("where the function reads %s", (_, read) => {
    const step = jit((a: Tensor) => {
      read(a);
      return a;
    });
    const error = thrownBy(() => step(x())) as TraceError;
    expect(error).toBeInstanceOf(TraceError);
    expect(error).toMatchObject({
      who: "read",
      expected: "a tensor with a value",
      received: "a value that depends on an argument of the function being traced",
    });
    expect(error.fix).toMatch(/where\(…\)/);
  });

  it("where the function reads a variable, by name", () => {
    const w = variable(x(), { name: "weights" });
    const step = jit(() => w.value.itemSync);
    expect(() => step()).not.toThrow();
    expect(() => jit(() => sum(w.value).itemSync())()).toThrow(/variable "weights"/);
  });

  it("but what does not depend on the trace may be read", () => {
    const table = tensor([3, 4]);
    const step = jit((a: Tensor) => mul(a, sum(table).itemSync()));
    expect(step(x()).arraySync()).toEqual([7, 14]);
  });

  it("for an asynchronous function, without a rejection that nobody handles", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const step = jit(async (a: Tensor) => {
      await a.data();
      return a;
    });
    const error = thrownBy(() => step(x())) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ who: "jit", received: "an async function" });
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("where a tensor of another trace is used, and leaked ones can't be read", async () => {
    let leaked: Tensor | undefined;
    jit((a: Tensor) => {
      leaked = mul(a, 2);
      return a;
    })(x());
    const message = /leaked out of a trace.*Return it from the traced function/s;
    expect(() => leaked!.dataSync()).toThrow(message);
    expect((await rejectionOf(leaked!.data())).message).toMatch(message);
    expect(() => add(leaked!, 1).dataSync()).toThrow(message);
    expect(() => jit((a: Tensor) => add(a, leaked!))(x())).toThrow(message);
    expect(() => jit((a: Tensor) => a)(leaked!)).toThrow(message);
  });

  it("for arrays that are no tensors", () => {
    const step = jit((a: unknown) => cast(a as Tensor, "int32"));
    expect(() => step(new Float32Array(3))).toThrow(/jit.*Float32Array.*tensor\(array\)/s);
  });

  it("and the error of the function is the error of the call", () => {
    const step = jit(() => {
      throw new RangeError("mine");
    });
    expect(() => step()).toThrow(new RangeError("mine"));
    expect(jit((a: Tensor) => a)(x()).arraySync()).toEqual([1, 2]);
  });
});
