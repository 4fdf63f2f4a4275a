import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { allSteps } from "../../src/compile/program.js";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  cond,
  cos,
  exp,
  gather,
  grad,
  greater,
  iota,
  jit,
  less,
  mul,
  neg,
  ShapeError,
  scan,
  sin,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "../../src/index.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { sample } from "../support/data.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { useCounted } from "./counting.js";

afterAll(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("cond on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("computes one of two things, chosen by a bool or an integer", () => {
    const x = tensor([1, 2]);
    const choose = (predicate: Tensor) =>
      cond(
        predicate,
        () => mul(x, 10),
        () => neg(x),
      ).arraySync();
    expect(choose(tensor(true))).toEqual([10, 20]);
    expect(choose(tensor(false))).toEqual([-1, -2]);
    expect(choose(greater(sum(x), 2))).toEqual([10, 20]);
    for (const n of [1, 2, -1]) expect(choose(tensor(n, { dtype: "int32" }))).toEqual([10, 20]);
    expect(choose(tensor(0, { dtype: "int32" }))).toEqual([-1, -2]);
  });

  it("is one program for both choices, in a compiled function too", () => {
    const counted = useCounted(on);
    const absolute = jit((x: Tensor) =>
      cond(
        less(x, 0),
        () => neg(x),
        () => x,
      ),
    );
    expect([3, -4, 0].map((n) => absolute(tensor(n)).itemSync())).toEqual([3, 4, 0]);
    expect(counted.programs).toHaveLength(1);
  });

  it("runs the chosen side only", () => {
    const table = tensor([10, 20, 30]);
    const look = (index: number) => {
      const at = tensor([index], { dtype: "int32" });
      return cond(
        less(sum(at), 3),
        () => gather(table, at), // an index out of range would be a fault
        () => tensor([-1]),
      ).arraySync();
    };
    expect([look(2), look(7)]).toEqual([[30], [-1]]);
    const always = cond(
      tensor(true),
      () => gather(table, tensor([7], { dtype: "int32" })),
      () => tensor([-1]),
    );
    expect(() => always.dataSync()).toThrow(/index 7/);
  });

  it("keeps the nesting of results", () => {
    const x = tensor([1, 2]);
    const { a, b } = cond(
      tensor(false),
      () => ({ a: x, b: [sum(x), iota([2])] }),
      () => ({ a: transpose(mul(x, 2)), b: [add(sum(x), 1), add(iota([2]), 5)] }),
    );
    expect([a.arraySync(), b[0]!.arraySync(), b[1]!.arraySync()]).toEqual([[2, 4], 4, [5, 6]]);
    expect(b[1]!.dtype).toBe("int32");
  });

  it("hands tensors, numbers and zeros through", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const choose = (predicate: boolean) =>
      cond(
        tensor(predicate),
        () => [transpose(x), sum(x)],
        () => [zeros([2, 2]), mul(tensor(2), 3)],
      ).map((t) => t.arraySync());
    expect(choose(true)).toEqual([
      [
        [1, 3],
        [2, 4],
      ],
      10,
    ]);
    expect(choose(false)).toEqual([
      [
        [0, 0],
        [0, 0],
      ],
      6,
    ]);
  });

  it("takes what was computed before from outside, once", () => {
    let calls = 0;
    const [before] = hostCall(
      (inputs) => {
        calls++;
        return inputs;
      },
      [tensor([5])],
      [{ shape: [1], dtype: "float32" }],
    );
    const y = cond(
      tensor(true),
      () => mul(before!, 2),
      () => before!,
    );
    expect(add(y, before!).arraySync()).toEqual([15]);
    expect(calls).toBe(1);
  });

  it("may make a tensor that is used outside again", () => {
    let made: Tensor | undefined;
    const y = cond(
      tensor(true),
      () => {
        made = exp(mul(iota([2]), 0));
        return mul(made, 3);
      },
      () => zeros([2]),
    );
    expect(add(y, made!).arraySync()).toEqual([4, 4]);
    expect(add(made!, y).arraySync()).toEqual([4, 4]);
  });

  it("stands inside another one, inside a loop, and around a loop", () => {
    const sign = (x: Tensor) =>
      cond(
        greater(x, 0),
        () => tensor(1),
        () =>
          cond(
            less(x, 0),
            () => tensor(-1),
            () => tensor(0),
          ),
      );
    expect([5, -5, 0].map((n) => sign(tensor(n)).itemSync())).toEqual([1, -1, 0]);

    const [last, all] = scan(
      (s: Tensor, x: Tensor) => {
        const next = cond(
          greater(s, 3),
          () => sub(s, x),
          () => add(s, x),
        );
        return [next, next];
      },
      tensor(0),
      tensor([1, 2, 3, 4, 5]),
    );
    expect(all.arraySync()).toEqual([1, 3, 6, 2, 7]);
    expect(last.itemSync()).toBe(7);

    const power = (flag: boolean) =>
      cond(
        tensor(flag),
        () => scan((s: Tensor, _: Tensor[]) => [mul(s, 2), []], tensor(1), [], { length: 5 })[0],
        () => scan((s: Tensor, _: Tensor[]) => [mul(s, 3), []], tensor(1), [], { length: 3 })[0],
      ).itemSync();
    expect([power(true), power(false)]).toEqual([32, 27]);
  });
});

