import { Tensor } from "../graph/tensor.js";
import { formatTensor } from "./format.js";
import { readElements, realize } from "./realize.js";
import { Variable } from "./variable.js";

/**
 * Shows values on the console: tensors and variables by their elements, which are computed for it, everything else as
 * `console.log` does. The tensors of one call are computed together.
 *
 * Elements are aligned as NumPy aligns them, with as many digits as tell them apart; of more than 1,000 the first and
 * last three of each axis are shown. Then come dtype and shape.
 * @throws {TraceError} for a value inside `jit`, which is not known yet
 * @example const x = tensor([[1, 20], [300, 4]]);
 * await print(x.mul(0.5));
 * @example await print("sum", sum(tensor([1, 2])));
 */
export async function print(...values: readonly unknown[]): Promise<void> {
  const shown = values.map((value) => (value instanceof Variable ? value.value : value));
  const tensors = shown.filter((value) => value instanceof Tensor);
  await realize(tensors);
  const texts = await Promise.all(
    shown.map(async (value) =>
      value instanceof Tensor ? formatTensor(value, await readElements(value)) : value,
    ),
  );
  console.log(...texts);
}
