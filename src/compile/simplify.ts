import { rewrite } from "../graph/rewrite.js";
import { dependencies, type Tensor } from "../graph/tensor.js";
import { broadcastTo, reshape, transpose } from "../ops/index.js";
import { scalar } from "../ops/leaf.js";
import { takePartFirst } from "./part.js";

export interface SimplifyOptions {
  /** Numbers are fixed (inside a trace): fold them. Outside they are run-time values and stay. */
  readonly foldScalars: boolean;
  readonly isLeaf: (node: Tensor) => boolean;
}

/**
 * Constants folded, equal nodes merged, chains of views shortened, parts taken before elementwise work, operations
 * without effect dropped. Nodes nobody needs vanish because they are never reached.
 */
export function simplify(roots: readonly Tensor[], options: SimplifyOptions): Tensor[] {
  const known = new Map<string, Tensor>();
  const replace = rewrite(
    roots,
    (node, original) => {
      if (options.isLeaf(original)) return node;
      const better = peephole(node, options);
      return merge(better, known);
    },
    options.isLeaf,
  );
  return roots.map(replace);
}

/** One node for all that compute the same from the same. */
function merge(node: Tensor, known: Map<string, Tensor>): Tensor {
  if (node.primitive.kind === "leaf") {
    return node; // numbers are immediates; equal ones merge when the expression is built
  }
  if (node.primitive.name === "hostCall") return node;
  const key = `${node.signature}:${dependencies(node)
    .map((input) => scalarKey(input))
    .join(",")}`;
  const twin = known.get(key);
  if (twin) return twin;
  known.set(key, node);
  return node;
}

function scalarKey(node: Tensor): string {
  return node.payload.scalar === undefined
    ? String(node.id)
    : `${node.dtype}=${Object.is(node.payload.scalar, -0) ? "-0" : node.payload.scalar}`;
}

function peephole(node: Tensor, options: SimplifyOptions): Tensor {
  const { primitive, inputs, attributes } = node;
  const [x, y] = inputs;
  // A result that is bound already is not taken apart again.
  const is = (input: Tensor, name: string) => input.primitive.name === name && !options.isLeaf(input);
  switch (primitive.name) {
    case "reshape":
      if (is(x!, "reshape")) return reshape(x!.inputs[0]!, attributes.shape as number[]);
      return node;
    case "transpose":
      if (is(x!, "transpose")) {
        const inner = x!.attributes.permutation as number[];
        return transpose(
          x!.inputs[0]!,
          (attributes.permutation as number[]).map((axis) => inner[axis]!),
        );
      }
      return node;
    case "slice":
    case "gather":
      return takePartFirst(node, options.isLeaf);
    case "identity":
    case "stopGradient":
      return x!;
    case "add":
      if (isNumber(x!, 0, options)) return y!;
      return isNumber(y!, 0, options) ? x! : fold(node, options);
    case "sub":
      return isNumber(y!, 0, options) ? x! : fold(node, options);
    case "mul":
      if (isNumber(x!, 1, options)) return y!;
      return isNumber(y!, 1, options) ? x! : fold(node, options);
    case "div":
      return isNumber(y!, 1, options) ? x! : fold(node, options);
    case "neg":
      return is(x!, "neg") ? x!.inputs[0]! : fold(node, options);
    default:
      return fold(node, options);
  }
}

/** Whether the node is a known number, possibly broadcast. */
function numberOf(node: Tensor, options: SimplifyOptions): number | undefined {
  if (!options.foldScalars) return undefined;
  let inner = node;
  while (inner.primitive.kind === "view" && !options.isLeaf(inner)) inner = inner.inputs[0]!;
  return inner.payload.scalar;
}

function isNumber(node: Tensor, value: number, options: SimplifyOptions): boolean {
  return numberOf(node, options) === value;
}

/** An elementwise operation on numbers alone is a number. */
function fold(node: Tensor, options: SimplifyOptions): Tensor {
  if (node.primitive.kind !== "elementwise" || node.extent) return node;
  const values: number[] = [];
  for (const input of node.inputs) {
    const value = numberOf(input, options);
    if (value === undefined) return node;
    values.push(value);
  }
  const folded = scalar(
    roundTo(node.primitive.reference(values, node.attributes, node.dtype), node.dtype),
    node.dtype,
  );
  return node.rank === 0 ? folded : broadcastTo(folded, node.shape);
}

/** The value as the dtype holds it. */
export function roundTo(value: number, dtype: string): number {
  switch (dtype) {
    case "float32":
      return Math.fround(value);
    case "int32":
      return value | 0;
    case "uint8":
      return value & 255;
    case "bool":
      return value !== 0 ? 1 : 0;
    default:
      return value;
  }
}
