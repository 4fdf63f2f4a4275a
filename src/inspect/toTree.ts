import type { Tree } from "../base/tree.js";
import type { Tensor } from "../graph/tensor.js";
import type { Diagram } from "./diagram.js";
import { Explanation } from "./explanation.js";
import { Recording } from "./recording.js";
import { textTree } from "./textTree.js";
import { type VisibleNode, visibleGraph } from "./visibleGraph.js";

/** The expression tree of a computation; see {@link toTree}. */
export class ExpressionTree extends Explanation {
  override readonly diagram: Diagram;

  constructor(
    override readonly title: string,
    private readonly recording: Recording,
    private readonly nodes: readonly VisibleNode[] = visibleGraph(recording),
    values: readonly (string | undefined)[] = [],
  ) {
    super();
    this.diagram = {
      direction: "up",
      nodes: nodes.map(({ label, kind, type }, i) => {
        const value = kind === "constant" ? undefined : values[i];
        return {
          id: String(i),
          label,
          kind,
          details: [...(type ? [type] : []), ...(value === undefined ? [] : [`= ${value}`])],
        };
      }),
      edges: nodes.flatMap(({ operands }, to) =>
        operands.map((from) => ({ from: String(from), to: String(to) })),
      ),
    };
  }

  /** The same tree with the value of each node, for the arguments it was made with. Many elements are summarized. */
  async withValues(): Promise<ExpressionTree> {
    const values = await this.recording.values(this.nodes.map(({ tensor }) => tensor));
    return new ExpressionTree(this.title, this.recording, this.nodes, values);
  }

  override toString(): string {
    return textTree(this.diagram);
  }
}

/**
 * The expression tree of a computation: its result on top, under each operation its operands, arguments and numbers at
 * the ends. What several operations share is printed once, marked `#1`, and referred to as `↑1`.
 *
 * The function runs once on placeholders; nothing is computed. Arguments are named as the function names its
 * parameters, or by their keys in a record; variables by their own names. Numbers among the arguments stand for
 * tensors. `await toTree(…).withValues()` shows values; `toMermaid`, `toDot`, `toSvg` and `toHtml` draw it.
 *
 * @param fn a function of tensors, as `jit` takes it
 * @throws {TraceError} where the function reads a value
 * @throws {ConfigError} where it returns no tensor
 * @example
 * String(toTree((a, y) => add(add(a, 7), y), 1, 2)) // "+\n├─ +\n│  ├─ a\n│  └─ 7\n└─ y"
 */
export function toTree<A extends readonly unknown[]>(
  fn: (...args: { [K in keyof A]: Recorded<A[K]> }) => Tree<Tensor>,
  ...args: A
): ExpressionTree {
  return new ExpressionTree(
    "Expression tree",
    new Recording("toTree", fn as (...args: never[]) => unknown, args),
  );
}

/** What a recorded function sees of an argument: numbers come as tensors. */
export type Recorded<T> = T extends number
  ? Tensor
  : T extends Tensor
    ? T
    : T extends readonly unknown[] | { readonly [key: string]: unknown }
      ? { readonly [K in keyof T]: Recorded<T[K]> }
      : T;
