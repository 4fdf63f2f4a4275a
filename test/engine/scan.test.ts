import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  arange,
  broadcastTo,
  cast,
  cos,
  equal,
  grad,
  greater,
  iota,
  jit,
  matmul,
  mul,
  reshape,
  scan,
  sin,
  slice,
  square,
  stack,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  where,
  zeros,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { expectClose, expectCloseValues } from "../support/close.js";
import { sample } from "../support/data.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { useCounted } from "./counting.js";

afterAll(() => useBackend(referenceBackend));

/** The same as `scan`, as a chain of nodes: what a scan has to agree with. */
function unrolled(
  fn: (carry: Tensor[], element: Tensor[]) => readonly [Tensor[], Tensor[]],
  init: Tensor[],
  sequences: Tensor[],
  { length = sequences[0]?.shape[0] ?? 0, reverse = false } = {},
): [Tensor[], Tensor[]] {
  let carry = init;
  const stacked: Tensor[][] = [];
  for (let i = 0; i < length; i++) {
    const at = reverse ? length - 1 - i : i;
    const [next, ys] = fn(
      carry,
      sequences.map((s) => s.at(at)),
    );
    carry = next;
    stacked[at] = ys;
  }
  return [carry, (stacked[0] ?? []).map((_, k) => stack(stacked.map((ys) => ys[k]!)))];
}

