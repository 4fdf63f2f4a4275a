import { Worker } from "node:worker_threads";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { allSteps } from "../../src/compile/program.js";
import { backend, useBackend } from "../../src/engine/device.js";
import {
  abs,
  add,
  ConfigError,
  cast,
  cond,
  cos,
  DataError,
  div,
  equal,
  GradientError,
  gather,
  grad,
  greater,
  iota,
  jit,
  less,
  logicalAnd,
  matmul,
  max,
  maximum,
  mod,
  mul,
  notEqual,
  ShapeError,
  scan,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  variable,
  whileLoop,
  zeros,
} from "../../src/index.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { type GoldenArray, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectClose, expectCloseValues } from "../support/close.js";
import { sample } from "../support/data.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { backendsByThreads } from "../support/threads.js";
import { useCounted } from "./counting.js";

afterAll(() => useBackend(referenceBackend));

interface GoldenLoop {
  readonly name: string;
  readonly x: GoldenArray;
  readonly w: GoldenArray;
  readonly final: GoldenArray;
  readonly count: number;
  readonly dx: GoldenArray;
  readonly dw: GoldenArray;
}
const goldenLoops: Readonly<
  Record<string, { holds(y: Tensor, w: Tensor): Tensor; next(y: Tensor, w: Tensor): Tensor }>
> = {
  newton: {
    holds: (y, w) => greater(max(abs(sub(square(y), w))), 0.01),
    next: (y, w) => mul(add(y, div(w, y)), 0.5),
  },
  settle: { holds: (y) => greater(sum(square(y)), 0.05), next: (y, w) => tanh(matmul(y, w)) },
};

const int = (value: number) => tensor(value, { dtype: "int32" });

