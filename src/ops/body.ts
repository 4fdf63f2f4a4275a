/** Graphs inside graphs: how the bodies of `scan`, `cond` and `whileLoop` are traced, closed and differentiated. */
import { ConfigError } from "../base/errors.js";
import { mapTree, type Tree } from "../base/tree.js";
import type { TensorType } from "../graph/primitive.js";
import { rewrite } from "../graph/rewrite.js";
import { type Body, isTensor, type Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { placeholder } from "./leaf.js";

/** How derivatives are taken; set by autodiff, which stands to the right of this folder. */
export type Differentiate = (
  outputs: readonly Tensor[],
  targets: readonly Tensor[],
  seeds: readonly Tensor[],
) => (Tensor | null)[];
let rule: Differentiate | undefined;
export function setDifferentiate(fn: Differentiate): void {
  rule = fn;
}
/** The derivative of what a body computes. */
export const differentiate: Differentiate = (outputs, targets, seeds) => rule!(outputs, targets, seeds);

/** A variable that a body assigned. */
export interface Assignment {
  /** The variable; equal for assignments of the same one. */
  readonly slot: object;
  /** The value before the body. */
  readonly before: Tensor;
  /** The node that the body has in its place. */
  readonly inside: Tensor;
  /** The value behind the body, inside. */
  readonly after: Tensor;
  /** Assigns it in the surroundings. */
  assign(value: Tensor): void;
}

/** Notices which variables a body assigns. */
export interface BodyScope {
  run<T>(body: () => T): T;
  readonly assignments: readonly Assignment[];
}

/** Set by the engine, which has the variables and stands to the right of this folder. */
export function setBodyScope(open: () => BodyScope): void {
  opener = open;
}
let opener = (): BodyScope => ({ run: (body) => body(), assignments: [] });
/** A scope for a body that is traced now. */
export function openScope(): BodyScope {
  return opener();
}

/** Types of the outputs stand in the payload's bodies and the attributes; nodes are built with them. */
export const typesFromOutside = () => {
  throw new Error("control nodes are created with their types");
};

/** What a function has computed: the nodes behind its results that are new, but for leaves. */
export function nodesInside(bodyResults: readonly Tensor[], isNew: (node: Tensor) => boolean): Tensor[] {
  const isInside = (node: Tensor) =>
    isNew(node) && node.storage === undefined && node.primitive.kind !== "leaf";
  return topologicalOrder(bodyResults, (node) => !isInside(node)).filter(isInside);
}

/**
 * Makes a traced body stand on its own: nodes that do not depend on its parameters are computed outside, once, and
 * reach it as further parameters; numbers, constants and index generators stay inside.
 *
 * @param inside nodes that are computed inside though they do not depend on a parameter
 */
export function closeBody(
  parameters: readonly Tensor[],
  bodyResults: readonly Tensor[],
  inside: readonly Tensor[] = [],
): { body: Body; captured: Tensor[] } {
  const inner = new Set<Tensor>([...parameters, ...inside]);
  const stays = (node: Tensor) =>
    node.payload.scalar !== undefined ||
    node.payload.constant !== undefined ||
    node.primitive.name === "iota";
  const order = topologicalOrder(bodyResults, (node) => inner.has(node) && parameters.includes(node));
  for (const node of order) if (node.inputs.some((input) => inner.has(input))) inner.add(node);
  const captured: Tensor[] = [];
  const extra = new Map<Tensor, Tensor>();
  const trace = parameters[0]?.payload.trace ?? {};
  const capture = (node: Tensor) => {
    if (stays(node) || extra.has(node)) return;
    extra.set(
      node,
      placeholder({ shape: node.shape, dtype: node.dtype }, parameters.length + captured.length, trace),
    );
    captured.push(node);
  };
  // Lengths of dynamic axes first: other parameters' types refer to them.
  for (const node of [...parameters, ...order]) {
    if (!inner.has(node)) continue;
    for (const output of node.outputs)
      if (output.extent && !inner.has(output.extent.length)) capture(output.extent.length);
  }
  for (const node of order)
    if (inner.has(node)) for (const input of node.inputs) if (!inner.has(input)) capture(input);
  for (const result of bodyResults) if (!inner.has(result) && !stays(result)) capture(result);
  const withLength = (type: TensorType): TensorType => ({
    shape: type.shape,
    dtype: type.dtype,
    extent: type.extent && { ...type.extent, length: extra.get(type.extent.length) ?? type.extent.length },
  });
  for (const node of captured) {
    if (node.extent)
      extra.set(
        node,
        placeholder(withLength(typeOf(node)), extra.get(node)!.attributes.index as number, trace),
      );
  }
  const closedParameters = parameters.map((p) =>
    p.extent ? placeholder(withLength(typeOf(p)), p.attributes.index as number, trace) : p,
  );
  const substitute = rewrite(
    bodyResults,
    (rebuilt, original) => {
      const at = parameters.indexOf(original);
      return at >= 0 ? closedParameters[at]! : (extra.get(original) ?? rebuilt);
    },
    (node) => extra.has(node) || parameters.includes(node),
  );
  return {
    body: {
      parameters: [...closedParameters, ...captured.map((node) => extra.get(node)!)],
      results: bodyResults.map(substitute),
    },
    captured,
  };
}

/** Control leaves native code between two steps of the outermost list only. */
export function refuseHostCalls(who: string, body: Body): void {
  if (!topologicalOrder(body.results).some((node) => node.payload.host)) return;
  throw new ConfigError({
    who,
    expected: "a body that the engine runs alone",
    received: "a body that calls the host",
    fix: `Call the host before or behind the ${who}.`,
  });
}

export function typeOf(t: TensorType): TensorType {
  return { shape: t.shape, dtype: t.dtype, extent: t.extent };
}

/** The type of one element along axis 0. */
export function elementType(t: TensorType): TensorType {
  return {
    shape: t.shape.slice(1),
    dtype: t.dtype,
    extent: t.extent && { ...t.extent, axis: t.extent.axis - 1 },
  };
}

export function refill<T extends Tree<Tensor>>(tree: T, leaves: readonly Tensor[]): T {
  let next = 0;
  return mapTree<Tensor, Tensor>(tree, isTensor, () => leaves[next++]!) as T;
}

export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
