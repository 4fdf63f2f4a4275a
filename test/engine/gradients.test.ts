import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  argMax,
  argSort,
  ConfigError,
  cast,
  DTypeError,
  equal,
  exp,
  floorDiv,
  GradientError,
  grad,
  greater,
  jit,
  matmul,
  mean,
  mul,
  pow,
  ShapeError,
  sign,
  sin,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  variable,
  where,
  zeros,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

afterAll(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("grad on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("is the derivative with respect to the first argument", () => {
    expect(grad((x: Tensor) => sum(square(x)))(tensor([1, -2])).arraySync()).toEqual([2, -4]);
    const g = grad((x: Tensor, y: Tensor) => sum(mul(x, y)));
    expect(g(tensor([1, 2]), tensor([3, 4])).arraySync()).toEqual([3, 4]);
  });

  it("keeps the nesting of its argument", () => {
    const { w, rest } = grad(({ w, rest }: { w: Tensor; rest: [Tensor, Tensor] }) =>
      sum(add(mul(w, rest[0]), square(rest[1]))),
    )({ w: tensor([2]), rest: [tensor([3]), tensor([4])] });
    expect([w, ...rest].map((t) => t.arraySync())).toEqual([[3], [2], [8]]);
  });

  it("is zero where the value does not depend on it", () => {
    const { a, b } = grad(({ a }: { a: Tensor; b: Tensor }) => sum(a))({
      a: tensor([1]),
      b: tensor([[1, 2]]),
    });
    expect([a.arraySync(), b.arraySync()]).toEqual([[1], [[0, 0]]]);
  });

  it("sums over what broadcasting stretched and over several uses", () => {
    const g = grad((b: Tensor) =>
      sum(
        mul(
          add(
            tensor([
              [1, 2],
              [3, 4],
              [5, 6],
            ]),
            b,
          ),
          b,
        ),
      ),
    );
    // Σ_i (x_i + b) b → Σ_i x_i + 2 n b
    expect(g(tensor([10, 20])).arraySync()).toEqual([9 + 60, 12 + 120]);
  });

  it("works on scalars of any rank", () => {
    expect(grad((x: Tensor) => mul(x, x))(tensor([[3]])).arraySync()).toEqual([[6]]);
  });

  it("can be taken again", () => {
    const f = (x: Tensor) => sum(pow(x, 3));
    const second = grad((x: Tensor) => sum(grad(f)(x)));
    const third = grad((x: Tensor) => sum(second(x)));
    expect(second(tensor([1, 2])).arraySync()).toEqual([6, 12]);
    expect(third(tensor([1, 2])).arraySync()).toEqual([6, 6]);
  });

  it("of a gradient penalty reaches the weights", () => {
    // f = w·x²; ∂f/∂x = 2wx; penalty = (2wx)² → ∂/∂w = 8 w x²
    const penalty = (w: Tensor) => {
      const slope = grad((x: Tensor) => sum(mul(w, square(x))))(tensor([3]));
      return sum(square(slope));
    };
    expect(grad(penalty)(tensor([2])).arraySync()).toEqual([8 * 2 * 9]);
  });

  it("inside and around jit is the same", () => {
    const f = (x: Tensor) => sum(sin(mul(x, 2)));
    const x = tensor([0.3, -0.7]);
    const eager = grad(f)(x).dataSync();
    expect(jit(grad(f))(x).dataSync()).toEqual(eager);
    expect(grad(jit(f))(x).dataSync()).toEqual(eager);
    expect(eager[0]).toBeCloseTo(2 * Math.cos(0.6), 6);
  });

  it("sees a stopped value as a constant", () => {
    expect(grad((x: Tensor) => sum(mul(stopGradient(x), x)))(tensor([3])).arraySync()).toEqual([3]);
    expect(grad((x: Tensor) => sum(sub(x, stopGradient(x))))(tensor([3])).arraySync()).toEqual([1]);
    // The straight-through estimator: forward the sign, backward the identity.
    const through = (x: Tensor) => sum(add(x, stopGradient(sub(sign(x), x))));
    expect(through(tensor([3, -2])).itemSync()).toBe(0);
    expect(grad(through)(tensor([3, -2])).arraySync()).toEqual([1, 1]);
  });

  it("does not follow integers and comparisons", () => {
    const f = (x: Tensor) => sum(where(greater(x, 1), mul(x, cast(argMax(x), "float32")), square(x)));
    expect(grad(f)(tensor([0.5, 3])).arraySync()).toEqual([1, 1]);
  });
});

