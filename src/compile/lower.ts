/**
 * From scheduled units to steps: gives every value that must be in memory a place, resolves views to strides, and
 * writes each unit as one step. Producers write straight into a variable, a result or a slice of a concat where they
 * can; what can't be expressed by strides is copied.
 */
import { NestedLowering } from "./nested.js";
import { hasGaps, type Lowered, type LowerInput } from "./places.js";

export function lower(input: LowerInput): Lowered {
  const lowering = new Lowering(input);
  lowering.program();
  return lowering;
}

class Lowering extends NestedLowering {
  program(): void {
    const { outputs, updates } = this.input;
    const targets = outputs.map((value, output) => {
      const place = this.bound({ kind: "output", output }, value);
      return { value, place: hasGaps(value) ? { ...place, packed: true as const } : place };
    });
    this.compute(targets, updates);
  }
}
