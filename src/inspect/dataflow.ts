import { bodiesOf, INDEX_GENERATOR, type Operand, type Program, type Step } from "../compile/program.js";

/** Where a value that a step reads comes from: steps of the same list, or a binding of the program. */
export interface Flow {
  readonly from: { readonly step: number } | { readonly binding: number };
  readonly to: number;
  readonly operand: Operand;
}

/** What flows into and between the steps of a program; a step with a body stands for all in it. */
export function dataflow(program: Program): Flow[] {
  const writers = new Map<number, number[]>();
  const flows: Flow[] = [];
  for (const [to, step] of program.steps.entries()) {
    const seen = new Set<number>();
    for (const index of readsOf(step)) {
      const operand = program.operands[index]!;
      if (operand.buffer === INDEX_GENERATOR || seen.has(operand.buffer)) continue;
      seen.add(operand.buffer);
      const sources = writers.get(operand.buffer);
      const spec = program.buffers[operand.buffer]!;
      if (sources) for (const from of sources) flows.push({ from: { step: from }, to, operand });
      else if (spec.kind === "bound") flows.push({ from: { binding: spec.binding }, to, operand });
    }
    for (const index of writesOf(step)) {
      const { buffer } = program.operands[index]!;
      const before = writers.get(buffer) ?? [];
      if (!before.includes(to)) writers.set(buffer, [...before, to]);
    }
  }
  return flows;
}

/** Operands a step reads, those of its body included. */
function readsOf(step: Step): readonly number[] {
  return [...step.reads, ...bodiesOf(step).flat().flatMap(readsOf)];
}

/** Operands a step writes, those of its body included. */
export function writesOf(step: Step): readonly number[] {
  return [...step.writes, ...bodiesOf(step).flat().flatMap(writesOf)];
}

/** Operands a step reads or writes. */
export function touchedBy(step: Step): readonly number[] {
  return [...readsOf(step), ...writesOf(step)];
}
