import { allSteps, INDEX_GENERATOR, type Program, type Step } from "../compile/program.js";
import { formatDuration, formatFlop } from "./amounts.js";
import { dataflow, writesOf } from "./dataflow.js";
import type { Diagram, DiagramEdge, DiagramNode } from "./diagram.js";
import { operandType, type ProgramStep } from "./programSteps.js";

/** A step that takes this part of the measured time stands out. */
const HOT = 0.2;

/** What flows between the steps of a program, from its bindings to its results. @param names of the bindings */
export function diagramOf(
  program: Program,
  steps: readonly ProgramStep[],
  names: readonly string[],
): Diagram {
  const nodes: DiagramNode[] = [];
  const edges: DiagramEdge[] = [];
  const places = new Map([...allSteps(program.steps)].map(({ step }, place) => [step, place]));
  const timeOf = ({ calls = 0, milliseconds = 0 }: ProgramStep) => calls * milliseconds;
  const total = steps.reduce((sum, step) => sum + timeOf(step), 0);
  for (const [number, step] of program.steps.entries()) {
    const place = places.get(step)!;
    const end = places.get(program.steps[number + 1]!) ?? steps.length;
    const all = steps.slice(place, end); // the step and those in its bodies
    const time = all.reduce((sum, part) => sum + timeOf(part), 0);
    const calls = steps[place]!.calls;
    nodes.push({
      id: `step${number}`,
      label: `${place}  ${step.label}`,
      details: [
        ...steps[place]!.results.slice(0, 2),
        ...repetition(step, all.length - 1),
        ...(all.length === 1 && all[0]!.flop > 0 ? [formatFlop(all[0]!.flop)] : []),
        ...(calls ? [formatDuration(time / calls)] : []),
      ],
      kind: total > 0 && time / total >= HOT ? "hot" : "operation",
    });
  }
  const drawn = new Set<number>();
  for (const { from, to, operand } of dataflow(program)) {
    if ("step" in from) {
      edges.push({ from: `step${from.step}`, to: `step${to}`, label: operandType(operand) });
      continue;
    }
    if (!drawn.has(from.binding)) nodes.push(bindingNode(program, from.binding, names));
    drawn.add(from.binding);
    edges.push({ from: `binding${from.binding}`, to: `step${to}`, label: operandType(operand) });
  }
  const ends = new Set<string>();
  for (const [number, step] of program.steps.entries()) {
    for (const index of writesOf(step)) {
      const { buffer } = program.operands[index]!;
      const spec = buffer === INDEX_GENERATOR ? undefined : program.buffers[buffer]!;
      if (spec?.kind !== "bound" || program.bindings[spec.binding]!.kind === "host") continue;
      const id = `end${spec.binding}`;
      const isResult = program.bindings[spec.binding]!.kind === "output";
      const label = isResult ? names[spec.binding]! : `new ${names[spec.binding]}`;
      if (!ends.has(id)) nodes.push({ id, label, kind: isResult ? "result" : "parameter" });
      if (!ends.has(`${id} ${number}`)) edges.push({ from: `step${number}`, to: id });
      ends.add(id).add(`${id} ${number}`);
    }
  }
  return { nodes, edges };
}

/** How often a loop runs its steps, as far as that is known. */
function repetition(step: Step, inside: number): string[] {
  if (step.kind === "scan") return [`${step.length} times: ${inside} steps`];
  if (step.kind !== "while") return [];
  const bound = step.maxIterations === null ? "" : `, up to ${step.maxIterations} times`;
  return [`while its condition holds${bound}: ${inside} steps`];
}

function bindingNode(program: Program, binding: number, names: readonly string[]): DiagramNode {
  const { kind } = program.bindings[binding]!;
  const label = names[binding]!;
  const isVariable = label.startsWith("variable");
  const isNumber = kind === "constant" || kind === "scalars";
  return {
    id: `binding${binding}`,
    label,
    kind: isVariable ? "parameter" : isNumber ? "constant" : "input",
  };
}
