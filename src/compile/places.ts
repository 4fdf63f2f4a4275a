/**
 * Where values lie while a graph is lowered: leaves in bound buffers, computed values in the arena or wherever a later
 * step wants them, views as other layouts of the same memory. What strides can't express is copied.
 */
import { allocateArray, bytesPerElement, type DType } from "../base/dtype.js";
import { type Shape, sizeOf } from "../base/shape.js";
import { denseLayout, isContiguous, type Layout } from "../graph/layout.js";
import type { Extent, TensorType } from "../graph/primitive.js";
import { Tensor } from "../graph/tensor.js";
import {
  type Binding,
  type Expression,
  INDEX_GENERATOR,
  type LoopTerm,
  type Operand,
  type Step,
} from "./program.js";
import type { Update } from "./schedule.js";

/** A buffer whose arena offset is not known yet. */
export type VirtualBuffer = { bytes: number; binding: number | undefined };

/** Where a value lies. */
export interface Place {
  readonly buffer: number;
  readonly layout: Layout;
  readonly loops?: readonly LoopTerm[] | undefined;
  /** See `Operand.packed`. */
  readonly packed?: true | undefined;
}

/** Whether a value at the strides of its bound has gaps: axes stand before the one of a run-time length. */
export function hasGaps({ shape, extent }: TensorType): boolean {
  return extent !== undefined && sizeOf(shape.slice(0, extent.axis)) !== 1;
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

export abstract class Places implements Lowered {
  readonly operands: Operand[] = [];
  readonly buffers: VirtualBuffer[] = [];
  readonly bindings: Binding[] = [];
  readonly scalars: { leaf: number; dtype: DType }[] = [];
  /** The steps written so far, of the program or of the body that is being lowered. */
  steps: Step[] = [];
  protected readonly places = new Map<Tensor, Place>();
  protected readonly usedResults = new Map<Tensor, Set<number>>();
  private readonly operandKeys = new Map<string, number>();
  private readonly slotOfScalar = new Map<Tensor, number>();
  private readonly pickKeys = new Map<Tensor, Tensor[]>();
  private scalarBuffer = -1;
  /** Whether numbers are part of the program; in bodies they always are. */
  protected foldScalars: boolean;
  private readonly writtenLeaves: ReadonlySet<Tensor>;

  constructor(protected readonly input: LowerInput) {
    this.foldScalars = input.foldScalars;
    this.writtenLeaves = new Set(input.updates.map((update) => update.variable));
  }

  protected operandOf(node: Tensor): number {
    return this.operand(this.placeOf(node), node.dtype, node.extent);
  }

  /** Row-major without gaps, copied first if need be. */
  protected denseOperand(node: Tensor): number {
    const place = this.placeOf(node);
    if (isContiguous(place.layout) && place.buffer !== INDEX_GENERATOR)
      return this.operand(place, node.dtype, node.extent);
    return this.operand(this.copyDense(node), node.dtype, node.extent);
  }

  /** The same for who goes without strides: no gaps behind rows of a run-time length either. */
  protected packedOperand(node: Tensor): number {
    if (!hasGaps(node)) return this.denseOperand(node);
    const place = this.packedTemporary(node);
    this.copy(node, place, false, "pack");
    return this.operand(place, node.dtype, node.extent);
  }

  /** One of the last two axes has stride 1; otherwise a dense copy. */
  protected matrixOperand(node: Tensor): number {
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

  protected copyDense(node: Tensor): Place {
    const target = this.temporary(node.shape, node.dtype);
    this.copy(node, target, false);
    return target;
  }

  protected copy(from: Tensor, to: Place, commit: boolean, label = "copy"): void {
    const inner = this.viewedFrom(from);
    if (this.foldScalars && inner.payload.scalar !== undefined) {
      const { buffer, layout, loops } = to; // all of it, whatever part the run-time length has
      const writes = [this.operand({ buffer, layout, loops }, from.dtype, undefined)];
      const expression: Expression = {
        loads: 0,
        constants: [{ value: inner.payload.scalar, dtype: from.dtype }],
        instructions: [],
        results: [0],
      };
      this.push({ kind: "loop", reads: [], writes, expression, barrier: false, commit, label: "fill" });
      return;
    }
    let place = this.placeOf(from);
    if (to.packed && (!isContiguous(place.layout) || place.buffer === INDEX_GENERATOR))
      place = this.copyDense(from);
    this.copyPlaces(place, to, from.dtype, from.shape, from.extent, commit, label);
  }

  protected copyPlaces(
    from: Place,
    to: Place,
    dtype: DType,
    shape: Shape,
    extent: Extent | undefined,
    commit: boolean,
    label: string,
  ): void {
    const isPacking = extent && (from.packed || to.packed);
    const [source, target] = isPacking
      ? [from, to].map((place) => aroundExtent(place, shape, extent.axis))
      : [{ ...from, layout: { ...from.layout, shape } }, to];
    const along = isPacking ? { ...extent, axis: 1 } : extent;
    const reads = [this.operand(source!, dtype, along)];
    const writes = [this.operand(target!, dtype, along)];
    const expression: Expression = { loads: 1, constants: [], instructions: [], results: [0] };
    this.push({ kind: "loop", reads, writes, expression, barrier: false, commit, label });
  }

  protected operand(place: Place, dtype: DType, extent: Extent | undefined): number {
    const length = extent && { axis: extent.axis, operand: this.operandOf(this.input.lengthOf(extent)) };
    const operand: Operand = {
      buffer: place.buffer,
      dtype,
      ...place.layout,
      extent: length,
      packed: place.packed,
      loops: place.loops,
    };
    const { buffer, layout, loops, packed } = place;
    let key = `${buffer} ${dtype} ${layout.offset} ${layout.shape} ${layout.strides}`;
    if (length) key += `~${length.axis} ${length.operand}${packed ? " packed" : ""}`;
    for (const { level, stride, parity, phase } of loops ?? [])
      key += `@${level} ${stride} ${parity} ${phase}`;
    let index = this.operandKeys.get(key);
    if (index === undefined) {
      index = this.operands.push(operand) - 1;
      this.operandKeys.set(key, index);
    }
    return index;
  }

  /** Where a node's elements are: its own place, a leaf's buffer, or a view of another node's place. */
  protected placeOf(node: Tensor): Place {
    const known = this.places.get(node);
    if (known) return known;
    const place = this.findPlace(node);
    this.places.set(node, place);
    return place;
  }

  protected findPlace(node: Tensor): Place {
    if (node.payload.scalar !== undefined)
      return this.foldScalars ? this.fixedScalar(node) : this.scalarPlace(node);
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
  protected placeForResult(node: Tensor): Place {
    const known = this.places.get(node);
    if (known) return known;
    const place = this.temporary(node.shape, node.dtype);
    this.places.set(node, place);
    return place;
  }

  /** Has the nodes placed anew; the function it returns brings back where they were. */
  protected setAside(nodes: readonly Tensor[]): () => void {
    const before = nodes.map((node) => [node, this.places.get(node), this.pickKeys.get(node)] as const);
    const clear = () => {
      for (const node of nodes) {
        this.places.delete(node);
        this.pickKeys.delete(node);
      }
    };
    clear();
    return () => {
      clear();
      for (const [node, place, keys] of before) {
        if (place) this.places.set(node, place);
        if (keys) this.pickKeys.set(node, keys);
      }
    };
  }

  /** One result of a node with several: kept under a key node of its own. */
  protected resultPlace(node: Tensor, index: number): Place {
    const key = this.pickKey(node, index);
    const known = this.places.get(key);
    if (known) return known;
    const type = node.outputs[index]!;
    const place = this.temporary(type.shape, type.dtype);
    this.places.set(key, place);
    return place;
  }

  protected pickKey(node: Tensor, index: number): Tensor {
    let keys = this.pickKeys.get(node);
    if (!keys) {
      keys = [];
      this.pickKeys.set(node, keys);
    }
    keys[index] ??= new Tensor(node.primitive, [], { result: index }, node.outputs[index]!);
    return keys[index];
  }

  protected noteUsedResults(order: readonly Tensor[]): void {
    for (const node of order) {
      if (node.primitive.name !== "pick") continue;
      const owner = node.inputs[0]!;
      const used = this.usedResults.get(owner) ?? new Set<number>();
      used.add(node.attributes.index as number);
      this.usedResults.set(owner, used);
    }
  }

  protected fixedScalar(node: Tensor): Place {
    const data = allocateArray(node.dtype, 1);
    data[0] = node.payload.scalar!;
    return this.bound({ kind: "constant", array: { shape: [], dtype: node.dtype, data } }, node);
  }

  protected scalarPlace(node: Tensor): Place {
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

  protected bound(binding: Binding, type: { shape: Shape; dtype: DType }): Place {
    const place = this.bindings.push(binding) - 1;
    const bytes = sizeOf(type.shape) * bytesPerElement(type.dtype);
    return { buffer: this.buffers.push({ bytes, binding: place }) - 1, layout: denseLayout(type.shape) };
  }

  protected temporary(shape: Shape, dtype: DType): Place {
    return { buffer: this.newBuffer(sizeOf(shape) * bytesPerElement(dtype)), layout: denseLayout(shape) };
  }

  protected packedTemporary({ shape, dtype }: TensorType): Place {
    return { ...this.temporary(shape, dtype), packed: true };
  }

  protected newBuffer(bytes: number): number {
    return this.buffers.push({ bytes, binding: undefined }) - 1;
  }

  /** The node whose elements a chain of views shows. */
  protected viewedFrom(node: Tensor): Tensor {
    let base = node;
    while (!this.input.isLeaf(base) && base.primitive.kind === "view") base = base.inputs[0]!;
    return base;
  }

  /** The node of which this one is the same elements in the same order. */
  protected reshapedFrom(node: Tensor): Tensor {
    let base = node;
    while (!this.input.isLeaf(base) && base.primitive.name === "reshape") base = base.inputs[0]!;
    return base;
  }

  protected push(step: Step): void {
    this.steps.push(step);
  }

  protected commits(writes: readonly number[]): boolean {
    return writes.some((index) => this.isDonated(this.operands[index]!));
  }

  /** Memory of a variable, which a faulty run leaves as it was. */
  protected isDonated({ buffer }: { readonly buffer: number }): boolean {
    const binding = this.buffers[buffer]?.binding;
    return binding !== undefined && this.bindings[binding]!.kind === "leaf";
  }
}

/** A contiguous place as [before, along, behind] the axis of a run-time length. */
function aroundExtent(place: Place, shape: Shape, axis: number): Place {
  const three = [sizeOf(shape.slice(0, axis)), shape[axis]!, sizeOf(shape.slice(axis + 1))];
  return { ...place, layout: { ...denseLayout(three), offset: place.layout.offset } };
}
