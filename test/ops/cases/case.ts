/** What a case of the operation tests is, and how it becomes data. */
import type { NDArray } from "../../../src/base/array.js";
import { allocateArray, type DType, isFloat, type TypedArray } from "../../../src/base/dtype.js";
import { randomBits, unitFloat } from "../../../src/base/prng.js";
import { type Shape, sizeOf } from "../../../src/base/shape.js";
import type { Attributes } from "../../../src/graph/primitive.js";

/** One operand: what is stored, and how the operation sees it. */
export interface Input {
  /** Shape of what is stored. */
  readonly shape: Shape;
  /** Absent: the dtype under test. */
  readonly dtype?: DType;
  /** Range of the values; −2 … 2 for floats, −9 … 9 for int32, 0 … 9 for uint8 unless given. */
  readonly low?: number;
  readonly high?: number;
  /** These values, repeated as often as needed. */
  readonly values?: readonly number[];
  /** No two values are near each other, so that a maximum has one place. */
  readonly distinct?: boolean;
  /**
   * Matrices on the last two axes: `positive` makes x·xᵀ / n + 1 of what was drawn, symmetric and positive definite; `spread`
   * adds 1, 2, 3, … to the diagonal of a third of it: invertible, singular values and eigenvalues apart.
   */
  readonly matrix?: "positive" | "spread";
  /** The operation sees the axes reversed. */
  readonly transposed?: boolean;
  /** The operation sees the elements in reverse order along all axes. */
  readonly flipped?: boolean;
  /** The operation sees the value stretched to this shape. */
  readonly broadcastTo?: Shape;
}

export interface Case {
  /** What the case is about, where the shapes don't say it. */
  readonly name?: string;
  readonly inputs: readonly Input[];
  readonly attributes?: Attributes;
  /** Dtypes under test: the operands without one of their own take each in turn. Default: float32. */
  readonly dtypes?: readonly DType[];
  /** Relative tolerance against the reference in float32; 1e-5 unless given. */
  readonly relative?: number;
  /** Absolute tolerance; 1e-6 unless given. */
  readonly absolute?: number;
  /** `false`: values at which the derivative does not exist or is not finite. */
  readonly differentiable?: boolean;
}

export const numbers: readonly DType[] = ["float32", "int32", "uint8"];
export const integers: readonly DType[] = ["int32", "uint8", "bool"];
export const everything: readonly DType[] = ["float32", "int32", "uint8", "bool"];

// ---- From a case to data -------------------------------------------------------------------------------------------

/** A sentence for the test's name: `transposed: [3, 5] · [5]`. */
export function describeCase(c: Case): string {
  const inputs = c.inputs.map((input) => {
    const dtype = input.dtype ? `${input.dtype} ` : "";
    const view = input.broadcastTo ? ` → [${input.broadcastTo.join(", ")}]` : "";
    return `${dtype}[${input.shape.join(", ")}]${view}`;
  });
  const attributes = c.attributes ? ` ${JSON.stringify(c.attributes)}` : "";
  return `${c.name ? `${c.name}: ` : ""}${inputs.join(" · ")}${attributes}`;
}

/** The elements of an operand: the same in every run. */
export function elementsOf(input: Input, dtype: DType, seed: number): NDArray {
  const length = sizeOf(input.shape);
  const data = allocateArray(dtype, length);
  const [low, high] = rangeOf(input, dtype);
  for (let i = 0; i < length; i++) {
    if (input.values) data[i] = input.values[i % input.values.length]!;
    else if (input.distinct) data[i] = distinctValue(i, length, dtype, seed);
    else if (isFloat(dtype)) data[i] = low + unitFloat(randomBits(seed, 0, i)) * (high - low);
    else data[i] = low + Math.floor(unitFloat(randomBits(seed, 0, i)) * (high - low + 1));
  }
  if (input.matrix) shapeMatrices(data, input.shape, input.matrix);
  return { shape: input.shape, dtype, data };
}

function shapeMatrices(data: TypedArray, shape: Shape, kind: "positive" | "spread"): void {
  const [rows, columns] = shape.slice(-2) as [number, number];
  for (let start = 0; start < data.length; start += rows * columns) {
    const x = Array.from(data.subarray(start, start + rows * columns));
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let product = 0;
        for (let k = 0; k < columns; k++) product += x[i * columns + k]! * x[j * columns + k]!;
        const [positive, spread] = [
          product / columns + Number(i === j),
          x[i * columns + j]! / 3 + (i === j ? i + 1 : 0),
        ];
        data[start + i * columns + j] = kind === "positive" ? positive : spread;
      }
    }
  }
}

function rangeOf({ low, high }: Input, dtype: DType): [number, number] {
  switch (dtype) {
    case "bool":
      return [0, 1];
    case "uint8":
      return [Math.max(0, Math.ceil(low ?? 0)), Math.max(1, Math.floor(high ?? 9))];
    case "int32":
      return [Math.ceil(low ?? -9), Math.floor(high ?? 9)];
    default:
      return [low ?? -2, high ?? 2];
  }
}

/** 7919 is prime, so the multiples visit all residues: no two equal while the dtype has room. */
function distinctValue(i: number, length: number, dtype: DType, seed: number): number {
  const rank = (i * 7919 + (seed >>> 0)) % Math.max(1, length);
  if (dtype === "bool") return rank % 2;
  if (dtype === "uint8") return rank % 256;
  return dtype === "int32" ? rank - (length >> 1) : (rank - length / 2) / 8;
}
