/**
 * Every operation on operands with an axis of run-time length, each axis in turn: it gives what it gives on operands of
 * that length, or a typed error says where the graph is built that it does not take such an axis.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { allocateArray } from "../../src/base/dtype.js";
import { ShapeError } from "../../src/base/errors.js";
import { sizeOf, stridesOf } from "../../src/base/shape.js";
import { fromArray } from "../../src/engine/create.js";
import { useBackend } from "../../src/engine/device.js";
import { jit } from "../../src/engine/jit.js";
import { readElements } from "../../src/engine/realize.js";
import { forEachOffset } from "../../src/graph/layout.js";
import { primitives } from "../../src/graph/primitive.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { transpose } from "../../src/ops/index.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { type Example, examples } from "./examples.js";

/** Elements that are missing when the program runs. */
const MISSING = 17;
/** Larger cases have the same strides. */
const MOST_ELEMENTS = 1024;

/** What is drawn depends on the bounds of the axes behind the first. */
const drawn: ReadonlySet<string> = new Set(["dropout", "categorical"]);

/** Kernels whose batch is the first axis, or that have no other. */
const frontOnly = /^(conv2d|maxPool2d|sparseCrossEntropy|searchSorted)/;

/** Which axis of each operand has a run-time length, null for none. */
type Axes = readonly (number | null)[];

/** All ways to have one length on some axes. */
function axesOf(inputs: readonly NDArray[]): Axes[] {
  let ways: (number | null)[][] = [[]];
  for (const { shape } of inputs) {
    const choices = [null, ...shape.keys()];
    ways = ways.flatMap((way) => choices.map((choice) => [...way, choice]));
  }
  return ways.filter((way) => {
    const lengths = way.flatMap((axis, i) => (axis === null ? [] : [inputs[i]!.shape[axis]!]));
    return lengths.length > 0 && lengths[0]! > 0 && lengths.every((length) => length === lengths[0]);
  });
}

/** The order that brings an axis to the front, and the way back. */
function orders(rank: number, axis: number): { there: number[]; back: number[] } {
  const there = [axis, ...Array.from({ length: rank }, (_, a) => a).filter((a) => a !== axis)];
  return { there, back: there.map((_, a) => there.indexOf(a)) };
}

function transposed({ shape, dtype, data }: NDArray, order: readonly number[]): NDArray {
  const strides = stridesOf(shape);
  const target = order.map((axis) => shape[axis]!);
  const moved = allocateArray(dtype, sizeOf(target));
  forEachOffset({ offset: 0, shape: target, strides: order.map((axis) => strides[axis]!) }, (from, to) => {
    moved[to] = data[from]!;
  });
  return { shape: target, dtype, data: moved };
}

/** Whether the operands fit each other where all lengths are known: records leave that to the functions in front of them. */
function fits(example: Example, inputs: readonly NDArray[], axes: Axes): boolean {
  const longer = inputs.map(({ shape, dtype }, i): NDArray => {
    const bound = shape.map((length, axis) => (axis === axes[i] ? length + MISSING : length));
    return { shape: bound, dtype, data: allocateArray(dtype, sizeOf(bound)) };
  });
  try {
    jit((...operands: Tensor[]) => [...example.results(operands)]).compile(...longer.map(fromArray));
    return true;
  } catch {
    return false;
  }
}

/** The values where the graph can be built, else the error that says why it can't. */
function compute(example: Example, inputs: readonly NDArray[], axes: Axes): NDArray[] | ShapeError {
  const isDynamic = (i: number) => axes[i] !== null;
  const moved = inputs.map((input, i) =>
    isDynamic(i) ? transposed(input, orders(input.shape.length, axes[i]!).there) : input,
  );
  const fixed = moved.map(fromArray);
  const length = moved.find((_, i) => isDynamic(i))!.shape[0]!;
  const compiled = jit(
    (...batch: Tensor[]) => {
      const rest = [...batch];
      const operands = inputs.map((input, i) =>
        isDynamic(i) ? transpose(rest.shift()!, orders(input.shape.length, axes[i]!).back) : fixed[i]!,
      );
      return [...example.results(operands)];
    },
    { batchBound: length + MISSING },
  );
  const batch = fixed.filter((_, i) => isDynamic(i));
  try {
    compiled.compile(...batch);
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
  const values = compiled(...batch) as Tensor[];
  return values.map((t) => ({ shape: t.shape, dtype: t.dtype, data: readElements(t) }));
}

afterEach(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("an axis of run-time length on $name", (on) => {
  const taken = new Set<string>();
  const takenBehind = new Set<string>(); // on another axis than the first
  for (const [name, list] of examples) {
    if (drawn.has(name)) continue;
    it(`${name} takes it or refuses it`, () => {
      for (const example of list) {
        const inputs = example.inputs(example.case.dtypes?.[0] ?? "float32");
        if (inputs.some(({ shape }) => sizeOf(shape) > MOST_ELEMENTS)) continue;
        const expected = evaluate(inputs, (operands) => example.results(operands));
        for (const axes of axesOf(inputs)) {
          useBackend(on);
          if (!fits(example, inputs, axes)) continue;
          const actual = compute(example, inputs, axes);
          if (actual instanceof ShapeError) continue;
          taken.add(name);
          if (axes.some((axis) => axis)) takenBehind.add(name);
          const { relative = 1e-5, absolute = 1e-6 } = example.case;
          try {
            actual.forEach((value, i) => {
              expectClose(value, expected[i]!, { relative, absolute });
            });
          } catch (error) {
            throw new Error(`${example.title}, axes ${axes.join(", ")}`, { cause: error });
          }
        }
      }
    });
  }

  it("is taken by every kernel, and behind the first axis by all but a few", () => {
    const kernels = [...primitives().values()].filter(({ kind }) => kind === "kernel");
    expect(kernels.map(({ name }) => name).filter((name) => !taken.has(name))).toEqual([]);
    expect(
      kernels.map(({ name }) => name).filter((name) => !takenBehind.has(name) && !frontOnly.test(name)),
    ).toEqual([]);
  });
});
