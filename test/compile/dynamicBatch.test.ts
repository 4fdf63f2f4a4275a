/** Random functions of a batch, compiled once for a bound, give on each shorter batch what they give on it alone. */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import "../../src/index.js";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import { type Shape, sizeOf } from "../../src/base/shape.js";
import { fromArray } from "../../src/engine/create.js";
import { useBackend } from "../../src/engine/device.js";
import { jit } from "../../src/engine/jit.js";
import { ShapeError, type Tensor } from "../../src/index.js";
import * as ops from "../../src/ops/index.js";
import { elementsOf } from "../ops/cases.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";

const { add, cast, mul, sin, sub, sum, tanh } = ops;

afterAll(() => useBackend(referenceBackend));

const runs = Number(process.env.MYELIN_PROPERTY_RUNS ?? 120);
const seed = Number(process.env.MYELIN_PROPERTY_SEED ?? 2026);
const bound = 5;

/** A tensor and whether its first axis is the batch; choices look at the other axes only, so any batch makes them alike. */
interface Item {
  readonly t: Tensor;
  readonly batched: boolean;
}
const innerOf = ({ t, batched }: Item): Shape => (batched ? t.shape.slice(1) : t.shape);
const table = (shape: Shape, dice = 0): Tensor =>
  sin(add(cast(ops.reshape(ops.iota([sizeOf(shape)]), shape), "float32"), dice % 7));

type Rule = (x: Item, pool: readonly Item[], b: number, dice: readonly number[]) => Item | undefined;
const same =
  (fn: (x: Tensor) => Tensor): Rule =>
  (x) => ({ t: fn(x.t), batched: x.batched });
const lead = (x: Item): number[] => (x.batched ? [x.t.shape[0]!] : []);
/** An axis behind the batch, as an axis of the tensor. */
const axisOf = (x: Item, b: number): number | undefined => {
  const { length } = innerOf(x);
  return length === 0 ? undefined : (b % length) + (x.batched ? 1 : 0);
};