describe.each([referenceBackend, ...backends])("whileLoop on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("repeats the body as long as the condition holds", () => {
    const doubled = (start: number) =>
      whileLoop(
        (x) => less(x, 100),
        (x) => mul(x, 2),
        tensor(start),
      ).itemSync();
    expect([1, 3, 99, 100, 500].map(doubled)).toEqual([128, 192, 198, 100, 500]);
  });

  it("is one program for any number of iterations", () => {
    const counted = useCounted(on);
    const steps = jit((n: Tensor) =>
      whileLoop(
        ([m]) => notEqual(m, 1),
        ([m, count]) =>
          [
            cond(
              equal(mod(m, 2), 0),
              () => cast(div(m, 2), "int32"),
              () => add(mul(m, 3), 1),
            ),
            add(count, 1),
          ] as const,
        [n, zeros([], "int32")],
      ),
    );
    // Lengths of Collatz sequences, OEIS A006577.
    expect([1, 2, 3, 7, 27].map((n) => steps(int(n))[1].itemSync())).toEqual([0, 1, 7, 16, 111]);
    expect(counted.programs).toHaveLength(1);
    expect(counted.runs).toBe(5);
  });

  it("keeps the nesting of the state, and exchanges states without mixing them", () => {
    const last = whileLoop(
      ({ n }) => less(n, 10),
      ({ n, pair: [a, b] }) => ({ n: add(n, 1), pair: [b, add(a, b)] as const }),
      { n: zeros([], "int32"), pair: [tensor(0), tensor(1)] },
    );
    expect([last.n, ...last.pair].map((t) => t.itemSync())).toEqual([10, 55, 89]);
    const swapped = (n: number) =>
      whileLoop(
        ([, , i]) => less(i, n),
        ([a, b, i]) => [b, a, add(i, 1)] as const,
        [tensor([1, 2]), tensor([3, 4]), int(0)],
      )
        .slice(0, 2)
        .map((t) => t.arraySync());
    expect(swapped(2)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(swapped(3)).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });

  it("takes integers as condition, and conditions of several parts", () => {
    const countdown = whileLoop(
      ([n]) => n,
      ([n, total]) => [sub(n, 1), add(total, n)] as const,
      [int(4), int(0)],
    );
    expect(countdown.map((t) => t.itemSync())).toEqual([0, 10]);
    const x = whileLoop(
      (x) => logicalAnd(less(sum(x), 50), less(max(x), 9)),
      (x) => add(x, tensor([1, 2])),
      tensor([0, 0]),
    );
    expect(x.arraySync()).toEqual([5, 10]);
  });

  it("uses what it captures: tensors, numbers, indices, products, views", () => {
    const a = tensor([
      [0, 1],
      [1, 1],
    ]);
    const turned = transpose(mul(a, 1));
    const power = whileLoop(
      ([m]) => less(sum(m), 100),
      ([m, n]) => [matmul(m, turned), add(n, iota([2]))] as const,
      [a, zeros([2], "int32")],
    );
    expect(power.map((t) => t.arraySync())).toEqual([
      [
        [21, 34],
        [34, 55],
      ],
      [0, 8],
    ]);
  });

  it("ends after maxIterations, and never begins where that is 0", () => {
    const tripled = (maxIterations: number) =>
      whileLoop(
        (x) => less(x, 1000),
        (x) => mul(x, 3),
        tensor(1),
        { maxIterations },
      ).itemSync();
    expect([0, 1, 2, 6, 7, 100].map(tripled)).toEqual([1, 3, 9, 729, 2187, 2187]);
  });

  it("stands in a scan, in a cond, in another one, and around them", () => {
    // The greatest common divisor of each pair, by Euclid.
    const gcd = (a: Tensor, b: Tensor) =>
      whileLoop(
        ([, b]) => notEqual(b, 0),
        ([a, b]) => [b, mod(a, b)] as const,
        [a, b],
      )[0];
    const [, divisors] = scan((s: Tensor[], [a, b]: [Tensor, Tensor]) => [s, gcd(a, b)], [], [
      tensor([12, 35, 17, 0], { dtype: "int32" }),
      tensor([18, 21, 5, 4], { dtype: "int32" }),
    ] as [Tensor, Tensor]);
    expect(divisors.arraySync()).toEqual([6, 7, 1, 4]);
    const chosen = (flag: boolean) =>
      cond(
        tensor(flag),
        () => gcd(int(48), int(36)),
        () => int(0),
      ).itemSync();
    expect([chosen(true), chosen(false)]).toEqual([12, 0]);
    const triangle = whileLoop(
      ([rows]) => less(rows, 5),
      ([rows, total]) => {
        const [, row] = whileLoop(
          ([i]) => less(i, rows),
          ([i, sum]) => [add(i, 1), add(sum, i)] as const,
          [zeros([], "int32"), zeros([], "int32")],
        );
        const [last] = scan((s: Tensor, _: Tensor[]) => [add(s, row), []], total, [], { length: 2 });
        return [add(rows, 1), last] as const;
      },
      [int(0), int(0)],
    );
    expect(triangle[1].itemSync()).toBe(2 * (0 + 0 + 1 + 3 + 6));
  });

  it("carries the variables that the body assigns, which the condition sees", () => {
    const total = variable(0);
    const calls = variable(0, { dtype: "int32" });
    const step = jit((limit: Tensor, by: Tensor) => {
      calls.assign(add(calls.value, 1));
      return whileLoop(
        () => less(total.value, limit),
        (i) => {
          total.assign(add(total.value, by));
          return add(i, 1);
        },
        zeros([], "int32"),
      );
    });
    expect(step(tensor(10), tensor(3)).itemSync()).toBe(4);
    expect(total.value.itemSync()).toBe(12);
    expect(step(tensor(10), tensor(3)).itemSync()).toBe(0);
    expect(step(tensor(14), tensor(1)).itemSync()).toBe(2);
    expect([total.value.itemSync(), calls.value.itemSync()]).toEqual([14, 3]);
  });

  it("repeats with the steps of a compiled function, as often in one call as in several", async () => {
    const run = async (each: number) => {
      const x = variable(tensor([0.5, 1, 2]));
      const step = jit(() => {
        x.assign(
          whileLoop(
            (v) => less(sum(v), 20),
            (v) => add(mul(v, 1.25), 0.1),
            mul(x.value, 0.3),
          ),
        );
      });
      for (let done = 0; done < 12; done += each) await step.repeat(each, []);
      return x.value.arraySync();
    };
    expect(await run(12)).toEqual(await run(1));
    expect(await run(4)).toEqual(await run(1));
  });

  it.each(golden<GoldenLoop>("jax-loops"))(
    "ends where JAX's loop ends, with its gradients: $name",
    (given) => {
      const [x, w] = [given.x, given.w].map((a) => tensor(goldenNumbers(a), { shape: a.shape })) as [
        Tensor,
        Tensor,
      ];
      const { holds, next } = goldenLoops[given.name]!;
      const loop = (x: Tensor, w: Tensor) =>
        whileLoop(
          ([y]) => holds(y, w),
          ([y, n]) => [next(y, w), add(n, 1)] as const,
          [x, zeros([], "int32")],
          { maxIterations: 20 },
        );
      const loss = (x: Tensor, w: Tensor) => sum(square(loop(x, w)[0]));
      const close = (actual: Tensor, expected: GoldenArray) =>
        expectCloseValues(actual.dataSync(), goldenNumbers(expected), { relative: 1e-4, absolute: 1e-5 });
      const [last, count] = loop(x, w);
      expect(count.itemSync()).toBe(given.count);
      close(last, given.final);
      close(grad(loss)(x, w), given.dx);
      close(grad((v: Tensor) => loss(x, v))(w), given.dw);
    },
  );

  it("ends with the fault of its body, though the condition would hold for ever", () => {
    const table = tensor([1, 2, 3]);
    const endless = whileLoop(
      ([x]) => greater(x, -1),
      ([, i]) => [sum(gather(table, i)), add(i, 1)] as const,
      [tensor(0), tensor([0], { dtype: "int32" })],
    );
    expect(() => endless[0].itemSync()).toThrow(DataError);
    expect(() => endless[0].itemSync()).toThrow(/index 3/);
  });
});

