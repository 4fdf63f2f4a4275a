/**
 * From scheduled units to steps: gives every value that must be in memory a place, resolves views to strides, and
 * writes each unit as one step. Producers write straight into a variable, a result or a slice of a concat where they
 * can; what can't be expressed by strides is copied.
 */
import { bytesPerElement } from "../base/dtype.js";
import { sizeOf } from "../base/shape.js";
import { denseLayout } from "../graph/layout.js";
import type { Body, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { type Fusion, fuse, isVirtual } from "./fuse.js";
import type { Lowered, LowerInput, Place } from "./places.js";
import type { Step } from "./program.js";
import { schedule } from "./schedule.js";
import { UnitLowering } from "./units.js";

export function lower(input: LowerInput): Lowered {
  const lowering = new Lowering(input);
  lowering.program();
  return lowering;
}

class Lowering extends UnitLowering {
  private level = 0;

  program(): void {
    const { outputs, updates } = this.input;
    const isLeaf = this.input.isLeaf;
    const required = new Set([...outputs, ...updates.map((update) => update.value)]);
    const lengths = this.dynamicLengths([...required]);
    for (const length of lengths) required.add(length);
    // Lengths first: the order must have them before the steps that read them.
    const order = topologicalOrder([...lengths, ...required], isLeaf);
    this.noteUsedResults(order);
    const fusion = fuse({ order, required, isLeaf, needsOf: this.needsOf, enabled: this.input.fusion });
    const plan = schedule(fusion, updates, isLeaf);
    for (const [value, variable] of plan.inPlace) this.places.set(value, this.placeOf(variable));

    // Results: the first output of a computed value is its place; others, views and leaves are copied.
    const copies: { from: Tensor; to: Place }[] = [];
    const early: { from: Tensor; to: Place }[] = [];
    outputs.forEach((output, index) => {
      const place = this.bound({ kind: "output", output: index }, output);
      const base = this.reshapedFrom(output);
      const key = this.placeable(base, fusion);
      if (key && !this.places.has(key)) {
        this.places.set(key, { ...place, layout: denseLayout(base.shape) });
      } else (this.readsWrittenLeaf(output) ? early : copies).push({ from: output, to: place });
    });
    const late: { from: Tensor; to: Place }[] = [];
    for (const { variable, value } of updates) {
      if (plan.inPlace.get(value) === variable || value === variable) continue;
      const to = this.placeOf(variable);
      if (this.readsWrittenLeaf(value)) {
        const staged = this.temporary(value.shape, value.dtype);
        early.push({ from: value, to: staged });
        late.push({ from: value, to });
        this.staged.set(value, staged);
      } else late.push({ from: value, to });
    }
    for (const { from, to } of early) this.copy(from, to, false);
    this.units(plan.units, fusion, required);
    for (const { from, to } of copies) this.copy(from, to, false);
    for (const { from, to } of late) {
      const staged = this.staged.get(from);
      if (staged) this.copyPlaces(staged, to, from.dtype, from.shape, undefined, true, "assign");
      else this.copy(from, to, true);
    }
  }

  private readonly staged = new Map<Tensor, Place>();

  /** What a node needs in memory before it runs: its inputs and the lengths of its dynamic axes. */
  private readonly needsOf = (node: Tensor): readonly Tensor[] => {
    const lengths = node.outputs.flatMap(({ extent }) => (extent ? [this.input.lengthOf(extent)] : []));
    return lengths.length === 0 ? node.inputs : [...node.inputs, ...lengths];
  };

  /** Scalars that give run-time lengths are read by the steps, so they must be in memory. */
  private dynamicLengths(roots: readonly Tensor[]): Tensor[] {
    const found = new Set<Tensor>();
    const pending = [...roots];
    const seen = new Set<Tensor>();
    while (pending.length > 0) {
      for (const node of topologicalOrder([pending.pop()!], (n) => this.input.isLeaf(n) || seen.has(n))) {
        if (seen.has(node)) continue;
        seen.add(node);
        for (const output of node.outputs) {
          if (!output.extent) continue;
          const length = this.input.lengthOf(output.extent);
          if (!found.has(length)) {
            found.add(length);
            pending.push(length);
          }
        }
      }
    }
    return [...found];
  }

  protected override scan(node: Tensor): void {
    const { carries, sequences, results, length, reverse } = node.attributes as {
      carries: number;
      sequences: number;
      results: number;
      length: number;
      reverse: boolean;
    };
    const body = node.payload.bodies![0]!;
    const level = this.level;
    // Carries ping-pong between the halves of one buffer; iteration i reads half i & 1 and writes the other.
    const pairs = range(carries).map((i) => {
      const type = node.outputs[i]!;
      const size = sizeOf(type.shape);
      const buffer = this.newBuffer(2 * size * bytesPerElement(type.dtype));
      const half = (phase: 0 | 1): Place => ({
        buffer,
        layout: denseLayout(type.shape),
        loops: [{ level, stride: 0, parity: size, phase }],
      });
      this.copy(node.inputs[i]!, { buffer, layout: denseLayout(type.shape) }, false, "carry");
      const final: Place = { buffer, layout: { ...denseLayout(type.shape), offset: (length & 1) * size } };
      this.places.set(this.pickKey(node, i), final);
      return { read: half(0), write: half(1) };
    });
    const perIteration = (place: Place): Place => ({
      buffer: place.buffer,
      layout: {
        offset: place.layout.offset,
        shape: place.layout.shape.slice(1),
        strides: place.layout.strides.slice(1),
      },
      loops: [...(place.loops ?? []), { level, stride: place.layout.strides[0]!, parity: 0, phase: 0 }],
    });
    const used = this.usedResults.get(node) ?? new Set<number>();
    const stacked = range(results + carries).map((i) => {
      if (!used.has(carries + i)) return undefined;
      return perIteration(this.resultPlace(node, carries + i));
    });
    body.parameters.forEach((parameter, i) => {
      if (i < carries) this.places.set(parameter, pairs[i]!.read);
      else if (i < carries + sequences)
        this.places.set(parameter, perIteration(this.placeOf(node.inputs[i]!)));
      else this.places.set(parameter, this.placeOf(node.inputs[i]!));
    });
    const targets: { value: Tensor; place: Place }[] = [];
    body.results.forEach((value, i) => {
      const place = i < carries ? pairs[i]!.write : stacked[i - carries];
      if (place) targets.push({ value, place });
    });
    body.parameters.slice(0, carries).forEach((parameter, i) => {
      const place = stacked[results + i];
      if (place) targets.push({ value: parameter, place });
    });
    this.level++;
    const steps = this.nested(body, targets);
    this.level--;
    this.push({
      kind: "scan",
      level,
      length,
      reverse,
      body: steps,
      reads: [],
      writes: [],
      barrier: true,
      commit: false,
      label: `scan ${length}×`,
    });
  }

  protected override cond(node: Tensor): void {
    const predicate = this.operandOf(node.inputs[0]!);
    const used = this.usedResults.get(node) ?? new Set<number>();
    const places = node.outputs.map((_, index) =>
      used.has(index) ? this.resultPlace(node, index) : undefined,
    );
    const [whenTrue, whenFalse] = node.payload.bodies!.map((body) => {
      body.parameters.forEach((parameter, i) => {
        this.places.set(parameter, this.placeOf(node.inputs[i + 1]!));
      });
      const targets: { value: Tensor; place: Place }[] = [];
      body.results.forEach((value, i) => {
        const place = places[i];
        if (place) targets.push({ value, place });
      });
      return this.nested(body, targets);
    });
    this.push({
      kind: "cond",
      reads: [predicate],
      writes: [],
      whenTrue: whenTrue!,
      whenFalse: whenFalse!,
      barrier: true,
      commit: false,
      label: "cond",
    });
  }

  /** Lowers a body to a list of its own; results are written to the given places. */
  private nested(body: Body, targets: readonly { value: Tensor; place: Place }[]): Step[] {
    const outer = { steps: this.steps, foldScalars: this.foldScalars };
    this.steps = [];
    this.foldScalars = true; // the values of a body's numbers are part of its key
    const isLeaf = (node: Tensor) => this.input.isLeaf(node) || body.parameters.includes(node);
    const required = new Set(targets.map(({ value }) => value));
    const lengths = new Set<Tensor>();
    for (const node of topologicalOrder([...required], isLeaf)) {
      for (const { extent } of node.outputs) if (extent) lengths.add(this.input.lengthOf(extent));
    }
    for (const length of lengths) required.add(length);
    const order = topologicalOrder([...lengths, ...required], isLeaf);
    // Nodes may stand in several bodies, and outside of them, with another place each time.
    const isOwn = (node: Tensor) => node.payload.scalar !== undefined || !this.input.isLeaf(node);
    const restore = this.setAside(order.filter(isOwn));
    this.noteUsedResults(order);
    const fusion = fuse({ order, required, isLeaf, needsOf: this.needsOf, enabled: this.input.fusion });
    const plan = schedule(fusion, [], isLeaf);
    const copies: { from: Tensor; to: Place }[] = [];
    for (const { value, place } of targets) {
      const key = this.placeable(value, fusion);
      if (!isLeaf(value) && key && !this.places.has(key)) this.places.set(key, place);
      else copies.push({ from: value, to: place });
    }
    this.units(plan.units, fusion, required);
    for (const { from, to } of copies) this.copy(from, to, false);
    const steps = this.steps;
    this.steps = outer.steps;
    this.foldScalars = outer.foldScalars;
    restore();
    this.setAside(body.parameters);
    return steps;
  }

  /** What a place can be set for before its step is written: views and leaves are not computed, bodies choose themselves. */
  private placeable(node: Tensor, fusion: Fusion): Tensor | undefined {
    if (this.input.isLeaf(node)) return undefined;
    if (node.primitive.name === "pick") {
      const owner = node.inputs[0]!;
      const isWritten =
        owner.primitive.kind === "kernel" && !this.input.isLeaf(owner) && fusion.unitOf(owner);
      return isWritten ? this.pickKey(owner, node.attributes.index as number) : undefined;
    }
    if (node.primitive.kind === "view" || isVirtual(node)) return undefined;
    return fusion.unitOf(node) !== undefined && node.outputs.length === 1 ? node : undefined;
  }
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
