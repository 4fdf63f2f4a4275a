import { type Shape, sameShape } from "../base/shape.js";
import { denseLayout, type Layout, reshapeLayout } from "../graph/layout.js";
import type { Extent, KernelPrimitive, ReducePrimitive } from "../graph/primitive.js";
import type { Tensor } from "../graph/tensor.js";
import { ExpressionBuilder, type Source } from "./expression.js";
import type { Fusion, Unit } from "./fuse.js";
import { hasGaps, type Place, Places } from "./places.js";
import { type Expression, INDEX_GENERATOR } from "./program.js";

export abstract class UnitLowering extends Places {
  protected abstract scan(node: Tensor): void;
  protected abstract cond(node: Tensor): void;
  protected abstract whileLoop(node: Tensor): void;

  protected units(units: readonly Unit[], fusion: Fusion, required: ReadonlySet<Tensor>): void {
    const inMemory = this.valuesInMemory(units, required);
    this.placeConcatInputs(units, fusion, inMemory);
    for (const unit of units) this.unit(unit, inMemory);
  }

  /** Values some other step reads (or the caller wants): they need a place. */
  protected valuesInMemory(units: readonly Unit[], required: ReadonlySet<Tensor>): Set<Tensor> {
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

  protected placeConcatInputs(units: readonly Unit[], fusion: Fusion, inMemory: Set<Tensor>): void {
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
        const layout = partLayout(target.layout, part.shape, axis, start);
        // An epilogue across a reshape writes under the root's shape.
        if (!sameShape(part.shape, owner.space) && !reshapeLayout(layout, owner.space)) continue;
        inMemory.add(part);
        this.places.set(part, { ...target, layout });
      }
    }
  }

  protected unit(unit: Unit, inMemory: ReadonlySet<Tensor>): void {
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
      case "whileLoop":
        return this.whileLoop(root);
      case "hostCall":
        return this.hostCall(root);
      default:
        throw new Error(`no lowering for ${root.primitive.name}`);
    }
  }

  protected loop(unit: Unit, inMemory: ReadonlySet<Tensor>): void {
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

  protected reduce(unit: Unit, root: Tensor, inMemory: ReadonlySet<Tensor>): void {
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

  protected matmul(unit: Unit, root: Tensor, inMemory: ReadonlySet<Tensor>): void {
    const [a, b] = root.inputs.map((input) => this.matrixOperand(input));
    const stored = unit.nodes.filter((node) => inMemory.has(node));
    let product: Place;
    if (inMemory.has(root)) product = this.placeForResult(root);
    else product = this.epilogueTarget(root, stored, unit) ?? this.temporary(root.shape, root.dtype);
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

  /** The product may pass through the memory of an epilogue's result, unless that is a variable or a state it reads. */
  protected epilogueTarget(root: Tensor, stored: readonly Tensor[], unit: Unit): Place | undefined {
    const inside = new Set([root, ...unit.nodes]);
    const read = unit.nodes.flatMap(({ inputs }) =>
      inputs.flatMap((input) => {
        const base = this.viewedFrom(input);
        return inside.has(base) ? [] : (this.places.get(base) ?? []);
      }),
    );
    for (const node of stored) {
      const place = this.placeForResult(node);
      if (read.some((other) => isSameMemory(place, other))) continue;
      const binding = this.buffers[place.buffer]!.binding;
      if (node.dtype !== root.dtype || (binding !== undefined && this.bindings[binding]!.kind !== "output"))
        continue;
      const layout = reshapeLayout(place.layout, root.shape);
      if (layout && layout.strides[root.rank - 1] === 1) return { ...place, layout };
    }
    return undefined;
  }

  protected kernel(node: Tensor, primitive: KernelPrimitive): void {
    const reads = node.inputs.map((input, i) => {
      const isRepeated =
        primitive.repeatedInputs?.includes(i) && this.placeOf(input).layout.strides.every((n) => n === 0);
      return isRepeated ? this.operandOf(input) : this.packedOperand(input);
    });
    const isSingle = node.outputs.length === 1;
    const results = node.outputs.map((type, index) => {
      const place = isSingle ? this.placeForResult(node) : this.resultPlace(node, index);
      return { type, place, written: hasGaps(type) ? this.packedTemporary(type) : place };
    });
    const writes = results.map(({ type, written }) => this.operand(written, type.dtype, type.extent));
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
    for (const { type, place, written } of results) {
      if (written === place) continue;
      const { shape, dtype, extent } = type;
      this.copyPlaces(written, place, dtype, shape, extent, this.isDonated(place), "unpack");
    }
  }

  protected concat(node: Tensor): void {
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

  protected embed(node: Tensor): void {
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

  protected hostCall(node: Tensor): void {
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

  protected build(
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
  protected bindReshapes(
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

  protected sourceOf(node: Tensor, unit: { space: Shape; extent: Extent | undefined }): Source {
    if (this.foldScalars) {
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
  protected store(node: Tensor, unit: { space: Shape; extent: Extent | undefined }): number {
    const place = this.placeForResult(node);
    const layout = sameShape(place.layout.shape, unit.space)
      ? place.layout
      : reshapeLayout(place.layout, unit.space);
    if (!layout) throw new Error(`a result of shape [${node.shape}] can't be stored under [${unit.space}]`);
    return this.operand({ ...place, layout }, node.dtype, unit.extent);
  }
}

/** Whether two places of values are the same in one iteration; those of a state before and after never are. */
function isSameMemory(a: Place, b: Place): boolean {
  const phases = ({ loops = [] }: Place) => loops.map(({ level, phase }) => `${level}:${phase}`).join();
  return a.buffer === b.buffer && phases(a) === phases(b) && a.layout.offset === b.layout.offset;
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