describe.each([referenceBackend, ...backends])("valueAndGrad on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("gives the value and one gradient for each variable, in their order", () => {
    const w = variable(tensor([[1], [2]]));
    const b = variable(tensor([0.5]));
    const x = tensor([[3, 4]]);
    const { value, gradients } = valueAndGrad(
      (input: Tensor) => sum(square(add(matmul(input, w.value), b.value))),
      [b, w],
    )(x);
    expect(value.itemSync()).toBe(11.5 ** 2);
    expect(gradients.map((g) => g.arraySync())).toEqual([[23], [[69], [92]]]);
  });

  it("gives zeros for a variable that takes no part, if another one does", () => {
    const [a, b] = [variable(tensor([1])), variable(zeros([2, 2]))];
    const { gradients } = valueAndGrad(() => sum(a.value), [a, b])();
    expect(gradients.map((g) => g.arraySync())).toEqual([
      [1],
      [
        [0, 0],
        [0, 0],
      ],
    ]);
  });

  it("differentiates the first tensor of a list, or loss in a record, and hands the rest through", () => {
    const w = variable(tensor([3]));
    const named = valueAndGrad(() => ({ extra: exp(w.value), loss: sum(square(w.value)) }), [w])();
    expect(named.gradients[0]!.arraySync()).toEqual([6]);
    expect(named.value.extra.dataSync()[0]).toBeCloseTo(Math.exp(3), 4);
    const listed = valueAndGrad(() => [sum(mul(w.value, 2)), w.value], [w])();
    expect(listed.gradients[0]!.arraySync()).toEqual([2]);
  });

  it("sees what the function assigns", () => {
    const w = variable(tensor([2]));
    const seen = variable(tensor([0]));
    const { value } = valueAndGrad(() => {
      seen.assign(mul(w.value, 10));
      return sum(mul(w.value, seen.value));
    }, [w])();
    expect(value.itemSync()).toBe(40);
    expect(seen.value.arraySync()).toEqual([20]);
  });
});

