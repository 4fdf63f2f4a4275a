/** Each distribution against its own distribution function: the Kolmogorov–Smirnov distance of many draws, by seed. */
import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { ConfigError, type MyelinError, ShapeError } from "../../src/base/errors.js";
import { randomBits } from "../../src/base/prng.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { constant } from "../../src/ops/leaf.js";
import { type GoldenArray, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectCloseValues } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";

const count = 20_000;
/** A true sample of this size is further from its distribution with probability 1e-3 only. */
const allowed = 1.95 / Math.sqrt(count);

/** The largest distance between the share of draws below x and the probability of being below x. */
function distance(draws: readonly number[], below: (x: number) => number): number {
  const sorted = [...draws].sort((a, b) => a - b);
  return sorted.reduce(
    (worst, x, i) =>
      Math.max(worst, Math.abs(below(x) - i / sorted.length), Math.abs(below(x) - (i + 1) / sorted.length)),
    0,
  );
}

/** Pearson's statistic of shares; the bounds in the tests are exceeded by chance once in a thousand times. */
function chiSquare(expected: readonly number[], share: (index: number) => number): number {
  return expected.reduce((sum, p, k) => sum + (count * (share(k) - p) ** 2) / p, 0);
}

/** erf by its power series: exact enough below 4. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return Math.min(1, (2 / Math.sqrt(Math.PI)) * sum);
}

/** The gamma distribution for α = 1/2 + n: erf(√x), then P(α + 1, x) = P(α, x) − xᵅ e⁻ˣ / Γ(α + 1). */
function gammaBelow(x: number, halves: number): number {
  let alpha = halves % 2 === 0 ? 1 : 0.5;
  let below = halves % 2 === 0 ? 1 - Math.exp(-x) : x > 15 ? 1 : erf(Math.sqrt(x));
  let gammaOfNext = halves % 2 === 0 ? 1 : Math.sqrt(Math.PI) / 2; // Γ(α + 1)
  for (; alpha < halves / 2; alpha++) {
    below -= (x ** alpha * Math.exp(-x)) / gammaOfNext;
    gammaOfNext *= alpha + 1;
  }
  return below;
}

const normalBelow = (x: number) => (x < -5 ? 0 : x > 5 ? 1 : (1 + erf(x / Math.SQRT2)) / 2);

