import type { NDArray } from "../base/array.js";
import type { DType } from "../base/dtype.js";
import { checkRank, formatShape, type Shape, sizeOf } from "../base/shape.js";
import type {
  Attributes,
  AttributeValue,
  Extent,
  LeafPrimitive,
  Primitive,
  TensorType,
} from "./primitive.js";

/** A place in a backend's memory that holds the elements of a realized tensor, row-major. */
export interface Storage {
  readonly bytes: number;
}

/** What a leaf stands for; which field is set depends on its primitive. */
export interface LeafPayload {
  /** `scalar`: a JavaScript number, a run-time value that is never part of a cache key. */
  readonly scalar?: number;
  /** `constant`: data that become part of a program. */
  readonly constant?: NDArray;
  /** `variable`: the slot that is read. */
  readonly variable?: object;
  /** `placeholder`: the trace it belongs to. */
  readonly trace?: object;
  /** `placeholder` of a number: operations note here that they take it for a position, so that it has to be whole. */
  readonly number?: { isIndex: boolean };
  /**
   * `scan`, `cond`, `whileLoop`: the graphs that run inside; attribute `bodyKey` describes them for caches.
   * `customGradient`: the derivative; `checkpoint`: what is computed again for it.
   */
  readonly bodies?: readonly Body[];
  /** `hostCall`: the JavaScript function that computes the outputs between two steps. */
  readonly host?: (inputs: readonly NDArray[]) => readonly NDArray[] | Promise<readonly NDArray[]>;
}

/** A graph of its own: `results` depend on `parameters`, constants and numbers only. */
export interface Body {
  readonly parameters: readonly Tensor[];
  readonly results: readonly Tensor[];
}

let nextId = 1;

/** Nodes made from now on have at least this number. */
export function nextNodeId(): number {
  return nextId;
}

/**
 * An immutable array of numbers, and at the same time the node of the graph that computes it.
 *
 * Nothing is computed until a value is read (`await x.data()`), then the whole graph behind it runs as one program.
 */
export class Tensor<D extends DType = DType> {
  /** Creation number; a node's inputs always have smaller ones. Engine only. */
  readonly id = nextId++;
  /** Length of each axis. */
  readonly shape: Shape;
  /** What kind of numbers the elements are. */
  readonly dtype: D;
  readonly extent: Extent | undefined;
  /** More than one entry where the primitive has several results; `pick` nodes select them. Engine only. */
  readonly outputs: readonly TensorType[];
  /** Interned number of (primitive, attributes, types): equal numbers, equal structure of this node. Engine only. */
  readonly signature: number;
  /** Elements, once computed. Engine only. */
  storage: Storage | undefined;
  /** The elements belong to a variable, which shows them here: they are not this tensor's to give back. Engine only. */
  isBorrowed = false;
  /** The elements were given back. Engine only. */
  isDisposed = false;
  /** How often a program has computed this node without keeping it. Engine only. */
  scheduled = 0;
  /**
   * Length of the longest chain of nodes that have to be computed before this one, as it was when the node was made;
   * Infinity where it can't be computed on its own: an argument of a trace or a call of the host is among them.
   * Engine only.
   */
  depth: number;

  constructor(
    readonly primitive: Primitive,
    readonly inputs: readonly Tensor[],
    readonly attributes: Attributes,
    outputs: TensorType | readonly TensorType[],
    readonly payload: LeafPayload = {},
  ) {
    this.depth = payload.trace || payload.host ? Number.POSITIVE_INFINITY : 0;
    for (const input of inputs) {
      if (input.storage === undefined && input.depth >= this.depth) this.depth = input.depth + 1;
    }
    this.outputs = Array.isArray(outputs) ? outputs : [outputs as TensorType];
    const first = this.outputs[0]!;
    this.shape = first.shape;
    this.dtype = first.dtype as D;
    this.extent = first.extent;
    this.signature = internSignature(primitive, attributes, this.outputs);
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Forgets how the elements were computed, so that what they were computed from can be collected. Engine only. */
  becomeLeaf(primitive: LeafPrimitive): void {
    const open = this as { -readonly [K in keyof Tensor]: Tensor[K] };
    open.primitive = primitive;
    open.inputs = [];
    open.attributes = {};
    open.payload = {};
    open.outputs = [{ shape: this.shape, dtype: this.dtype }];
    open.signature = internSignature(primitive, {}, this.outputs);
    open.depth = 0;
  }
}

/** A tensor, or what converts to one: a number (weak dtype) or a boolean. */
export type TensorLike = Tensor | number | boolean;

/** Creates a node: the record's `infer` checks the inputs and gives the type. */
export function createNode(
  primitive: Primitive,
  inputs: readonly Tensor[],
  attributes: Attributes = {},
  payload?: LeafPayload,
): Tensor {
  const node = new Tensor(primitive, inputs, attributes, primitive.infer(inputs, attributes), payload);
  for (const output of node.outputs) checkRank(primitive.name, output.shape);
  if (node.depth > DEPTH_BOUND && node.depth < Number.POSITIVE_INFINITY) whenDeep?.(node);
  return node;
}

/** Longer chains are computed up to here, so that a loop that reads nothing does not build a graph without end. */
const DEPTH_BOUND = 256;
let whenDeep: ((node: Tensor) => void) | undefined;

/** What is done with a node behind a chain longer than the bound; set by the engine, which can compute it. */
export function setWhenDeep(handler: (node: Tensor) => void): void {
  whenDeep = handler;
}

/** What a node needs before it can be computed: its inputs and the scalars that give the lengths of dynamic axes. */
export function dependencies(node: Tensor): readonly Tensor[] {
  let extras: Tensor[] | undefined;
  for (const output of node.outputs) {
    if (output.extent) {
      extras ??= [...node.inputs];
      extras.push(output.extent.length);
    }
  }
  return extras ?? node.inputs;
}

export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

/** `float32 [2, 3]`. */
export function formatType(type: TensorType): string {
  return `${type.dtype} ${formatShape(type.shape)}`;
}

const signatures = new Map<string, number>();

function internSignature(
  primitive: Primitive,
  attributes: Attributes,
  outputs: readonly TensorType[],
): number {
  let key = primitive.name;
  for (const name in attributes) key += `;${name}=${attributeKey(attributes[name]!)}`;
  for (const output of outputs) {
    key += `|${output.dtype} ${output.shape.join(",")}`;
    if (output.extent) key += `~${output.extent.axis}*${output.extent.factor}`;
  }
  let number = signatures.get(key);
  if (number === undefined) {
    number = signatures.size + 1;
    signatures.set(key, number);
  }
  return number;
}

function attributeKey(value: AttributeValue): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