describe("a derivative is refused", () => {
  beforeEach(() => useBackend(referenceBackend));
  const x = () => tensor([1.5, 2]);

  it("for a value that is no scalar, with the way to make it one", () => {
    const error = thrownBy(() => grad((a: Tensor) => square(a))(x())) as ShapeError;
    expect(error).toBeInstanceOf(ShapeError);
    expect(error).toMatchObject({ who: "grad", received: "float32 [2]" });
    expect(error.fix).toMatch(/mean|sum/);
    const w = variable(x());
    expect(() => valueAndGrad(() => w.value, [w])()).toThrow(/valueAndGrad.*float32 \[2\]/);
  });

  it("for an integer value", () => {
    expect(() => grad((a: Tensor) => cast(sum(a), "int32"))(x())).toThrow(/float scalar.*int32/);
  });

  it("for a function that returns no tensor", () => {
    expect(() => grad((() => 3) as unknown as (a: Tensor) => Tensor)(x())).toThrow(ConfigError);
    expect(() => grad((() => undefined) as unknown as (a: Tensor) => Tensor)(x())).toThrow(/undefined/);
  });

  it("with respect to integers", () => {
    const error = thrownBy(() =>
      grad((a: Tensor) => sum(cast(a, "float32")))(tensor([1], { dtype: "int32" })),
    );
    expect(error).toBeInstanceOf(DTypeError);
    expect(error.message).toMatch(/grad.*int32.*cast/s);
    const steps = variable(0, { dtype: "int32", name: "steps" });
    expect(() => valueAndGrad(() => sum(cast(steps.value, "float32")), [steps])()).toThrow(/steps.*int32/s);
  });

  it("where the value depends on no variable, by name", () => {
    const w = variable(x(), { name: "kernel" });
    const outside = w.value;
    outside.dataSync();
    const error = thrownBy(() => valueAndGrad(() => sum(outside), [w])()) as ConfigError;
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ who: "valueAndGrad", received: "a value that depends on none of kernel" });
    expect(error.fix).toMatch(/variable\.value/);
  });

  it("where it crosses an operation without one, by name", () => {
    const through = (a: Tensor) => sum(floorDiv(mul(a, 3), 2));
    const error = thrownBy(() => grad(through)(x())) as GradientError;
    expect(error).toBeInstanceOf(GradientError);
    expect(error).toMatchObject({ who: "floorDiv", expected: "an operation with a derivative" });
    expect(error.received).toMatch(/floorDiv.*constant almost everywhere/);
    expect(error.fix).toMatch(/stopGradient/);
    // 1.5 · 3 and 2 · 3, halved and rounded down; stopped before or behind
    const before = (a: Tensor) => sum(mul(a, floorDiv(mul(stopGradient(a), 3), 2)));
    const behind = (a: Tensor) => sum(mul(a, stopGradient(floorDiv(mul(a, 3), 2))));
    const whole = (a: Tensor) => sum(mul(a, floorDiv(cast(cast(a, "int32"), "float32"), 2)));
    expect(grad(before)(x()).arraySync()).toEqual([2, 3]);
    expect(grad(behind)(x()).arraySync()).toEqual([2, 3]);
    expect(grad(whole)(x()).arraySync()).toEqual([0, 1]); // an integer on the way ends it as well
  });

  it("for an accuracy, with the reason and the losses to use", () => {
    const labels = tensor([1], { dtype: "int32" });
    const accuracy = (logits: Tensor) => mean(cast(equal(argMax(logits, -1), labels), "float32"));
    const error = thrownBy(() => grad(accuracy)(tensor([[1, 2]]))) as GradientError;
    expect(error).toBeInstanceOf(GradientError);
    expect(error).toMatchObject({ who: "grad", expected: "a value with a derivative" });
    expect(error.received).toMatch(/only through argMax: an index is constant almost everywhere/);
    expect(error.fix).toMatch(/accuracy.*sparseCrossEntropy of the logits/s);
    const w = variable(tensor([[1, 2]]));
    expect(() => valueAndGrad(() => accuracy(w.value), [w])()).toThrow(GradientError);
    expect(() => grad((a: Tensor) => sum(where(greater(a, 0), 1, 0)))(x())).toThrow(/greater.*comparison/s);
  });

  it("for a value behind stopGradient and behind whole numbers, in their own words", () => {
    expect(() => grad((a: Tensor) => sum(stopGradient(a)))(x())).toThrow(/stopGradient: it ends/);
    const whole = (a: Tensor) => sum(cast(cast(a, "int32"), "float32"));
    expect(() => grad(whole)(x())).toThrow(/cast: its result is int32/);
    const order = (a: Tensor) => sum(cast(argSort(a), "float32"));
    expect(() => grad(order)(x())).toThrow(/argSort: a position.*Lead another way/s);
  });

  it("only where no other way leads through", () => {
    // relu in other words: the comparison chooses, the product carries
    const hinge = (a: Tensor) => sum(mul(a, cast(greater(a, 1.7), "float32")));
    expect(grad(hinge)(x()).arraySync()).toEqual([0, 1]);
  });
});