describe.each(backendsByThreads)("whileLoop on $name", ({ use, threads }) => {
  it("gives the same bits for any number of threads", () => {
    const { data: a } = sample([96, 96]);
    const { data: x } = sample([96, 40]);
    const results = threads.map((count) => {
      use(count);
      const m = mul(tensor(a, { shape: [96, 96] }), 0.2);
      const start = tensor(x, { shape: [96, 40] });
      const fixed = (state: Tensor) =>
        whileLoop(
          ([, change, n]) => logicalAnd(greater(max(change), 1e-4), less(n, 60)),
          ([y, , n]) => {
            const next = tanh(add(matmul(m, y), start));
            return [next, abs(sub(next, y)), add(n, 1)] as const;
          },
          [state, add(abs(state), 1), zeros([], "int32")],
          { maxIterations: 60 },
        );
      const [, , n] = fixed(start);
      const gradient = grad((s: Tensor) => sum(square(fixed(s)[0])))(start);
      return [n.itemSync(), fixed(start)[0].dataSync(), gradient.dataSync()];
    });
    expect(results[0]![0]).toBeGreaterThan(3);
    for (const other of results.slice(1)) expect(other).toEqual(results[0]);
  });

  it("without end stops at the stop flag, and leaves variables as they were", async () => {
    for (const count of threads) {
      use(count);
      await backend().ready?.(); // from then on a run takes place beside JavaScript
      const v = variable(tensor([1, 2, 3]));
      const step = jit((limit: Tensor) => {
        const last = whileLoop(
          (x) => greater(sum(x), limit),
          (x) => add(mul(x, 0.5), 1),
          v.value,
        );
        v.assign(last);
        return last;
      });
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const running = step.repeat(3, [tensor(-1)], { stop });
      setTimeout(() => Atomics.store(stop, 0, 1), 20);
      expect((await running).steps).toBe(0);
      expect(v.value.arraySync()).toEqual([1, 2, 3]);
      // The engine is free again.
      expect((await step.repeat(3, [tensor(9)])).steps).toBe(3);
      expect(v.value.arraySync()).toEqual([1, 2, 3]);
    }
  });
});

it("whileLoop without end stops on the reference backend too, at the flag of another thread", async () => {
  useBackend(referenceBackend);
  const step = jit(() =>
    whileLoop(
      (x) => greater(x, 0),
      (x) => add(mul(x, 0.5), 1),
      tensor(1),
    ),
  );
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const code =
    'const { workerData } = require("node:worker_threads"); setTimeout(() => Atomics.store(workerData, 0, 1), 20);';
  const worker = new Worker(code, { eval: true, workerData: stop });
  await new Promise((resolve) => worker.once("online", resolve));
  const { steps } = await step.repeat(1, [], { stop });
  expect(steps).toBe(0);
  await worker.terminate();
});

/** A loop that a chain of known length stands for. */
interface Derived {
  readonly inputs: ReturnType<typeof sample>[];
  readonly loop: (xs: readonly Tensor[]) => Tensor;
  readonly chain: (xs: readonly Tensor[]) => Tensor;
}

const times = (n: number, body: (x: Tensor) => Tensor, start: Tensor) => {
  let x = start;
  for (let i = 0; i < n; i++) x = body(x);
  return x;
};
const counted = (n: number, body: (x: Tensor) => Tensor, start: Tensor, maxIterations = n + 3) =>
  whileLoop(
    ([, i]) => less(i, n),
    ([x, i]) => [body(x), add(i, 1)] as const,
    [start, zeros([], "int32")],
    { maxIterations },
  )[0];

