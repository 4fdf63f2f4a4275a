import { ConfigError, unknownName } from "./errors.js";

/** Element types a tensor can have. `float64` is computed by the reference backend only (gradient checks). */
export type DType = "float32" | "int32" | "uint8" | "bool" | "float64";

/** Promotion order: the later one wins. */
export const dtypes: readonly DType[] = ["bool", "uint8", "int32", "float32", "float64"];

export type TypedArray = Float32Array | Int32Array | Uint8Array | Float64Array;

/** The typed array that holds the elements of each dtype. `bool` is one byte, 0 or 1. */
export interface TypedArrayOf {
  float32: Float32Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
  float64: Float64Array;
}

const constructors = {
  float32: Float32Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float64: Float64Array,
} as const;

/** Size of one element in bytes. */
export function bytesPerElement(dtype: DType): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** A new typed array of `length` zeros. */
export function allocateArray<D extends DType>(dtype: D, length: number): TypedArrayOf[D] {
  return new constructors[dtype](length) as TypedArrayOf[D];
}

/** A typed array over part of a buffer, without a copy. */
export function viewArray<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArrayOf[D] {
  return new constructors[dtype](buffer as ArrayBuffer, byteOffset, length) as TypedArrayOf[D];
}

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}

export function isDType(name: string): name is DType {
  return Object.hasOwn(constructors, name);
}

/** Throws where `name` is no dtype. */
export function checkDType(who: string, name: unknown): DType {
  if (typeof name === "string") {
    if (isDType(name)) return name;
    throw unknownName(who, "a dtype", name, dtypes);
  }
  const inside = typeof name === "object" && name !== null && "dtype" in name ? name.dtype : undefined;
  throw new ConfigError({
    who,
    expected: `the name of a dtype (${dtypes.join(", ")})`,
    received: name === null ? "null" : Array.isArray(name) ? "an array" : typeof name,
    ...(typeof inside === "string"
      ? { fix: `Give the name itself, ${JSON.stringify(inside)}, without an object around it.` }
      : {}),
  });
}

/** The dtype two operands meet in: bool < uint8 < int32 < float32 < float64. */
export function promote(a: DType, b: DType): DType {
  return dtypes.indexOf(a) >= dtypes.indexOf(b) ? a : b;
}

/** The dtype a JavaScript number takes beside a tensor: the tensor's, or float32 where it would lose its fraction. */
export function weakDType(value: number | boolean, other: DType): DType {
  if (isFloat(other)) return other;
  if (typeof value === "boolean") return other;
  if (!Number.isInteger(value)) return "float32";
  if (other === "bool") return "int32";
  if (other === "uint8" && (value < 0 || value > 255)) return "int32";
  return other;
}
