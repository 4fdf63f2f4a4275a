/** The functions that a formula may call: the elementwise operations, one number (or tensor) for each operand. */
import { primitives } from "../graph/primitive.js";
import type { Tensor, TensorLike } from "../graph/tensor.js";
import * as ops from "../ops/index.js";
import { binary, call, type Formula, negative, type Operator } from "./formula.js";

type Operation = (...operands: readonly TensorLike[]) => Tensor;

/** Elementwise, but no function of numbers alone. */
const left: readonly string[] = ["cast", "randomBits", "unitFloat", "permutedIndex"];

/** Operations made of several records. */
const composites = {
  celu: 1,
  clip: 3,
  elu: 1,
  gelu: 1,
  hardSigmoid: 1,
  hardSwish: 1,
  hardTanh: 1,
  leakyRelu: 1,
  logSigmoid: 1,
  logicalAnd: 2,
  logicalOr: 2,
  logicalXor: 2,
  mish: 1,
  prelu: 2,
  relu6: 1,
  selu: 1,
  silu: 1,
  softsign: 1,
  tanhShrink: 1,
} as const satisfies Partial<Record<keyof typeof ops, number>>;

/** Short names that formulas use. */
const short: Readonly<Record<string, string>> = { maximum: "max", minimum: "min" };
const long: Readonly<Record<string, string>> = { max: "maximum", min: "minimum", ln: "log" };

const operators: Readonly<Record<string, Operator>> = { add: "+", sub: "-", mul: "*", div: "/", pow: "^" };
const operations = new Map(Object.entries(operators).map(([name, operator]) => [operator, name]));

function operation(name: string): Operation {
  return (ops as unknown as Readonly<Record<string, Operation>>)[name]!;
}

let table: ReadonlyMap<string, number> | undefined;

/** The number of operands of each function, by its name in formulas. */
export function formulaFunctions(): ReadonlyMap<string, number> {
  table ??= new Map(
    [
      ...[...primitives().values()]
        .filter(({ name, kind }) => kind === "elementwise" && name in ops && !left.includes(name))
        .map(({ name }): [string, number] => [short[name] ?? name, operation(name).length]),
      ...Object.entries(composites),
    ].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return table;
}

/** The name under which a formula knows a function, for those that have several. */
export function formulaName(written: string): string {
  const name = Object.hasOwn(long, written) ? long[written]! : written;
  return short[name] ?? name;
}

/** A function applied to formulas; `add(a, b)` is `a + b`. */
export function applied(fn: string, operands: readonly Formula[]): Formula {
  if (Object.hasOwn(operators, fn)) return binary(operators[fn]!, operands[0]!, operands[1]!);
  return fn === "neg" ? negative(operands[0]!) : call(fn, ...operands);
}

/** The graph that computes a formula. */
export function buildGraph(formula: Formula, values: Readonly<Record<string, TensorLike>>): TensorLike {
  switch (formula.kind) {
    case "number":
      return formula.value;
    case "name":
      return values[formula.name]!;
    case "negative":
      return ops.neg(buildGraph(formula.operand, values));
    case "binary":
      return operation(operations.get(formula.operator)!)(
        buildGraph(formula.left, values),
        buildGraph(formula.right, values),
      );
    case "call":
      return operation(long[formula.name] ?? formula.name)(
        ...formula.operands.map((operand) => buildGraph(operand, values)),
      );
  }
}