describe.each([referenceBackend, ...backends])("scan on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("carries a state along a sequence and stacks results", () => {
    const [total, totals] = scan(
      (s: Tensor, x: Tensor) => [add(s, x), add(s, x)],
      zeros([]),
      tensor([1, 2, 3]),
    );
    expect(total.itemSync()).toBe(6);
    expect(totals.arraySync()).toEqual([1, 3, 6]);
  });

  it("keeps the nesting of state, elements and results", () => {
    const [state, ys] = scan(
      (carry: { a: Tensor; b: [Tensor] }, { x, n }: { x: Tensor; n: Tensor }) => [
        { a: add(carry.a, x), b: [mul(carry.b[0], n)] as [Tensor] },
        { before: carry.a, list: [n] },
      ],
      { a: tensor([0, 0]), b: [tensor(1, { dtype: "int32" })] as [Tensor] },
      {
        x: tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
        n: tensor([2, 3, 4], { dtype: "int32" }),
      },
    );
    expect(state.a.arraySync()).toEqual([9, 12]);
    expect(state.b[0].arraySync()).toBe(24);
    expect(state.b[0].dtype).toBe("int32");
    expect(ys.before.arraySync()).toEqual([
      [0, 0],
      [1, 2],
      [4, 6],
    ]);
    expect(ys.list[0]!.arraySync()).toEqual([2, 3, 4]);
  });

  it("runs backwards with results in their places", () => {
    const [last, ys] = scan(
      (s: Tensor, x: Tensor) => [add(mul(s, 10), x), add(mul(s, 10), x)],
      tensor(0),
      tensor([1, 2, 3]),
      { reverse: true },
    );
    expect(last.itemSync()).toBe(321);
    expect(ys.arraySync()).toEqual([321, 32, 3]);
  });

  it("needs no state", () => {
    const [state, squares] = scan((carry: Tensor[], x: Tensor) => [carry, square(x)], [], tensor([1, 2, 3]));
    expect(state).toEqual([]);
    expect(squares.arraySync()).toEqual([1, 4, 9]);
  });

  it("needs no sequence, but then a length", () => {
    const [state, powers] = scan((s: Tensor, _: Tensor[]) => [mul(s, 2), s], tensor(1), [], { length: 5 });
    expect(state.itemSync()).toBe(32);
    expect(powers.arraySync()).toEqual([1, 2, 4, 8, 16]);
  });

  it("runs an even and an odd number of times, once, or never", () => {
    for (const length of [0, 1, 2, 3, 8]) {
      const xs = tensor(new Float32Array(length).fill(3));
      const [state, ys] = scan((s: Tensor, x: Tensor) => [add(s, x), mul(x, 2)], tensor(1), xs);
      expect(state.itemSync()).toBe(1 + 3 * length);
      expect(ys.arraySync()).toEqual(Array.from({ length }, () => 6));
    }
  });

  it("exchanges states without mixing them", () => {
    const [[a, b], ys] = scan(
      ([a, b]: [Tensor, Tensor], _: Tensor[]): [[Tensor, Tensor], Tensor] => [[b, add(a, b)], a],
      [tensor(0), tensor(1)] as [Tensor, Tensor],
      [],
      { length: 10 },
    );
    expect([a.itemSync(), b.itemSync()]).toEqual([55, 89]);
    expect(ys.arraySync()).toEqual([0, 1, 1, 2, 3, 5, 8, 13, 21, 34]);
    const [[c, d]] = scan(
      ([c, d]: [Tensor, Tensor], _: Tensor[]): [[Tensor, Tensor], Tensor[]] => [[d, c], []],
      [tensor([1, 2]), tensor([3, 4])] as [Tensor, Tensor],
      [],
      { length: 3 },
    );
    expect([c.arraySync(), d.arraySync()]).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });

  it("passes elements, captured tensors, numbers and indices through to results", () => {
    const captured = add(tensor([7]), 1);
    const [, ys] = scan(
      (s: Tensor, x: Tensor) => [s, [x, captured, broadcastTo(mul(tensor(2), 3), [2]), iota([2]), s]],
      tensor(4),
      tensor([1, 2]),
    );
    expect(ys.map((y) => y.arraySync())).toEqual([
      [1, 2],
      [[8], [8]],
      [
        [6, 6],
        [6, 6],
      ],
      [
        [0, 1],
        [0, 1],
      ],
      [4, 4],
    ]);
  });

  it("replaces the state by what does not depend on it", () => {
    const [last] = scan((_: Tensor, x: Tensor) => [x, []], tensor(0), tensor([5, 6, 7]));
    expect(last.itemSync()).toBe(7);
    const [constant] = scan(() => [zeros([2]), []], tensor([1, 2]), [], { length: 2 });
    expect(constant.arraySync()).toEqual([0, 0]);
  });

  it("reads sequences that are views: transposed, cut, stretched, counted", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const total = (sequence: Tensor) =>
      scan(
        (s: Tensor, e: Tensor) => [add(mul(s, 10), e), []],
        zeros(sequence.shape.slice(1)),
        sequence,
      )[0].arraySync();
    expect(total(transpose(x))).toEqual([123, 456]);
    expect(total(slice(x, [0, 2], [2, 2], [1, -2]))).toEqual([36, 14]);
    expect(total(broadcastTo(tensor([1, 2]), [3, 2]))).toEqual([111, 222]);
    expect(total(cast(iota([4]), "float32"))).toBe(123);
    expect(total(mul(x, 2))).toEqual([28, 50, 72]);
    const [counted] = scan(
      (s: Tensor, i: Tensor) => [add(s, i), []],
      tensor(0, { dtype: "int32" }),
      arange(5),
    );
    expect(counted.itemSync()).toBe(10);
  });

  it("stops updating the state where a mask says so", () => {
    const mask = tensor([true, true, false, true, false]);
    const [state, states] = scan(
      (s: Tensor, [x, m]: [Tensor, Tensor]) => {
        const next = where(m, add(s, x), s);
        return [next, next];
      },
      tensor(0),
      [tensor([1, 2, 4, 8, 16]), mask] as [Tensor, Tensor],
    );
    expect(state.itemSync()).toBe(11);
    expect(states.arraySync()).toEqual([1, 3, 3, 11, 11]);
  });

  it("runs inside another scan", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const [total, rows] = scan(
      (outer: Tensor, row: Tensor) => {
        const [sumOfRow, sums] = scan(
          (s: Tensor, e: Tensor) => [add(s, e), add(s, mul(outer, e))],
          zeros([]),
          row,
        );
        return [add(outer, sumOfRow), sums];
      },
      tensor(0),
      x,
    );
    expect(total.itemSync()).toBe(21);
    // outer is 0, 3, 10: sums are [0, 1], [9, 3 + 12], [50, 5 + 60]
    expect(rows.arraySync()).toEqual([
      [0, 1],
      [9, 15],
      [50, 65],
    ]);
  });

  it("computes what depends on neither state nor element once, before the loop", () => {
    const counted = useCounted(on);
    const w = tensor([
      [1, 2],
      [3, 4],
    ]);
    const [y] = scan(
      (s: Tensor, x: Tensor) => [add(s, mul(x, sum(matmul(w, w)))), []],
      tensor(0),
      tensor([1, 2]),
    );
    expect(y.itemSync()).toBe(3 * (7 + 10 + 15 + 22));
    const loop = counted.programs[0]!.steps.find((step) => step.kind === "scan")!;
    expect(loop.body.map(({ kind }) => kind)).toEqual(["loop"]);
  });

  it("tells bodies apart by their numbers, the sign of zero included", () => {
    const run = (n: number) =>
      scan((s: Tensor, x: Tensor) => [mul(s, n), x], tensor(1), tensor([1]))[0].dataSync()[0];
    expect([run(2), run(3), run(0), run(-0), run(2)]).toEqual([2, 3, 0, -0, 2]);
  });

  it("works inside a compiled function, captured arguments included", () => {
    const step = jit((x: Tensor, rate: Tensor) => {
      const [last, all] = scan((s: Tensor, e: Tensor) => [add(mul(s, rate), e), s], zeros([]), x);
      return { last, all };
    });
    for (const rate of [1, 0.5]) {
      const { last, all } = step(tensor([1, 2, 4]), tensor(rate));
      expect(last.itemSync()).toBe((1 * rate + 2) * rate + 4);
      expect(all.arraySync()).toEqual([0, 1, rate + 2]);
    }
  });
});

