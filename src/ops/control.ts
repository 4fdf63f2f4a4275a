/** Programs inside programs: `scan`, `cond`; and the points where a step talks to the outside: `hostCall`, `allReduce`. */
import type { NDArray } from "../base/array.js";
import { isFloat } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { flatten as flattenTree, mapTree, type Tree } from "../base/tree.js";
import { definePrimitive, type TensorType } from "../graph/primitive.js";
import { graphKey } from "../graph/print.js";
import { rewrite } from "../graph/rewrite.js";
import { type Body, createNode, formatType, isTensor, nextNodeId, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { add } from "./arithmetic.js";
import { reshape } from "./broadcast.js";
import { identity } from "./identity.js";
import { placeholder } from "./leaf.js";
import { concat, full, slice } from "./movement.js";

/** Selects one result of a node with several. */
export const pickPrimitive = definePrimitive({
  name: "pick",
  kind: "structural",
  infer: ([input], { index }) => (input as Tensor).outputs[index as number]!,
});

function results(node: Tensor): Tensor[] {
  return node.outputs.map((_, index) => createNode(pickPrimitive, [node], { index }));
}

/** How derivatives are taken; set by autodiff, which stands to the right of this folder. */
export type Differentiate = (
  outputs: readonly Tensor[],
  targets: readonly Tensor[],
  seeds: readonly Tensor[],
) => (Tensor | null)[];
let differentiate: Differentiate | undefined;
export function setDifferentiate(fn: Differentiate): void {
  differentiate = fn;
}

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
  openScope = open;
}
let openScope = (): BodyScope => ({ run: (body) => body(), assignments: [] });

/** Types of the outputs stand in the payload's bodies and the attributes; nodes are built with them. */
const typesFromOutside = () => {
  throw new Error("control nodes are created with their types");
};

// ---- scan ------------------------------------------------------------------------------------------------------

/**
 * inputs: carries, sequences, invariants. Body parameters: carries, slices of the sequences, invariants; body
 * results: next carries, stacked results. Outputs: final carries, stacked results, and the carry each iteration
 * started from (stacked; costs nothing where nobody reads it; the derivative does).
 */
export const scanPrimitive = definePrimitive({
  name: "scan",
  kind: "structural",
  infer: typesFromOutside,
  vjp: ({ node, inputs, outputs, gradients }) => scanGradient(node, inputs, outputs, gradients),
});

export interface ScanOptions {
  /** Number of iterations; needed where there are no sequences. */
  readonly length?: number;
  /** Run from the last element to the first; stacked results keep their places. */
  readonly reverse?: boolean;
}

/**
 * A loop over the first axis of the sequences that carries a state: `[state, y_t] = fn(state, x_t)`.
 *
 * The body is traced once. Tensors it captures from outside are inputs; what does not depend on the state or the
 * element is computed once, before the loop.
 * @param init the state at the start: tensors, nested as you like
 * @param sequences tensors `[time, …]`, nested as you like; slices `[…]` reach the body
 * @returns the final state, and the results stacked `[time, …]`
 * @throws {ShapeError} where lengths differ or the body changes the type of the state
 * @example const [sum, sums] = scan((s, x) => [add(s, x), add(s, x)], zeros([]), tensor([1, 2, 3]))
 */
export function scan<C extends Tree<Tensor>, X extends Tree<Tensor>, Y extends Tree<Tensor>>(
  fn: (carry: C, element: X) => readonly [C, Y],
  init: C,
  sequences: X,
  options: ScanOptions = {},
): [C, Y] {
  const carries = flattenTree(init as Tree<Tensor>, isTensor).leaves;
  const xs = flattenTree(sequences as Tree<Tensor>, isTensor).leaves;
  const length = scanLength(xs, options.length);
  const trace = { active: true };
  let index = 0;
  const carryParameters = carries.map((c) => placeholder(c, index++, trace));
  const elementParameters = xs.map((x) => placeholder(elementType(x), index++, trace));
  const scope = openScope();
  const [next, ys] = scope.run(() => fn(refill(init, carryParameters), refill(sequences, elementParameters)));
  trace.active = false;
  const nextLeaves = flattenTree(next as Tree<Tensor>, isTensor).leaves;
  const yLeaves = flattenTree(ys as Tree<Tensor>, isTensor).leaves;
  if (nextLeaves.length > carries.length) {
    throw new ShapeError({
      who: "scan",
      expected: `a body that returns ${carries.length} states, as it was given`,
      received: `${nextLeaves.length}`,
      fix: "Return [state, results]: what should be stacked stands second.",
    });
  }
  carries.forEach((carry, i) => {
    const result = nextLeaves[i];
    if (!result || !sameShape(result.shape, carry.shape) || result.dtype !== carry.dtype) {
      throw new ShapeError({
        who: "scan",
        expected: `a body that keeps the type of state ${i}, ${formatType(carry)}`,
        received: result ? formatType(result) : "nothing",
      });
    }
  });
  // Variables that the body assigns are states like the others.
  const { assignments } = scope;
  const slots = assignments.map(({ before }) => placeholder(before, index++, trace));
  const bodyResults = [...nextLeaves, ...assignments.map(({ after }) => after), ...yLeaves];
  const substitute = rewrite(bodyResults, (rebuilt, original) => {
    const at = assignments.findIndex(({ inside }) => inside === original);
    return at >= 0 ? slots[at]! : rebuilt;
  });
  const states = carries.length + slots.length;
  const node = scanNode(
    [...carries, ...assignments.map(({ before }) => before)],
    xs,
    [...carryParameters, ...slots, ...elementParameters],
    bodyResults.slice(0, states).map(substitute),
    yLeaves.map(substitute),
    length,
    options.reverse ?? false,
  );
  const outputs = results(node);
  for (const [k, assignment] of assignments.entries()) assignment.assign(outputs[carries.length + k]!);
  return [refill(init, outputs.slice(0, carries.length)), refill(ys, outputs.slice(states))];
}

