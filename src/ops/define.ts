/** Makers of elementwise records: from one record come the operation, its dtype rule, broadcasting and its derivative. */
import { type DType, isFloat } from "../base/dtype.js";
import { DTypeError, ShapeError } from "../base/errors.js";
import { broadcastShapes, formatShape, type Shape, sameShape } from "../base/shape.js";
import {
  definePrimitive,
  type ElementwisePrimitive,
  type Extent,
  type TensorType,
} from "../graph/primitive.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { broadcastTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { toFloat } from "./convert.js";
import { toTensors } from "./leaf.js";

/**
 * Which dtypes an operation computes on:
 * `float`: integers become float32; `number`: bool becomes int32, others stay; `whole`: the same, without floats;
 * `integer`: bool and integers as they are, without floats; `any`: as they are.
 */
export type DTypePolicy = "float" | "number" | "whole" | "integer" | "any";

/** The dtype an operand brings along; a number brings none. */
type DTypeOf<T> = T extends Tensor<infer D> ? D : never;
type Floats = "float32" | "float64";

/** What a dtype becomes under a policy; a dtype that is not known stays unknown, but for `float`. */
type Computed<P extends DTypePolicy, D extends DType> = [D] extends [never]
  ? "float32"
  : P extends "float"
    ? DType extends D
      ? "float32"
      : Extract<D, Floats> | (Exclude<D, Floats> extends never ? never : "float32")
    : P extends "number" | "whole"
      ? Exclude<D, "bool"> | ("bool" extends D ? "int32" : never)
      : D;

/** Two dtypes meet in the later one. Beside an integer a number may bring its fraction. */
type Promoted<A, B> = [DTypeOf<A>] extends [never]
  ? WithNumber<DTypeOf<B>>
  : [DTypeOf<B>] extends [never]
    ? WithNumber<DTypeOf<A>>
    : Later<DTypeOf<A>, DTypeOf<B>>;
type WithNumber<D extends DType> = D extends Floats ? D : D | "int32" | "float32";
type Later<A extends DType, B extends DType> = DType extends A | B
  ? DType
  : "float64" extends A | B
    ? "float64"
    : "float32" extends A | B
      ? "float32"
      : "int32" extends A | B
        ? "int32"
        : "uint8" extends A | B
          ? "uint8"
          : "bool";

/** What an operation makes of one operand, and of two that meet in one dtype. */
export type UnaryResult<P extends DTypePolicy, X extends TensorLike> = Tensor<Computed<P, DTypeOf<X>>>;
export type BinaryResult<P extends DTypePolicy, A extends TensorLike, B extends TensorLike> = Tensor<
  Computed<P, Promoted<A, B>>
>;

/** An operation on one operand: its dtype policy, and its result dtype where that is fixed. */
export type UnaryOperation<P extends DTypePolicy = "float", R extends DType | undefined = undefined> = <
  X extends TensorLike,
>(
  x: X,
) => R extends DType ? Tensor<R> : UnaryResult<P, X>;

/** The same for two operands, which broadcast and meet in one dtype. */
export type BinaryOperation<P extends DTypePolicy = "number", R extends DType | undefined = undefined> = <
  A extends TensorLike,
  B extends TensorLike,
>(
  a: A,
  b: B,
) => R extends DType ? Tensor<R> : BinaryResult<P, A, B>;

