/** What the generated tests run: every case of the tables of records and of composites, in one form. */

import type { NDArray } from "../../src/base/array.js";
import { type DType, isFloat } from "../../src/base/dtype.js";
import { primitives } from "../../src/graph/primitive.js";
import { createNode, type Tensor } from "../../src/graph/tensor.js";
import { broadcastTo, concat, flatten, flip, transpose } from "../../src/ops/index.js";
import { results } from "../../src/ops/pick.js";
import { type Case, cases, describeCase, elementsOf, type Input } from "./cases.js";
import { composites } from "./composites.js";

export interface Example {
  /** The operation. */
  readonly name: string;
  /** What this case is about. */
  readonly title: string;
  readonly case: Omit<Case, "attributes">;
  /** Whether a gradient exists in principle. */
  readonly hasGradient: boolean;
  /** Stored elements; floats, and operands without a dtype of their own, in the given one. */
  readonly inputs: (dtype: DType) => NDArray[];
  readonly build: (operands: readonly Tensor[]) => Tensor;
  /** The same before several results become one tensor. */
  readonly results: (operands: readonly Tensor[]) => readonly Tensor[];
}

const ofRecords: Example[] = Object.entries(cases).flatMap(([name, list]) => {
  const primitive = primitives().get(name)!;
  return list.map((c) => {
    const node = (operands: readonly Tensor[]) =>
      createNode(
        primitive,
        operands.map((tensor, i) => viewed(tensor, c.inputs[i]!)),
        c.attributes ?? {},
      );
    return {
      name,
      title: describeCase(c),
      case: c,
      hasGradient: primitive.vjp !== undefined && c.differentiable !== false,
      inputs: (dtype: DType) => inputsOf(c, dtype),
      build: (operands: readonly Tensor[]) => whole(node(operands)),
      results: (operands: readonly Tensor[]) => eachResult(node(operands)),
    };
  });
});

const ofComposites: Example[] = Object.entries(composites).flatMap(([name, list]) =>
  list.map((c) => {
    const build = (operands: readonly Tensor[]) =>
      c.build(...operands.map((tensor, i) => viewed(tensor, c.inputs[i]!)));
    return {
      name,
      title: describeCase(c),
      case: c,
      hasGradient: c.differentiable !== false,
      inputs: (dtype: DType) => inputsOf(c, dtype),
      build,
      results: (operands: readonly Tensor[]) => [build(operands)],
    };
  }),
);

/** By operation, in the order of the tables. */
export const examples: ReadonlyMap<string, readonly Example[]> = grouped([...ofRecords, ...ofComposites]);

function grouped(list: readonly Example[]): Map<string, Example[]> {
  const groups = new Map<string, Example[]>();
  for (const example of list) groups.set(example.name, [...(groups.get(example.name) ?? []), example]);
  return groups;
}

/** Fixed random numbers to weigh the elements of a result with. */
export function weightsFor(node: Pick<Tensor, "shape" | "dtype">, seed: number): NDArray {
  return elementsOf({ shape: node.shape, low: -1, high: 1 }, node.dtype, seed);
}

function inputsOf(c: Pick<Case, "inputs">, dtype: DType): NDArray[] {
  return c.inputs.map((input, i) =>
    elementsOf(input, input.dtype && !isFloat(input.dtype) ? input.dtype : dtype, 1000 + i),
  );
}

function eachResult(node: Tensor): readonly Tensor[] {
  return node.outputs.length === 1 ? [node] : results(node);
}

/** The results of a record in one tensor, one behind the other. */
function whole(node: Tensor): Tensor {
  return node.outputs.length === 1 ? node : concat(results(node).map((result) => flatten(result)));
}

/** The operand as the operation sees it. */
function viewed(tensor: Tensor, input: Input): Tensor {
  if (input.transposed) return transpose(tensor);
  if (input.flipped) return flip(tensor);
  return input.broadcastTo ? broadcastTo(tensor, input.broadcastTo) : tensor;
}