const distributions: readonly (readonly [string, () => Tensor, (x: number) => number])[] = [
  ["uniform", () => ops.uniform(11, [count], { min: -1, max: 3 }), (x) => (x + 1) / 4],
  [
    "normal",
    () => ops.normal(12, [count], { mean: 2, standardDeviation: 3 }),
    (x) => normalBelow((x - 2) / 3),
  ],
  [
    "truncatedNormal",
    () => ops.truncatedNormal(13, [count]),
    (x) => (normalBelow(x) - normalBelow(-2)) / (normalBelow(2) - normalBelow(-2)),
  ],
  ["exponential", () => ops.exponential(14, [count], { rate: 2 }), (x) => 1 - Math.exp(-2 * x)],
  [
    "gumbel",
    () => ops.gumbel(15, [count], { location: 1, scale: 2 }),
    (x) => Math.exp(-Math.exp(-(x - 1) / 2)),
  ],
  ["gamma of 1/2", () => ops.gamma(16, [count], 0.5), (x) => gammaBelow(x, 1)],
  ["gamma of 1", () => ops.gamma(17, [count], 1), (x) => gammaBelow(x, 2)],
  ["gamma of 2.5", () => ops.gamma(18, [count], 2.5, { rate: 4 }), (x) => gammaBelow(4 * x, 5)],
  ["gamma of 10", () => ops.gamma(19, [count], 10), (x) => gammaBelow(x, 20)],
  ["beta of 2 and 3", () => ops.beta(20, [count], 2, 3), (x) => 6 * x ** 2 - 8 * x ** 3 + 3 * x ** 4],
  ["beta of 1/2", () => ops.beta(21, [count], 0.5, 0.5), (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
  [
    "the first share of dirichlet",
    () => ops.slice(ops.dirichlet(22, [count, 3], constantOf([1, 2, 3])), [0, 0], [count, 1]),
    (x) => 1 - (1 - x) ** 5, // beta of 1 and 5
  ],
];

const constantOf = (values: readonly number[]) =>
  constant({ shape: [values.length], dtype: "float32", data: Float32Array.from(values) });

describe.each([referenceBackend, ...backends])("draws on $name", (on) => {
  const values = (build: () => Tensor): number[] =>
    Array.from(evaluate([], () => [build()], { on })[0]!.data);
  const shareOf = (list: readonly number[], value: number) =>
    list.filter((v) => v === value).length / list.length;

  it.each(distributions)("%s follows its distribution function", (_, build, below) => {
    expect(distance(values(build), below)).toBeLessThan(allowed);
  });

  it("are those of an implementation in NumPy", () => {
    for (const { name, key, shape, output } of golden<RandomCase>("numpy-random")) {
      expectCloseValues(
        values(() => drawn[name]!(key, shape)),
        goldenNumbers(output),
        {
          relative: 1e-5,
          absolute: 2e-6,
        },
      );
    }
  });

  it("dirichlet shares add up to one, even for tiny concentrations", () => {
    const shares = values(() => ops.sum(ops.dirichlet(3, [200, 4], 0.01), -1));
    for (const total of shares) expect(total).toBeCloseTo(1, 5);
  });

  it("categorical takes a class as often as softmax says", () => {
    const logits = constantOf([Math.log(1), Math.log(2), Math.log(5), Number.NEGATIVE_INFINITY]);
    const classes = values(() => ops.categorical(5, logits, { samples: count }));
    const expected = [1 / 8, 2 / 8, 5 / 8];
    expect(chiSquare(expected, (k) => shareOf(classes, k))).toBeLessThan(13.8); // 2 degrees of freedom
    expect(shareOf(classes, 3)).toBe(0);
  });

  it("categorical draws for each row of a batch", () => {
    const certain = () => ops.mul(ops.oneHot(constantOfInts([2, 0, 1]), 3), 1000);
    expect(values(() => ops.categorical(6, certain()))).toEqual([2, 0, 1]);
    expect(values(() => ops.categorical(6, certain(), { samples: 2 }))).toEqual([2, 2, 0, 0, 1, 1]);
  });

  it("randomInt takes each value equally often, the bounds included", () => {
    const dice = values(() => ops.randomInt(7, [count], { min: -2, max: 4 }));
    const expected = Array<number>(6).fill(1 / 6);
    expect(chiSquare(expected, (k) => shareOf(dice, k - 2))).toBeLessThan(20.5); // 5 degrees of freedom
    expect(dice.every((v) => v >= -2 && v < 4)).toBe(true);
  });

  it("randomInt of a range that 2³² is far from a multiple of is not biased", () => {
    const range = 1.5 * 2 ** 30;
    const numbers = values(() => ops.randomInt(8, [count], { max: range }));
    expect(distance(numbers, (x) => x / range)).toBeLessThan(0.04); // 0.083 for one word alone
    expect(Math.max(...numbers)).toBeLessThan(range);
  });

  it("shuffle moves whole rows, each once, and its gradient moves them back", () => {
    const rows = () => ops.reshape(ops.iota([10]), [5, 2]);
    const shuffled = values(() => ops.shuffle(9, rows()));
    const firsts = shuffled.filter((_, i) => i % 2 === 0);
    expect([...firsts].sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8]);
    expect(firsts).not.toEqual([0, 2, 4, 6, 8]);
    expect(shuffled.filter((_, i) => i % 2 === 1)).toEqual(firsts.map((v) => v + 1));
  });

  it("all orders of four are equally likely", () => {
    const orders = new Map<string, number>();
    const keys = 2400;
    const all = values(() => ops.concat(ops.splitKey(10, keys).map((key) => ops.permutation(key, 4))));
    for (let i = 0; i < keys; i++) {
      const order = all.slice(4 * i, 4 * i + 4).join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    const statistic = [...orders.values()].reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0);
    expect(statistic).toBeLessThan(49.7); // 23 degrees of freedom: exceeded with probability 1e-3
  });

  it("under split keys are not correlated, nor with those under the key itself", () => {
    const [a, b] = ops.splitKey(11, 2) as [Tensor, Tensor];
    const draws = [11, a, b, ops.foldIn(11, 0), ops.foldIn(11, 1)].map((key) =>
      values(() => ops.normal(key, [count])),
    );
    for (let i = 0; i < draws.length; i++) {
      for (let j = 0; j < i; j++) {
        const correlation = draws[i]!.reduce((sum, v, n) => sum + v * draws[j]![n]!, 0) / count;
        expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(count));
      }
    }
  });

  it("under a key of the graph are those under the number", () => {
    const key = () => ops.add(ops.iota([1]), 40);
    expect(values(() => ops.gamma(ops.reshape(key(), []), [5], 2))).toEqual(
      values(() => ops.gamma(40, [5], 2)),
    );
  });
});

