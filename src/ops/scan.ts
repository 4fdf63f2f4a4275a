/** A loop over the first axis of sequences, as one node. */
import { isFloat } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { flatten as flattenTree, type Tree } from "../base/tree.js";
import { definePrimitive, type TensorType } from "../graph/primitive.js";
import { graphKey } from "../graph/print.js";
import { instantiate, rewrite } from "../graph/rewrite.js";
import { formatType, isTensor, Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import {
  closeBody,
  differentiate,
  elementType,
  openScope,
  range,
  refill,
  refuseHostCalls,
  typeOf,
  typesFromOutside,
} from "./body.js";
import { full } from "./create.js";
import { identity } from "./identity.js";
import { placeholder } from "./leaf.js";
import { results } from "./pick.js";

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
 * @example scan((total, x) => [add(total, x), add(total, x)], zeros([]), tensor([1, 2, 3]))[1] // [1, 3, 6]
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
  const computed = instantiate(body, [...savedElement, ...xElement, ...invariants]);
  const targets = [
    ...carryIndex.map((i) => savedElement[i]!),
    ...sequenceIndex.map((i) => xElement[i]!),
    ...invariantIndex.map((i) => invariants[i]!),
  ];
  const pulled = differentiate(
    [
      ...carryIndex.map((i) => computed[i]!),
      ...resultIndex.map((i) => computed[carryCount! + i]!),
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
