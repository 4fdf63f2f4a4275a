/**
 * From scheduled units to steps: gives every value that must be in memory a place, resolves views to strides, and
 * writes each unit as one step. Producers write straight into a variable, a result or a slice of a concat where they
 * can; what can't be expressed by strides is copied.
 */
import { allocateArray, bytesPerElement, type DType } from "../base/dtype.js";
import { type Shape, sameShape, sizeOf } from "../base/shape.js";
import { denseLayout, isContiguous, type Layout, reshapeLayout } from "../graph/layout.js";
import type { Extent, KernelPrimitive, ReducePrimitive } from "../graph/primitive.js";
import { type Body, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { ExpressionBuilder, type Source } from "./expression.js";
import { type Fusion, fuse, isVirtual, type Unit } from "./fuse.js";
import {
  type Binding,
  type Expression,
  INDEX_GENERATOR,
  type LoopTerm,
  type Operand,
  type Step,
} from "./program.js";
import { schedule, type Update } from "./schedule.js";

/** A buffer whose arena offset is not known yet. */
export type VirtualBuffer = { bytes: number; binding: number | undefined };

/** Where a value lies. */
interface Place {
  readonly buffer: number;
  readonly layout: Layout;
  readonly loops?: readonly LoopTerm[] | undefined;
}

export interface LowerInput {
  readonly outputs: readonly Tensor[];
  readonly updates: readonly Update[];
  readonly isLeaf: (node: Tensor) => boolean;
  /** Number of each leaf in the caller's graph; equal for leaves that are scalars. */
  readonly leafNumber: (leaf: Tensor) => number;
  readonly foldScalars: boolean;
  readonly fusion: boolean;
  /** The length operand of a dynamic axis as a node (its scalar times its factor). */
  readonly lengthOf: (extent: Extent) => Tensor;
}

export interface Lowered {
  readonly steps: Step[];
  readonly operands: Operand[];
  readonly buffers: VirtualBuffer[];
  readonly bindings: Binding[];
  readonly scalars: { leaf: number; dtype: DType }[];
}

export function lower(input: LowerInput): Lowered {
  const lowering = new Lowering(input);
  lowering.program();
  return lowering;
}

class Lowering implements Lowered {
  readonly operands: Operand[] = [];
  readonly buffers: VirtualBuffer[] = [];
  readonly bindings: Binding[] = [];
  readonly scalars: { leaf: number; dtype: DType }[] = [];
  steps: Step[] = [];
  private readonly operandKeys = new Map<string, number>();
  private readonly places = new Map<Tensor, Place>();
  private readonly slotOfScalar = new Map<Tensor, number>();
  private scalarBuffer = -1;
  private readonly writtenLeaves: ReadonlySet<Tensor>;
  private level = 0;

  constructor(private readonly input: LowerInput) {
    this.writtenLeaves = new Set(input.updates.map((update) => update.variable));
  }

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
      if (this.canBePlaced(base, fusion) && !this.places.has(base)) {
        this.places.set(base, { ...place, layout: denseLayout(base.shape) });
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

  private units(units: readonly Unit[], fusion: Fusion, required: ReadonlySet<Tensor>): void {
    const inMemory = this.valuesInMemory(units, required);
    this.placeConcatInputs(units, fusion, inMemory);
    for (const unit of units) this.unit(unit, inMemory);
  }

  /** Values some other step reads (or the caller wants): they need a place. */
  private valuesInMemory(units: readonly Unit[], required: ReadonlySet<Tensor>): Set<Tensor> {
    const inMemory = new Set(required);
    for (const node of required) inMemory.add(this.viewedFrom(node));
    for (const unit of units) {
      const inside = new Set<Tensor>([...unit.prologue, ...unit.nodes, ...(unit.root ? [unit.root] : [])]);
      const rootFeedsEpilogue =
        unit.root?.primitive.kind === "reduce" || unit.root?.primitive.name === "matmul";
      const visit = (node: Tensor) => {
        const base = this.viewedFrom(node);
        if (!inside.has(base)) inMemory.add(base);
        else if (base !== node && !(rootFeedsEpilogue && base === unit.root)) inMemory.add(base);
      };
      for (const node of inside) for (const input of node.inputs) visit(input);
    }
    return inMemory;
  }

  private placeConcatInputs(units: readonly Unit[], fusion: Fusion, inMemory: Set<Tensor>): void {
    for (const unit of units) {
      const root = unit.root;
      if (root?.primitive.name !== "concat") continue;
      const target = this.placeForResult(root);
      const axis = root.attributes.axis as number;
      let offset = 0;
      for (const part of root.inputs) {
        const start = offset;
        offset += part.shape[axis]!;
        const owner = this.input.isLeaf(part) ? undefined : fusion.unitOf(part);
        const writesStrided =
          owner && (owner.nodes.includes(part) || (owner.root === part && part.primitive.name === "matmul"));
        if (!writesStrided || this.places.has(part) || part.dtype !== root.dtype) continue;
        if (owner.root?.primitive.name === "matmul" && target.layout.strides[part.rank - 1] !== 1) continue;
        inMemory.add(part);
        this.places.set(part, { ...target, layout: partLayout(target.layout, part.shape, axis, start) });
      }
    }
  }

  private unit(unit: Unit, inMemory: ReadonlySet<Tensor>): void {
    const root = unit.root;
    if (!root) return this.loop(unit, inMemory);
    if (root.primitive.kind === "reduce") return this.reduce(unit, root, inMemory);
    if (root.primitive.kind === "kernel") return this.kernel(root, root.primitive);
    switch (root.primitive.name) {
      case "matmul":
        return this.matmul(unit, root, inMemory);
      case "concat":
        return this.concat(root);
      case "embed":
        return this.embed(root);
      case "scan":
        return this.scan(root);
      case "cond":
        return this.cond(root);
      case "hostCall":
        return this.hostCall(root);
      default:
        throw new Error(`no lowering for ${root.primitive.name}`);
    }
  }

  // ---- steps ---------------------------------------------------------------------------------------------------

  private loop(unit: Unit, inMemory: ReadonlySet<Tensor>): void {
    const builder = new ExpressionBuilder();
    this.build(builder, unit.nodes, unit);
    const stored = unit.nodes.filter((node) => inMemory.has(node));
    const writes = stored.map((node) => this.store(node, unit));
    this.push({
      kind: "loop",
      reads: builder.loads,
      writes,
      expression: builder.finish(stored),
      barrier: false,
      commit: this.commits(writes),
      label: labelOf(unit.nodes),
    });
  }

  private reduce(unit: Unit, root: Tensor, inMemory: ReadonlySet<Tensor>): void {
    const source = root.inputs[0]!;
    const prologue = new ExpressionBuilder();
    const sourceExtent = source.extent;
    const prologueUnit = { space: source.shape, extent: sourceExtent };
    this.build(prologue, unit.prologue, prologueUnit);
    if (!prologue.has(source)) prologue.source(source, this.sourceOf(source, prologueUnit));
    if (prologue.loads.length === 0) {
      // A constant is reduced: an index generator that nobody reads says over what.
      const strides = source.shape.map(() => 0);
      const place: Place = { buffer: INDEX_GENERATOR, layout: { offset: 0, shape: source.shape, strides } };
      prologue.loads.push(this.operand(place, "int32", sourceExtent));
    }
    const before = prologue.finish([source]);
    const epilogue = new ExpressionBuilder(1);
    epilogue.bindReserved(root);
    this.bindReshapes(epilogue, root, unit.nodes);
    this.build(epilogue, unit.nodes, unit);
    const stored = [root, ...unit.nodes].filter((node) => inMemory.has(node));
    const writes = stored.map((node) => this.store(node, unit));
    this.push({
      kind: "reduce",
      primitive: root.primitive as ReducePrimitive,
      axes: root.attributes.axes as number[],
      reads: [...prologue.loads, ...epilogue.loads],
      writes,
      prologue: before,
      epilogue: epilogue.finish(stored),
      barrier: false,
      commit: this.commits(writes),
      label: labelOf([...unit.prologue, root, ...unit.nodes]),
    });
  }

  private matmul(unit: Unit, root: Tensor, inMemory: ReadonlySet<Tensor>): void {
    const [a, b] = root.inputs.map((input) => this.matrixOperand(input));
    const stored = unit.nodes.filter((node) => inMemory.has(node));
    let product: Place;
    if (inMemory.has(root)) product = this.placeForResult(root);
    else product = this.epilogueTarget(root, stored) ?? this.temporary(root.shape, root.dtype);
    const c = this.operand(product, root.dtype, root.extent);
    if (unit.nodes.length === 0) {
      this.push({
        kind: "matmul",
        reads: [a!, b!],
        writes: [c],
        epilogue: null,
        barrier: false,
        commit: this.commits([c]),
        label: "matmul",
      });
      return;
    }
    this.places.set(root, product);
    const builder = new ExpressionBuilder();
    builder.source(root, { kind: "load", operand: c });
    this.bindReshapes(builder, root, unit.nodes, c);
    this.build(builder, unit.nodes, unit);
    const writes = [c, ...stored.map((node) => this.store(node, unit))];
    this.push({
      kind: "matmul",
      reads: [a!, b!, ...builder.loads],
      writes,
      epilogue: builder.finish(stored),
      barrier: false,
      commit: this.commits(writes),
      label: labelOf([root, ...unit.nodes]),
    });
  }

  /** The product may pass through the memory of an epilogue's result, unless that is a variable the epilogue reads. */
  private epilogueTarget(root: Tensor, stored: readonly Tensor[]): Place | undefined {
    for (const node of stored) {
      const place = this.placeForResult(node);
      const binding = this.buffers[place.buffer]!.binding;
      if (node.dtype !== root.dtype || (binding !== undefined && this.bindings[binding]!.kind !== "output"))
        continue;
      const layout = reshapeLayout(place.layout, root.shape);
      if (layout && layout.strides[root.rank - 1] === 1) return { ...place, layout };
    }
    return undefined;
  }

  private kernel(node: Tensor, primitive: KernelPrimitive): void {
    const reads = node.inputs.map((input, i) => {
      const isRepeated =
        primitive.repeatedInputs?.includes(i) && this.placeOf(input).layout.strides.every((n) => n === 0);
      return isRepeated ? this.operandOf(input) : this.denseOperand(input);
    });
    const writes = node.outputs.map((type) => {
      const place = this.placeForResult(node);
      return this.operand(place, type.dtype, type.extent);
    });
    this.push({
      kind: "kernel",
      primitive,
      attributes: node.attributes,
      reads,
      writes,
      barrier: false,
      commit: this.commits(writes),
      label: primitive.name,
    });
  }

  private concat(node: Tensor): void {
    const target = this.placeForResult(node);
    const axis = node.attributes.axis as number;
    let offset = 0;
    for (const part of node.inputs) {
      const layout = partLayout(target.layout, part.shape, axis, offset);
      offset += part.shape[axis]!;
      const at = this.places.get(part);
      if (
        at &&
        at.buffer === target.buffer &&
        at.layout.offset === layout.offset &&
        sameShape(at.layout.strides, layout.strides)
      )
        continue;
      this.copy(part, { ...target, layout }, false, "concat");
    }
  }

  private embed(node: Tensor): void {
    const target = this.placeForResult(node);
    const { start, step, value } = node.attributes as { start: number[]; step: number[]; value: number };
    const [x] = node.inputs;
    const writes = [this.operand(target, node.dtype, node.extent)];
    const fill: Expression = {
      loads: 0,
      constants: [{ value, dtype: node.dtype }],
      instructions: [],
      results: [0],
    };
    this.push({
      kind: "loop",
      reads: [],
      writes,
      expression: fill,
      barrier: false,
      commit: this.commits(writes),
      label: "fill",
    });
    const layout: Layout = {
      offset:
        target.layout.offset +
        start.reduce((sum, first, axis) => sum + first * target.layout.strides[axis]!, 0),
      shape: x!.shape,
      strides: target.layout.strides.map((stride, axis) => stride * step[axis]!),
    };
    this.copy(x!, { ...target, layout }, false, "embed");
  }

  private hostCall(node: Tensor): void {
    const reads = node.inputs.map((input) => {
      const place = this.bound({ kind: "host" }, input);
      this.copy(input, place, false, "to host");
      return this.operand(place, input.dtype, undefined);
    });
    const writes = node.outputs.map((type, index) => {
      const place = this.bound({ kind: "host" }, type);
      this.places.set(this.pickKey(node, index), place);
      return this.operand(place, type.dtype, undefined);
    });
    this.push({
      kind: "yield",
      host: node.payload.host!,
      reads,
      writes,
      barrier: true,
      commit: false,
      label: "hostCall",
    });
  }

  private scan(node: Tensor): void {
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

  private cond(node: Tensor): void {
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
    const outer = this.steps;
    this.steps = [];
    const isLeaf = (node: Tensor) => this.input.isLeaf(node) || body.parameters.includes(node);
    const required = new Set(targets.map(({ value }) => value));
    const lengths = new Set<Tensor>();
    for (const node of topologicalOrder([...required], isLeaf)) {
      for (const { extent } of node.outputs) if (extent) lengths.add(this.input.lengthOf(extent));
    }
    for (const length of lengths) required.add(length);
    const order = topologicalOrder([...lengths, ...required], isLeaf);
    this.noteUsedResults(order);
    const fusion = fuse({ order, required, isLeaf, needsOf: this.needsOf, enabled: this.input.fusion });
    const plan = schedule(fusion, [], isLeaf);
    const copies: { from: Tensor; to: Place }[] = [];
    for (const { value, place } of targets) {
      if (!isLeaf(value) && this.canBePlaced(value, fusion) && !this.places.has(value))
        this.places.set(value, place);
      else copies.push({ from: value, to: place });
    }
    this.units(plan.units, fusion, required);
    for (const { from, to } of copies) this.copy(from, to, false);
    const steps = this.steps;
    this.steps = outer;
    return steps;
  }

  private push(step: Step): void {
    this.steps.push(step);
  }

  private commits(writes: readonly number[]): boolean {
    return writes.some((index) => {
      const binding = this.buffers[this.operands[index]!.buffer]?.binding;
      const bound = binding === undefined ? undefined : this.bindings[binding];
      return bound?.kind === "leaf";
    });
  }

  // ---- expressions ---------------------------------------------------------------------------------------------

  private build(
    builder: ExpressionBuilder,
    nodes: readonly Tensor[],
    unit: { space: Shape; extent: Extent | undefined },
  ): void {
    const inside = new Set(nodes);
    for (const node of nodes) {
      for (const input of node.inputs) {
        if (!builder.has(input) && !inside.has(input)) builder.source(input, this.sourceOf(input, unit));
      }
      builder.compute(node);
    }
  }

  /** Reshapes of the root that the epilogue reads are the root's value. */
  private bindReshapes(
    builder: ExpressionBuilder,
    root: Tensor,
    nodes: readonly Tensor[],
    operand?: number,
  ): void {
    for (const node of nodes) {
      for (const input of node.inputs) {
        if (input.primitive.name !== "reshape" || input.inputs[0] !== root) continue;
        if (operand === undefined) builder.bindReserved(input);
        else builder.source(input, { kind: "load", operand });
      }
    }
  }

  private sourceOf(node: Tensor, unit: { space: Shape; extent: Extent | undefined }): Source {
    if (this.input.foldScalars) {
      const inner = this.viewedFrom(node);
      if (inner.payload.scalar !== undefined)
        return { kind: "constant", value: inner.payload.scalar, dtype: node.dtype };
    }
    let place = this.placeOf(node);
    if (!sameShape(place.layout.shape, unit.space)) {
      const layout = reshapeLayout(place.layout, unit.space);
      if (layout) place = { ...place, layout };
      else {
        const dense = this.temporary(node.shape, node.dtype);
        this.copy(node, dense, false);
        place = { ...dense, layout: denseLayout(unit.space) };
      }
    }
    return { kind: "load", operand: this.operand(place, node.dtype, unit.extent) };
  }

  /** The operand a unit stores a node's value to, under the unit's iteration shape. */
  private store(node: Tensor, unit: { space: Shape; extent: Extent | undefined }): number {
    const place = this.placeForResult(node);
    const layout = sameShape(place.layout.shape, unit.space)
      ? place.layout
      : reshapeLayout(place.layout, unit.space);
    if (!layout) throw new Error(`a result of shape [${node.shape}] can't be stored under [${unit.space}]`);
    return this.operand({ ...place, layout }, node.dtype, unit.extent);
  }

  // ---- operands and places -------------------------------------------------------------------------------------

  private operandOf(node: Tensor): number {
    return this.operand(this.placeOf(node), node.dtype, node.extent);
  }

  /** Row-major without gaps, copied first if need be. */
  private denseOperand(node: Tensor): number {
    const place = this.placeOf(node);
    if (isContiguous(place.layout) && place.buffer !== INDEX_GENERATOR)
      return this.operand(place, node.dtype, node.extent);
    return this.operand(this.copyDense(node), node.dtype, node.extent);
  }

  /** One of the last two axes has stride 1; otherwise a dense copy. */
  private matrixOperand(node: Tensor): number {
    const place = this.placeOf(node);
    const { shape, strides } = place.layout;
    const rank = shape.length;
    const unitStride = (axis: number) => strides[axis] === 1 || shape[axis] === 1;
    const fits =
      place.buffer !== INDEX_GENERATOR &&
      (unitStride(rank - 1) || unitStride(rank - 2)) &&
      strides.slice(-2).every((stride, i) => stride > 0 || shape[rank - 2 + i] === 1);
    if (!fits) return this.operand(this.copyDense(node), node.dtype, node.extent);
    // Axes of length 1 may carry any stride; give the kernel one that keeps "one stride is 1" true.
    const fixed = [...strides];
    if (strides[rank - 1] !== 1 && strides[rank - 2] !== 1)
      fixed[shape[rank - 1] === 1 ? rank - 1 : rank - 2] = 1;
    return this.operand({ ...place, layout: { ...place.layout, strides: fixed } }, node.dtype, node.extent);
  }

  private copyDense(node: Tensor): Place {
    const target = this.temporary(node.shape, node.dtype);
    this.copy(node, target, false);
    return target;
  }

  private copy(from: Tensor, to: Place, commit: boolean, label = "copy"): void {
    const inner = this.viewedFrom(from);
    if (this.input.foldScalars && inner.payload.scalar !== undefined) {
      const writes = [this.operand(to, from.dtype, undefined)];
      const expression: Expression = {
        loads: 0,
        constants: [{ value: inner.payload.scalar, dtype: from.dtype }],
        instructions: [],
        results: [0],
      };
      this.push({ kind: "loop", reads: [], writes, expression, barrier: false, commit, label: "fill" });
      return;
    }
    this.copyPlaces(this.placeOf(from), to, from.dtype, from.shape, from.extent, commit, label);
  }

  private copyPlaces(
    from: Place,
    to: Place,
    dtype: DType,
    shape: Shape,
    extent: Extent | undefined,
    commit: boolean,
    label: string,
  ): void {
    const reads = [this.operand({ ...from, layout: { ...from.layout, shape } }, dtype, extent)];
    const writes = [this.operand(to, dtype, extent)];
    const expression: Expression = { loads: 1, constants: [], instructions: [], results: [0] };
    this.push({ kind: "loop", reads, writes, expression, barrier: false, commit, label });
  }

  private operand(place: Place, dtype: DType, extent: Extent | undefined): number {
    const length = extent && { axis: extent.axis, operand: this.operandOf(this.input.lengthOf(extent)) };
    const operand: Operand = {
      buffer: place.buffer,
      dtype,
      ...place.layout,
      extent: length,
      loops: place.loops,
    };
    const key = JSON.stringify([
      operand.buffer,
      dtype,
      operand.offset,
      operand.shape,
      operand.strides,
      length,
      place.loops,
    ]);
    let index = this.operandKeys.get(key);
    if (index === undefined) {
      index = this.operands.push(operand) - 1;
      this.operandKeys.set(key, index);
    }
    return index;
  }

  /** Where a node's elements are: its own place, a leaf's buffer, or a view of another node's place. */
  private placeOf(node: Tensor): Place {
    const known = this.places.get(node);
    if (known) return known;
    const place = this.findPlace(node);
    this.places.set(node, place);
    return place;
  }

  private findPlace(node: Tensor): Place {
    if (node.payload.scalar !== undefined)
      return this.input.foldScalars ? this.fixedScalar(node) : this.scalarPlace(node);
    if (node.payload.constant) return this.bound({ kind: "constant", array: node.payload.constant }, node);
    if (this.input.isLeaf(node)) {
      return this.bound(
        { kind: "leaf", leaf: this.input.leafNumber(node), written: this.writtenLeaves.has(node) },
        node,
      );
    }
    const { primitive } = node;
    if (primitive.name === "iota") {
      return {
        buffer: INDEX_GENERATOR,
        layout: { offset: 0, shape: node.shape, strides: node.attributes.strides as number[] },
      };
    }
    if (primitive.name === "pick") return this.resultPlace(node.inputs[0]!, node.attributes.index as number);
    if (primitive.kind === "view") {
      const base = this.placeOf(node.inputs[0]!);
      const layout = primitive.view(base.layout, node.attributes, node);
      if (layout) return { ...base, layout };
      const dense = this.copyDense(node.inputs[0]!);
      return { ...dense, layout: primitive.view(dense.layout, node.attributes, node)! };
    }
    throw new Error(`${primitive.name} is read before it is computed`);
  }

  /** The place a computed node writes to; a new one in the arena if nobody chose one. */
  private placeForResult(node: Tensor): Place {
    const known = this.places.get(node);
    if (known) return known;
    const place = this.temporary(node.shape, node.dtype);
    this.places.set(node, place);
    return place;
  }

  /** One result of a node with several: kept under a key node of its own. */
  private resultPlace(node: Tensor, index: number): Place {
    const key = this.pickKey(node, index);
    const known = this.places.get(key);
    if (known) return known;
    const type = node.outputs[index]!;
    const place = this.temporary(type.shape, type.dtype);
    this.places.set(key, place);
    return place;
  }

  private readonly pickKeys = new Map<Tensor, Tensor[]>();
  private readonly usedResults = new Map<Tensor, Set<number>>();

  private pickKey(node: Tensor, index: number): Tensor {
    let keys = this.pickKeys.get(node);
    if (!keys) {
      keys = [];
      this.pickKeys.set(node, keys);
    }
    keys[index] ??= new Tensor(node.primitive, [], { result: index }, node.outputs[index]!);
    return keys[index];
  }

  private noteUsedResults(order: readonly Tensor[]): void {
    for (const node of order) {
      if (node.primitive.name !== "pick") continue;
      const owner = node.inputs[0]!;
      const used = this.usedResults.get(owner) ?? new Set<number>();
      used.add(node.attributes.index as number);
      this.usedResults.set(owner, used);
    }
  }

  private fixedScalar(node: Tensor): Place {
    const data = allocateArray(node.dtype, 1);
    data[0] = node.payload.scalar!;
    return this.bound({ kind: "constant", array: { shape: [], dtype: node.dtype, data } }, node);
  }

  private scalarPlace(node: Tensor): Place {
    let slot = this.slotOfScalar.get(node);
    if (slot === undefined) {
      slot = this.scalars.push({ leaf: this.input.leafNumber(node), dtype: node.dtype }) - 1;
      this.slotOfScalar.set(node, slot);
      if (this.scalarBuffer < 0) {
        this.bindings.push({ kind: "scalars" });
        this.scalarBuffer = this.buffers.push({ bytes: 0, binding: this.bindings.length - 1 }) - 1;
      }
      this.buffers[this.scalarBuffer]!.bytes = this.scalars.length * 8;
    }
    // Slots are 8 bytes apart, so that any dtype fits.
    return {
      buffer: this.scalarBuffer,
      layout: { offset: (slot * 8) / bytesPerElement(node.dtype), shape: [], strides: [] },
    };
  }

  private bound(binding: Binding, type: { shape: Shape; dtype: DType }): Place {
    const place = this.bindings.push(binding) - 1;
    const bytes = sizeOf(type.shape) * bytesPerElement(type.dtype);
    return { buffer: this.buffers.push({ bytes, binding: place }) - 1, layout: denseLayout(type.shape) };
  }

  private temporary(shape: Shape, dtype: DType): Place {
    return { buffer: this.newBuffer(sizeOf(shape) * bytesPerElement(dtype)), layout: denseLayout(shape) };
  }

  private newBuffer(bytes: number): number {
    return this.buffers.push({ bytes, binding: undefined }) - 1;
  }

  /** Whether the step that computes the node can write it anywhere (views and leaves are not computed). */
  private canBePlaced(node: Tensor, fusion: Fusion): boolean {
    if (this.input.isLeaf(node) || node.primitive.kind === "view" || isVirtual(node)) return false;
    return fusion.unitOf(node) !== undefined && node.outputs.length === 1;
  }

  private readsWrittenLeaf(node: Tensor): boolean {
    return this.writtenLeaves.has(this.viewedFrom(node));
  }

  /** The node whose elements a chain of views shows. */
  private viewedFrom(node: Tensor): Tensor {
    let base = node;
    while (!this.input.isLeaf(base) && base.primitive.kind === "view") base = base.inputs[0]!;
    return base;
  }

  /** The node of which this one is the same elements in the same order. */
  private reshapedFrom(node: Tensor): Tensor {
    let base = node;
    while (!this.input.isLeaf(base) && base.primitive.name === "reshape") base = base.inputs[0]!;
    return base;
  }
}

/** The part of a concat's layout that one input fills. */
function partLayout(whole: Layout, shape: Shape, axis: number, offset: number): Layout {
  return { offset: whole.offset + offset * whole.strides[axis]!, shape, strides: whole.strides };
}

function labelOf(nodes: readonly Tensor[]): string {
  const names = nodes.map((node) => node.primitive.name);
  return names.length > 6
    ? `${names.slice(0, 3).join(" → ")} → … → ${names[names.length - 1]} (${names.length})`
    : names.join(" → ");
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