// ---- derivatives -----------------------------------------------------------------------------------------------

interface Differentiated {
  readonly inputs: readonly NDArray[];
  /** A scalar of the inputs, with either kind of loop. */
  readonly build: (inputs: Tensor[], loop: typeof unrolled) => Tensor;
}

const asScan: typeof unrolled = (fn, init, sequences, options) => {
  const [carry, ys] = scan<Tensor[], Tensor[], Tensor[]>((c, e) => fn(c, e), init, sequences, options);
  return [carry, ys];
};

const weighted = (x: Tensor) => sum(mul(x, cast(add(iota(x.shape), 1), x.dtype)));
const recurrent = (w: Tensor, u: Tensor, b: Tensor) => (h: Tensor, x: Tensor) =>
  tanh(add(add(matmul(h, w), matmul(x, u)), b));
const recurrentInputs = [
  sample([2, 3]), // h
  sample([5, 2, 4]), // x
  sample([3, 3]), // w
  sample([4, 3]), // u
  sample([3]), // b
];

const differentiated: Readonly<Record<string, Differentiated>> = {
  "a recurrence, of its states": {
    inputs: recurrentInputs,
    build: ([h, x, w, u, b], loop) => {
      const cell = recurrent(w!, u!, b!);
      const [, [states]] = loop(
        ([s], [e]) => {
          const next = cell(s!, e!);
          return [[next], [next]];
        },
        [h!],
        [x!],
      );
      return weighted(states!);
    },
  },
  "a recurrence, of its last state": {
    inputs: recurrentInputs,
    build: ([h, x, w, u, b], loop) => {
      const cell = recurrent(w!, u!, b!);
      const [[last]] = loop(([s], [e]) => [[cell(s!, e!)], [s!]], [h!], [x!]);
      return weighted(last!);
    },
  },
  "a recurrence run backwards, of both": {
    inputs: recurrentInputs,
    build: ([h, x, w, u, b], loop) => {
      const cell = recurrent(w!, u!, b!);
      const [[last], [states]] = loop(
        ([s], [e]) => {
          const next = cell(s!, e!);
          return [[next], [mul(s!, next)]];
        },
        [h!],
        [x!],
        { reverse: true },
      );
      return add(weighted(states!), sum(square(last!)));
    },
  },
  "two states that feed each other": {
    inputs: [sample([3]), sample([3]), sample([4, 3])],
    build: ([a, b, x], loop) => {
      const [[p, q], [ys]] = loop(
        ([s, t], [e]) => [[sin(t!), mul(add(s!, e!), 0.5)], [mul(s!, t!)]],
        [a!, b!],
        [x!],
      );
      return add(add(weighted(p!), sum(mul(q!, q!))), weighted(ys!));
    },
  },
  "a masked state": {
    inputs: [sample([3]), sample([5, 3])],
    build: ([h, x], loop) => {
      const mask = greater(sin(cast(arange(5), h!.dtype)), 0);
      const [[last], [ys]] = loop(
        ([s], [e, m]) => {
          const next = where(m!, sin(add(s!, e!)), s!);
          return [[next], [next]];
        },
        [h!],
        [x!, mask],
      );
      return add(weighted(last!), sum(square(ys!)));
    },
  },
  "a loop inside a loop": {
    inputs: [sample([2]), sample([3, 4, 2]), sample([2])],
    build: ([h, x, w], loop) => {
      const [[last], [ys]] = loop(
        ([s], [block]) => {
          const [[inner], [all]] = loop(
            ([t], [e]) => [[sin(add(mul(t!, w!), e!))], [mul(t!, s!)]],
            [s!],
            [block!],
            { reverse: true },
          );
          return [[inner!], [sum(all!, 0)]];
        },
        [h!],
        [x!],
      );
      return add(weighted(last!), weighted(ys!));
    },
  },
  "captured tensors of which one is computed from the other": {
    inputs: [sample([2]), sample([3, 2]), sample([2])],
    build: ([h, x, w], loop) => {
      const squared = square(w!);
      const [[last], [ys]] = loop(
        ([s], [e]) => [[add(mul(sin(s!), squared), mul(e!, w!))], [mul(s!, w!)]],
        [h!],
        [x!],
      );
      return add(weighted(last!), weighted(ys!));
    },
  },
  "views of state and element, inside a loop inside a loop": {
    inputs: [sample([2, 3]), sample([2, 3, 4, 3, 2])],
    build: ([h, x], loop) => {
      const [[last]] = loop(
        ([s], [block]) => {
          const [[inner]] = loop(
            ([t], [e]) => {
              const turned = add(t!, e!.at(1).reshape([1, 2]).transpose().broadcastTo([2, 3]));
              return [[sin(add(turned, slice(turned, [1, 0], [1, 3])))], []];
            },
            [s!],
            [transpose(block!, [1, 0, 2, 3]).at(2)],
          );
          return [[inner!], []];
        },
        [h!],
        [transpose(x!, [0, 2, 1, 3, 4]).reshape([2, 4, 3, 3, 2])],
      );
      return weighted(last!);
    },
  },
  "a sequence that the body does not use, and a result that nobody uses": {
    inputs: [sample([2]), sample([3, 2])],
    build: ([h, x], loop) => {
      const [[last]] = loop(([s], [e]) => [[cos(s!)], [mul(e!, s!)]], [h!], [x!]);
      return weighted(last!);
    },
  },
  "an integer state beside a float one": {
    inputs: [sample([2]), sample([4, 2])],
    build: ([h, x], loop) => {
      const [[last, count]] = loop(
        ([s, n], [e]) => {
          const even = equal(mul(cast(mul(n!, 1), "int32"), 1), 2);
          return [[where(even, s!, add(sin(s!), e!)), add(n!, 1)], []];
        },
        [h!, zeros([], "int32")],
        [x!],
      );
      return add(weighted(last!), cast(count!, h!.dtype));
    },
  },
};

