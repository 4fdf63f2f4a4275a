import type { Tensor } from "../../src/graph/tensor.js";
import type { GoldenArray } from "../golden/golden.js";
import { expectClose } from "./close.js";
import { arrayOf, goldenArray } from "./data.js";

/** Float32 against a float64 reference: within 1e-5 of the largest value of the array. */
export async function expectGolden(
  actual: Tensor,
  expected: GoldenArray,
  { scale = 1e-5 }: { readonly scale?: number } = {},
): Promise<void> {
  const wanted = goldenArray(expected);
  const largest = Math.max(...Array.from(wanted.data, Math.abs), 1e-3);
  expectClose(await arrayOf(actual), wanted, { relative: scale, absolute: scale * largest });
}
