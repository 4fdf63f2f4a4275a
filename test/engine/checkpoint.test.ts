import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { allSteps } from "../../src/compile/program.js";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  checkpoint,
  cond,
  cos,
  dropout,
  grad,
  greater,
  jit,
  less,
  matmul,
  mul,
  scan,
  sin,
  square,
  sum,
  type Tensor,
  tanh,
  tensor,
  valueAndGrad,
  variable,
  whileLoop,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { sample } from "../support/data.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { useCounted } from "./counting.js";

afterAll(() => useBackend(referenceBackend));

type Wrap = (fn: (x: Tensor) => Tensor) => (x: Tensor) => Tensor;
const plain: Wrap = (fn) => fn;

/** A chain of layers, in stretches of `each` that are wrapped. */
const chain =
  (wrap: Wrap, layers: number, each: number) =>
  ([x, w]: readonly Tensor[]): Tensor => {
    const stretch = wrap((y) => {
      for (let i = 0; i < each; i++) y = tanh(matmul(y, w!));
      return y;
    });
    let y = x!;
    for (let i = 0; i < layers; i += each) y = stretch(y);
    return sum(square(y));
  };
const withGradients = (f: (xs: readonly Tensor[]) => Tensor) => (xs: Tensor[]) => {
  const value = f(xs);
  return [value, ...(vjp([value], xs) as Tensor[])];
};

describe.each([referenceBackend, ...backends])("checkpoint on $name", (on) => {
  beforeEach(() => useBackend(on));
  const inputs = [sample([8, 16]), sample([16, 16])];

  it("changes no bit of values and of derivatives", () => {
    const [value, ofInput, ofWeights] = evaluate(inputs, withGradients(chain(plain, 6, 6)), { on });
    for (const each of [1, 2, 6]) {
      const actual = evaluate(inputs, withGradients(chain(checkpoint, 6, each)), { on });
      expect(actual.slice(0, 2)).toEqual([value, ofInput]);
      // The weights stand in all stretches: their gradient is summed in another order.
      expectClose(actual[2]!, ofWeights!, { relative: 1e-5, absolute: 1e-5 });
    }
  });

  it("draws the same random numbers again", () => {
    const f = checkpoint((x: Tensor) => dropout(mul(x, 3), 0.5, 7));
    const x = tensor(new Float32Array(64).fill(1));
    const value = f(x).arraySync() as number[];
    const gradient = grad((t: Tensor) => sum(f(t)))(x).arraySync() as number[];
    expect(gradient).toEqual(value); // 3 · mask / 0.5 both
    expect(new Set(value)).toEqual(new Set([0, 6]));
  });

  it("assigns a variable once", () => {
    const w = variable(2);
    const calls = variable(0);
    const layer = checkpoint((x: Tensor) => {
      calls.assign(add(calls.value, 1));
      return mul(sin(mul(x, w.value)), calls.value);
    });
    const step = jit((x: Tensor) => valueAndGrad(() => add(layer(x), layer(x)), [w])());
    const { value, gradients } = step(tensor(0.5));
    expect(calls.value.itemSync()).toBe(2);
    expect(value.itemSync()).toBeCloseTo(3 * Math.sin(1), 5);
    expect(gradients[0]!.itemSync()).toBeCloseTo(3 * 0.5 * Math.cos(1), 5);
  });

  it("differentiates what it captures, and hands through what it was given", () => {
    const w = tensor([2, 3]);
    const loss = (v: Tensor) => {
      const { y, same } = checkpoint((x: Tensor) => ({ y: mul(square(v), x), same: x }))(mul(v, 2));
      return sum(add(y, same)); // 2v³ + 2v
    };
    expect(grad(loss)(w).arraySync()).toEqual([6 * 4 + 2, 6 * 9 + 2]);
  });
});

describe("checkpoint", () => {
  const doubles = [sample([3, 4]), sample([4, 4])].map(
    ({ shape, data }) => ({ shape, dtype: "float64", data: Float64Array.from(data) }) as const,
  );
  const forms: Readonly<Record<string, (wrap: Wrap) => (xs: readonly Tensor[]) => Tensor>> = {
    "inside another":
      (wrap) =>
      ([x, w]) => {
        const inner = wrap((y) => tanh(matmul(y, w!)));
        const outer = wrap((y) => sin(inner(inner(y))));
        return sum(square(outer(outer(x!))));
      },
    "in the body of a scan":
      (wrap) =>
      ([x, w]) => {
        const cell = wrap((y) => tanh(matmul(sin(y), w!)));
        const [last] = scan((s: Tensor, _: Tensor[]) => [cell(s), []], x!, [], { length: 4 });
        return sum(square(last));
      },
    "in a cond":
      (wrap) =>
      ([x, w]) =>
        cond(
          greater(sum(square(x!)), 0),
          () => sum(wrap((y) => sin(matmul(cos(y), w!)))(x!)),
          () => sum(x!),
        ),
    "in a whileLoop":
      (wrap) =>
      ([x, w]) => {
        const cell = wrap((y) => add(tanh(matmul(y, w!)), 1));
        return sum(whileLoop((y) => less(sum(y), 14), cell, x!, { maxIterations: 5 }));
      },
    "around a scan":
      (wrap) =>
      ([x, w]) =>
        sum(
          wrap((y) => scan((s: Tensor, _: Tensor[]) => [tanh(matmul(s, w!)), []], y, [], { length: 3 })[0])(
            x!,
          ),
        ),
  };

  it.each(Object.keys(forms))("has the derivatives of what it wraps, and theirs: %s", (name) => {
    const twice = (f: (xs: readonly Tensor[]) => Tensor) => (xs: Tensor[]) => {
      const first = vjp([f(xs)], xs) as Tensor[];
      const total = first.map((g) => sum(sin(g))).reduce((a, b) => add(a, b));
      return [...first, ...(vjp([total], xs) as Tensor[])];
    };
    const expected = evaluate(doubles, twice(forms[name]!(plain)));
    evaluate(doubles, twice(forms[name]!(checkpoint))).forEach((actual, i) => {
      expectClose(actual, expected[i]!, { relative: 1e-12, absolute: 1e-13 });
    });
  });

  it("keeps less memory and computes more, only where a derivative is taken", () => {
    const counted = useCounted(referenceBackend);
    const program = (f: (xs: readonly Tensor[]) => Tensor, derivative: boolean) => {
      const run = jit((x: Tensor, w: Tensor) => (derivative ? grad((v: Tensor) => f([x, v]))(w) : f([x, w])));
      run.compile(
        tensor(new Float32Array(64 * 32), { shape: [64, 32] }),
        tensor(new Float32Array(1024), { shape: [32, 32] }),
      );
      const { steps, arenaBytes } = counted.programs.at(-1)!;
      return {
        products: [...allSteps(steps)].filter(({ step }) => step.kind === "matmul").length,
        arenaBytes,
      };
    };
    const [kept, again] = [plain, checkpoint].map((wrap) => program(chain(wrap, 64, 8), true));
    // Forward 64 products, backward two for each but the first, whose input needs no gradient; again 64.
    expect(kept!.products).toBe(64 + 127);
    expect(again!.products).toBe(64 + 127 + 64);
    // The states of 64 layers and their slopes, against those of 8 layers and the states between 8 stretches.
    expect(again!.arenaBytes).toBeLessThan(kept!.arenaBytes / 4);
    expect(program(chain(checkpoint, 64, 8), false)).toEqual(program(chain(plain, 64, 8), false));
  });
});
