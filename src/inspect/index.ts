export type { Diagram, DiagramEdge, DiagramNode, NodeKind } from "./diagram.js";
export { Explanation } from "./explanation.js";
export type { DataTable } from "./html.js";
