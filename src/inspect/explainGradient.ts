import { vjp } from "../autodiff/vjp.js";
import { isFloat } from "../base/dtype.js";
import { table } from "../charts/table.js";
import { checkLoss, checkReached } from "../engine/gradients.js";
import { differentiating } from "../engine/trace.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import type { Diagram } from "./diagram.js";
import { Explanation } from "./explanation.js";
import type { DataTable } from "./html.js";
import { Recording } from "./recording.js";
import type { Recorded } from "./toTree.js";
import { computation, type VisibleNode, visibleGraph } from "./visibleGraph.js";

/** One node of a computation and what backpropagation brought to it. */
export interface GradientStep {
  /** The name of an argument or variable, or `t1`, `t2`, … in the order of computation. */
  readonly name: string;
  /** `t1 * y`; empty for what is given. */
  readonly computes: string;
  readonly value: string;
  /** The derivative of the result with respect to this node; undefined where none arrives. */
  readonly gradient: string | undefined;
}

/** The gradient of a computation, node by node; see {@link explainGradient}. */
export class GradientExplanation extends Explanation {
  override readonly title = "Gradient";
  override readonly tables: readonly DataTable[];

  constructor(
    /** In the order of backpropagation: the result first, each node once all its users are done. */
    readonly steps: readonly GradientStep[],
    override readonly diagram: Diagram,
  ) {
    super();
    this.tables = [
      {
        header: ["Step", "Node", "Computes", "Value", "Gradient"],
        rows: steps.map(({ name, computes, value, gradient }, i) => [
          i + 1,
          name,
          computes,
          value,
          gradient ?? "none",
        ]),
      },
    ];
  }

  override toString(): string {
    const { header, rows } = this.tables[0]!;
    return table(rows, { header, width: 120 });
  }
}

/**
 * How a gradient comes about: each node of a computation with its value and the gradient that reached it, the
 * derivative of the result with respect to this node, in the order of backpropagation.
 *
 * Values of more than six elements are summarized. Numbers are left out of the list, since nobody asks for their
 * gradient. `toMermaid`, `toDot`, `toSvg` and `toHtml` draw the graph with values and gradients.
 *
 * @param fn a function of tensors that returns a float scalar
 * @throws {ShapeError} where the result is no float scalar
 * @throws {GradientError} where no derivative leads from the result to an argument or variable
 * @example
 * const { steps } = await explainGradient((a, b) => mul(a, add(a, b)), 2, 3);
 * steps.map(({ name, value, gradient }) => `${name} = ${value}, gradient ${gradient}`);
 * // ["t2 = 10, gradient 1", "t1 = 5, gradient 2", "b = 3, gradient 2", "a = 2, gradient 7"]
 */
export async function explainGradient<A extends readonly unknown[]>(
  fn: (...args: { [K in keyof A]: Recorded<A[K]> }) => Tensor,
  ...args: A
): Promise<GradientExplanation> {
  const recording = new Recording("explainGradient", fn as (...args: never[]) => unknown, args);
  const [loss] = recording.results;
  checkLoss("explainGradient", loss);
  const nodes = visibleGraph(recording);
  const dependent = dependents(recording);
  const targets = nodes
    .map(({ tensor }) => tensor)
    .filter((node) => dependent.has(node) && isFloat(node.dtype));
  const gradients = differentiating(() => vjp([loss!], targets));
  const given = targets.flatMap((target, i) => (recording.names.has(target) ? [i] : []));
  checkReached(
    "explainGradient",
    loss!,
    given.map((i) => targets[i]!),
    given.map((i) => gradients[i]!),
  );
  const reached = targets.flatMap((target, i) => (gradients[i] ? [{ target, gradient: gradients[i] }] : []));
  const texts = await recording.values([
    ...nodes.map(({ tensor }) => tensor),
    ...reached.map(({ gradient }) => gradient),
  ]);
  const gradientOf = new Map(reached.map(({ target }, i) => [target, texts[nodes.length + i]!]));
  return explanation(nodes, texts, gradientOf);
}

/** The nodes that depend on an argument or a variable. */
function dependents(recording: Recording): Set<Tensor> {
  const found = new Set<Tensor>(recording.names.keys());
  for (const node of topologicalOrder(recording.results, (leaf) => recording.isLeaf(leaf)))
    if (!recording.isLeaf(node) && node.inputs.some((input) => found.has(input))) found.add(node);
  return found;
}

function explanation(
  nodes: readonly VisibleNode[],
  texts: readonly (string | undefined)[],
  gradientOf: ReadonlyMap<Tensor, string>,
): GradientExplanation {
  const names: string[] = [];
  let results = 0;
  for (const { label, operands } of nodes) names.push(operands.length > 0 ? `t${++results}` : label);
  const steps = nodes
    .map((node, i): GradientStep & { kind: string } => ({
      name: names[i]!,
      computes:
        node.operands.length > 0
          ? computation(
              node,
              node.operands.map((k) => names[k]!),
            )
          : "",
      value: texts[i] ?? "several",
      gradient: gradientOf.get(node.tensor),
      kind: node.kind,
    }))
    .filter(({ kind }) => kind !== "constant")
    .map(({ kind: _, ...step }) => step)
    .reverse();
  const diagram: Diagram = {
    direction: "up",
    nodes: nodes.map(({ tensor, label, kind, operands }, i) => {
      const gradient = gradientOf.get(tensor);
      const value = operands.length > 0 ? `${names[i]} = ${texts[i] ?? "several"}` : `= ${texts[i]}`;
      return {
        id: String(i),
        label,
        kind,
        details: kind === "constant" ? [] : [value, ...(gradient ? [`gradient ${gradient}`] : [])],
      };
    }),
    edges: nodes.flatMap(({ operands }, to) =>
      operands.map((from) => ({ from: String(from), to: String(to) })),
    ),
  };
  return new GradientExplanation(steps, diagram);
}
