import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  ConfigError,
  cast,
  checkGradients,
  concat,
  customGradient,
  DTypeError,
  div,
  exp,
  GradientError,
  gather,
  grad,
  hessian,
  hessianVectorProduct,
  jacobian,
  jit,
  jvp,
  log,
  matmul,
  mul,
  relu,
  ShapeError,
  sin,
  square,
  sum,
  type Tensor,
  tanh,
  tensor,
  zeros,
} from "../../src/index.js";
import { type GoldenArray, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectCloseValues } from "../support/close.js";
import { referenceBackend } from "../support/evaluate.js";

afterAll(() => useBackend(referenceBackend));

const close = (actual: Tensor, expected: readonly number[]) =>
  expectCloseValues(actual.dataSync(), expected, { relative: 1e-4, absolute: 1e-4 }, actual.shape);

interface SecondDerivatives {
  readonly name: string;
  readonly x: GoldenArray;
  readonly w: GoldenArray;
  readonly vector: GoldenArray;
  readonly jacobian: GoldenArray;
  readonly jvp: GoldenArray;
  readonly hessian: GoldenArray;
  readonly hvp: GoldenArray;
}

/** The functions of `jax-derivatives` by name. */
const functions: Readonly<Record<string, (x: Tensor, w: Tensor) => Tensor>> = {
  layer: (x, w) => tanh(matmul(x, w)),
  elementwise: (x, w) => mul(sin(x), sum(mul(x, w))),
};

describe.each([referenceBackend, ...backends])(
  "derivatives of functions of several values on $name",
  (on) => {
    beforeEach(() => useBackend(on));

    it.each(golden<SecondDerivatives>("jax-derivatives"))("agree with JAX: $name", (given) => {
      const read = (array: GoldenArray) => tensor(goldenNumbers(array), { shape: array.shape });
      const [x, w, vector] = [given.x, given.w, given.vector].map(read) as [Tensor, Tensor, Tensor];
      const f = (at: Tensor) => functions[given.name]!(at, w);
      const loss = (at: Tensor) => sum(square(f(at)));
      const all = jit((at: Tensor, v: Tensor) => [
        jacobian(f, at),
        jvp(f, at, v)[1],
        hessian(loss, at),
        hessianVectorProduct(loss, at, v),
      ])(x, vector);
      const expected = [given.jacobian, given.jvp, given.hessian, given.hvp];
      all.forEach((actual, i) => {
        expect(actual.shape).toEqual(expected[i]!.shape);
        close(actual, goldenNumbers(expected[i]!));
      });
    });

    it("have the shape of the value, then that of the argument", () => {
      const x = tensor([[1, 2, 3]]);
      expect(jacobian((t) => t.at(0, 1), x).arraySync()).toEqual([[0, 1, 0]]);
      expect(jacobian((t) => mul(sum(t), tensor([1, 10])), x).arraySync()).toEqual([
        [[1, 1, 1]],
        [[10, 10, 10]],
      ]);
      expect(jacobian(() => zeros([2]), tensor([1, 2])).arraySync()).toEqual([
        [0, 0],
        [0, 0],
      ]);
      expect(jacobian((t) => gather(t, zeros([0], "int32")), tensor([1, 2])).shape).toEqual([0, 2]);
    });

    it("take nested points and directions", () => {
      const point = { a: tensor([1, 2]), b: [tensor(3)] as [Tensor] };
      const along = { a: tensor([1, 0]), b: [tensor(2)] as [Tensor] };
      // f = b · Σ a², ∇f = (2ab, Σ a²), H · v = (2b·va + 2a·vb, 2a·va)
      const f = ({ a, b: [b] }: typeof point) => mul(b, sum(square(a)));
      const product = hessianVectorProduct(f, point, along);
      expect(product.a.arraySync()).toEqual([6 + 4, 8]);
      expect(product.b[0].itemSync()).toBe(2);
      const [value, slope] = jvp(f, point, along);
      expect([value.itemSync(), slope.itemSync()]).toEqual([15, 2 * 1 * 3 + 2 * 5]);
    });

    it("of a linear function do not depend on the point", () => {
      const [, tangent] = jvp((t: Tensor) => mul(t, 3), tensor([1, 2]), tensor([5, 7]));
      expect(tangent.arraySync()).toEqual([15, 21]);
      expect(jvp(() => zeros([2]), tensor([1]), tensor([1]))[1].arraySync()).toEqual([0, 0]);
    });
  },
);