interface RandomCase {
  readonly name: string;
  readonly key: number;
  readonly shape: number[];
  readonly output: GoldenArray;
}

const drawn: Readonly<Record<string, (key: number, shape: number[]) => Tensor>> = {
  randomBits: (key, shape) => ops.randomBits(key, shape, 7),
  splitKey: (key, shape) => ops.stack(ops.splitKey(key, shape[0]!)),
  foldIn: (key) => ops.foldIn(key, 123),
  uniform: (key, shape) => ops.uniform(key, shape),
  normal: (key, shape) => ops.normal(key, shape),
  exponential: (key, shape) => ops.exponential(key, shape),
  gumbel: (key, shape) => ops.gumbel(key, shape),
  randomInt: (key, shape) => ops.randomInt(key, shape, { max: 1000 }),
  gamma: (key, shape) => ops.gamma(key, shape, 2.5),
  smallGamma: (key, shape) => ops.gamma(key, shape, 0.3),
};

const constantOfInts = (values: readonly number[]) =>
  constant({ shape: [values.length], dtype: "int32", data: Int32Array.from(values) });

describe("Philox", () => {
  it("gives the known answers of its authors", () => {
    // Random123, examples/kat_vectors: philox2x32 10
    expect(randomBits(0, 0, 0)).toBe(0xff1dae59 | 0);
    expect(randomBits(-1, -1, -1)).toBe(0x2c3f628b | 0);
    expect(randomBits(0x13198a2e, 0x85a308d3, 0x243f6a88)).toBe(0xdd7ce038 | 0);
  });
});

describe("gradients of draws", () => {
  it("reach the rate of gamma, and are refused for its concentration", () => {
    const parameter = { shape: [], dtype: "float32" as const, data: new Float32Array([2]) };
    const [value, gradient] = evaluate([parameter], ([rate]) => {
      const draw = ops.sum(ops.gamma(1, [10], 3, { rate: rate! }));
      return [draw, vjp([draw], [rate!])[0]!];
    });
    expect(gradient!.data[0]).toBeCloseTo(-value!.data[0]! / 2, 3); // x = standard / rate
    evaluate([parameter], ([alpha]) => {
      expect(() => vjp([ops.gamma(1, [10], alpha!)], [alpha!])).toThrow(/accepts changes by jumps/);
      return [alpha!];
    });
  });
});

describe("mistakes", () => {
  it.each<readonly [string, () => unknown, new (...args: never[]) => MyelinError, string]>([
    [
      "an empty range",
      () => ops.randomInt(1, [2], { min: 3, max: 3 }),
      ConfigError,
      "[randomInt] expected int32 bounds with min < max, less than 2³¹ apart, received min 3, max 3. The largest value drawn is max − 1.",
    ],
    [
      "a concentration of 0",
      () => ops.gamma(1, [2], 0),
      ConfigError,
      "[gamma] expected a concentration above 0, received 0.",
    ],
    [
      "a concentration larger than the draw",
      () => ops.dirichlet(1, [3], ops.ones([2, 3])),
      ShapeError,
      "[dirichlet] expected a concentration that broadcasts to shape [3], received shape [2, 3]. Give the shape of the result as the shape of the draw.",
    ],
    [
      "a negative rate",
      () => ops.exponential(1, [3], { rate: -1 }),
      ConfigError,
      "[exponential] expected a rate above 0, received -1.",
    ],
    [
      "no classes",
      () => ops.categorical(1, ops.zeros([2, 0])),
      ShapeError,
      "[categorical] expected logits of at least one class, received shape [2, 0].",
    ],
    [
      "half a sample",
      () => ops.categorical(1, ops.zeros([2, 3]), { samples: 0.5 }),
      ConfigError,
      "[categorical] expected a number of samples that is an integer ≥ 0, received 0.5.",
    ],
    [
      "a negative number of keys",
      () => ops.splitKey(1, -1),
      ConfigError,
      "[splitKey] expected a number of keys that is an integer ≥ 0, received -1.",
    ],
    ["an axis that is none", () => ops.shuffle(1, ops.zeros([2]), 1), ShapeError, "[shuffle]"],
    [
      "a fraction as key",
      () => ops.gamma(0.5, [2], 1),
      ConfigError,
      "[gamma] expected a key that is an integer",
    ],
  ])("%s", (_, call, kind, message) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });
});