const rules: Readonly<Record<string, Rule>> = {
  sin: same(sin),
  tanh: same(tanh),
  relu: same(ops.relu),
  scaled: same((x) => add(mul(x, 0.5), 0.25)),
  binary: (x, pool, b, dice) => {
    const fits = pool.filter((y) => broadcastsWith(x, y));
    const y = fits[b % fits.length]!;
    const t = [add, sub, (p: Tensor, q: Tensor) => mul(sin(p), q), ops.maximum][dice[0]! % 4]!(x.t, y.t);
    return { t, batched: x.batched || y.batched };
  },
  where: (x, pool, b) => {
    const fits = pool.filter((y) => broadcastsWith(x, y));
    const y = fits[b % fits.length]!;
    return {
      t: ops.where(ops.greater(sin(x.t), add(y.t, 0.137)), tanh(x.t), y.t),
      batched: x.batched || y.batched,
    };
  },
  reduce: (x, _, b, dice) => {
    const axes = x.t.shape.map((_, axis) => axis).filter((axis) => (b >> axis) % 2 === 1);
    const keepDims = dice[0]! % 2 === 0;
    const t = [
      (y: Tensor) => mul(sum(y, axes, { keepDims }), 0.3),
      (y: Tensor) => ops.mean(y, axes, { keepDims }),
      (y: Tensor) => ops.max(y, axes, { keepDims }),
      (y: Tensor) => ops.variance(y, axes, { keepDims }),
    ][dice[1]! % 4]!(x.t);
    const foldsBatch = x.batched && axes.includes(0);
    return { t, batched: x.batched && !foldsBatch };
  },
  normalized: (x) => {
    if (!x.batched) return undefined;
    const centred = sub(x.t, ops.mean(x.t, 0, { keepDims: true }));
    return { t: ops.div(centred, add(ops.std(x.t, 0, { keepDims: true }), 0.5)), batched: true };
  },
  softmax: (x, _, b) => {
    const axis = axisOf(x, b);
    return axis === undefined ? undefined : { t: ops.softmax(x.t, axis), batched: x.batched };
  },
  cumSum: (x, _, b) => {
    const axis = axisOf(x, b);
    return axis === undefined ? undefined : { t: mul(ops.cumSum(x.t, axis), 0.3), batched: x.batched };
  },
  flip: (x, _, b) => {
    const axis = axisOf(x, b);
    return axis === undefined ? undefined : { t: ops.flip(x.t, axis), batched: x.batched };
  },
  transpose: (x, _, __, dice) => {
    const shift = x.batched ? 1 : 0;
    const left = innerOf(x).map((_, axis) => axis + shift);
    const order = innerOf(x).map((_, i) => left.splice(dice[i % 4]! % left.length, 1)[0]!);
    return { t: ops.transpose(x.t, [...(x.batched ? [0] : []), ...order]), batched: x.batched };
  },
  reshape: (x, _, b) => {
    const inner = innerOf(x);
    const target = b % 3 === 0 ? [sizeOf(inner)] : b % 3 === 1 ? [1, ...inner] : [...inner, 1];
    return { t: ops.reshape(x.t, [...lead(x), ...target]), batched: x.batched };
  },
  mergedSum: (x) => {
    if (!x.batched || x.t.rank < 3) return undefined;
    const last = x.t.shape.at(-1)!;
    return { t: mul(sum(ops.reshape(x.t, [x.t.size / last, last]), 0), 0.1), batched: false };
  },
  slice: (x, _, b) => {
    const axis = axisOf(x, b);
    if (axis === undefined) return undefined;
    const start = x.t.shape.map((n, a) => (a === axis ? Math.floor(n / 3) : 0));
    return {
      t: ops.slice(
        x.t,
        start,
        x.t.shape.map((n, a) => n - start[a]!),
      ),
      batched: x.batched,
    };
  },
  pad: (x, _, b) => {
    const axis = axisOf(x, b);
    if (axis === undefined) return undefined;
    return {
      t: ops.pad(
        x.t,
        x.t.shape.map((_, a) => (a === axis ? ([1, 2] as const) : ([0, 0] as const))),
        { value: 0.5 },
      ),
      batched: x.batched,
    };
  },
  concat: (x, pool, b) => {
    const axis = axisOf(x, b);
    const fits = pool.filter((y) => y.batched === x.batched && y.t.shape.join() === x.t.shape.join());
    if (axis === undefined) return undefined;
    return { t: ops.concat([x.t, fits[b % fits.length]!.t, tanh(x.t)], axis), batched: x.batched };
  },
  weights: (x, _, b, dice) => {
    const k = innerOf(x).at(-1);
    if (k === undefined || x.t.rank < 2) return undefined;
    return { t: mul(ops.matmul(x.t, table([k, (b % 4) + 1], dice[0])), 0.4), batched: x.batched };
  },
  overBatch: (x, pool, b) => {
    const fits = pool.filter((y) => y.batched && y.t.rank === 2);
    if (!x.batched || x.t.rank !== 2 || fits.length === 0) return undefined;
    return { t: mul(ops.matmul(ops.transpose(x.t), fits[b % fits.length]!.t), 0.2), batched: false };
  },
  batchProduct: (x) =>
    x.batched && x.t.rank === 3
      ? { t: mul(ops.matmul(x.t, ops.matrixTranspose(x.t)), 0.3), batched: true }
      : undefined,
  lookUp: (x, _, b, dice) => {
    const k = innerOf(x).at(-1);
    if (k === undefined || k === 0) return undefined;
    return { t: ops.gather(table([k, (b % 3) + 1], dice[0]), ops.argMax(x.t, -1)), batched: x.batched };
  },
  scatter: (x, _, b) => {
    if (!x.batched || x.t.rank < 2) return undefined;
    const rows = ops.mod(ops.argMax(ops.flatten(x.t, 1), -1), (b % 3) + 1);
    return { t: ops.scatterAdd(rows, x.t, (b % 3) + 1), batched: false };
  },
  dropout: (x, _, b) => (x.batched ? { t: ops.dropout(x.t, 0.4, b), batched: true } : undefined),
  convolution: (x, _, b) => {
    if (!x.batched || x.t.rank !== 4) return undefined;
    const y = ops.conv2d(x.t, table([2, 2, x.t.shape[3]!, (b % 2) + 1], b), { padding: "same" });
    return { t: mul(y, 0.4), batched: true };
  },
  pool: (x) =>
    x.batched && x.t.rank === 4 && x.t.shape[1]! >= 2 && x.t.shape[2]! >= 2
      ? { t: ops.maxPool2d(x.t), batched: true }
      : undefined,
  recurrence: (x, _, b) => {
    if (!x.batched || x.t.rank < 2 || x.t.shape[1] === 0) return undefined;
    const time = ops.transpose(x.t, [1, 0, ...x.t.shape.slice(2).map((_, a) => a + 2)]);
    const start = mul(
      ops.slice(
        x.t,
        x.t.shape.map(() => 0),
        x.t.shape.map((n, a) => (a === 1 ? 1 : n)),
      ),
      0,
    );
    const [last, all] = ops.scan(
      (s: Tensor, e: Tensor) => {
        const next = tanh(add(mul(s, 0.7), e));
        return [next, next];
      },
      ops.squeeze(start, 1),
      time,
    );
    if (b % 2 === 0) return { t: last, batched: true };
    return { t: ops.transpose(all, [1, 0, ...x.t.shape.slice(2).map((_, a) => a + 2)]), batched: true };
  },
  repetition: (x, _, b) => ({
    t: ops.whileLoop(
      ([, n]) => ops.less(n, b % 4),
      ([y, n]) => [tanh(add(mul(y, 0.7), 0.1)), add(n, 1)] as const,
      [x.t, ops.zeros([], "int32")],
      { maxIterations: 5 },
    )[0],
    batched: x.batched,
  }),
  choice: (x) => ({
    t: ops.cond(
      ops.greater(sum(tanh(x.t)), 0.123),
      () => mul(x.t, 0.5),
      () => sin(x.t),
    ),
    batched: x.batched,
  }),
};
const names = Object.keys(rules);

