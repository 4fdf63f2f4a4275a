import { graphKey } from "../graph/print.js";
import { rewrite } from "../graph/rewrite.js";
import { dependencies, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
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
      const better = isNest(node) ? simplifyBodies(node, options) : peephole(node, options);
      return merge(better, known, options);
    },
    options.isLeaf,
  );
  return roots.map(replace);
}

/** Whether bodies of the node are run by a step; those of a transparent node vanish with it. */
function isNest(node: Tensor): boolean {
  return node.payload.bodies !== undefined && !isTransparent(node);
}

function isTransparent({ primitive }: Tensor): boolean {
  return primitive.kind === "structural" && primitive.isTransparent === true;
}

/** The same for what runs inside; the values of a body's numbers are always known. */
function simplifyBodies(node: Tensor, options: SimplifyOptions): Tensor {
  const { inputs, attributes, payload } = node;
  const before = payload.bodies!;
  const results = before.map((body) => simplify(body.results, { ...options, foldScalars: true }));
  // What was captured and is not needed any more is not computed either.
  const { parameters } = before[0]!;
  const needed = new Set(topologicalOrder(results.flat()));
  const fixed = ((attributes.carries as number) ?? 0) + ((attributes.sequences as number) ?? 0);
  const isKept = (i: number) => i < fixed || needed.has(parameters[i]!);
  const ahead = inputs.length - parameters.length; // the predicate of a cond
  const bodies = results.map((r) => ({ parameters: parameters.filter((_, i) => isKept(i)), results: r }));
  const bodyKey = bodies.map(graphKey).join("/");
  if (bodyKey === attributes.bodyKey) return node;
  return new Tensor(
    node.primitive,
    inputs.filter((_, i) => i < ahead || isKept(i - ahead)),
    { ...attributes, bodyKey },
    node.outputs,
    { ...payload, bodies },
  );
}

/** One node for all that compute the same from the same. */
function merge(node: Tensor, known: Map<string, Tensor>, options: SimplifyOptions): Tensor {
  if (node.primitive.kind === "leaf") {
    return node; // numbers are immediates; equal ones merge when the expression is built
  }
  if (node.primitive.name === "hostCall") return node;
  const key = `${node.signature}:${dependencies(node)
    .map((input) => inputKey(input, options))
    .join(",")}`;
  const twin = known.get(key);
  if (twin) return twin;
  known.set(key, node);
  return node;
}

/** Known numbers are the same where their values are; of one that the program is told when it runs only itself is. */
function inputKey({ id, dtype, payload: { scalar } }: Tensor, { foldScalars }: SimplifyOptions): string {
  if (!foldScalars || scalar === undefined) return String(id);
  return `${dtype}=${Object.is(scalar, -0) ? "-0" : scalar}`;
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
    case "pick":
      return isTransparent(x!) && !options.isLeaf(x!) ? x!.inputs[attributes.index as number]! : node;
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
