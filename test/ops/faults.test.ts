/** What a kernel finds in the data and what a record says about it go together. */
import { afterEach, describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { isFloat } from "../../src/base/dtype.js";
import { useBackend } from "../../src/engine/device.js";
import { type KernelPrimitive, primitives } from "../../src/graph/primitive.js";
import { backends } from "../support/backends.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { type Example, examples } from "./examples.js";

const kernels = [...primitives().values()].filter((p): p is KernelPrimitive => p.kind === "kernel");

/** Matrices without an inverse, negative ones; indices and labels beyond every table. */
const hostile = [
  { float: 0, whole: 250 },
  { float: -1, whole: 250 },
];

/** Whether the run reported a fault; the examples of a record hold nothing else. */
function reports(example: Example, on: typeof referenceBackend): boolean {
  return hostile.some(({ float, whole }) => {
    const inputs = example.inputs("float32").map(
      (input): NDArray => ({
        ...input,
        data: input.data.map(() => (isFloat(input.dtype) ? float : whole)),
      }),
    );
    try {
      evaluate(inputs, (operands) => example.results(operands), { on });
      return false;
    } catch (error) {
      if (/^the run reported/.test((error as Error).message)) return true;
      throw error;
    }
  });
}

afterEach(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("a kernel on $name", (on) => {
  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))(
    "%s reports faults in the data exactly if its record has words for them",
    (name, kernel) => {
      const found = examples.get(name)!.some((example) => reports(example, on));
      expect(found).toBe(kernel.fault !== undefined);
    },
  );
});
