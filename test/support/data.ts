import type { NDArray } from "../../src/base/array.js";
import { allocateArray, type DType } from "../../src/base/dtype.js";
import { type Shape, sizeOf } from "../../src/base/shape.js";
import { tensor } from "../../src/engine/create.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { type GoldenArray, goldenNumbers } from "../golden/golden.js";

/** A fixed array without structure: values within ±1.2 for floats, small numbers from 0 for integers. */
export function sample(shape: Shape, dtype: DType = "float32", most = 4): NDArray {
  const data = allocateArray(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const wave = Math.sin(12.9898 * (i + 1)) * 43758.5453;
    const unit = wave - Math.floor(wave);
    data[i] = dtype === "float32" ? 2.4 * unit - 1.2 : Math.floor(unit * most);
  }
  return { shape, dtype, data };
}

/** The array of a golden file as a tensor. */
export function goldenTensor(array: GoldenArray): Tensor {
  return tensor(goldenNumbers(array), { shape: array.shape, dtype: array.dtype });
}

/** The array of a golden file with typed elements. */
export function goldenArray(array: GoldenArray): NDArray {
  const data = allocateArray(array.dtype, sizeOf(array.shape));
  data.set(goldenNumbers(array));
  return { shape: array.shape, dtype: array.dtype, data };
}

/** The elements of a tensor. */
export async function arrayOf(t: Tensor): Promise<NDArray> {
  return { shape: t.shape, dtype: t.dtype, data: await t.data() };
}

/** The error a function throws; fails where it throws none. */
export function thrownBy(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error, none was thrown");
}

/** The error a promise is rejected with; fails where it is not. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a rejection, there was none");
}