function scanLength(xs: readonly Tensor[], given: number | undefined): number {
  const length = given ?? xs[0]?.shape[0];
  for (const x of xs) {
    if (x.rank > 0 && x.shape[0] === length) continue;
    throw new ShapeError({
      who: "scan",
      expected: x.rank === 0 ? "sequences with a first axis to run along" : `sequences of length ${length}`,
      received: `shape ${formatShape(x.shape)}`,
      fix: "What is the same in each iteration needs no sequence: the body may use it directly.",
    });
  }
  if (length === undefined) {
    throw new ShapeError({ who: "scan", expected: "sequences or { length }", received: "neither" });
  }
  if (!Number.isInteger(length) || length < 0) {
    throw new ConfigError({
      who: "scan",
      expected: "a length that is an integer ≥ 0",
      received: String(length),
    });
  }
  return length;
}

function scanNode(
  carries: readonly Tensor[],
  xs: readonly Tensor[],
  parameters: readonly Tensor[],
  next: readonly Tensor[],
  ys: readonly Tensor[],
  length: number,
  reverse: boolean,
): Tensor {
  const { body, captured } = closeBody(parameters, [...next, ...ys]);
  refuseHostCalls("scan", body);
  const stacked = (t: TensorType): TensorType => ({
    shape: [length, ...t.shape],
    dtype: t.dtype,
    extent: t.extent && { ...t.extent, axis: t.extent.axis + 1 },
  });
  const outputs = [
    ...carries.map(typeOf),
    ...ys.map((y) => stacked(typeOf(y))),
    ...carries.map((c) => stacked(typeOf(c))),
  ];
  return new Tensor(
    scanPrimitive,
    [...carries, ...xs, ...captured],
    {
      carries: carries.length,
      sequences: xs.length,
      results: ys.length,
      length,
      reverse,
      bodyKey: graphKey(body),
    },
    outputs,
    { bodies: [body] },
  );
}

