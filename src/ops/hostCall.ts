/** A call of JavaScript between two steps of a program. */
import type { NDArray } from "../base/array.js";
import { definePrimitive, type TensorType } from "../graph/primitive.js";
import { Tensor } from "../graph/tensor.js";
import { typesFromOutside } from "./body.js";
import { results } from "./pick.js";

export const hostCallPrimitive = definePrimitive({
  name: "hostCall",
  kind: "structural",
  infer: typesFromOutside,
  noGradient: "the engine cannot see into a JavaScript function",
});

let hostCallNumber = 0;

/**
 * Calls a JavaScript function between two steps of a program: it receives the inputs' elements and returns the
 * outputs'. For communication and logging, not for arithmetic: control leaves the native code at that point.
 */
export function hostCall(
  fn: (inputs: readonly NDArray[]) => readonly NDArray[] | Promise<readonly NDArray[]>,
  inputs: readonly Tensor[],
  outputs: readonly TensorType[],
): Tensor[] {
  return results(new Tensor(hostCallPrimitive, inputs, { call: hostCallNumber++ }, outputs, { host: fn }));
}