describe("the derivative of a cond", () => {
  beforeEach(() => useBackend(referenceBackend));

  it("is that of the side that was chosen", () => {
    const f = (x: Tensor) =>
      cond(
        greater(sum(x), 0),
        () => sum(square(x)),
        () => sum(mul(x, 7)),
      );
    for (const on of [referenceBackend, ...backends]) {
      useBackend(on);
      expect(grad(f)(tensor([3, -1])).arraySync()).toEqual([6, -2]);
      expect(grad(f)(tensor([-3, 1])).arraySync()).toEqual([7, 7]);
    }
  });

  it("is zero where the chosen side does not depend on the input", () => {
    const f = (x: Tensor) =>
      cond(
        greater(x, 0),
        () => tensor(1),
        () => mul(x, x),
      );
    expect(grad(f)(tensor(2)).itemSync()).toBe(0);
    expect(grad(f)(tensor(-2)).itemSync()).toBe(-4);
  });

  it("counts each path once where captured tensors depend on each other", () => {
    const f = (x: Tensor) => {
      const squared = square(x); // x² is captured beside x
      return cond(
        greater(x, 0),
        () => add(mul(squared, x), squared), // x³ + x²
        () => x,
      );
    };
    expect(grad(f)(tensor(2)).itemSync()).toBe(3 * 4 + 2 * 2);
    expect(grad(f)(tensor(-2)).itemSync()).toBe(1);
  });

  it.each(["chosen by true", "chosen by false"])(
    "and of that one again agree with the side alone, %s",
    (which) => {
      const inputs = [sample([3]), sample([3])].map(
        ({ shape, data }) => ({ shape, dtype: "float64", data: Float64Array.from(data) }) as const,
      );
      const sides = [
        (x: Tensor, w: Tensor) => sum(mul(sin(mul(x, w)), w)),
        (x: Tensor, w: Tensor) => sum(mul(square(x), cos(w))),
      ] as const;
      const flag = which === "chosen by true";
      const chosen = (x: Tensor, w: Tensor) =>
        cond(
          greater(flag ? 1 : 0, zeros([])),
          () => sides[0](x, w),
          () => sides[1](x, w),
        );
      const derivatives = (f: (x: Tensor, w: Tensor) => Tensor) => (xs: Tensor[]) => {
        const first = vjp([f(xs[0]!, xs[1]!)], xs) as Tensor[];
        const second = vjp([sum(sin(mul(first[0]!, first[1]!)))], xs) as Tensor[];
        return [...first, ...second];
      };
      const expected = evaluate(inputs, derivatives(flag ? sides[0] : sides[1]));
      evaluate(inputs, derivatives(chosen)).forEach((actual, i) => {
        expectClose(actual, expected[i]!, { relative: 1e-13, absolute: 1e-14 });
      });
    },
  );

  it("goes through a cond inside a loop", () => {
    const f = (x: Tensor) => {
      const [last] = scan(
        (s: Tensor, e: Tensor) => {
          const next = cond(
            greater(e, 0),
            () => mul(s, x),
            () => add(s, x),
          );
          return [next, []];
        },
        tensor(1),
        tensor([1, -1, 1]),
      );
      return last;
    };
    // (1 · x + x) · x = 2x²
    expect(f(tensor(3)).itemSync()).toBe(18);
    expect(grad(f)(tensor(3)).itemSync()).toBe(12);
    expect(grad((x: Tensor) => grad(f)(x))(tensor(3)).itemSync()).toBe(4);
  });

  it("does not grow beyond what stands in the chain", () => {
    const counted = useCounted(referenceBackend);
    const chain = (length: number) => (x: Tensor) => {
      let y = x;
      for (let i = 0; i < length; i++) {
        const before = y;
        y = cond(
          greater(before, 0),
          () => sin(before),
          () => cos(before),
        );
      }
      return y;
    };
    const steps = (length: number) => {
      grad(chain(length))(tensor(1)).dataSync();
      return [...allSteps(counted.programs.at(-1)!.steps)].length;
    };
    const [short, long] = [steps(3), steps(6)];
    expect(long!).toBeLessThan(3 * short!);
  });
});

describe("a cond is refused", () => {
  const x = () => tensor([1, 2]);
  it.each([
    ["with a predicate that is no scalar", () => cond(greater(x(), 0), x, x), /bool \[2\]/],
    ["with a float as predicate", () => cond(tensor(1), x, x), /float32 \[\]/],
    [
      "where the sides differ in shape",
      () =>
        cond(
          tensor(true),
          () => x() as Tensor,
          () => tensor([1]),
        ),
      /float32 \[2\] and float32 \[1\]/,
    ],
    [
      "where the sides differ in dtype",
      () =>
        cond(
          tensor(true),
          () => x() as Tensor,
          () => tensor([1, 2], { dtype: "int32" }) as Tensor,
        ),
      /float32 \[2\] and int32 \[2\]/,
    ],
    [
      "where one side returns more",
      () =>
        cond(
          tensor(true),
          () => [x()],
          () => [x(), x()],
        ),
      /float32 \[2\] and float32 \[2\], float32 \[2\]/,
    ],
  ])("%s", (_, run, message) => {
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(message);
  });
});
