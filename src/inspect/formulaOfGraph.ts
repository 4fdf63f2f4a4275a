import { isFloat } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { binary, call, type Formula, name, number } from "./formula.js";
import { applied, formulaFunctions, formulaName } from "./formulaFunctions.js";

/**
 * The formula that a graph of elementwise operations on numbers computes.
 *
 * @param names of the leaves
 * @throws {ConfigError} where an operation is no function of formulas
 */
export function formulaOfGraph(root: Tensor, names: ReadonlyMap<Tensor, string>): Formula {
  const formulas = new Map<Tensor, Formula>();
  for (const node of topologicalOrder([root], (leaf) => names.has(leaf))) {
    const own = names.get(node);
    formulas.set(
      node,
      own === undefined
        ? operationFormula(
            node,
            node.inputs.map((input) => formulas.get(input)!),
          )
        : name(own),
    );
  }
  return formulas.get(root)!;
}

/** Names of records that formulas know under another: they have no bits, only truth. */
const renamed: Readonly<Record<string, string>> = {
  bitwiseAnd: "logicalAnd",
  bitwiseOr: "logicalOr",
  bitwiseXor: "logicalXor",
};

function operationFormula(node: Tensor, operands: readonly Formula[]): Formula {
  const { primitive, payload } = node;
  const [x] = operands;
  if (payload.scalar !== undefined) return number(payload.scalar);
  switch (primitive.name) {
    case "broadcastTo":
    case "reshape":
    case "identity":
    case "stopGradient":
      return x!;
    case "square":
      return binary("^", x!, number(2));
    case "reciprocal":
      return binary("/", number(1), x!);
    case "cast":
      return converted(node, x!);
  }
  const fn = formulaName(renamed[primitive.name] ?? primitive.name);
  if (formulaFunctions().has(fn)) return applied(fn, operands);
  throw new ConfigError({
    who: "expression",
    expected: "a derivative made of functions that formulas know",
    received: `one with ${primitive.name}`,
    fix: "Differentiate a function of tensors with grad instead.",
  });
}

/** Truth as a number and a number as truth; among numbers a conversion changes nothing. */
function converted(node: Tensor, x: Formula): Formula {
  const from = node.inputs[0]!.dtype;
  if (from === "bool" && node.dtype !== "bool") return call("where", x, number(1), number(0));
  if (node.dtype === "bool" && from !== "bool") return call("notEqual", x, number(0));
  return isFloat(from) && !isFloat(node.dtype) ? call("trunc", x) : x;
}
