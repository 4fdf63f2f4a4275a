/** Views are strides over the same elements: random chains of them against arrays that are copied at every step. */

import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { broadcastTo, expandDims, flip, reshape, slice, transpose } from "../../src/ops/index.js";
import "../../src/index.js";
import { broadcastShapes, type Shape, sizeOf } from "../../src/base/shape.js";
import { useBackend } from "../../src/engine/device.js";
import {
  denseLayout,
  forEachOffset,
  isContiguous,
  type Layout,
  reshapeLayout,
} from "../../src/graph/layout.js";
import { ShapeError, type Tensor, tensor } from "../../src/index.js";
import { backends } from "../support/backends.js";
import { thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

afterAll(() => useBackend(referenceBackend));

const seed = Number(process.env.MYELIN_PROPERTY_SEED ?? 2026);
const numRuns = Number(process.env.MYELIN_PROPERTY_RUNS ?? 400);

/** The naive model: an array with its elements in row-major order. */
interface Model {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** An array of a shape whose element at an index is found by a function. */
function filled(shape: readonly number[], element: (index: readonly number[]) => number): Model {
  const data = Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const index: number[] = [];
    let rest = flat;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    return element(index);
  });
  return { shape, data };
}

function at({ shape, data }: Model, index: readonly number[]): number {
  return data[index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)]!;
}

/** The same step on the model and on a tensor. */
interface Step {
  readonly model: (m: Model) => Model;
  readonly tensor: (t: Tensor) => Tensor;
}

/** A step that fits a shape, chosen by numbers. */
function stepFor(shape: Shape, kind: number, dice: readonly number[]): Step {
  const rank = shape.length;
  const die = (i: number) => dice[i % dice.length]!;
  switch (kind % 6) {
    case 0: {
      const left = shape.map((_, axis) => axis);
      const order = shape.map((_, i) => left.splice(die(i) % left.length, 1)[0]!);
      return {
        model: (m) =>
          filled(
            order.map((axis) => m.shape[axis]!),
            (index) =>
              at(
                m,
                order.map((_, axis) => index[order.indexOf(axis)]!),
              ),
          ),
        tensor: (t) => transpose(t, order),
      };
    }
    case 1: {
      const parts = shape.map((length, axis) => {
        const step = [1, 2, -1, -2, 3][die(axis) % 5]!;
        const size =
          length === 0
            ? 0
            : (die(axis + 1) % Math.ceil(length / Math.abs(step))) + (die(axis) % 7 === 0 ? 0 : 1);
        const room = length - 1 - Math.max(0, size - 1) * Math.abs(step);
        const low = size === 0 ? 0 : die(axis + 2) % (room + 1);
        return {
          start: step > 0 ? low : low + Math.max(0, size - 1) * -step,
          size,
          step: size === 0 ? 1 : step,
        };
      });
      return {
        model: (m) =>
          filled(
            parts.map(({ size }) => size),
            (index) =>
              at(
                m,
                index.map((i, axis) => parts[axis]!.start + i * parts[axis]!.step),
              ),
          ),
        tensor: (t) =>
          slice(
            t,
            parts.map((p) => p.start),
            parts.map((p) => p.size),
            parts.map((p) => p.step),
          ),
      };
    }
    case 2: {
      const target = [
        ...Array.from({ length: die(0) % 2 }, () => (die(1) % 2) + 1),
        ...shape.map((n, a) => (n === 1 ? (die(a) % 3) + 1 : n)),
      ];
      const shift = target.length - rank;
      return {
        model: (m) =>
          filled(target, (index) =>
            at(
              m,
              m.shape.map((n, axis) => (n === 1 ? 0 : index[axis + shift]!)),
            ),
          ),
        tensor: (t) => broadcastTo(t, target),
      };
    }
    case 3: {
      const axes = shape.map((_, axis) => axis).filter((axis) => die(axis) % 2 === 0);
      return {
        model: (m) =>
          filled(m.shape, (index) =>
            at(
              m,
              index.map((i, axis) => (axes.includes(axis) ? m.shape[axis]! - 1 - i : i)),
            ),
          ),
        tensor: (t) => flip(t, axes),
      };
    }
    case 4: {
      const axis = die(0) % (rank + 1);
      return {
        model: (m) => ({ shape: [...m.shape.slice(0, axis), 1, ...m.shape.slice(axis)], data: m.data }),
        tensor: (t) => expandDims(t, axis),
      };
    }
    default: {
      const target = anotherShape(shape, dice);
      return { model: (m) => ({ shape: target, data: m.data }), tensor: (t) => reshape(t, target) };
    }
  }
}

function anotherShape(shape: Shape, dice: readonly number[]): number[] {
  let rest = sizeOf(shape);
  if (rest === 0) return [...shape, 1].reverse();
  const result: number[] = [];
  for (const d of dice.slice(0, 3)) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((n) => rest % n === 0);
    result.push(divisors[d % divisors.length]!);
    rest /= result.at(-1)!;
  }
  return rest === 1 ? result : [...result, rest];
}