const derived: Readonly<Record<string, Derived>> = {
  "of what it starts from and what it captures": {
    inputs: [sample([2, 3]), sample([3, 3]), sample([3])],
    loop: ([x, w, b]) => sum(sin(counted(4, (y) => tanh(add(matmul(y, w!), b!)), x!))),
    chain: ([x, w, b]) => sum(sin(times(4, (y) => tanh(add(matmul(y, w!), b!)), x!))),
  },
  "that maxIterations ends": {
    inputs: [sample([3]), sample([3])],
    loop: ([x, w]) => sum(square(counted(9, (y) => mul(sin(y), w!), x!, 3))),
    chain: ([x, w]) => sum(square(times(3, (y) => mul(sin(y), w!), x!))),
  },
  "that never runs": {
    inputs: [sample([3]), sample([3])],
    loop: ([x, w]) => sum(square(counted(0, (y) => mul(sin(y), w!), x!))),
    chain: ([x, w]) => sum(add(square(x!), mul(w!, 0))),
  },
  "with one inside": {
    inputs: [sample([3]), sample([3])],
    loop: ([x, w]) => sum(cos(counted(3, (y) => counted(2, (z) => sin(mul(z, w!)), add(y, w!)), x!))),
    chain: ([x, w]) => sum(cos(times(3, (y) => times(2, (z) => sin(mul(z, w!)), add(y, w!)), x!))),
  },
  "of captured tensors of which one is computed from the other": {
    inputs: [sample([3]), sample([3])],
    loop: ([x, w]) => {
      const squared = square(w!);
      return sum(counted(3, (y) => add(mul(sin(y), squared), w!), x!));
    },
    chain: ([x, w]) => sum(times(3, (y) => add(mul(sin(y), square(w!)), w!), x!)),
  },
};

describe("the derivative of a whileLoop", () => {
  for (const [name, { inputs, loop, chain }] of Object.entries(derived)) {
    const first = (f: Derived["loop"]) => (xs: Tensor[]) => {
      const value = f(xs);
      return [value, ...vjp([value], xs).map((g, i) => g ?? zeros(xs[i]!.shape, xs[i]!.dtype))];
    };
    const second = (f: Derived["loop"]) => (xs: Tensor[]) => {
      const gradients = vjp([f(xs)], xs);
      const total = gradients.reduce<Tensor>(
        (t, g) => (g ? add(t, sum(sin(g))) : t),
        zeros([], xs[0]!.dtype),
      );
      return vjp([total], xs).map((g, i) => g ?? zeros(xs[i]!.shape, xs[i]!.dtype));
    };
    const doubles = inputs.map(
      ({ shape, data }) => ({ shape, dtype: "float64", data: Float64Array.from(data) }) as const,
    );

    it(`is that of the chain it stands for, and so is the next one: ${name}`, () => {
      for (const derivative of [first, second]) {
        const expected = evaluate(doubles, derivative(chain));
        evaluate(doubles, derivative(loop)).forEach((actual, i) => {
          expectClose(actual, expected[i]!, { relative: 1e-11, absolute: 1e-12 });
        });
        const single = evaluate(inputs, derivative(chain));
        for (const on of backends) {
          evaluate(inputs, derivative(loop), { on }).forEach((actual, i) => {
            expectClose(actual, single[i]!, { relative: 1e-3, absolute: 1e-4 });
          });
        }
      }
    });
  }

  it("depends on how often the data made it run", () => {
    useBackend(referenceBackend);
    const power = (x: Tensor) =>
      whileLoop(
        (y) => less(y, 100),
        (y) => mul(y, x),
        x,
        { maxIterations: 30 },
      );
    // 3⁵ = 243 and 7³ = 343 are the first powers beyond 100.
    expect(grad(power)(tensor(3)).itemSync()).toBe(5 * 3 ** 4);
    expect(grad(power)(tensor(7)).itemSync()).toBe(3 * 7 ** 2);
    expect(grad((x: Tensor) => grad(power)(x))(tensor(3)).itemSync()).toBe(20 * 3 ** 3);
  });

  it("costs nothing in a program that does not take it", () => {
    const on = useCounted(referenceBackend);
    const steps = (options: { maxIterations?: number }) => {
      whileLoop(
        (x) => less(x, 100),
        (x) => mul(x, 2),
        tensor(1),
        options,
      ).itemSync();
      const program = on.programs.at(-1)!;
      return { steps: [...allSteps(program.steps)].length, bytes: program.arenaBytes };
    };
    expect(steps({ maxIterations: 5000 })).toEqual(steps({}));
  });

  it.each([referenceBackend, ...backends].map((on) => [on.name, on] as const))(
    "is that of a batch of any length up to a bound, on %s",
    (_, on) => {
      useBackend(on);
      const w = tensor([
        [0.5, -1, 0.2],
        [0.3, 0.4, -0.6],
        [-0.8, 0.1, 0.9],
      ]);
      const loop = (x: Tensor, w: Tensor) =>
        sum(square(counted(3, (y) => tanh(matmul(add(y, mul(x, 0.1)), w)), x)));
      const derivatives = (x: Tensor): Tensor[] => {
        const first = grad(([x, w]: readonly [Tensor, Tensor]) => loop(x, w))([x, w]);
        const second = grad((x: Tensor) => sum(square(grad((x: Tensor) => loop(x, w))(x))))(x);
        return [...first, second];
      };
      const bounded = jit(derivatives, { batchBound: 5 });
      for (const rows of [5, 2, 1]) {
        const x = tensor(
          Array.from({ length: rows * 3 }, (_, i) => Math.sin(i + 1)),
          { shape: [rows, 3] },
        );
        const expected = derivatives(x);
        bounded(x).forEach((actual, i) => {
          expect(actual.shape).toEqual(expected[i]!.shape);
          expectCloseValues(actual.dataSync(), expected[i]!.dataSync(), { relative: 1e-4, absolute: 1e-5 });
        });
      }
    },
  );

  it("needs maxIterations, says so, and what else to do", () => {
    useBackend(referenceBackend);
    const loop = (x: Tensor) =>
      whileLoop(
        (y) => less(y, 100),
        (y) => mul(y, 2),
        x,
      );
    expect(() => grad(loop)(tensor(1))).toThrow(GradientError);
    expect(() => grad(loop)(tensor(1))).toThrow(/^\[whileLoop\].*maxIterations.*scan.*stopGradient/);
    expect(grad((x: Tensor) => mul(stopGradient(loop(x)), x))(tensor(1)).itemSync()).toBe(128);
  });
});

