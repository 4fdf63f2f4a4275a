/**
 * Every backend against the reference, for every case and dtype of the tables: the values, and the gradients of a
 * weighted sum of them. The reference itself is run without fusion as well.
 */
import { describe, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { type DType, isFloat } from "../../src/base/dtype.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { constant } from "../../src/ops/leaf.js";
import { backends } from "../support/backends.js";
import { expectClose, type Tolerance } from "../support/close.js";
import { type EvaluateOptions, evaluate } from "../support/evaluate.js";
import { type Example, examples, weightsFor } from "./examples.js";

for (const [name, list] of examples) {
  describe(name, () => {
    for (const example of list) {
      for (const dtype of example.case.dtypes ?? (["float32"] as const)) {
        it(`reference without fusion: ${dtype} ${example.title}`, () => {
          compare(example, dtype, { fusion: false, foldScalars: true }, roundingsOf(example));
        });
        for (const backend of backends) {
          it(`${backend.name}: ${dtype} ${example.title}`, () => {
            compare(example, dtype, { on: backend }, toleranceOf(example));
          });
        }
      }
    }
  });
}

/** A fused epilogue reads the reduced value before it is rounded to float32. */
function roundingsOf({ case: { absolute = 0 } }: Example): Tolerance {
  return { relative: 1e-6, absolute: Math.max(1e-7, absolute) };
}

function toleranceOf({ case: { relative, absolute } }: Example): Tolerance {
  return { ...(relative === undefined ? {} : { relative }), ...(absolute === undefined ? {} : { absolute }) };
}

function compare(example: Example, dtype: DType, options: EvaluateOptions, tolerance: Tolerance): void {
  const inputs = example.inputs(dtype);
  const forward = (operands: readonly Tensor[]) => [example.build(operands)];
  expectClose(evaluate(inputs, forward, options)[0]!, evaluate(inputs, forward)[0]!, tolerance);
  if (!example.hasGradient || !inputs.some((input) => isFloat(input.dtype))) return;
  const gradients = (operands: readonly Tensor[]) => gradientsOf(example.build(operands), operands);
  const expected = evaluate(inputs, gradients);
  evaluate(inputs, gradients, options).forEach((gradient, i) => {
    expectClose(gradient, expected[i]!, tolerance);
  });
}

/** Of Σ w · node with fixed weights, to each float operand it depends on. */
function gradientsOf(node: Tensor, operands: readonly Tensor[]): Tensor[] {
  if (!isFloat(node.dtype)) return [];
  const floats = operands.filter((operand) => isFloat(operand.dtype));
  return vjp([node], floats, [constant(weightsFor(node, 1))]).filter((gradient) => gradient !== null);
}