/** The gradient of the inputs from that of the output. */
type UnaryVjp = (g: Tensor, x: Tensor, y: Tensor) => Tensor;
type BinaryVjp = (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [Tensor | null, Tensor | null];

interface ElementwiseOptions<
  P extends DTypePolicy = DTypePolicy,
  R extends DType | undefined = DType | undefined,
> {
  readonly policy?: P;
  /** Result dtype; default: that of the inputs. */
  readonly result?: R;
  /** Why there is no derivative. */
  readonly noGradient?: string;
  /** The instruction for these input dtypes; default: the name, with `.i` on integer lanes. */
  readonly opcode?: ElementwisePrimitive["opcode"];
}

/** Defines `name(x)`. */
export function unary<P extends DTypePolicy = "float", R extends DType | undefined = undefined>(
  name: string,
  record: ElementwiseOptions<P, R> & { reference: (x: number, dtype: DType) => number; vjp?: UnaryVjp },
): UnaryOperation<NoInfer<P>, NoInfer<R>> {
  const { vjp } = record;
  const primitive = elementwise(name, 1, record, ([x], _, dtype) => record.reference(x!, dtype), {
    ...(vjp ? { vjp: ({ inputs: [x], outputs: [y], gradients: [g] }) => [vjp(g!, x!, y!)] } : {}),
  });
  return (x) => applyElementwise(primitive, [x], record.policy ?? "float") as never;
}

/** Defines `name(a, b)` with broadcasting. */
export function binary<P extends DTypePolicy = "number", R extends DType | undefined = undefined>(
  name: string,
  record: ElementwiseOptions<P, R> & {
    reference: (a: number, b: number, dtype: DType) => number;
    vjp?: BinaryVjp;
  },
): BinaryOperation<NoInfer<P>, NoInfer<R>> {
  const { vjp } = record;
  const primitive = elementwise(name, 2, record, ([a, b], _, dtype) => record.reference(a!, b!, dtype), {
    ...(vjp ? { vjp: ({ inputs: [a, b], outputs: [y], gradients: [g] }) => vjp(g!, a!, b!, y!) } : {}),
  });
  return (a, b) => applyElementwise(primitive, [a, b], record.policy ?? "number") as never;
}

/** Defines `name(x)` in plain operations: `compute` sees a float tensor. */
export function composite(name: string, compute: (x: Tensor) => Tensor): UnaryOperation {
  return (x) => compute(toFloat(name, x)) as never;
}

/** The same of two operands, which have met in one float dtype and broadcast. */
export function binaryComposite(
  name: string,
  compute: (a: Tensor, b: Tensor) => Tensor,
): BinaryOperation<"float"> {
  return (a, b) => {
    const { tensors, dtype } = toTensors(name, [a, b]);
    meetingShape(name, tensors);
    const [x, y] = tensors.map((t) => cast(t, policyDType(name, "float", dtype)));
    return compute(x!, y!) as never;
  };
}

/** Defines an elementwise record of any number of inputs. */
export function elementwise(
  name: string,
  arity: number,
  options: ElementwiseOptions,
  reference: ElementwisePrimitive["reference"],
  rest: Partial<Pick<ElementwisePrimitive, "vjp" | "infer">> = {},
): ElementwisePrimitive {
  return definePrimitive<ElementwisePrimitive>({
    name,
    kind: "elementwise",
    infer: (inputs) => inferElementwise(name, arity, inputs, options.result),
    opcode: options.opcode ?? (([first]) => (isFloat(first!) ? name : `${name}.i`)),
    reference,
    ...(options.noGradient ? { noGradient: options.noGradient } : {}),
    ...rest,
  });
}

/** Shapes are equal by the time a node is created; the public functions broadcast before. */
export function inferElementwise(
  name: string,
  arity: number,
  inputs: readonly TensorType[],
  result?: DType,
): TensorType {
  if (inputs.length !== arity) throw new Error(`${name} takes ${arity} inputs, received ${inputs.length}`);
  const shape = inputs[0]!.shape;
  for (const input of inputs) {
    if (!sameShape(input.shape, shape)) {
      throw new ShapeError({
        who: name,
        expected: `shape ${formatShape(shape)}`,
        received: formatShape(input.shape),
      });
    }
  }
  return { shape, dtype: result ?? inputs[inputs.length - 1]!.dtype, extent: commonExtent(name, inputs) };
}

/**
 * The shape in which operands meet.
 *
 * @throws {ShapeError} where they do not broadcast, or have run-time lengths of two origins
 */
export function meetingShape(who: string, operands: readonly TensorType[]): Shape {
  const shape = operands.reduce<Shape>((meet, operand) => broadcastShapes(who, meet, operand.shape), []);
  commonExtent(who, operands);
  return shape;
}

/** The run-time length that the operands share, if any has one; axes are aligned at the last one. */
export function commonExtent(who: string, operands: readonly TensorType[]): Extent | undefined {
  const rank = Math.max(...operands.map(({ shape }) => shape.length));
  let common: Extent | undefined;
  for (const { shape, extent } of operands) {
    if (!extent) continue;
    const aligned = { ...extent, axis: extent.axis + rank - shape.length };
    if (!common) common = aligned;
    else if (
      common.axis !== aligned.axis ||
      common.factor !== aligned.factor ||
      !sameLength(common.length, aligned.length)
    ) {
      throw new ShapeError({
        who,
        expected: "operands that share one run-time length",
        received: `run-time lengths of two origins on axes ${common.axis} and ${aligned.axis}`,
        fix: "Take both operands from the same batch.",
      });
    }
  }
  return common;
}

/** Rewriting passes rebuild nodes, so two equal lengths need not be one object. */
function sameLength(a: Tensor, b: Tensor): boolean {
  return (
    a === b ||
    (a.signature === b.signature &&
      a.inputs.length === b.inputs.length &&
      a.inputs.every((x, i) => sameLength(x, b.inputs[i]!)) &&
      (a.inputs.length > 0 || a.payload === b.payload))
  );
}

/** Converts, promotes and broadcasts the operands, then creates the node. */
export function applyElementwise(
  primitive: ElementwisePrimitive,
  values: readonly TensorLike[],
  policy: DTypePolicy,
): Tensor {
  const { tensors, dtype } = toTensors(primitive.name, values);
  const target = policyDType(primitive.name, policy, dtype);
  const shape = meetingShape(primitive.name, tensors);
  return createNode(
    primitive,
    tensors.map((t) => broadcastTo(cast(t, target), shape)),
  );
}

function policyDType(who: string, policy: DTypePolicy, dtype: DType): DType {
  switch (policy) {
    case "float":
      return isFloat(dtype) ? dtype : "float32";
    case "number":
      return dtype === "bool" ? "int32" : dtype;
    case "whole":
    case "integer":
      if (!isFloat(dtype)) return dtype === "bool" && policy === "whole" ? "int32" : dtype;
      throw new DTypeError({
        who,
        expected: "integer or bool tensors",
        received: `dtype ${dtype}`,
        fix: 'Convert with cast(x, "int32").',
      });
    case "any":
      return dtype;
  }
}
