import type { DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { flatten, mapTree, type Tree } from "../base/tree.js";
import { automaticName } from "../engine/seed.js";
import { record, Trace } from "../engine/trace.js";
import type { Extent } from "../graph/primitive.js";
import { isTensor, type Tensor } from "../graph/tensor.js";

/** Axis lengths; null where the length is only known with the data. */
export type SymbolicShape = readonly (number | null)[];

/** What `apply` takes: one symbolic tensor, or several in an array or record. */
export type SymbolicInput =
  | SymbolicTensor
  | readonly SymbolicTensor[]
  | Readonly<Record<string, SymbolicTensor>>;

/** What a layer is applied to: one tensor, or several in an array or record. */
export type LayerInput = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor>>;

/** One use of a layer in a functional model. */
export interface LayerUse {
  /** The layer; `layerOf` gives it its type. */
  readonly layer: object;
  readonly arguments: SymbolicInput;
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
}

/** Shape and type of a layer's result in a functional model, and where it comes from. Its batch length is null. */
export class SymbolicTensor {
  readonly name: string;
  /** The use of a layer that makes it; undefined for an input. */
  use: LayerUse | undefined;

  constructor(
    readonly shape: SymbolicShape,
    readonly dtype: DType,
    name?: string,
  ) {
    this.name = name ?? automaticName("SymbolicTensor");
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    return `SymbolicTensor(${this.name}: ${this.dtype} ${formatShape(this.shape)})`;
  }
}

export function isSymbolic(value: unknown): value is SymbolicTensor {
  return value instanceof SymbolicTensor;
}

/** Symbolic tensors of an argument in order; anything else among them is an error. */
export function symbolicLeaves(who: string, input: SymbolicInput): SymbolicTensor[] {
  const isLeaf = (value: unknown): value is unknown =>
    isSymbolic(value) || isTensor(value) || typeof value !== "object";
  const { leaves } = flatten<unknown>(input as Tree<unknown>, isLeaf);
  for (const leaf of leaves) {
    if (isSymbolic(leaf)) continue;
    throw new ConfigError({
      who,
      expected: "symbolic tensors from layers.input or another layer",
      received: isTensor(leaf) ? "a tensor with values" : leaf === null ? "null" : typeof leaf,
      fix: isTensor(leaf)
        ? "On tensors use layer.run(x)."
        : "Start with const x = layers.input({ shape: […] }).",
    });
  }
  if (leaves.length === 0) {
    throw new ConfigError({ who, expected: "at least one symbolic tensor", received: "none" });
  }
  return leaves as SymbolicTensor[];
}

/** The same nesting with tensors in place of symbolic ones. */
export function fill(input: SymbolicInput, value: (symbolic: SymbolicTensor) => Tensor): LayerInput {
  return mapTree<SymbolicTensor, Tensor>(input as Tree<SymbolicTensor>, isSymbolic, value) as LayerInput;
}

/** What inference puts in place of a length that is not known; the batch axis has a run-time length beside. */
const trialLengths = [2, 34, 51] as const;

/**
 * Shapes and dtypes of what a function of tensors returns, found by tracing it on placeholders: no layer has to
 * state its output shape.
 *
 * The first axis, where null, gets a run-time length, as batches have it in training. Other unknown lengths are tried
 * with two numbers; the axes of the result that differ are unknown too.
 */
export function inferTypes(
  input: SymbolicInput,
  fn: (input: LayerInput) => readonly Tensor[],
): { shape: SymbolicShape; dtype: DType }[] {
  const leaves = flatten<SymbolicTensor>(input as Tree<SymbolicTensor>, isSymbolic).leaves;
  const unknownInside = leaves.some(({ shape }) => shape.slice(1).includes(null));
  const first = attempt(input, fn, trialLengths[1]);
  if (!unknownInside) return first;
  const second = attempt(input, fn, trialLengths[2]);
  return first.map(({ shape, dtype }, i) => ({
    shape: shape.map((length, axis) => (length === second[i]!.shape[axis] ? length : null)),
    dtype,
  }));
}

function attempt(
  input: SymbolicInput,
  fn: (input: LayerInput) => readonly Tensor[],
  unknown: number,
): { shape: SymbolicShape; dtype: DType }[] {
  const trace = new Trace();
  return record(trace, () => {
    const length = trace.argument({ shape: [], dtype: "int32" });
    const extent: Extent = { axis: 0, length, factor: 1 };
    const tensors = fill(input, ({ shape, dtype }) =>
      trace.argument({
        shape: shape.map((n, axis) => n ?? (axis === 0 ? trialLengths[0] : unknown)),
        dtype,
        extent: shape[0] === null ? extent : undefined,
      }),
    );
    return fn(tensors).map(({ shape, dtype, extent: result }) => ({
      shape: shape.map((n, axis) => (axis === result?.axis ? null : n)),
      dtype,
    }));
  });
}
