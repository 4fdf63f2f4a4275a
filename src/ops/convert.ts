/** Arguments brought to the dtype an operation computes on, or an error that says how to bring them there. */
import { type DType, isFloat } from "../base/dtype.js";
import { DTypeError } from "../base/errors.js";
import type { Tensor, TensorLike } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { checkTensor, scalar, toTensors } from "./leaf.js";

/** float64 stays what it is, all others are computed as float32; a dtype that is not known counts among the others. */
export type Floating<D extends DType> = DType extends D
  ? "float32"
  : D extends "float64"
    ? "float64"
    : "float32";

/** What a dtype is added up in. */
export type Summable<D extends DType> = D extends "bool" | "uint8" ? "int32" : D;

/** Floats stay as they are, integers and bools become float32. */
export function toFloat(who: string, x: TensorLike): Tensor {
  const tensor = toTensors(who, [x]).tensors[0]!;
  return isFloat(tensor.dtype) ? tensor : cast(tensor, "float32");
}

/** The same for several operands, which meet in one dtype: float64 where one of them has it. */
export function toFloats(who: string, values: readonly TensorLike[]): Tensor[] {
  const { tensors, dtype } = toTensors(who, values);
  return tensors.map((t) => cast(t, isFloat(dtype) ? dtype : "float32"));
}

/** What can be added up without overflow: bool and uint8 become int32, the others stay. */
export function toSummable(who: string, x: TensorLike): Tensor {
  const tensor = toTensors(who, [x]).tensors[0]!;
  return tensor.dtype === "bool" || tensor.dtype === "uint8" ? cast(tensor, "int32") : tensor;
}

/**
 * Positions or class numbers: int32 and uint8 stay as they are, bool becomes uint8, whole JavaScript numbers int32.
 *
 * @param what plural noun for the error: `labels`, `indices`
 * @throws {DTypeError} for floats: rounding them silently would hide a swapped argument
 */
export function toIndices(who: string, what: string, x: Tensor): Tensor {
  checkTensor(who, x);
  if (!isFloat(x.dtype)) return x.dtype === "bool" ? cast(x, "uint8") : x;
  const { number, scalar: value } = x.payload;
  if (value !== undefined && Number.isInteger(value)) return scalar(value, "int32");
  if (number) {
    number.isIndex = true;
    return cast(x, "int32");
  }
  throw new DTypeError({
    who,
    expected: `${what} of dtype int32 or uint8`,
    received: `dtype ${x.dtype}`,
    fix: `Convert them with cast(${what}, "int32").`,
  });
}
