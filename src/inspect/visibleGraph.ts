import { formatShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import type { NodeKind } from "./diagram.js";
import type { Recording } from "./recording.js";
import { numberText } from "./valueText.js";

/** A node as a reader thinks of it: stretching and axes of length 1 are left out. */
export interface VisibleNode {
  readonly tensor: Tensor;
  /** `a`, `2`, `+`, `matmul`. */
  readonly label: string;
  readonly kind: NodeKind;
  /** Positions of the operands in the list. */
  readonly operands: readonly number[];
  /** `[2, 3]`, `int32`; empty for a float32 number. */
  readonly type: string;
}

const operators: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/", pow: "^" };

/** What a recorded function computes, operands before users. */
export function visibleGraph(recording: Recording): VisibleNode[] {
  const isLeaf = (node: Tensor) => recording.isLeaf(node);
  const order = topologicalOrder(recording.results, isLeaf);
  const finished = finishedOperations(order, recording.results, isLeaf);
  const computedBy = new Map([...finished].map(([operation, given]) => [given, operation]));
  /** The node whose elements are shown, perhaps repeated or with axes of length 1 more or less. */
  const seeThrough = (node: Tensor): Tensor => {
    let base = node;
    while (!isLeaf(base) && changesNothing(base)) base = base.inputs[0]!;
    return finished.get(base) ?? base;
  };
  const results = new Set(recording.results.map(seeThrough));
  const place = new Map<Tensor, number>();
  const nodes: VisibleNode[] = [];
  for (const node of order) {
    if (seeThrough(node) !== node) continue;
    const leaf = isLeaf(node);
    const operation = computedBy.get(node) ?? node;
    place.set(node, nodes.length);
    nodes.push({
      tensor: node,
      label: leaf ? leafLabel(node, recording) : operationLabel(operation),
      kind: leaf ? leafKind(node) : results.has(node) ? "result" : "operation",
      operands: leaf ? [] : operation.inputs.map((input) => place.get(seeThrough(input))!),
      type: node.payload.scalar === undefined ? typeText(node) : "",
    });
  }
  const needed = neededFrom(nodes, results);
  if (needed.size === nodes.length) return nodes;
  const kept = nodes.flatMap((_, i) => (needed.has(i) ? [i] : []));
  const moved = new Map(kept.map((old, i) => [old, i]));
  return kept.map((i) => ({ ...nodes[i]!, operands: nodes[i]!.operands.map((k) => moved.get(k)!) }));
}

/**
 * Operations that only one node uses, which hands over what the caller was given: the reshape that drops the axes of a
 * reduction, the result of a `cond`.
 */
function finishedOperations(
  order: readonly Tensor[],
  results: readonly Tensor[],
  isLeaf: (node: Tensor) => boolean,
): Map<Tensor, Tensor> {
  const uses = new Map<Tensor, number>();
  for (const used of [...order.flatMap(({ inputs }) => inputs), ...results])
    uses.set(used, (uses.get(used) ?? 0) + 1);
  const finished = new Map<Tensor, Tensor>();
  for (const node of order) {
    const [input] = node.inputs;
    if (!input || isLeaf(node) || isLeaf(input) || uses.get(input) !== 1) continue;
    const dropsAxes =
      input.primitive.kind === "reduce" && node.primitive.name === "reshape" && changesNothing(node);
    const picksAll = input.outputs.length === 1 && node.primitive.name === "pick";
    if (dropsAxes || picksAll) finished.set(input, node);
  }
  return finished;
}

/** Lengths of dynamic axes are dependencies, but no operands. */
function neededFrom(nodes: readonly VisibleNode[], results: ReadonlySet<Tensor>): Set<number> {
  const needed = new Set<number>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (!results.has(nodes[i]!.tensor) && !needed.has(i)) continue;
    needed.add(i);
    for (const operand of nodes[i]!.operands) needed.add(operand);
  }
  return needed;
}

function changesNothing({ primitive, inputs, shape }: Tensor): boolean {
  if (primitive.name === "broadcastTo" || primitive.name === "identity") return true;
  if (primitive.name !== "reshape") return false;
  const long = (lengths: readonly number[]) => lengths.filter((n) => n !== 1).join(",");
  return long(inputs[0]!.shape) === long(shape);
}

function leafLabel(node: Tensor, recording: Recording): string {
  const name = recording.names.get(node);
  if (name !== undefined) return name;
  const { scalar } = node.payload;
  if (scalar === undefined) return node.payload.constant ? "constant" : "data";
  return node.dtype === "bool" ? String(scalar !== 0) : numberText(scalar);
}

function leafKind(node: Tensor): NodeKind {
  if (node.payload.variable) return "parameter";
  return node.payload.scalar === undefined && !node.payload.constant ? "input" : "constant";
}

function operationLabel({ primitive, attributes, inputs, dtype }: Tensor): string {
  const { name } = primitive;
  if (name === "cast") return `cast ${dtype}`;
  if (name === "pick") return `output ${attributes.index}`;
  if (primitive.kind === "reduce") {
    const axes = attributes.axes;
    const all = Array.isArray(axes) && inputs[0]!.shape.every((n, axis) => n === 1 || axes.includes(axis));
    if (Array.isArray(axes) && !all) return `${name} axis ${axes.join(", ")}`;
  }
  return operators[name] ?? name;
}

function typeText({ dtype, shape, size }: Tensor): string {
  const parts = [dtype === "float32" ? "" : dtype, size !== 1 ? formatShape(shape) : ""];
  return parts.filter((part) => part).join(" ");
}

/** An operation on named operands: `a + 7`, `relu(t1)`. */
export function computation({ label }: VisibleNode, operands: readonly string[]): string {
  const infix = Object.values(operators).includes(label) && operands.length === 2;
  if (infix) return `${operands[0]} ${label} ${operands[1]}`;
  return label === "neg" ? `-${operands[0]}` : `${label}(${operands.join(", ")})`;
}
