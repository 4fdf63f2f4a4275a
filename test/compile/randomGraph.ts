/** Random graphs of operations over random shapes, for comparison of one way to run them with another. */
import fc from "fast-check";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import { type Shape, sizeOf } from "../../src/base/shape.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { constant } from "../../src/ops/leaf.js";
import { elementsOf } from "../ops/cases.js";

const { add, cast, div, mul, sub, sin, square, sum, tanh } = ops;

/** One node to add: which operation, on which of the tensors made so far, with which attributes. */
export interface Move {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  /** What the operation takes its axes, lengths and numbers from. */
  readonly dice: readonly number[];
}

export interface RandomGraph {
  /** Shapes of the inputs. */
  readonly shapes: readonly Shape[];
  readonly moves: readonly Move[];
}

const LARGEST = 2000;

/** A part of a graph: from a tensor, the tensors made so far, and numbers to choose by; undefined where it does not fit. */
type Rule = (x: Tensor, pool: readonly Tensor[], b: number, dice: readonly number[]) => Tensor | undefined;

const unary = (fn: (x: Tensor) => Tensor): Rule => fn;
/** Values stay of moderate size, so that differences of rounding do too. */
const binary =
  (fn: (x: Tensor, y: Tensor) => Tensor): Rule =>
  (x, pool, b) => {
    const partners = pool.filter((y) => y.dtype === "float32" && broadcasts(x.shape, y.shape));
    return fn(x, partners[b % partners.length]!);
  };
const alongAxis =
  (fn: (x: Tensor, axis: number) => Tensor): Rule =>
  (x, _, b) =>
    x.rank > 0 ? fn(x, b % x.rank) : undefined;
const reduction =
  (fn: (x: Tensor, axes: number[], options: { keepDims: boolean }) => Tensor, needsElements = false): Rule =>
  (x, _, b, dice) => {
    const axes = x.shape.map((_, axis) => axis).filter((axis) => (b >> axis) % 2 === 1);
    if (needsElements && axes.some((axis) => x.shape[axis] === 0)) return undefined;
    return fn(x, axes, { keepDims: dice[0]! % 2 === 0 });
  };

