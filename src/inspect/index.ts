export type { Diagram, DiagramEdge, DiagramNode, NodeKind } from "./diagram.js";
export { explainGradient, GradientExplanation, type GradientStep } from "./explainGradient.js";
export { explainProgram, type ProgramBuffer, ProgramExplanation } from "./explainProgram.js";
export { Explanation } from "./explanation.js";
export { Expression, type ExpressionOptions, type ExpressionValues, expression } from "./expression.js";
export type { DataTable } from "./html.js";
export { Profile, type ProfiledStep, profile } from "./profile.js";
export type { ProgramStep } from "./programSteps.js";
export { ExpressionTree, type Recorded, toTree } from "./toTree.js";
