import type { Backend } from "../../src/backends/backend.js";
import { ReferenceBackend } from "../../src/backends/reference/reference.js";
import type { NDArray } from "../../src/base/array.js";
import { bytesPerElement, viewArray } from "../../src/base/dtype.js";
import { sizeOf } from "../../src/base/shape.js";
import { compile, leavesOf } from "../../src/compile/compile.js";
import { allocate, backend, useBackend } from "../../src/engine/device.js";
import { LoadedProgram } from "../../src/engine/realize.js";
import { Tensor } from "../../src/graph/tensor.js";
import { dataPrimitive } from "../../src/ops/leaf.js";

export interface EvaluateOptions {
  /** Default: the reference backend. */
  readonly on?: Backend;
  /** Merge neighbours into one step; default true. */
  readonly fusion?: boolean;
  /** Numbers in the graph become part of the program, as inside jit; default false. */
  readonly foldScalars?: boolean;
}

export const referenceBackend: Backend = new ReferenceBackend();

/** The values of the tensors that `build` makes from the inputs, computed by one program on the given backend. */
export function evaluate(
  inputs: readonly NDArray[],
  build: (inputs: Tensor[]) => readonly Tensor[],
  { on = referenceBackend, fusion = true, foldScalars = false }: EvaluateOptions = {},
): NDArray[] {
  useBackend(on);
  const leaves = inputs.map(({ shape, dtype }) => new Tensor(dataPrimitive, [], {}, { shape, dtype }));
  const arrays = new Map(leaves.map((leaf, i) => [leaf, inputs[i]!]));
  const graph = {
    outputs: build(leaves),
    updates: [],
    isLeaf: (node: Tensor) => node.primitive.kind === "leaf",
  };
  const order = leavesOf(graph);
  const loaded = new LoadedProgram(compile(graph, { fusion, foldScalars }));
  const outputs = loaded.allocateOutputs();
  const bindings = loaded.bind(
    (index) => stored(arrays.get(order[index]!)!),
    (index) => order[index]!.payload.scalar!,
    outputs,
  );
  const { fault } = loaded.executable.runSync(bindings, 1);
  if (fault) throw new Error(`the run reported ${JSON.stringify(fault)}`);
  return graph.outputs.map(({ shape, dtype }, i) => {
    const bytes = backend()
      .read(outputs[i]!)
      .slice(0, sizeOf(shape) * bytesPerElement(dtype));
    return { shape, dtype, data: viewArray(dtype, bytes.buffer, 0, sizeOf(shape)) };
  });
}

function stored({ data }: NDArray) {
  const storage = allocate(data.byteLength);
  backend().write(storage, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return storage;
}
