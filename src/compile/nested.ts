/** Steps that hold steps: the bodies of `scan`, `cond` and `whileLoop` are lowered to lists of their own. */
import { bytesPerElement } from "../base/dtype.js";
import { sizeOf } from "../base/shape.js";
import { denseLayout, reshapeLayout } from "../graph/layout.js";
import type { Body, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { type Fusion, fuse, isVirtual } from "./fuse.js";
import type { Place } from "./places.js";
import type { Step } from "./program.js";
import { schedule, type Update } from "./schedule.js";
import { UnitLowering } from "./units.js";

/** A value and where it is wanted. */
interface Target {
  readonly value: Tensor;
  readonly place: Place;
}

/** Where an iteration finds a carry, and where it leaves the next one. */
interface Carry {
  readonly read: Place;
  readonly write: Place;
}

export abstract class NestedLowering extends UnitLowering {
  private level = 0;

  /**
   * Lowers all that the targets and the new values of variables (of the program, or the states of a loop) need.
   *
   * @returns a function that forgets where the nodes were placed
   */
  protected compute(targets: readonly Target[], updates: readonly Update[]): () => void {
    const isLeaf = this.input.isLeaf;
    const required = new Set([...targets, ...updates].map(({ value }) => value));
    const lengths = this.dynamicLengths([...required]);
    for (const length of lengths) required.add(length);
    // Lengths first: the order must have them before the steps that read them.
    const order = topologicalOrder([...lengths, ...required], isLeaf);
    // Nodes may stand in several bodies, and outside of them, with another place each time.
    const restore = this.setAside(order.filter((node) => node.payload.scalar !== undefined || !isLeaf(node)));
    this.noteUsedResults(order);
    const fusion = fuse({ order, required, isLeaf, needsOf: this.needsOf, enabled: this.input.fusion });
    const plan = schedule(fusion, updates, isLeaf);
    for (const [value, variable] of plan.inPlace) this.places.set(value, this.placeOf(variable));

    // The first target of a computed value is its place; others, views and leaves are copied.
    const written = new Set(updates.map(({ variable }) => variable));
    const copies: Target[] = [];
    const early: Target[] = [];
    for (const target of targets) {
      const { value, place } = target;
      const base = this.reshapedFrom(value);
      const layout = reshapeLayout(place.layout, base.shape);
      const key = this.placeable(base, fusion);
      if (layout && key && !place.packed && !this.places.has(key)) {
        this.places.set(key, { ...place, layout });
      } else (written.has(this.viewedFrom(value)) ? early : copies).push(target);
    }
    const late: { from: Tensor | Place; value: Tensor; to: Place }[] = [];
    for (const { variable, value } of updates) {
      if (plan.inPlace.get(value) === variable || value === variable) continue;
      const to = this.placeOf(variable);
      if (written.has(this.viewedFrom(value))) {
        const staged = this.temporary(value.shape, value.dtype);
        early.push({ value, place: staged });
        late.push({ from: staged, value, to });
      } else late.push({ from: value, value, to });
    }
    for (const { value, place } of early) this.copy(value, place, false);
    this.units(plan.units, fusion, required);
    for (const { value, place } of copies) this.copy(value, place, false);
    for (const { from, value, to } of late) {
      const commit = this.isDonated(to);
      if (from === value) this.copy(value, to, commit);
      else this.copyPlaces(from as Place, to, value.dtype, value.shape, value.extent, commit, "assign");
    }
    return restore;
  }

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
    const used = this.usedResults.get(node) ?? new Set<number>();
    const isUsed = (result: number) => used.has(carries + result);
    const pairs = range(carries).map((i) => {
      const copies = range(results).filter((k) => isUsed(k) && body.results[carries + k] === body.results[i]);
      const isKept = copies.length > 0 || isUsed(results + i) || isUsed(results + carries + i);
      return isKept ? this.keptCarry(node, i, copies, level) : this.alternatingCarry(node, i, level);
    });
    const stacked = range(results).map((k) => {
      if (!isUsed(k) || this.places.has(this.pickKey(node, carries + k))) return undefined;
      return perIteration(this.resultPlace(node, carries + k), level);
    });
    body.parameters.forEach((parameter, i) => {
      if (i < carries) this.places.set(parameter, pairs[i]!.read);
      else if (i < carries + sequences)
        this.places.set(parameter, perIteration(this.placeOf(node.inputs[i]!), level));
      else this.places.set(parameter, this.placeOf(node.inputs[i]!));
    });
    const targets: Target[] = [];
    body.results.forEach((value, i) => {
      const place = i < carries ? pairs[i]!.write : stacked[i - carries];
      if (place) targets.push({ value, place });
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

  /** A carry between the halves of one buffer: iteration i reads half i & 1 and writes the other. */
  private alternatingCarry(node: Tensor, i: number, level: number): Carry {
    const type = node.outputs[i]!;
    const size = sizeOf(type.shape);
    const layout = denseLayout(type.shape);
    const buffer = this.newBuffer(2 * size * bytesPerElement(type.dtype));
    const half = (phase: 0 | 1): Place => ({
      buffer,
      layout,
      loops: [{ level, stride: 0, parity: size, phase }],
    });
    this.copy(node.inputs[i]!, { buffer, layout }, false, "carry");
    const last = ((node.attributes.length as number) & 1) * size;
    this.places.set(this.pickKey(node, i), { buffer, layout: { ...layout, offset: last } });
    return { read: half(0), write: half(1) };
  }

  /** A carry whose values stay, one behind the other: each iteration reads one and writes the next. */
  private keptCarry(node: Tensor, i: number, copies: readonly number[], level: number): Carry {
    const { carries, results, length, reverse } = node.attributes as {
      carries: number;
      results: number;
      length: number;
      reverse: boolean;
    };
    const type = node.outputs[i]!;
    const size = sizeOf(type.shape);
    const layout = denseLayout(type.shape);
    const buffer = this.newBuffer((length + 1) * size * bytesPerElement(type.dtype));
    const at = (n: number): Place => ({ buffer, layout: { ...layout, offset: n * size } });
    this.copy(node.inputs[i]!, at(reverse ? length : 0), false, "carry");
    const stack = ({ layout: { offset, shape, strides } }: Place): Place => ({
      buffer,
      layout: { offset, shape: [length, ...shape], strides: [size, ...strides] },
    });
    const [starts, ends] = (reverse ? [at(1), at(0)] : [at(0), at(1)]).map(stack);
    this.places.set(this.pickKey(node, i), at(reverse ? 0 : length));
    this.places.set(this.pickKey(node, carries + results + i), starts!);
    for (const k of [...copies, results + carries + i])
      this.places.set(this.pickKey(node, carries + k), ends!);
    return { read: perIteration(starts!, level), write: perIteration(ends!, level) };
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
      const targets: Target[] = [];
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

  protected override whileLoop(node: Tensor): void {
    const { carries, maxIterations } = node.attributes as { carries: number; maxIterations: number | null };
    const [condition, body] = node.payload.bodies!;
    const level = this.level;
    const used = this.usedResults.get(node) ?? new Set<number>();
    const isWanted = (i: number) => used.has(i) || used.has(carries + i);
    const live = liveStates(body!, carries, [
      condition!.results[0]!,
      ...body!.parameters.slice(0, carries).filter((_, i) => isWanted(i)),
    ]);
    // How often the body runs is not known here, so a state stays in one place, like a variable.
    const states = range(carries).map((i) => {
      if (!live.has(i)) return undefined;
      const place = this.resultPlace(node, i);
      this.copy(node.inputs[i]!, place, false, "state");
      return place;
    });
    const enter = ({ parameters }: Body) =>
      parameters.forEach((parameter, i) => {
        const place = i < carries ? states[i] : this.placeOf(node.inputs[i]!);
        if (place) this.places.set(parameter, place);
      });
    const predicate = condition!.results[0]!;
    const flag = this.temporary([], predicate.dtype);
    const saved = range(carries).flatMap((i): Target[] => {
      if (!used.has(carries + i)) return [];
      return [
        { value: body!.parameters[i]!, place: perIteration(this.resultPlace(node, carries + i), level) },
      ];
    });
    this.level++;
    enter(condition!);
    const conditionSteps = this.nested(condition!, [{ value: predicate, place: flag }]);
    enter(body!);
    const updates = [...live].map((i) => ({ variable: body!.parameters[i]!, value: body!.results[i]! }));
    const bodySteps = this.nested(body!, saved, updates);
    this.level--;
    this.push({
      kind: "while",
      level,
      maxIterations,
      condition: conditionSteps,
      body: bodySteps,
      reads: [this.operand(flag, predicate.dtype, undefined)],
      writes: [],
      barrier: true,
      commit: false,
      label: maxIterations === null ? "while" : `while ≤ ${maxIterations}×`,
    });
  }

  /** Lowers a body to a list of its own; results are written to the given places, parameters updated like variables. */
  private nested(body: Body, targets: readonly Target[], updates: readonly Update[] = []): Step[] {
    const outer = { steps: this.steps, foldScalars: this.foldScalars };
    this.steps = [];
    this.foldScalars = true; // the values of a body's numbers are part of its key
    const restore = this.compute(targets, updates);
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

/** The part of a stacked value that an iteration of the loop at this level reads or writes. */
function perIteration({ buffer, layout, loops = [] }: Place, level: number): Place {
  return {
    buffer,
    layout: {
      offset: layout.offset,
      shape: layout.shape.slice(1),
      strides: layout.strides.slice(1),
    },
    loops: [...loops, { level, stride: layout.strides[0]!, parity: 0, phase: 0 }],
  };
}

/** The states of a loop that something depends on: what is wanted of it, or another such state. */
function liveStates({ parameters, results }: Body, count: number, wanted: readonly Tensor[]): Set<number> {
  const live = new Set<number>();
  const seen = new Set<Tensor>();
  const pending = [...wanted];
  while (pending.length > 0) {
    for (const node of topologicalOrder([pending.pop()!], (n) => seen.has(n))) {
      if (seen.has(node)) continue;
      seen.add(node);
      const i = parameters.indexOf(node);
      if (i < 0 || i >= count) continue;
      live.add(i);
      pending.push(results[i]!);
    }
  }
  return live;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
