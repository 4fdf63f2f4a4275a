/** Sums over the ranks of a group of processes. */
import { definePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { typeOf } from "./body.js";
import { reshape } from "./broadcast.js";
import { hostCall } from "./hostCall.js";
import { concat } from "./join.js";
import { slice } from "./movement.js";

/** Sums arrays over all ranks of a group of processes. */
export interface Communicator {
  /** Number of ranks. */
  readonly size: number;
  /** Replaces the elements by their sum over all ranks. */
  allReduce(data: Float32Array): void | Promise<void>;
}

/** The group of one: what is summed stays what it is. */
export const oneRank: Communicator = { size: 1, allReduce: () => {} };

/**
 * The sum of each tensor over all ranks, as one bucket: the tensors are laid side by side in one buffer, so a
 * communicator sees one contiguous array. On one rank no bit changes.
 */
export function allReduce(tensors: readonly Tensor[], communicator: Communicator = oneRank): Tensor[] {
  if (tensors.length === 0) return [];
  const bucket = concat(tensors.map((t) => reshape(t, [t.size])));
  const reduced =
    communicator.size === 1
      ? createNode(allReducePrimitive, [bucket])
      : hostCall(
          async ([array]) => {
            await communicator.allReduce(array!.data as Float32Array);
            return [array!];
          },
          [bucket],
          [typeOf(bucket)],
        )[0]!;
  let offset = 0;
  return tensors.map((t) => {
    const part = reshape(slice(reduced, [offset], [t.size]), t.shape);
    offset += t.size;
    return part;
  });
}

const allReducePrimitive = definePrimitive({
  name: "allReduce",
  kind: "view", // on one rank the sum is the array itself
  infer: ([x]) => typeOf(x!),
  view: (layout) => layout,
  vjp: ({ gradients: [g] }) => [g!],
});
