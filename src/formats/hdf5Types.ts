/** The number types of HDF5 that are read. */
import type { NDArray } from "../base/array.js";
import { allocateArray, type DType, viewArray } from "../base/dtype.js";
import { alignedBuffer } from "./bytes.js";

/** How elements of one datatype of HDF5 become a typed array. */
export interface ElementType {
  readonly width: number;
  readonly dtype: DType;
  readonly read: (bytes: Uint8Array, count: number) => NDArray["data"];
}

function plain(dtype: DType, width: number): ElementType {
  const read = (bytes: Uint8Array, count: number) => {
    const { buffer, byteOffset } = alignedBuffer(bytes, width);
    return viewArray(dtype, buffer, byteOffset, count);
  };
  return { width, dtype, read };
}

function converted(
  dtype: DType,
  width: number,
  element: (view: DataView, at: number) => number,
): ElementType {
  const read = (bytes: Uint8Array, count: number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const data = allocateArray(dtype, count);
    for (let i = 0; i < count; i++) data[i] = element(view, i * width);
    return data;
  };
  return { width, dtype, read };
}

/** By class and bits: `float32`, `uint8`. All little-endian. */
export const elementTypes: Readonly<Record<string, ElementType>> = {
  float32: plain("float32", 4),
  float64: plain("float64", 8),
  int32: plain("int32", 4),
  uint8: plain("uint8", 1),
  int8: converted("int32", 1, (view, at) => view.getInt8(at)),
  int16: converted("int32", 2, (view, at) => view.getInt16(at, true)),
  uint16: converted("int32", 2, (view, at) => view.getUint16(at, true)),
  uint32: converted("int32", 4, (view, at) => view.getUint32(at, true)), // wraps: states of random generators
  int64: converted("int32", 8, (view, at) => Number(BigInt.asIntN(32, view.getBigInt64(at, true)))),
  uint64: converted("int32", 8, (view, at) => Number(BigInt.asIntN(32, view.getBigUint64(at, true)))),
  float16: converted("float32", 2, (view, at) => halfToNumber(view.getUint16(at, true))),
};

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