describe("the derivative of a scan", () => {
  for (const [name, { inputs, build }] of Object.entries(differentiated)) {
    const first = (loop: typeof unrolled) => (xs: Tensor[]) => {
      const value = build(xs, loop);
      return [value, ...vjp([value], xs).map((g, i) => g ?? zeros(xs[i]!.shape, xs[i]!.dtype))];
    };
    const second = (loop: typeof unrolled) => (xs: Tensor[]) => {
      const gradients = vjp([build(xs, loop)], xs);
      const total = gradients.reduce<Tensor>(
        (t, g) => (g ? add(t, sum(sin(g))) : t),
        zeros([], xs[0]!.dtype),
      );
      return vjp([total], xs).map((g, i) => g ?? zeros(xs[i]!.shape, xs[i]!.dtype));
    };
    const doubles = inputs.map(
      ({ shape, data }) => ({ shape, dtype: "float64", data: Float64Array.from(data) }) as const,
    );

    it(`is that of the chain it stands for: ${name}`, () => {
      const expected = evaluate(doubles, first(unrolled));
      evaluate(doubles, first(asScan)).forEach((actual, i) => {
        expectClose(actual, expected[i]!, { relative: 1e-12, absolute: 1e-13 });
      });
      const single = evaluate(inputs, first(unrolled));
      for (const on of backends) {
        evaluate(inputs, first(asScan), { on }).forEach((actual, i) => {
          expectClose(actual, single[i]!, { relative: 1e-4, absolute: 1e-5 });
        });
      }
    });

    it(`has a derivative again: ${name}`, () => {
      const expected = evaluate(doubles, second(unrolled));
      evaluate(doubles, second(asScan)).forEach((actual, i) => {
        expectClose(actual, expected[i]!, { relative: 1e-11, absolute: 1e-12 });
      });
      const single = evaluate(inputs, second(unrolled));
      for (const on of backends) {
        evaluate(inputs, second(asScan), { on }).forEach((actual, i) => {
          expectClose(actual, single[i]!, { relative: 1e-3, absolute: 1e-4 });
        });
      }
    });
  }

  it("of a loop that never runs is that of its start", () => {
    const gradient = grad((h: Tensor) =>
      sum(scan((s: Tensor, x: Tensor) => [mul(s, x), []], h, zeros([0, 2]))[0]),
    );
    expect(gradient(tensor([1, 2])).arraySync()).toEqual([1, 1]);
  });
});

