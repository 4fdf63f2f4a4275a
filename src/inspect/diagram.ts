/** What a box stands for; it decides its colours. */
export type NodeKind =
  /** A value from outside: an argument, data. */
  | "input"
  /** A value that training changes. */
  | "parameter"
  /** A number. */
  | "constant"
  /** Something that is computed. */
  | "operation"
  /** An operation to look at first: most of the time, the largest gradient. */
  | "hot"
  /** What comes out. */
  | "result";

export interface DiagramNode {
  /** Unique within the diagram; edges refer to it, readers don't see it. */
  readonly id: string;
  readonly label: string;
  /** Smaller lines below the label: a value, a shape, a time. */
  readonly details?: readonly string[];
  readonly kind?: NodeKind;
}

/** What flows from one node into another. The edges into a node stand in the order of its operands. */
export interface DiagramEdge {
  readonly from: string;
  readonly to: string;
  readonly label?: string;
}

/**
 * Boxes and arrows, however they are drawn: as text, Mermaid, DOT, SVG or HTML. The edges hold no cycle.
 */
export interface Diagram {
  readonly nodes: readonly DiagramNode[];
  readonly edges: readonly DiagramEdge[];
  /** Where the edges point: `down` unless told; `up` puts results on top, as expression trees are drawn. */
  readonly direction?: "down" | "up";
}
