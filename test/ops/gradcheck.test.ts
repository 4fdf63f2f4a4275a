/**
 * Derivatives against central differences in float64 on the reference backend, for every case of the tables: the
 * derivative itself, and the derivative of the derivative.
 */

import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import { isFloat } from "../../src/base/dtype.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { add, cast, mul, stopGradient, sum, zeros } from "../../src/ops/index.js";
import { constant } from "../../src/ops/leaf.js";
import { evaluate } from "../support/evaluate.js";
import { elementsOf } from "./cases.js";
import { type Example, examples, weightsFor } from "./examples.js";

/** A scalar made from the operands of a case. */
type Scalar = (operands: readonly Tensor[]) => Tensor;

/** Larger cases are left to the parity tests: differences take several evaluations each. */
const largest = 2500;

for (const [name, all] of examples) {
  const list = all.filter(isChecked);
  if (list.length === 0) continue;
  describe(`the derivative of ${name}`, () => {
    for (const example of list) {
      it(example.title, () => {
        const inputs = example.inputs("float64");
        const value: Scalar = (operands) => weighted(example.build(operands), 1);
        checkGradients(value, inputs, "first derivative");
        // A weighted sum of the gradients is a function of the inputs again.
        checkGradients((operands) => sumOfGradients(value, operands), inputs, "second derivative");
      });
    }
  });
}

describe("stopGradient", () => {
  it("hands nothing on", () => {
    const [gradient] = evaluate(
      [elementsOf({ shape: [3] }, "float32", 1)],
      ([x]) => vjp([mul(x!, stopGradient(x!))], [x!]) as Tensor[],
    );
    expect(gradient!.data).toEqual(elementsOf({ shape: [3] }, "float32", 1).data);
  });
});

describe("cast", () => {
  it("between floats hands the gradient on in the input's dtype", () => {
    const x = elementsOf({ shape: [3] }, "float32", 1);
    const [gradient] = evaluate([x], ([t]) => vjp([mul(cast(t!, "float64"), 3)], [t!]) as Tensor[]);
    expect(gradient).toEqual({ shape: [3], dtype: "float32", data: new Float32Array([3, 3, 3]) });
  });

  it("to an integer ends the path", () => {
    const x = elementsOf({ shape: [3] }, "float32", 1);
    evaluate([x], ([t]) => {
      expect(vjp([cast(cast(t!, "int32"), "float32")], [t!])).toEqual([null]);
      return [t!];
    });
  });
});

function isChecked({ hasGradient, case: c, inputs }: Example): boolean {
  const arrays = inputs("float64");
  const elements = arrays.reduce((n, { data }) => n + data.length, 0);
  const testsFloats = (c.dtypes ?? ["float32"]).some(isFloat) && arrays.some(({ dtype }) => isFloat(dtype));
  return hasGradient && testsFloats && elements <= largest;
}

/** Σ w · x over all elements, with fixed weights; a result that is no float does not count. */
function weighted(x: Tensor, seed: number): Tensor {
  if (!isFloat(x.dtype)) return zeros([], "float64");
  return sum(mul(x, constant(weightsFor(x, seed))));
}

function sumOfGradients(value: Scalar, operands: readonly Tensor[]): Tensor {
  const floats = operands.filter(({ dtype }) => isFloat(dtype));
  const gradients = vjp([value(operands)], floats);
  return gradients.reduce<Tensor>(
    (total, gradient, i) => (gradient ? add(total, weighted(gradient, 10 + i)) : total),
    zeros([], "float64"),
  );
}

/** For each float input: the derivative along a fixed random direction, by differences and from the gradient. */
function checkGradients(value: Scalar, inputs: readonly NDArray[], what: string): void {
  const varied = inputs
    .map((_, i) => i)
    .filter((i) => isFloat(inputs[i]!.dtype) && inputs[i]!.data.length > 0);
  if (varied.length === 0) return;
  const gradients = evaluate(inputs, (operands) =>
    vjp(
      [value(operands)],
      varied.map((i) => operands[i]!),
    ).map((gradient, k) => gradient ?? zeros(inputs[varied[k]!]!.shape, "float64")),
  );
  varied.forEach((i, k) => {
    const direction = elementsOf({ shape: inputs[i]!.shape, low: -1, high: 1 }, "float64", 77 + i);
    const step = 1e-5;
    const at = (signed: number) => {
      const moved = inputs.map((input, j) => (j === i ? movedBy(input, direction, signed) : input));
      return evaluate(moved, (operands) => [value(operands)])[0]!.data[0]!;
    };
    const differences = (at(step) - at(-step)) / (2 * step);
    let slope = 0;
    let size = 1;
    gradients[k]!.data.forEach((g: number, n: number) => {
      slope += g * direction.data[n]!;
      size += Math.abs(g * direction.data[n]!);
    });
    expect(
      Math.abs(slope - differences) / size,
      `${what}, operand ${i}: ${slope} against ${differences}`,
    ).toBeLessThan(1e-7);
  });
}

function movedBy(input: NDArray, direction: NDArray, step: number): NDArray {
  const data = Float64Array.from(input.data, (value, n) => value + step * direction.data[n]!);
  return { shape: input.shape, dtype: "float64", data };
}