describe("the program of a recurrence and its derivative", () => {
  const shapes = { x: [5, 4, 12], h: [4, 3], w: [3, 12], b: [12] };
  const cell =
    (w: Tensor, b: Tensor) =>
    ([h, c]: readonly [Tensor, Tensor], x: Tensor): [readonly [Tensor, Tensor], Tensor] => {
      const gates = add(add(x, matmul(h, w)), b);
      const gate = (k: number) => slice(gates, [0, 3 * k], [4, 3]);
      const next = add(mul(tanh(gate(0)), c), mul(sin(gate(1)), tanh(gate(2))));
      const y = mul(sin(gate(3)), tanh(next));
      return [[y, next], y];
    };

  it("computes each product once, and keeps what the derivative reads", () => {
    const on = useCounted(referenceBackend);
    const value = (w: Tensor, b: Tensor, x: Tensor, h: Tensor) =>
      sum(square(scan(cell(w, b), [h, h] as const, x)[1]));
    const zero = (shape: readonly number[]) =>
      tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });
    const compiled = jit((x: Tensor, h: Tensor, w: Tensor, b: Tensor) =>
      grad(([w, b]: readonly [Tensor, Tensor]) => value(w, b, x, h))([w, b]),
    );
    compiled.compile(zero(shapes.x), zero(shapes.h), zero(shapes.w), zero(shapes.b));
    const { steps } = on.programs.at(-1)!;
    const [forward, backward] = steps.filter((step) => step.kind === "scan");
    const kinds = (list: readonly { kind: string }[], kind: string) =>
      list.filter((s) => s.kind === kind).length;
    expect(kinds(forward!.body, "matmul")).toBe(1);
    expect(kinds(backward!.body, "matmul")).toBe(1); // the gradient of the state
    expect(kinds(backward!.body, "reduce")).toBe(0);
    expect(kinds(steps, "matmul")).toBe(1); // that of the weights, for all steps
    expect(kinds(steps, "reduce")).toBe(1); // that of the bias
    expect(forward!.body.some(({ label }) => label === "copy" || label === "carry")).toBe(false);
  });
});