const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);
const shapes = fc.array(length, { maxLength: 4 });
const chains = fc.array(fc.tuple(fc.nat(), fc.array(fc.nat({ max: 999 }), { minLength: 4, maxLength: 4 })), {
  maxLength: 7,
});

const counted = (shape: Shape): Model => ({
  shape,
  data: Array.from({ length: sizeOf(shape) }, (_, i) => i),
});

describe.each([referenceBackend, ...backends])("a chain of views on $name", (on) => {
  it("shows the elements that copying at every step would give", () => {
    fc.assert(
      fc.property(shapes, chains, (shape, chain) => {
        useBackend(on);
        let model = counted(shape);
        let t: Tensor = tensor(Float32Array.from(model.data), { shape });
        for (const [kind, dice] of chain) {
          const step = stepFor(model.shape, kind, dice);
          if (step.model(model).data.length > 3000 || t.rank > 5) continue;
          model = step.model(model);
          t = step.tensor(t);
        }
        expect(t.shape).toEqual(model.shape);
        expect(Array.from(t.dataSync())).toEqual(model.data);
      }),
      { numRuns, seed },
    );
  });
});

describe("a layout under another shape", () => {
  /** Layouts as views make them: a box of a larger array, some axes stretched. */
  const layouts = fc.record({ shape: shapes, chain: chains }).map(({ shape, chain }): Layout => {
    let layout = denseLayout(shape);
    for (const [kind, dice] of chain) {
      const order = layout.shape.map((_, axis) => axis);
      if (kind % 3 === 0) order.reverse();
      if (kind % 3 === 1) order.push(...order.splice(0, dice[0]! % Math.max(1, order.length)));
      const cut = order.map((axis) => {
        const n = layout.shape[axis]!;
        const from = n === 0 ? 0 : dice[axis % 4]! % n;
        return { n: kind % 5 === 2 ? n - from : n, from: kind % 5 === 2 ? from : 0 };
      });
      layout = {
        offset: layout.offset + order.reduce((sum, axis, i) => sum + cut[i]!.from * layout.strides[axis]!, 0),
        shape: cut.map(({ n }) => n),
        strides: order.map((axis, i) =>
          cut[i]!.n > 1 && kind % 7 === 3 && i === 0 ? 0 : layout.strides[axis]!,
        ),
      };
    }
    return layout;
  });

  const offsets = (layout: Layout): number[] => {
    const visited: number[] = [];
    forEachOffset(layout, (offset) => visited.push(offset));
    return visited;
  };

  it("visits its elements in row-major order", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const expected = filled(layout.shape, (index) =>
          index.reduce((offset, i, axis) => offset + i * layout.strides[axis]!, layout.offset),
        ).data;
        expect(offsets(layout)).toEqual(expected);
      }),
      { numRuns, seed },
    );
  });

  it("is contiguous where the offsets count up by one", () => {
    fc.assert(
      fc.property(layouts, (layout) => {
        const visited = offsets(layout);
        expect(isContiguous(layout)).toBe(visited.every((offset, i) => offset === layout.offset + i));
      }),
      { numRuns, seed },
    );
  });

  it("has strides where there are any, and they visit the same elements", () => {
    fc.assert(
      fc.property(layouts, fc.array(fc.nat({ max: 999 }), { minLength: 4, maxLength: 4 }), (layout, dice) => {
        const shape = anotherShape(layout.shape, dice);
        const visited = offsets(layout);
        const found = reshapeLayout(layout, shape);
        if (found) {
          expect(found.shape).toEqual(shape);
          expect(offsets(found)).toEqual(visited);
        } else {
          // The only candidates are the differences along each axis; some element lies elsewhere.
          const strides = shape.map((n, axis) =>
            n > 1 ? visited[sizeOf(shape.slice(axis + 1))]! - visited[0]! : 0,
          );
          expect(offsets({ offset: layout.offset, shape, strides })).not.toEqual(visited);
        }
      }),
      { numRuns: 4 * numRuns, seed },
    );
  });
});

describe("broadcasting of shapes", () => {
  it("agrees with the rule, axis by axis from the last", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(lengths, lengths, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const pairs = Array.from(
          { length: rank },
          (_, i) => [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1] as const,
        );
        if (pairs.some(([x, y]) => x !== y && x !== 1 && y !== 1)) {
          expect(thrownBy(() => broadcastShapes("add", a, b))).toBeInstanceOf(ShapeError);
        } else {
          expect(broadcastShapes("add", a, b)).toEqual(pairs.map(([x, y]) => (x === 1 ? y : x)));
        }
      }),
      { numRuns, seed },
    );
  });
});