const rules: Readonly<Record<string, Rule>> = {
  neg: unary(ops.neg),
  sin: unary(sin),
  tanh: unary(tanh),
  sigmoid: unary(ops.sigmoid),
  relu: unary(ops.relu),
  silu: unary(ops.silu),
  gelu: unary(ops.gelu),
  abs: unary(ops.abs),
  softplus: unary(ops.softplus),
  exp: unary((x) => ops.exp(tanh(x))),
  square: unary((x) => square(tanh(x))),
  log: unary((x) => ops.log(add(square(x), 1))),
  sqrt: unary((x) => ops.sqrt(add(square(x), 0.5))),
  clip: unary((x) => ops.clip(x, -0.75, 0.8)),
  stopGradient: unary(ops.stopGradient),
  withNumber: (x, _, b, dice) => {
    const number = (dice[0]! % 17) / 8 - 1;
    return [add(x, number), mul(x, number), sub(number, x), div(x, number + 3), add(mul(x, 1), 0)][b % 5];
  },
  add: binary(add),
  sub: binary(sub),
  mul: binary((x, y) => mul(sin(x), y)),
  div: binary((x, y) => div(x, add(square(y), 1))),
  maximum: binary(ops.maximum),
  minimum: binary(ops.minimum),
  // Numbers that are compared differ by more than rounding can make up for, even where one was computed from the other.
  where: binary((x, y) => ops.where(ops.greater(sin(x), add(y, 0.137)), tanh(x), mul(y, 0.5))),
  mask: binary((x, y) => mul(x, cast(ops.less(x, add(y, 0.137)), "float32"))),
  sum: reduction((x, axes, options) => mul(sum(x, axes, options), 0.25)),
  mean: reduction(ops.mean, true),
  variance: reduction(ops.variance, true),
  max: reduction(ops.max, true),
  min: reduction(ops.min, true),
  logSumExp: reduction(ops.logSumExp, true),
  any: reduction((x, axes, options) => cast(ops.any(ops.greater(x, 0.5), axes, options), "float32")),
  softmax: alongAxis(ops.softmax),
  logSoftmax: alongAxis(ops.logSoftmax),
  cumSum: alongAxis((x, axis) => mul(ops.cumSum(x, axis), 0.25)),
  argMax: alongAxis((x, axis) => (x.shape[axis] === 0 ? x : mul(cast(ops.argMax(x, axis), "float32"), 0.1))),
  flip: alongAxis(ops.flip),
  expandDims: (x, _, b) => (x.rank < 5 ? ops.expandDims(x, b % (x.rank + 1)) : undefined),
  squeeze: unary((x) => ops.squeeze(x)),
  transpose: (x, _, __, dice) => ops.transpose(x, permutationOf(x.rank, dice)),
  reshape: (x, _, b, dice) => ops.reshape(x, anotherShape(x.shape, b, dice)),
  slice: (x, _, b, dice) => {
    if (x.rank === 0) return undefined;
    const parts = x.shape.map((length, axis) => partOf(length, dice[axis % dice.length]! + b));
    return ops.slice(
      x,
      parts.map((p) => p.start),
      parts.map((p) => p.size),
      parts.map((p) => p.step),
    );
  },
  pad: (x, _, b, dice) =>
    x.rank === 0
      ? undefined
      : ops.pad(
          x,
          x.shape.map((_, axis) => [dice[axis % dice.length]! % 3, (b + axis) % 3] as const),
          { value: (b % 3) - 1 },
        ),
  broadcastTo: (x, _, b) =>
    x.rank < 5
      ? ops.broadcastTo(x, [(b % 3) + 1, ...x.shape.map((n, i) => (n === 1 ? ((b + i) % 3) + 1 : n))])
      : undefined,
  concat: (x, pool, b, dice) => {
    if (x.rank === 0) return undefined;
    const axis = dice[0]! % x.rank;
    const fits = pool.filter(
      (y) =>
        y.rank === x.rank && y.dtype === x.dtype && y.shape.every((n, i) => i === axis || n === x.shape[i]),
    );
    const y = fits[b % fits.length]!;
    return ops.concat(dice[1]! % 2 === 0 ? [x, y] : [y, sin(x), y], axis);
  },
  stack: (x, pool, b, dice) => {
    const fits = pool.filter((y) => y.shape.join() === x.shape.join() && y.dtype === x.dtype);
    return x.rank < 5 ? ops.stack([x, fits[b % fits.length]!], dice[0]! % (x.rank + 1)) : undefined;
  },
  tile: (x, _, b, dice) =>
    ops.tile(
      x,
      x.shape.map((_, axis) => ((dice[axis % dice.length]! + b) % 2) + 1),
    ),
  gather: (x, _, b, dice) => {
    const axis = x.rank > 0 ? b % x.rank : -1;
    const n = x.shape[axis] ?? 0;
    if (n === 0) return undefined;
    return ops.gather(x, indices((dice[0]! % 4) + 1, n, dice[1]!), axis);
  },
  scatterAdd: (x, _, b, dice) => {
    if (x.rank === 0) return undefined;
    const n = (b % 4) + 1;
    return ops.scatterAdd(indices(x.shape[0]!, n, dice[0]!), x, n);
  },
  square2: (x) => {
    const columns = x.shape.at(-1);
    return x.rank >= 2 ? mul(ops.matmul(x, ops.matrixTranspose(x)), 1 / Math.max(1, columns!)) : undefined;
  },
  matmul: (x, pool, b) => {
    if (x.rank < 2) return undefined;
    const k = x.shape.at(-1)!;
    const fits = pool.filter(
      (y) =>
        y.dtype === "float32" &&
        y.rank >= 2 &&
        y.shape.at(-2) === k &&
        broadcasts(x.shape.slice(0, -2), y.shape.slice(0, -2)),
    );
    const y =
      fits.length > 0
        ? fits[b % fits.length]!
        : sin(cast(ops.reshape(ops.iota([k * ((b % 5) + 1)]), [k, (b % 5) + 1]), "float32"));
    return mul(ops.matmul(x, y), 0.3);
  },
};
const names = Object.keys(rules);