it.each([referenceBackend, ...backends].map((on) => [on.name, on] as const))(
  "the gradients of a recurrence count the rows of a batch of run-time length only, on %s",
  (_, on) => {
    useBackend(on);
    const { data } = sample([5, 4, 3]);
    const [w, b] = [sample([3, 3]), sample([3])].map((a) => tensor(a.data, { shape: a.shape })) as [
      Tensor,
      Tensor,
    ];
    const gradients = (x: Tensor) =>
      grad(([w, b]: readonly [Tensor, Tensor]) => {
        const start = mul(reshape(slice(x, [0, 0, 0], [x.shape[0]!, 1, 3]), [x.shape[0]!, 3]), 0);
        const cell = (h: Tensor, e: Tensor): [Tensor, Tensor[]] => [tanh(add(add(e, matmul(h, w)), b)), []];
        return sum(square(scan(cell, start, transpose(x, [1, 0, 2]))[0]));
      })([w, b]);
    const bounded = jit(gradients, { batchBound: 5 });
    for (const rows of [5, 2, 1]) {
      const x = tensor(data.slice(0, rows * 12), { shape: [rows, 4, 3] });
      const expected = gradients(x);
      bounded(x).forEach((actual, i) => {
        expectCloseValues(actual.dataSync(), expected[i]!.dataSync(), { relative: 1e-4, absolute: 1e-5 });
      });
    }
  },
);

describe("a scan is refused", () => {
  beforeEach(() => useBackend(referenceBackend));
  const x = () => tensor([1, 2, 3]);
  const keep = (s: Tensor): [Tensor, Tensor[]] => [s, []];

  it.each([
    ["without sequences and length", () => scan(keep, tensor(0), []), /neither/],
    [
      "with sequences of different length",
      () => scan((s: Tensor, _: Tensor[]) => keep(s), tensor(0), [x(), tensor([1])]),
      /length 3.*\[1\]/,
    ],
    [
      "with a length that is not that of the sequences",
      () => scan((s: Tensor, _: Tensor) => keep(s), tensor(0), x(), { length: 2 }),
      /length 2.*\[3\]/,
    ],
    [
      "with a scalar as a sequence",
      () => scan((s: Tensor, _: Tensor) => keep(s), tensor(0), tensor(1)),
      /scalar|shape \[\]/,
    ],
    ["with a negative length", () => scan(keep, tensor(0), [], { length: -1 }), /-1/],
    ["with a broken length", () => scan(keep, tensor(0), [], { length: 1.5 }), /1\.5/],
    [
      "where the body changes the shape of the state",
      () => scan((s: Tensor, _: Tensor) => [stack([s, s]), []], tensor(0), x()),
      /state 0, float32 \[\].*float32 \[2\]/,
    ],
    [
      "where the body changes the dtype of the state",
      () => scan((s: Tensor, e: Tensor) => [add(s, e), []], tensor(0, { dtype: "int32" }), x()),
      /state 0, int32 \[\].*float32 \[\]/,
    ],
    [
      "where the body gives back fewer states",
      () => scan((s: Tensor[], _: Tensor) => [s.slice(1), []], [tensor(0), tensor(1)], x()),
      /state 1.*nothing/,
    ],
    [
      "where the body gives back more states",
      () => scan((s: Tensor[], _: Tensor) => [[...s, ...s], []], [tensor(0)], x()),
      /1 states.*2|state/,
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(message);
    expect(run).toThrow(/^\[scan\]/);
  });

  it("where the body reads a value", () => {
    const run = () => scan((s: Tensor, e: Tensor) => [add(s, e.itemSync()), []], tensor(0), x());
    expect(run).toThrow(/scan/);
    expect(run).toThrow(/nothing is computed yet/);
  });

  it("where an element is kept and read later", () => {
    let leaked: Tensor | undefined;
    scan(
      (s: Tensor, e: Tensor) => {
        leaked = mul(e, 2);
        return [s, []];
      },
      tensor(0),
      x(),
    );
    expect(() => leaked!.dataSync()).toThrow(/leaked/);
  });
});
