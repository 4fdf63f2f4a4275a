/**
 * Elementwise operations where they bend, overflow or are not defined, against NumPy and PyTorch on every backend:
 * infinities, NaN, denormals, integers that wrap around, shifts of all sizes, dtypes that meet, empty shapes.
 */
import { describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { allocateArray } from "../../src/base/dtype.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { type GoldenArray, type GoldenArrays, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { operation } from "./mistakes.js";

interface EdgeCase {
  readonly name: string;
  readonly inputs: GoldenArrays;
  readonly output: GoldenArray;
}

/** Down to the smallest denormal, but for what comes from exp: below the smallest normal number that gives 0. */
const digits = { relative: 1e-6, absolute: 2e-45 };
const digitsOfExp = { relative: 1e-6, absolute: 1.2e-38 };
const fromExp = new Set(["exp", "exp2", "sigmoid", "softplus", "logSigmoid"]);

const byName = new Map<string, EdgeCase[]>();
for (const edge of golden<EdgeCase>("elementwise-edges")) {
  byName.set(edge.name, [...(byName.get(edge.name) ?? []), edge]);
}

for (const [name, list] of byName) {
  describe(name, () => {
    for (const [number, { inputs, output }] of list.entries()) {
      const operands = Object.values(inputs);
      const title = operands.map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`).join(" and ");
      it.each([referenceBackend, ...backends])(`$name: ${number}, ${title}`, (on) => {
        const [actual] = evaluate(
          operands.map(arrayOf),
          (tensors) => [operation(name)!(...tensors) as Tensor],
          { on },
        );
        expectClose(actual!, arrayOf(output), fromExp.has(name) ? digitsOfExp : digits);
      });
    }
  });
}

describe("odd functions, and those that round, keep the sign of zero", () => {
  const zeros = Float32Array.from({ length: 37 }, (_, i) => (i % 3 === 0 ? 0 : -0)); // a tail behind whole vectors
  const names =
    "sin tan asin atan sinh tanh asinh atanh erf expm1 log1p cbrt sqrt neg sign softsign floor ceil round trunc";
  it.each([referenceBackend, ...backends])("$name", (on) => {
    for (const name of names.split(" ")) {
      const [actual] = evaluate(
        [{ shape: [37], dtype: "float32", data: zeros }],
        (tensors) => [operation(name)!(...tensors) as Tensor],
        { on },
      );
      const expected = zeros.map((x) => (name === "neg" ? -x : x));
      expect({ name, zeros: actual!.data }).toEqual({ name, zeros: expected });
    }
  });
});

it("the operations of the file exist", () => {
  expect([...byName.keys()].filter((name) => !operation(name))).toEqual([]);
});

function arrayOf(values: GoldenArray): NDArray {
  const data = allocateArray(values.dtype, values.data.length);
  data.set(goldenNumbers(values));
  return { shape: values.shape, dtype: values.dtype, data };
}