interface Move {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly dice: readonly number[];
}
interface RandomFunction {
  readonly inner: readonly Shape[];
  readonly moves: readonly Move[];
}

const nat = fc.nat({ max: 1000 });
const functions = (most: number): fc.Arbitrary<RandomFunction> =>
  fc.record({
    inner: fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }), {
      minLength: 1,
      maxLength: 2,
    }),
    moves: fc.array(
      fc.record({
        op: fc.nat({ max: names.length - 1 }),
        a: nat,
        b: nat,
        dice: fc.array(nat, { minLength: 4, maxLength: 4 }),
      }),
      { minLength: 1, maxLength: most },
    ),
  });

function resultsOf({ moves }: RandomFunction, inputs: readonly Tensor[]): Tensor[] {
  const pool: Item[] = inputs.map((t) => ({ t, batched: true }));
  const used = new Set<Item>();
  for (const { op, a, b, dice } of moves) {
    const x = pool[a % pool.length]!;
    const made = rules[names[op]!]!(x, pool, b, dice);
    if (!made || sizeOf(innerOf(made)) > 300 || made.t.rank > 5) continue;
    used.add(x);
    pool.push(made);
  }
  const ends = pool.slice(inputs.length).filter((item) => !used.has(item));
  return ends.length > 0 ? ends.slice(-3).map(({ t }) => t) : [mul(inputs[0]!, 2)];
}

function resultsAndGradients(fn: RandomFunction, inputs: readonly Tensor[]): Tensor[] {
  const results = resultsOf(fn, inputs);
  const total = results.map((t) => sum(sin(t))).reduce((x, y) => add(x, y));
  const gradients = vjp([total], inputs).map((g, i) => g ?? mul(inputs[i]!, 0));
  return [...results, ...gradients];
}

function describeFunction({ inner, moves }: RandomFunction): string {
  const steps = moves.map(({ op, a, b, dice }) => `${names[op]}(${a}, ${b}, [${dice}])`);
  return `inputs ${inner.map((s) => `[batch,${s}]`).join(" ")}: ${steps.join(" ")}`;
}

describe.each([referenceBackend, ...backends])(
  "a random function of a batch of run-time length on $name",
  (on) => {
    it("gives what it gives on a batch of that length", () => {
      let refused = 0;
      fc.assert(
        fc.property(functions(8), (fn) => {
          const compiled = jit((...xs: Tensor[]) => resultsAndGradients(fn, xs), { batchBound: bound });
          for (const batch of [bound, 2, 1, 4]) {
            const arrays = fn.inner.map((shape, i) =>
              elementsOf({ shape: [batch, ...shape], low: -1.5, high: 1.5 }, "float32", 30 + i),
            );
            useBackend(on);
            let actual: NDArray[];
            try {
              actual = compiled(...arrays.map(fromArray)).map((t) => ({
                shape: t.shape,
                dtype: t.dtype,
                data: t.dataSync(),
              }));
            } catch (error) {
              if (!(error instanceof ShapeError)) throw new Error(describeFunction(fn), { cause: error });
              refused++; // what needs to know the length says so
              return;
            }
            const expected = evaluate(arrays, (xs) => resultsAndGradients(fn, xs), {
              fusion: false,
              foldScalars: true,
            });
            const scale = expected
              .flatMap(({ data }) => Array.from(data, Math.abs))
              .reduce((a, b) => Math.max(a, b), 1);
            try {
              actual.forEach((array, i) => {
                expectClose(array, expected[i]!, { relative: 1e-3, absolute: 2e-5 * scale });
              });
            } catch (error) {
              throw new Error(`batch ${batch}: ${describeFunction(fn)}`, { cause: error });
            }
          }
        }),
        { numRuns: runs, seed },
      );
      expect(refused / runs).toBeLessThan(0.2);
    });
  },
);

/** The batch axes stand on each other; what has no batch broadcasts behind it. */
function broadcastsWith(x: Item, y: Item): boolean {
  const [a, b] = [innerOf(x), innerOf(y)];
  if (x.batched && y.batched && a.length !== b.length) return false;
  if (x.batched && !y.batched && b.length > a.length) return false;
  if (!x.batched && y.batched && a.length > b.length) return false;
  const rank = Math.min(a.length, b.length);
  for (let i = 1; i <= rank; i++) if (a.at(-i) !== b.at(-i) && a.at(-i) !== 1 && b.at(-i) !== 1) return false;
  return true;
}
