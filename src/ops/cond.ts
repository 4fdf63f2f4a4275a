/** One of two computations, chosen at run time, as one node. */
import { isFloat } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import { sameShape } from "../base/shape.js";
import { flatten as flattenTree, type Tree } from "../base/tree.js";
import { definePrimitive } from "../graph/primitive.js";
import { graphKey } from "../graph/print.js";
import { instantiate } from "../graph/rewrite.js";
import { type Body, formatType, isTensor, nextNodeId, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import {
  type BodyScope,
  closeBody,
  differentiate,
  nodesInside,
  openScope,
  range,
  refill,
  refuseHostCalls,
  typeOf,
  typesFromOutside,
} from "./body.js";
import { full } from "./create.js";
import { identity } from "./identity.js";
import { results } from "./pick.js";

/** inputs: predicate, captured of both bodies. Each body's parameters are all captured tensors. */
export const condPrimitive = definePrimitive({
  name: "cond",
  kind: "structural",
  infer: typesFromOutside,
  vjp: ({ node, inputs, gradients }) => condGradient(node, inputs, gradients),
});

/**
 * One of two computations, chosen at run time by a scalar.
 *
 * @param predicate a bool or int32 scalar
 * @returns what the chosen function returns; both return the same types
 * @throws {ShapeError} where the predicate is no scalar or the results differ
 * @example
 * const x = tensor(-3);
 * cond(less(x, 0), () => neg(x), () => x) // 3
 */
export function cond<R extends Tree<Tensor>, S extends Tree<Tensor>>(
  predicate: Tensor,
  whenTrue: () => R,
  whenFalse: () => S,
): R {
  if (predicate.rank !== 0 || isFloat(predicate.dtype)) {
    throw new ShapeError({
      who: "cond",
      expected: "a bool or int32 scalar as predicate",
      received: formatType(predicate),
    });
  }
  const from = nextNodeId();
  const [trueScope, falseScope] = [openScope(), openScope()];
  const chosen = trueScope.run(whenTrue);
  const left = flattenTree(chosen as Tree<Tensor>, isTensor).leaves;
  const right = flattenTree(falseScope.run(whenFalse) as Tree<Tensor>, isTensor).leaves;
  if (
    left.length !== right.length ||
    left.some((t, i) => !sameShape(t.shape, right[i]!.shape) || t.dtype !== right[i]!.dtype)
  ) {
    throw new ShapeError({
      who: "cond",
      expected: "both functions to return the same types",
      received: `${left.map(formatType).join(", ")} and ${right.map(formatType).join(", ")}`,
    });
  }
  // A variable that one side assigns keeps its value on the other.
  const assigned = new Map(
    [...trueScope.assignments, ...falseScope.assignments].map((a) => [a.slot, a] as const),
  );
  const after = (scope: BodyScope) =>
    [...assigned.values()].map(
      ({ slot, before }) => scope.assignments.find((a) => a.slot === slot)?.after ?? before,
    );
  // What stood before the functions were called is computed outside of them.
  const outputs = condNode(
    predicate,
    [...left, ...after(trueScope)],
    [...right, ...after(falseScope)],
    ({ id }) => id >= from,
  );
  for (const [k, { assign }] of [...assigned.values()].entries()) assign(outputs[left.length + k]!);
  return refill(chosen, outputs.slice(0, left.length));
}

function condNode(
  predicate: Tensor,
  left: readonly Tensor[],
  right: readonly Tensor[],
  isNew: (node: Tensor) => boolean,
): Tensor[] {
  const both = [...left, ...right];
  const { body, captured } = closeBody([], both, nodesInside(both, isNew));
  const bodies: Body[] = [
    { parameters: body.parameters, results: body.results.slice(0, left.length) },
    { parameters: body.parameters, results: body.results.slice(left.length) },
  ];
  for (const branch of bodies) refuseHostCalls("cond", branch);
  const node = new Tensor(
    condPrimitive,
    [predicate, ...captured],
    { bodyKey: bodies.map(graphKey).join("/") },
    left.map(typeOf),
    { bodies },
  );
  return results(node);
}

function condGradient(
  node: Tensor,
  inputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const from = nextNodeId();
  const captured = inputs.slice(1);
  const bodies = node.payload.bodies!;
  const own = new Set(topologicalOrder(bodies.flatMap((body) => body.results)));
  // Fresh nodes, so that paths from one captured tensor to another, outside, do not count here.
  const values = captured.map(identity);
  const targets = values.filter((t) => isFloat(t.dtype));
  const branch = (body: Body): Tensor[] => {
    const computed = instantiate(body, values);
    const active = range(body.results.length).filter((i) => gradients[i]);
    const pulled = differentiate(
      active.map((i) => computed[i]!),
      targets,
      active.map((i) => gradients[i]!),
    );
    return targets.map((t, i) => pulled[i] ?? full(t.shape, 0, t.dtype));
  };
  const [left, right] = bodies.map(branch);
  if (targets.length === 0) return inputs.map(() => null);
  const out = condNode(inputs[0]!, left!, right!, (n) => n.id >= from || own.has(n));
  return [null, ...values.map((t) => (isFloat(t.dtype) ? out[targets.indexOf(t)]! : null))];
}