/** Graphs of up to so many nodes over one to three inputs; some lengths are 0, many are 1. */
export function randomGraphs(most: number): fc.Arbitrary<RandomGraph> {
  const length = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 2, max: 5 }) },
    { weight: 3, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.constantFrom(0, 17, 33) },
  );
  const nat = fc.nat({ max: 1000 });
  return fc.record({
    shapes: fc.array(fc.array(length, { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
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
}

/** Elements for the inputs, the same for the same graph. */
export function inputsOf({ shapes }: RandomGraph): NDArray[] {
  return shapes.map((shape, i) => elementsOf({ shape, low: -1.5, high: 1.5 }, "float32", 100 + i));
}

/** The inputs and everything that was made from them, and what nothing else was made from. */
function play({ moves }: RandomGraph, inputs: readonly Tensor[]): { pool: Tensor[]; ends: Tensor[] } {
  const pool: Tensor[] = [...inputs];
  const used = new Set<Tensor>();
  for (const { op, a, b, dice } of moves) {
    const x = pool[a % pool.length]!;
    const made = rules[names[op]!]!(x, pool, b, dice);
    if (!made || made.size > LARGEST) continue;
    used.add(x);
    pool.push(made);
  }
  return { pool, ends: pool.slice(inputs.length).filter((t) => !used.has(t)) };
}

/** The tensors that nothing else was made from. */
export function outputsOf(graph: RandomGraph, inputs: readonly Tensor[]): Tensor[] {
  const { pool, ends } = play(graph, inputs);
  return ends.length > 0 ? ends.slice(-4) : [mul(pool.at(-1)!, 1)];
}

/** New values for the inputs, each one of the tensors of its shape: another input, a view, something computed, or itself. */
export function outputsAndUpdates(
  graph: RandomGraph,
  inputs: readonly Tensor[],
): { outputs: Tensor[]; updates: Tensor[] } {
  const { pool, ends } = play(graph, inputs);
  const dice = graph.moves.flatMap((move) => [move.b, ...move.dice]);
  const updates = inputs.map((input, i) => {
    const fits = pool.filter((t) => t.shape.join() === input.shape.join());
    return fits[(dice[i]! + i) % fits.length]!;
  });
  // Some outputs show a variable as it was, or as it will be.
  const shown = dice[3]! % 3 === 0 ? [inputs[0]!, updates.at(-1)!] : [];
  return { outputs: [...ends.slice(-3), ...shown], updates };
}

/** Outputs, and the gradient of a weighted sum of them to each input. */
export function outputsAndGradients(graph: RandomGraph, inputs: readonly Tensor[]): Tensor[] {
  const outputs = outputsOf(graph, inputs);
  const weights = outputs.map(({ shape }, i) =>
    constant(elementsOf({ shape, low: -1, high: 1 }, "float32", 7 + i)),
  );
  const total = outputs.map((t, i) => sum(mul(t, weights[i]!))).reduce((x, y) => add(x, y));
  const gradients = vjp([total], inputs).map((g, i) => g ?? ops.zeros(inputs[i]!.shape));
  return [...outputs, ...gradients];
}

/** The graph in words, for a failure. */
export function describeGraph({ shapes, moves }: RandomGraph): string {
  const steps = moves.map(({ op, a, b, dice }) => `${names[op]}(${a}, ${b}, [${dice}])`);
  return `inputs ${shapes.map((s) => `[${s}]`).join(" ")}: ${steps.join(" ")}`;
}

function broadcasts(a: Shape, b: Shape): boolean {
  const rank = Math.max(a.length, b.length);
  for (let i = 1; i <= rank; i++) {
    const [x, y] = [a.at(-i) ?? 1, b.at(-i) ?? 1];
    if (i <= a.length && i <= b.length && x !== y && x !== 1 && y !== 1) return false;
  }
  return true;
}

function permutationOf(rank: number, dice: readonly number[]): number[] {
  const left = Array.from({ length: rank }, (_, axis) => axis);
  return Array.from({ length: rank }, (_, i) => left.splice(dice[i % dice.length]! % left.length, 1)[0]!);
}

/** A shape of as many elements: factors moved between neighbours, axes of length 1 added or left out. */
function anotherShape(shape: Shape, b: number, dice: readonly number[]): number[] {
  const size = sizeOf(shape);
  if (size === 0) return [...shape].reverse();
  const result: number[] = [];
  let rest = size;
  for (const d of dice.slice(0, (b % 4) + 1)) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((n) => rest % n === 0);
    const next = divisors[d % divisors.length]!;
    result.push(next);
    rest /= next;
  }
  return [...result, rest];
}

function partOf(length: number, d: number): { start: number; size: number; step: number } {
  if (length === 0) return { start: 0, size: 0, step: 1 };
  const step = [1, 1, 2, -1, -2, 3][d % 6]!;
  const start = step > 0 ? d % Math.max(1, Math.ceil(length / 2)) : length - 1 - (d % Math.ceil(length / 2));
  const most = step > 0 ? Math.ceil((length - start) / step) : Math.floor(start / -step) + 1;
  return { start, size: Math.max(d % 11 === 0 ? 0 : 1, most - (d % 2)), step };
}

/** `count` positions below n, computed in the graph. */
function indices(count: number, n: number, factor: number): Tensor {
  return ops.mod(add(mul(ops.iota([count]), (factor % 7) + 1), factor % 5), n);
}
