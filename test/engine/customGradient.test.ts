import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  ConfigError,
  cast,
  checkpoint,
  clip,
  cond,
  cos,
  customGradient,
  exp,
  grad,
  greater,
  jit,
  less,
  log,
  matmul,
  mul,
  round,
  ShapeError,
  scan,
  sign,
  sin,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  whileLoop,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { referenceBackend } from "../support/evaluate.js";
import { useCounted } from "./counting.js";

afterAll(() => useBackend(referenceBackend));

/** log(1 + eˣ) with its derivative as 1 − 1 / (1 + eˣ): the example of JAX's documentation, in which x = 100 gives 1. */
const softplus = customGradient((x: Tensor) => {
  const e = exp(x);
  return { value: log(add(e, 1)), gradient: (g: Tensor) => mul(g, sub(1, add(e, 1).reciprocal())) };
});

describe.each([referenceBackend, ...backends])("customGradient on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("keeps the value and takes the derivative that is given", () => {
    expect(softplus(tensor(3)).itemSync()).toBeCloseTo(Math.log1p(Math.exp(3)), 6);
    const slope = grad((x: Tensor) => softplus(x));
    expect([0, 100].map((x) => slope(tensor(x)).itemSync())).toEqual([0.5, 1]);
    // Naively ∞ / ∞.
    expect(grad((x: Tensor) => log(add(exp(x), 1)))(tensor(100)).itemSync()).toBeNaN();
  });

  it("lets a gradient pass through what has none", () => {
    const straightThrough = customGradient((x: Tensor) => ({ value: round(x), gradient: (g: Tensor) => g }));
    const f = (x: Tensor) => sum(square(straightThrough(mul(x, 3))));
    expect(f(tensor([0.4, 1])).itemSync()).toBe(1 + 9);
    expect(grad(f)(tensor([0.4, 1])).arraySync()).toEqual([6, 18]);
  });

  it("takes several arguments and returns several values, nested", () => {
    const f = customGradient((x: Tensor, w: Tensor, n: Tensor) => ({
      value: { product: matmul(x, w), count: [n] },
      gradient: ({ product: g }) => [matmul(g, transpose(w)), mul(matmul(transpose(x), g), 10), null],
    }));
    const x = tensor([[1, 2]]);
    const w = tensor([[3], [4]]);
    const n = tensor(5, { dtype: "int32" });
    expect(f(x, w, n).product.arraySync()).toEqual([[11]]);
    expect(f(x, w, n).count[0]!.itemSync()).toBe(5);
    expect(grad((t: Tensor) => sum(f(t, w, n).product))(x).arraySync()).toEqual([[3, 4]]);
    expect(grad((t: Tensor) => sum(f(x, t, n).product))(w).arraySync()).toEqual([[10], [20]]);
  });

  it("has the second derivative that the gradient has", () => {
    const cube = customGradient((x: Tensor) => ({
      value: mul(x, square(x)),
      gradient: (g: Tensor) => mul(g, mul(7, square(x))), // wrong on purpose: 7x² in place of 3x²
    }));
    expect(grad((x: Tensor) => cube(x))(tensor(2)).itemSync()).toBe(28);
    expect(grad((x: Tensor) => grad((y: Tensor) => cube(y))(x))(tensor(2)).itemSync()).toBe(28);
    expect(grad((x: Tensor) => grad((y: Tensor) => square(cube(y)))(x))(tensor(1)).itemSync()).toBe(
      2 * 7 * 7 + 2 * 14,
    ); // (2c · 7x²)′ with c′ = 7x²
  });

  it("holds in loops, conds, checkpoints and compiled functions", () => {
    const double = customGradient((x: Tensor) => ({ value: mul(x, 2), gradient: (g: Tensor) => mul(g, 3) }));
    const forms: ((x: Tensor) => Tensor)[] = [
      (x) => scan((s: Tensor, _: Tensor[]) => [double(s), []], x, [], { length: 3 })[0],
      (x) =>
        whileLoop(
          (s) => less(s, 7),
          (s) => double(s),
          x,
          { maxIterations: 5 },
        ),
      (x) =>
        cond(
          greater(x, 0),
          () => double(double(double(x))),
          () => x,
        ),
      (x) => checkpoint((y: Tensor) => double(double(double(y))))(x),
      jit((x: Tensor) => double(double(double(x)))),
    ];
    for (const form of forms) {
      expect(form(tensor(1)).itemSync()).toBe(8);
      expect(grad(form)(tensor(1)).itemSync()).toBe(27);
      expect(jit((x: Tensor) => grad(form)(x))(tensor(1)).itemSync()).toBe(27);
    }
  });

  it("treats what the function captures as a constant", () => {
    const f = (w: Tensor) =>
      customGradient((x: Tensor) => ({ value: mul(x, w), gradient: (g: Tensor) => mul(g, w) }))(sin(w));
    expect(grad(f)(tensor(2)).itemSync()).toBeCloseTo(2 * Math.cos(2), 6);
  });
});

describe("customGradient", () => {
  beforeEach(() => useBackend(referenceBackend));

  it("costs nothing where no derivative is taken", () => {
    const counted = useCounted(referenceBackend);
    const steps = (f: (x: Tensor) => Tensor) => {
      jit(f)(tensor([1, 2]));
      return counted.programs.at(-1)!.steps.map(({ label }) => label);
    };
    expect(steps((x) => mul(softplus(x), 2))).toEqual(steps((x) => mul(log(add(exp(x), 1)), 2)));
  });

  const x = () => tensor([1, 2]);
  it.each([
    [
      "with fewer gradients than arguments",
      () =>
        customGradient((a: Tensor, b: Tensor) => ({ value: add(a, b), gradient: (g: Tensor) => [g] }))(
          x(),
          x(),
        ),
      ConfigError,
      /2 arguments.*1.*null/,
    ],
    [
      "with a gradient of another shape",
      () => customGradient((a: Tensor) => ({ value: sum(a), gradient: (g: Tensor) => g }))(x()),
      ShapeError,
      /argument 0, float32 \[2\].*float32 \[\].*broadcast/,
    ],
    [
      "with a gradient of another dtype",
      () =>
        customGradient((a: Tensor) => ({ value: cos(a), gradient: (g: Tensor) => cast(sign(g), "int32") }))(
          x(),
        ),
      ShapeError,
      /int32 \[2\]/,
    ],
    [
      "with a number as gradient",
      () =>
        customGradient((a: Tensor) => ({ value: clip(a, 0, 1), gradient: () => 1 as unknown as Tensor }))(
          x(),
        ),
      ConfigError,
      /received 1/,
    ],
  ])("is refused %s", (_, run, kind, message) => {
    expect(run).toThrow(kind);
    expect(run).toThrow(/^\[customGradient\]/);
    expect(run).toThrow(message);
  });
});
