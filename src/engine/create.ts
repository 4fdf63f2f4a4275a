import type { NDArray } from "../base/array.js";
import {
  allocateArray,
  bytesPerElement,
  checkDType,
  type DType,
  type TypedArray,
  type TypedArrayOf,
} from "../base/dtype.js";
import { ConfigError, DataError, DTypeError, ShapeError } from "../base/errors.js";
import { checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { cast } from "../ops/index.js";
import { allocate, backend } from "./device.js";
import { dataTensor } from "./jit.js";

/** Numbers or booleans, nested to any depth. */
export type NestedArray = number | boolean | readonly NestedArray[];

/** Anything `tensor` takes. */
export type TensorData = NestedArray | TypedArray | BigInt64Array | NDArray | Tensor;

export interface TensorOptions<D extends DType> {
  /** Default: that of the data; float32 for numbers, bool for booleans. */
  readonly dtype?: D;
  /** Needed for typed arrays that are not vectors. */
  readonly shape?: Shape;
}

/**
 * Creates a tensor from data; the data are copied.
 *
 * @throws {ShapeError} for ragged arrays or a shape that does not fit, {DataError} for integers out of range, {ConfigError}
 * for an unknown dtype, or one that does not stand in options
 * @example tensor([[1, 2], [3, 4]]) // float32 [2, 2]
 * @example tensor(new Uint8Array(784), { shape: [28, 28] })
 */
export function tensor<D extends DType = "float32">(
  data: TensorData,
  options: TensorOptions<D> = {},
): Tensor<D> {
  if (options === null || typeof options !== "object") {
    throw new ConfigError({
      who: "tensor",
      expected: "options { dtype, shape }",
      received: JSON.stringify(options),
      ...(typeof options === "string" && { fix: `Write { dtype: ${JSON.stringify(options)} }.` }),
    });
  }
  if (options.dtype !== undefined) checkDType("tensor", options.dtype);
  if (options.shape) checkShape("tensor", options.shape);
  if (isTensor(data)) return cast(data, options.dtype ?? data.dtype) as Tensor<D>;
  const { shape, dtype, elements } = read(data, options);
  return fromArray({ shape, dtype, data: elements as TypedArrayOf[DType] }) as Tensor<D>;
}

/** A tensor from a dense array, copied into the backend's memory. */
export function fromArray(array: NDArray): Tensor {
  const storage = allocate(array.data.length * bytesPerElement(array.dtype));
  backend().write(storage, new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength));
  return dataTensor({ shape: array.shape, dtype: array.dtype }, storage);
}

function read(
  data: Exclude<TensorData, Tensor>,
  options: TensorOptions<DType>,
): { shape: Shape; dtype: DType; elements: TypedArray } {
  if (ArrayBuffer.isView(data) || isNDArray(data)) {
    const source = isNDArray(data) ? data.data : data;
    const shape = options.shape ?? (isNDArray(data) ? data.shape : [source.length]);
    checkSize(shape, source.length);
    const from = isNDArray(data) ? data.dtype : dtypeOf(source);
    const dtype = options.dtype ?? from;
    return { shape, dtype, elements: convert(source, dtype) };
  }
  const nested = shapeOf(data);
  checkShape("tensor", nested);
  const flat = new Array<number | boolean>(sizeOf(nested));
  fill(data, nested, 0, 0, flat);
  const shape = options.shape ?? nested;
  checkSize(shape, flat.length);
  const booleans = flat.length > 0 && flat.every((value) => typeof value === "boolean");
  const dtype = options.dtype ?? (booleans ? "bool" : "float32");
  return { shape, dtype, elements: convert(flat.map(Number), dtype) };
}

function isNDArray(data: unknown): data is NDArray {
  return typeof data === "object" && data !== null && "data" in data && "shape" in data;
}

function dtypeOf(array: ArrayBufferView): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float32";
  if (array instanceof Int32Array || array instanceof BigInt64Array) return "int32";
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return "uint8";
  throw new DTypeError({
    who: "tensor",
    expected: "a Float32Array, Float64Array, Int32Array, Uint8Array or BigInt64Array",
    received: array.constructor.name,
    fix: "Convert it first: Int32Array.from(array).",
  });
}

function convert(source: ArrayLike<number> | BigInt64Array, dtype: DType): TypedArray {
  // The elements are copied into the backend's memory anyway: a matching array is taken as it is.
  if (source instanceof arrayOf(dtype) && dtype !== "bool") return source as TypedArray;
  const result = allocateArray(dtype, source.length);
  if (dtype === "float32" || dtype === "float64") {
    for (let i = 0; i < result.length; i++) result[i] = Number(source[i]);
    return result;
  }
  const [low, high] = dtype === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  for (let i = 0; i < result.length; i++) {
    const value = Number(source[i]);
    if (dtype === "bool") result[i] = value !== 0 ? 1 : 0;
    else if (!(value >= low! && value <= high!)) {
      throw new DataError({
        who: "tensor",
        expected: `integers from ${low} to ${high} for ${dtype}`,
        received: `${value} at element ${i}`,
      });
    } else result[i] = Math.trunc(value);
  }
  return result;
}

function arrayOf(dtype: DType): new (length: number) => TypedArray {
  return allocateArray(dtype, 0).constructor as new (
    length: number,
  ) => TypedArray;
}

function shapeOf(data: NestedArray): number[] {
  const shape: number[] = [];
  let level: NestedArray | undefined = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0] as NestedArray | undefined;
  }
  return shape;
}

function fill(
  data: NestedArray,
  shape: Shape,
  axis: number,
  start: number,
  into: (number | boolean)[],
): number {
  if (axis === shape.length) {
    if (Array.isArray(data)) {
      throw new ShapeError({
        who: "tensor",
        expected: `numbers at depth ${axis}`,
        received: `an array of length ${data.length}`,
        fix: "All rows must have the same depth and length.",
      });
    }
    if (typeof data !== "number" && typeof data !== "boolean") {
      throw new DTypeError({
        who: "tensor",
        expected: "numbers or booleans",
        received: kindOf(data),
        fix: "Convert the elements with Number(…) first.",
      });
    }
    into[start] = data;
    return start + 1;
  }
  if (!Array.isArray(data) || data.length !== shape[axis]) {
    throw new ShapeError({
      who: "tensor",
      expected: `rows of equal length (${shape[axis]} on axis ${axis})`,
      received: Array.isArray(data) ? `a row of length ${data.length}` : kindOf(data),
      fix: "A tensor can't be ragged; pad the shorter rows.",
    });
  }
  let next = start;
  for (const item of data) next = fill(item as NestedArray, shape, axis + 1, next, into);
  return next;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function checkSize(shape: Shape, length: number): void {
  if (sizeOf(shape) !== length) {
    throw new ShapeError({
      who: "tensor",
      expected: `${sizeOf(shape)} elements for shape ${formatShape(shape)}`,
      received: `${length} elements`,
    });
  }
}