describe("a whileLoop is refused", () => {
  beforeEach(() => useBackend(referenceBackend));
  const x = () => tensor([1, 2]);
  const small = (t: Tensor) => less(sum(t), 10);

  it.each([
    [
      "with a condition that is no scalar",
      () =>
        whileLoop(
          (t) => less(t, 1),
          (t) => t,
          x(),
        ),
      /bool \[2\]/,
    ],
    [
      "with a float as condition",
      () =>
        whileLoop(
          (t) => sum(t),
          (t) => t,
          x(),
        ),
      /float32 \[\]/,
    ],
    [
      "with a condition that returns no tensor",
      () =>
        whileLoop(
          () => true as unknown as Tensor,
          (t) => t,
          x(),
        ),
      /received true/,
    ],
    [
      "where the body changes the shape",
      () => whileLoop(small, sum, x()),
      /state 0, float32 \[2\].*float32 \[\]/,
    ],
    [
      "where the body changes the dtype",
      () => whileLoop(small, (t) => cast(t, "int32"), x()),
      /state 0, float32 \[2\].*int32 \[2\]/,
    ],
    [
      "where the body gives back fewer states",
      () =>
        whileLoop(
          ([t]) => small(t!),
          (s) => s.slice(1),
          [x(), x()] as Tensor[],
        ),
      /state 1.*nothing/,
    ],
    [
      "where the body gives back more states",
      () =>
        whileLoop(
          ([t]) => small(t!),
          (s) => [...s, ...s],
          [x()] as Tensor[],
        ),
      /nested/,
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(/^\[whileLoop\]/);
    expect(run).toThrow(message);
  });

  it.each([
    [
      "without a tensor as state",
      () =>
        whileLoop(
          () => tensor(true),
          (n) => n,
          3,
        ),
      /tensor\(0\)/,
    ],
    [
      "with a broken bound",
      () => whileLoop(small, (t) => t, x(), { maxIterations: 1.5 }),
      /maxIterations.*1\.5/,
    ],
    ["with a negative bound", () => whileLoop(small, (t) => t, x(), { maxIterations: -1 }), /-1/],
    [
      "where the condition assigns a variable",
      () => {
        const v = variable(0);
        const look = (t: Tensor) => {
          v.assign(1);
          return small(t);
        };
        whileLoop(look, (t) => t, x());
      },
      /assigns a variable.*body/,
    ],
    [
      "where the body calls the host",
      () => whileLoop(small, (t) => hostCall((a) => a, [t], [{ shape: [2], dtype: "float32" }])[0]!, x()),
      /calls the host/,
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(ConfigError);
    expect(run).toThrow(/^\[whileLoop\]/);
    expect(run).toThrow(message);
  });

  it("where a function reads a value", () => {
    expect(() =>
      whileLoop(
        (t) => less(t.itemSync(), maximum(t, 1)),
        (t) => t,
        tensor(0),
      ),
    ).toThrow(/nothing is computed yet/);
  });
});