describe("derivatives of functions of several values", () => {
  beforeEach(() => useBackend(referenceBackend));
  const x = () => tensor([1, 2]);

  it("refuse what does not fit", () => {
    const integers = tensor([1, 2], { dtype: "int32" });
    const loss = (t: Tensor) => sum(square(t));
    expect(() => jacobian((t) => t, integers)).toThrow(DTypeError);
    expect(() => jacobian((t) => cast(t, "int32"), x())).toThrow(
      /\[jacobian\].*returns a float.*int32 \[2\]/,
    );
    expect(() => hessian(loss, integers)).toThrow(/\[hessian\]/);
    expect(() => hessian((t) => t, x())).toThrow(ShapeError);
    expect(() => hessianVectorProduct(loss, x(), tensor([1]))).toThrow(/float32 \[2\].*float32 \[1\]/);
    expect(() => jvp((t: Tensor) => t, x(), tensor([1]))).toThrow(ShapeError);
    expect(() => jvp((t: Tensor[]) => t[0]!, [x()], [])).toThrow(ConfigError);
  });
});

describe("checkGradients", () => {
  beforeEach(() => useBackend(backends[0] ?? referenceBackend));

  it("agrees where the gradient is right, in float64 whatever the backend", () => {
    const x = mul(
      tensor([
        [0.3, -1.2],
        [2, 0.7],
      ]),
      1,
    );
    const labels = tensor([1, 0], { dtype: "int32" });
    const worst = checkGradients(
      (a, w, n) => add(exp(tanh(matmul(a!, w!))), gather(log(square(w!)), n!)),
      [
        x,
        tensor([
          [1, 2],
          [3, 4],
        ]),
        labels,
      ],
    );
    expect(Math.abs(worst.gradient - worst.difference)).toBeLessThan(1e-8 * Math.abs(worst.gradient) + 1e-9);
    expect(worst.index).toHaveLength(2);
    expect(checkGradients((t) => sum(square(t!)), [tensor([3])])).toMatchObject({
      input: 0,
      index: [0],
      gradient: 6,
    });
  });

  it("names the worst element where it is wrong", () => {
    const wrong = customGradient((t: Tensor) => ({
      value: square(t),
      gradient: (g: Tensor) => mul(g, mul(t, concat([tensor([2, 2]), tensor([2.5])]))),
    }));
    const check = () =>
      checkGradients((a, b) => sum(mul(wrong(b!), a!)), [tensor([1, 1, 1]), tensor([1, 2, 3])]);
    expect(check).toThrow(GradientError);
    expect(check).toThrow(
      /^\[checkGradients\] expected the slope 6 by differences at element \[2\] of input 1, received the gradient 7\.5 \(1 of 6 elements differ\)/,
    );
  });

  it("sees a gradient that is missing, and one at a kink", () => {
    expect(() => checkGradients((t) => div(sum(t!.stopGradient()), 2), [tensor([1, 2])])).toThrow(
      /gradient 0 \(2 of 2/,
    );
    expect(() => checkGradients((t) => relu(t!), [tensor([0, 1])])).toThrow(/slope 0\.5 .*\[0\].*kink/);
    expect(checkGradients((t) => relu(t!), [tensor([0.1, -1])]).input).toBe(0);
  });

  it("leaves the backend and the inputs as they were", () => {
    const x = tensor([1, 2]);
    const before = grad((t: Tensor) => sum(square(t)))(x).arraySync();
    checkGradients((t) => square(t!), [x]);
    expect(grad((t: Tensor) => sum(square(t)))(x).arraySync()).toEqual(before);
    expect(x.dtype).toBe("float32");
  });

  it("refuses what cannot be checked", () => {
    const integers = tensor([1], { dtype: "int32" });
    expect(() => checkGradients((t) => t!, [integers])).toThrow(/float tensor among the inputs.*int32/);
    expect(() => checkGradients(() => zeros([]), [])).toThrow(/no inputs/);
    expect(() => checkGradients((t) => cast(t!, "int32"), [tensor([1])])).toThrow(/returns a float.*int32/);
    expect(() => checkGradients((t) => t!, [zeros([0])])).toThrow(/inputs with elements/);
    expect(() => checkGradients((t) => t!, [tensor([1])], { step: 0 })).toThrow(/positive step.*0/);
  });
});
