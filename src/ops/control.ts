/** Programs inside programs: `scan`, `cond`; and the points where a step talks to the outside: `hostCall`, `allReduce`. */
import type { NDArray } from "../base/array.js";
import { isFloat } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { flatten as flattenTree, mapTree, type Tree } from "../base/tree.js";
import { definePrimitive, type TensorType } from "../graph/primitive.js";
import { graphKey } from "../graph/print.js";
import { rewrite } from "../graph/rewrite.js";
import { type Body, createNode, formatType, isTensor, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { reshape } from "./broadcast.js";
import { add } from "./elementwise.js";
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
  const length = options.length ?? xs[0]?.shape[0];
  if (length === undefined)
    throw new ShapeError({ who: "scan", expected: "sequences or { length }", received: "neither" });
  for (const x of xs) {
    if (x.shape[0] !== length) {
      throw new ShapeError({
        who: "scan",
        expected: `sequences of length ${length}`,
        received: `shape ${formatShape(x.shape)}`,
      });
    }
  }
  const trace = {};
  let index = 0;
  const carryParameters = carries.map((c) => placeholder(c, index++, trace));
  const elementParameters = xs.map((x) => placeholder(elementType(x), index++, trace));
  const [next, ys] = fn(refill(init, carryParameters), refill(sequences, elementParameters));
  const nextLeaves = flattenTree(next as Tree<Tensor>, isTensor).leaves;
  const yLeaves = flattenTree(ys as Tree<Tensor>, isTensor).leaves;
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
  const node = scanNode(
    carries,
    xs,
    [...carryParameters, ...elementParameters],
    nextLeaves,
    yLeaves,
    length,
    options.reverse ?? false,
  );
  const outputs = results(node);
  return [refill(init, outputs.slice(0, carries.length)), refill(ys, outputs.slice(carries.length))];
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
  const invariants = inputs.slice(carryCount! + sequences!);
  const invariantIndex = range(invariants.length).filter((i) => differentiable(invariants[i]!));
  const resultIndex = range(resultCount!).filter((i) => gradients[carryCount! + i]);

  const trace = {};
  let index = 0;
  const parameter = (type: TensorType) => placeholder(type, index++, trace);
  const dCarry = carryIndex.map((i) => parameter(typeOf(inputs[i]!)));
  const dInvariant = invariantIndex.map((i) => parameter(typeOf(invariants[i]!)));
  const savedElement = saved.map((s) => parameter(elementType(s)));
  const xElement = range(sequences!).map((i) => parameter(elementType(inputs[carryCount! + i]!)));
  const gElement = resultIndex.map((i) => parameter(elementType(gradients[carryCount! + i]!)));
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
    ],
    targets,
    [...dCarry, ...gElement],
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
    ],
    [...dCarry, ...dInvariant, ...savedElement, ...xElement, ...gElement],
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
export function cond<R extends Tree<Tensor>>(predicate: Tensor, whenTrue: () => R, whenFalse: () => R): R {
  if (predicate.rank !== 0 || isFloat(predicate.dtype)) {
    throw new ShapeError({
      who: "cond",
      expected: "a bool or int32 scalar as predicate",
      received: formatType(predicate),
    });
  }
  const chosen = whenTrue();
  const left = flattenTree(chosen as Tree<Tensor>, isTensor).leaves;
  const right = flattenTree(whenFalse() as Tree<Tensor>, isTensor).leaves;
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
  return refill(chosen, condNode(predicate, left, right));
}

function condNode(predicate: Tensor, left: readonly Tensor[], right: readonly Tensor[]): Tensor[] {
  // The bodies hold everything that neither is a leaf nor needed by the other side alone; leaves are captured.
  const captured = capturedLeaves([...left, ...right]);
  const trace = {};
  const parameters = captured.map((t, i) => placeholder(typeOf(t), i, trace));
  const close = (results: readonly Tensor[]): Body => {
    const substitute = rewrite(
      results,
      (rebuilt, original) => {
        const at = captured.indexOf(original);
        return at >= 0 ? parameters[at]! : rebuilt;
      },
      (node) => captured.includes(node),
    );
    return { parameters, results: results.map(substitute) };
  };
  const bodies = [close(left), close(right)];
  for (const body of bodies) refuseHostCalls("cond", body);
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
  const captured = inputs.slice(1);
  const targets = captured.filter((t) => isFloat(t.dtype));
  const branch = (body: Body): Tensor[] => {
    // Parameters become fresh nodes so that the derivative is taken with respect to this branch's uses only.
    const substitute = rewrite(body.results, (rebuilt, original) => {
      const at = body.parameters.indexOf(original);
      return at >= 0 ? captured[at]! : rebuilt;
    });
    const active = range(body.results.length).filter((i) => gradients[i]);
    const pulled = differentiate!(
      active.map((i) => substitute(body.results[i]!)),
      targets,
      active.map((i) => gradients[i]!),
    );
    return targets.map((t, i) => pulled[i] ?? full(t.shape, 0, t.dtype));
  };
  const [left, right] = node.payload.bodies!.map(branch);
  const out = targets.length > 0 ? condNode(inputs[0]!, left!, right!) : [];
  return [null, ...captured.map((t) => (isFloat(t.dtype) ? out[targets.indexOf(t)]! : null))];
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
 */
function closeBody(
  parameters: readonly Tensor[],
  bodyResults: readonly Tensor[],
): { body: Body; captured: Tensor[] } {
  const inner = new Set<Tensor>(parameters);
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

/** Leaves that hold data, and nodes already computed: what a branch takes from outside. */
function capturedLeaves(roots: readonly Tensor[]): Tensor[] {
  const isOutside = (node: Tensor) =>
    node.storage !== undefined ||
    (node.primitive.kind === "leaf" &&
      node.payload.scalar === undefined &&
      node.payload.constant === undefined);
  return topologicalOrder(roots, (node) => node.storage !== undefined).filter(isOutside);
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