/** The loop run backwards: recomputes the body from the saved carries and pulls the gradients through it. */
function scanGradient(
  node: Tensor,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const {
    carries: carryCount,
    sequences,
    results: resultCount,
    length,
    reverse,
  } = node.attributes as Record<string, number>;
  const body = node.payload.bodies![0]!;
  const saved = outputs.slice(carryCount! + resultCount!);
  const differentiable = (t: TensorType) => isFloat(t.dtype);
  const zeroLike = (t: Tensor) => full(t.shape, 0, t.dtype);
  const carryIndex = range(carryCount!).filter((i) => differentiable(inputs[i]!));
  const sequenceIndex = range(sequences!).filter((i) => differentiable(inputs[carryCount! + i]!));
  // Fresh nodes, so that paths from one invariant to another, outside of the loop, do not count here.
  const invariants = inputs.slice(carryCount! + sequences!).map(identity);
  const invariantIndex = range(invariants.length).filter((i) => differentiable(invariants[i]!));
  const resultIndex = range(resultCount!).filter((i) => gradients[carryCount! + i]);
  // A derivative of the derivative asks for that of the saved carries too.
  const savedGradient = (i: number) => gradients[carryCount! + resultCount! + i]!;
  const savedIndex = range(carryCount!).filter((i) => gradients[carryCount! + resultCount! + i]);

  const trace = {};
  let index = 0;
  const parameter = (type: TensorType) => placeholder(type, index++, trace);
  const dCarry = carryIndex.map((i) => parameter(typeOf(inputs[i]!)));
  const dInvariant = invariantIndex.map((i) => parameter(typeOf(invariants[i]!)));
  const savedElement = saved.map((s) => parameter(elementType(s)));
  const xElement = range(sequences!).map((i) => parameter(elementType(inputs[carryCount! + i]!)));
  const gElement = resultIndex.map((i) => parameter(elementType(gradients[carryCount! + i]!)));
  const gSaved = savedIndex.map((i) => parameter(elementType(savedGradient(i))));
  // The forward body on this iteration's values; invariants are captured from outside.
  const values = [...savedElement, ...xElement, ...invariants];
  const substitute = rewrite(body.results, (rebuilt, original) => {
    const at = body.parameters.indexOf(original);
    return at >= 0 ? values[at]! : rebuilt;
  });
  const targets = [
    ...carryIndex.map((i) => savedElement[i]!),
    ...sequenceIndex.map((i) => xElement[i]!),
    ...invariantIndex.map((i) => invariants[i]!),
  ];
  const pulled = differentiate!(
    [
      ...carryIndex.map((i) => substitute(body.results[i]!)),
      ...resultIndex.map((i) => substitute(body.results[carryCount! + i]!)),
      ...savedIndex.map((i) => savedElement[i]!),
    ],
    targets,
    [...dCarry, ...gElement, ...gSaved],
  );
  const gradientOf = (i: number) => pulled[i] ?? zeroLike(targets[i]!);
  const next = carryIndex.map((_, i) => gradientOf(i));
  const dx = sequenceIndex.map((_, i) => gradientOf(carryIndex.length + i));
  const accumulated = dInvariant.map((sum, i) => {
    const g = pulled[carryIndex.length + sequenceIndex.length + i];
    return g ? add(sum, g) : sum;
  });
  const backward = scanNode(
    [
      ...carryIndex.map((i) => gradients[i] ?? zeroLike(inputs[i]!)),
      ...invariantIndex.map((i) => zeroLike(invariants[i]!)),
    ],
    [
      ...saved,
      ...inputs.slice(carryCount!, carryCount! + sequences!),
      ...resultIndex.map((i) => gradients[carryCount! + i]!),
      ...savedIndex.map(savedGradient),
    ],
    [...dCarry, ...dInvariant, ...savedElement, ...xElement, ...gElement, ...gSaved],
    [...next, ...accumulated],
    dx,
    length!,
    !reverse,
  );
  const out = results(backward);
  const gradient: (Tensor | null)[] = inputs.map(() => null);
  carryIndex.forEach((i, k) => {
    gradient[i] = out[k]!;
  });
  invariantIndex.forEach((i, k) => {
    gradient[carryCount! + sequences! + i] = out[carryIndex.length + k]!;
  });
  sequenceIndex.forEach((i, k) => {
    gradient[carryCount! + i] = out[carryIndex.length + invariantIndex.length + k]!;
  });
  return gradient;
}

// ---- cond ------------------------------------------------------------------------------------------------------

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
 * @example cond(less(x, 0), () => neg(x), () => x)
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
  const isInside = (node: Tensor) =>
    isNew(node) && node.storage === undefined && node.primitive.kind !== "leaf";
  const inside = topologicalOrder(both, (node) => !isInside(node)).filter(isInside);
  const { body, captured } = closeBody([], both, inside);
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
    const substitute = rewrite(body.results, (rebuilt, original) => {
      const at = body.parameters.indexOf(original);
      return at >= 0 ? values[at]! : rebuilt;
    });
    const active = range(body.results.length).filter((i) => gradients[i]);
    const pulled = differentiate!(
      active.map((i) => substitute(body.results[i]!)),
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

// ---- the outside -----------------------------------------------------------------------------------------------

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

// ---- bodies ----------------------------------------------------------------------------------------------------

/**
 * Makes a traced body stand on its own: nodes that do not depend on its parameters are computed outside, once, and
 * reach it as further parameters; numbers, constants and index generators stay inside.
 *
 * @param inside nodes that are computed inside though they do not depend on a parameter
 */
function closeBody(
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
function refuseHostCalls(who: string, body: Body): void {
  if (!topologicalOrder(body.results).some((node) => node.payload.host)) return;
  throw new ConfigError({
    who,
    expected: "a body that the engine runs alone",
    received: "a body that calls the host",
    fix: `Call the host before or behind the ${who}.`,
  });
}

function typeOf(t: TensorType): TensorType {
  return { shape: t.shape, dtype: t.dtype, extent: t.extent };
}

/** The type of one element along axis 0. */
function elementType(t: TensorType): TensorType {
  return {
    shape: t.shape.slice(1),
    dtype: t.dtype,
    extent: t.extent && { ...t.extent, axis: t.extent.axis - 1 },
  };
}

function refill<T extends Tree<Tensor>>(tree: T, leaves: readonly Tensor[]): T {
  let next = 0;
  return mapTree<Tensor, Tensor>(tree, isTensor, () => leaves[next++]!) as T;
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
