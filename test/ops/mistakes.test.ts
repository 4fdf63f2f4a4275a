/** Every generated mistake is refused where the graph is built, by an error that names the operation and what came. */
import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { isFloat } from "../../src/base/dtype.js";
import { MyelinError } from "../../src/base/errors.js";
import { primitives } from "../../src/graph/primitive.js";
import { createNode } from "../../src/graph/tensor.js";
import { sum, zeros } from "../../src/ops/index.js";
import { examples } from "./examples.js";
import { elementwiseOperations, type Mistake, mistakes, operation, ownArguments } from "./mistakes.js";

const byName = new Map<string, Mistake[]>();
for (const mistake of mistakes) byName.set(mistake.name, [...(byName.get(mistake.name) ?? []), mistake]);

for (const [name, list] of byName) {
  describe(`${name} refuses`, () => {
    for (const { title, call, kind, received } of list) {
      it(title, () => {
        const error = thrownBy(call);
        expect(error).toBeInstanceOf(kind);
        expect(error.message.startsWith(`[${name}] expected `), error.message).toBe(true);
        expect(error.received).toContain(received);
      });
    }
  });
}

describe("the families of mistakes", () => {
  it("hold every elementwise record that has a public function", () => {
    const missing = [...primitives().values()]
      .filter(({ name, kind }) => kind === "elementwise" && operation(name))
      .map(({ name }) => name)
      .filter((name) => !elementwiseOperations.has(name) && !ownArguments.has(name));
    expect(missing).toEqual([]);
  });
});

describe("a derivative that does not exist", () => {
  const without = [...primitives().values()].filter(
    ({ kind, noGradient }) => kind === "elementwise" && noGradient,
  );
  const ofFloats = without.filter(({ name }) => {
    const example = examples.get(name)?.[0];
    return example && isFloat(example.build(example.inputs("float32").map((x) => zeros(x.shape))).dtype);
  });

  it.each(ofFloats)("of $name is refused with the reason", (primitive) => {
    const arity = examples.get(primitive.name)![0]!.case.inputs.length;
    const operands = Array.from({ length: arity }, () => zeros([2]));
    const error = thrownBy(() => vjp([sum(createNode(primitive, operands))], operands));
    expect(error.message).toContain(primitive.name);
    expect(error.message).toContain(primitive.noGradient);
  });
});

function thrownBy(call: () => unknown): MyelinError {
  try {
    call();
  } catch (error) {
    if (error instanceof MyelinError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
