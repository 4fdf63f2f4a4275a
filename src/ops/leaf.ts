import type { NDArray } from "../base/array.js";
import { type DType, promote, weakDType } from "../base/dtype.js";
import { DTypeError } from "../base/errors.js";
import { definePrimitive, type LeafPrimitive, type TensorType } from "../graph/primitive.js";
import { isTensor, Tensor, type TensorLike } from "../graph/tensor.js";

function leaf(name: string): LeafPrimitive {
  return definePrimitive({
    name,
    kind: "leaf",
    infer: () => {
      throw new Error(`${name} is created with its type`);
    },
  });
}

/** Elements that are already in memory. */
export const dataPrimitive = leaf("data");
/** A JavaScript number: a run-time value outside a trace, an immediate inside. */
export const scalarPrimitive = leaf("scalar");
/** Data that become part of the program. */
export const constantPrimitive = leaf("constant");
/** An argument of a traced function. */
export const placeholderPrimitive = leaf("placeholder");
/** The value of a variable when the program starts. */
export const variablePrimitive = leaf("variable");

/** A number as a tensor of the given dtype. */
export function scalar(value: number | boolean, dtype: DType): Tensor {
  return new Tensor(scalarPrimitive, [], {}, { shape: [], dtype }, { scalar: Number(value) });
}

/** Data that become part of the program: for small tables that never change. */
export function constant(array: NDArray): Tensor {
  return new Tensor(
    constantPrimitive,
    [],
    {},
    { shape: array.shape, dtype: array.dtype },
    { constant: array },
  );
}

/** An argument of a trace. */
export function placeholder(type: TensorType, index: number, trace: object): Tensor {
  return new Tensor(placeholderPrimitive, [], { index }, type, { trace });
}

/** An argument that is a number: float32, and int32 where a position is wanted. */
export function numberPlaceholder(index: number, trace: object): Tensor {
  const payload = { trace, number: { isIndex: false } };
  return new Tensor(placeholderPrimitive, [], { index }, { shape: [], dtype: "float32" }, payload);
}

/** Numbers become scalars of the other operands' dtype, and all operands meet in one dtype's promotion (no cast yet). */
export function toTensors(who: string, values: readonly TensorLike[]): { tensors: Tensor[]; dtype: DType } {
  let dtype: DType | undefined;
  for (const value of values) {
    if (isTensor(value)) dtype = dtype === undefined ? value.dtype : promote(dtype, value.dtype);
    else if (typeof value !== "number" && typeof value !== "boolean") {
      throw noTensor(who, "tensors or numbers", value);
    }
  }
  let meet: DType = dtype ?? "float32";
  for (const value of values)
    if (!isTensor(value)) meet = promote(meet, weakDType(value, dtype ?? "float32"));
  return { tensors: values.map((value) => (isTensor(value) ? value : scalar(value, meet))), dtype: meet };
}

/** For operations on the axes of a tensor, which a number does not have. @throws {DTypeError} for anything but a tensor */
export function checkTensor(who: string, value: unknown): void {
  if (!isTensor(value)) throw noTensor(who, "a tensor", value);
}

/** The error for an argument that is neither a tensor nor what may stand for one. */
export function noTensor(who: string, expected: string, value: unknown): DTypeError {
  return new DTypeError({
    who,
    expected,
    received: value === null ? "null" : Array.isArray(value) ? "an array" : typeof value,
    fix: Array.isArray(value) ? "Wrap it: tensor([…])." : "",
  });
}
