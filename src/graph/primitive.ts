import type { NDArray } from "../base/array.js";
import type { DType } from "../base/dtype.js";
import type { ErrorParts } from "../base/errors.js";
import type { Shape } from "../base/shape.js";
import type { Layout } from "./layout.js";
import type { Tensor } from "./tensor.js";

/** One axis whose length is known at run time only; the shape holds its bound. */
export interface Extent {
  readonly axis: number;
  /** An int32 scalar; the length at run time is its value times `factor`, at most the bound. */
  readonly length: Tensor;
  /** Rows per unit of `length`: merging a dynamic axis with its neighbour multiplies it. */
  readonly factor: number;
}

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly extent?: Extent | undefined;
}

/** Static parameters of a node; part of the cache key, so they hold plain values only. */
export type Attributes = Readonly<Record<string, AttributeValue>>;
export type AttributeValue =
  | number
  | string
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

/** What a derivative rule sees: the node, its inputs and outputs, and the gradient of each output (null where none arrived). */
export interface VjpContext {
  readonly node: Tensor;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly gradients: readonly (Tensor | null)[];
}

/** The gradient with respect to each input, null where there is none. */
export type VjpRule = (context: VjpContext) => readonly (Tensor | null)[];

interface PrimitiveBase {
  readonly name: string;
  /** Result types; throws the user's error where the inputs do not fit. */
  readonly infer: (
    inputs: readonly TensorType[],
    attributes: Attributes,
  ) => TensorType | readonly TensorType[];
  /** Absent: no derivative exists; asking for one is an error that says so. */
  readonly vjp?: VjpRule;
  /** Why there is no derivative and what to use instead, for the error. */
  readonly noGradient?: string;
}

/** A value that comes from outside: an argument, a variable, data, a number. */
export interface LeafPrimitive extends PrimitiveBase {
  readonly kind: "leaf";
}

/** One output element per input element; inputs have equal shapes. Fused into loops. */
export interface ElementwisePrimitive extends PrimitiveBase {
  readonly kind: "elementwise";
  /** The instruction for these input dtypes: `add` on float lanes, `add.i` on integer lanes. */
  readonly opcode: (inputs: readonly DType[], attributes: Attributes) => string;
  /** One element of a result of this dtype; booleans are 0 and 1. The backend rounds or wraps it. */
  readonly reference: (args: readonly number[], attributes: Attributes, dtype: DType) => number;
}

/** Folds axes to length 1 (the rank stays; a reshape drops the axes). Takes an elementwise prologue and epilogue. */
export interface ReducePrimitive extends PrimitiveBase {
  readonly kind: "reduce";
  readonly reference:
    | { readonly initial: number; readonly combine: (accumulator: number, value: number) => number }
    | "argMax"
    | "argMin";
}

/** The same elements under another layout; costs nothing where the layout can be expressed by strides. */
export interface ViewPrimitive extends PrimitiveBase {
  readonly kind: "view";
  /** Null where no strides express the view: then the input is copied dense first. */
  readonly view: (layout: Layout, attributes: Attributes, output: TensorType) => Layout | null;
}

/** Computed by a kernel of the backend. */
export interface KernelPrimitive extends PrimitiveBase {
  readonly kind: "kernel";
  /** The slow, obvious loop: the oracle. */
  readonly reference: (
    inputs: readonly NDArray[],
    attributes: Attributes,
    outputs: readonly TensorType[],
  ) => NDArray[];
  /** Inputs the kernel also takes as one value repeated (all strides 0); the others come dense. */
  readonly repeatedInputs?: readonly number[];
  /** Inputs that are tables: of each, no more is read than there are results. */
  readonly lookedUpInputs?: readonly number[];
  /** Floating-point operations of one call, for estimates. Default: one per element of the largest input or output. */
  readonly flop?: (
    inputs: readonly TensorType[],
    outputs: readonly TensorType[],
    attributes: Attributes,
  ) => number;
  /**
   * What the user is told when the kernel finds a fault in the data at a row, a position or a matrix, and which value it
   * found there. Absent: it can't find any, and steps that write variables need not wait for it.
   */
  readonly fault?: (index: number, value: number) => Omit<ErrorParts, "who">;
  /** Attribute words of the native kernel, in the order of cpp/kernels/kernel.h. */
  readonly words?: (attributes: Attributes) => readonly number[];
}

/** Lowered by the compiler itself: matmul, concat, pad, iota, pick, scan, cond, whileLoop, hostCall. */
export interface StructuralPrimitive extends PrimitiveBase {
  readonly kind: "structural";
  /** Output i is input i: the node has a derivative of its own and computes nothing. */
  readonly isTransparent?: true;
}

export type Primitive =
  | LeafPrimitive
  | ElementwisePrimitive
  | ReducePrimitive
  | ViewPrimitive
  | KernelPrimitive
  | StructuralPrimitive;

const registry = new Map<string, Primitive>();

/** Registers a record. Names are unique; the registry is what tests and documentation are derived from. */
export function definePrimitive<P extends Primitive>(primitive: P): P {
  if (registry.has(primitive.name)) throw new Error(`primitive ${primitive.name} is defined twice`);
  registry.set(primitive.name, primitive);
  return primitive;
}

/** All records by name. */
export function primitives(): ReadonlyMap<string, Primitive> {
  return registry;
}
