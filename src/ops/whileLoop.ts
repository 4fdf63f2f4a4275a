/** A loop whose number of iterations depends on the data, as one node. */
import { isFloat } from "../base/dtype.js";
import { ConfigError, GradientError, ShapeError } from "../base/errors.js";
import { sameShape } from "../base/shape.js";
import { flatten as flattenTree, type Tree } from "../base/tree.js";
import { definePrimitive, type TensorType } from "../graph/primitive.js";
import { graphKey } from "../graph/print.js";
import { instantiate, rewrite } from "../graph/rewrite.js";
import { type Body, formatType, isTensor, Tensor } from "../graph/tensor.js";
import { add, sub } from "./arithmetic.js";
import {
  closeBody,
  differentiate,
  openScope,
  range,
  refill,
  refuseHostCalls,
  typeOf,
  typesFromOutside,
} from "./body.js";
import { reshape } from "./broadcast.js";
import { greater } from "./comparison.js";
import { zerosLike } from "./create.js";
import { identity } from "./identity.js";
import { gather } from "./indexing.js";
import { placeholder, scalar } from "./leaf.js";
import { results } from "./pick.js";

/**
 * inputs: states, captured of both bodies; both bodies have parameters for all of them. Results of the first body: the
 * predicate; of the second: the next states. Outputs: final states; where the number of iterations is bounded, the last
 * state counts them, and the states each iteration started from follow (stacked; the derivative reads them).
 */
export const whileLoopPrimitive = definePrimitive({
  name: "whileLoop",
  kind: "structural",
  infer: typesFromOutside,
  vjp: ({ node, inputs, outputs, gradients }) => whileGradient(node, inputs, outputs, gradients),
});

export interface WhileLoopOptions {
  /** Ends the loop after so many iterations whatever the condition says. A derivative needs it. Default: no bound. */
  readonly maxIterations?: number;
}

/** The same nesting, of tensors of any dtype: a body need not promise the dtypes it was given. */
export type Nested<T> = T extends Tensor ? Tensor : { readonly [K in keyof T]: Nested<T[K]> };

/**
 * Repeats `body` on a state as long as `condition` holds: `while (condition(state as Nested<C>)) state = body(state)`.
 *
 * How often is decided by the data while the program runs; both functions are traced once. What does not depend on the
 * state is computed once, before the loop. A run that was given a stop flag looks at it in each iteration.
 *
 * With `maxIterations` there is a derivative: the states that the iterations started from are kept (memory for
 * `maxIterations` of them), and a second loop goes back over those that were run.
 * @param condition from the state to a bool or int32 scalar
 * @param body from the state to the next one, of the same nesting, shapes and dtypes
 * @param initial the state at the start: tensors, nested as you like
 * @returns the first state for which the condition does not hold
 * @throws {ShapeError} where the condition is no scalar or the body changes the type of the state; {ConfigError} where
 *   the condition assigns a variable; {GradientError} where a derivative is asked for without `maxIterations`
 * @example whileLoop((x) => less(x, 100), (x) => mul(x, 2), tensor(1)) // 128
 */
export function whileLoop<const C>(
  condition: (state: Nested<C>) => Tensor,
  body: (state: Nested<C>) => Nested<C>,
  initial: C,
  options: WhileLoopOptions = {},
): Nested<C> {
  const maxIterations = checkedBound(options.maxIterations);
  const { leaves: states, structure } = flattenTree(initial as Tree<Tensor>, isTensor);
  if (states.length === 0) {
    throw new ConfigError({
      who: "whileLoop",
      expected: "a state that holds a tensor",
      received: "a state without one",
      fix: "Wrap numbers: tensor(0).",
    });
  }
  const trace = { active: true };
  let index = 0;
  const parameters = states.map((state) => placeholder(state, index++, trace));
  const state: unknown = refill(initial as Tree<Tensor>, parameters);
  const scope = openScope();
  const predicate = scope.run(() => condition(state as Nested<C>));
  checkPredicate(predicate);
  if (scope.assignments.length > 0) {
    throw new ConfigError({
      who: "whileLoop",
      expected: "a condition that only looks",
      received: "a condition that assigns a variable",
      fix: "Assign it in the body.",
    });
  }
  const next: unknown = scope.run(() => body(state as Nested<C>));
  trace.active = false;
  const flat = flattenTree(next as Tree<Tensor>, isTensor);
  states.forEach((before, i) => {
    const after = flat.leaves[i];
    if (after && sameShape(after.shape, before.shape) && after.dtype === before.dtype) return;
    throw new ShapeError({
      who: "whileLoop",
      expected: `a body that keeps the type of state ${i}, ${formatType(before)}`,
      received: after ? formatType(after) : "nothing",
    });
  });
  if (flat.structure !== structure) {
    throw new ShapeError({
      who: "whileLoop",
      expected: `a body that returns a state nested as it was given, ${structure}`,
      received: flat.structure,
    });
  }
  // Variables that the body assigns are states like the others.
  const { assignments } = scope;
  const slots = assignments.map(({ before }) => placeholder(before, index++, trace));
  const traced = [predicate, ...flat.leaves, ...assignments.map(({ after }) => after)];
  const [holds, ...after] = traced.map(
    rewrite(traced, (rebuilt, original) => {
      const at = assignments.findIndex(({ inside }) => inside === original);
      return at >= 0 ? slots[at]! : rebuilt;
    }),
  );
  const outputs = results(
    whileNode(
      [...states, ...assignments.map(({ before }) => before)],
      [...parameters, ...slots],
      holds!,
      after,
      maxIterations,
    ),
  );
  for (const [k, { assign }] of assignments.entries()) assign(outputs[states.length + k]!);
  const final: unknown = refill(initial as Tree<Tensor>, outputs.slice(0, states.length));
  return final as Nested<C>;
}

function checkedBound(bound: number | undefined): number | null {
  if (bound === undefined) return null;
  if (Number.isInteger(bound) && bound >= 0 && bound < 2 ** 31) return bound;
  throw new ConfigError({
    who: "whileLoop",
    expected: "an integer ≥ 0 below 2³¹ as maxIterations",
    received: String(bound),
  });
}

function checkPredicate(predicate: unknown): void {
  if (isTensor(predicate) && predicate.rank === 0 && !isFloat(predicate.dtype)) return;
  throw new ShapeError({
    who: "whileLoop",
    expected: "a condition that returns a bool or int32 scalar",
    received: isTensor(predicate) ? formatType(predicate) : String(predicate),
    fix: "Compare with less(…), or reduce with any(…) or all(…).",
  });
}

function whileNode(
  states: readonly Tensor[],
  parameters: readonly Tensor[],
  predicate: Tensor,
  next: readonly Tensor[],
  maxIterations: number | null,
): Tensor {
  const isBounded = maxIterations !== null;
  const initial = isBounded ? [...states, scalar(0, "int32")] : states;
  const counter = placeholder(
    { shape: [], dtype: "int32" },
    parameters.length,
    parameters[0]!.payload.trace!,
  );
  const all = isBounded ? [...parameters, counter] : parameters;
  const { body, captured } = closeBody(all, [predicate, ...next, ...(isBounded ? [add(counter, 1)] : [])]);
  const bodies: Body[] = [
    { parameters: body.parameters, results: body.results.slice(0, 1) },
    { parameters: body.parameters, results: body.results.slice(1) },
  ];
  for (const part of bodies) refuseHostCalls("whileLoop", part);
  const stacked = (t: Tensor): TensorType => ({
    shape: [maxIterations!, ...t.shape],
    dtype: t.dtype,
    extent: t.extent && { ...t.extent, axis: t.extent.axis + 1 },
  });
  return new Tensor(
    whileLoopPrimitive,
    [...initial, ...captured],
    { carries: initial.length, maxIterations, bodyKey: bodies.map(graphKey).join("/") },
    [...initial.map(typeOf), ...(isBounded ? initial.map(stacked) : [])],
    { bodies },
  );
}

/** A loop that counts down: recomputes the body from the state an iteration started from and pulls the gradients through it. */
function whileGradient(
  node: Tensor,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const { carries, maxIterations } = node.attributes as { carries: number; maxIterations: number | null };
  if (maxIterations === null) {
    throw new GradientError({
      who: "whileLoop",
      expected: "a loop of bounded length to differentiate",
      received: "one without maxIterations",
      fix: "Give it { maxIterations }, use scan(…) where the length is known, or stopGradient(x) where the result should count as a constant.",
    });
  }
  const [, body] = node.payload.bodies!;
  const count = outputs[carries - 1]!;
  const saved = outputs.slice(carries);
  const isDifferentiable = (t: Tensor) => isFloat(t.dtype);
  const stateIndex = range(carries).filter((i) => isDifferentiable(inputs[i]!));
  // Fresh nodes, so that paths from one invariant to another, outside of the loop, do not count here.
  const invariants = inputs.slice(carries).map(identity);
  const targetsOutside = invariants.filter(isDifferentiable);
  // A derivative of the derivative asks for that of the saved states too.
  const savedIndex = range(carries).filter((i) => gradients[carries + i]);

  const trace = {};
  let index = 0;
  const parameter = (type: TensorType) => placeholder(type, index++, trace);
  const dState = stateIndex.map((i) => parameter(typeOf(inputs[i]!)));
  const dInvariant = targetsOutside.map((t) => parameter(typeOf(t)));
  const left = parameter({ shape: [], dtype: "int32" });
  const now = sub(left, 1);
  const elementAt = (stacked: Tensor) => reshape(gather(stacked, reshape(now, [1])), stacked.shape.slice(1));
  const started = saved.map(elementAt);
  const computed = instantiate(body!, [...started, ...invariants]);
  const targets = [...stateIndex.map((i) => started[i]!), ...targetsOutside];
  const pulled = differentiate(
    [...stateIndex.map((i) => computed[i]!), ...savedIndex.map((i) => started[i]!)],
    targets,
    [...dState, ...savedIndex.map((i) => elementAt(gradients[carries + i]!))],
  );
  const backward = whileNode(
    [
      ...stateIndex.map((i) => gradients[i] ?? zerosLike(inputs[i]!)),
      ...targetsOutside.map((t) => zerosLike(t)),
      count,
    ],
    [...dState, ...dInvariant, left],
    greater(left, 0),
    [
      ...stateIndex.map((_, k) => pulled[k] ?? zerosLike(targets[k]!)),
      ...dInvariant.map((sum, k) => {
        const g = pulled[stateIndex.length + k];
        return g ? add(sum, g) : sum;
      }),
      now,
    ],
    maxIterations,
  );
  const out = results(backward);
  const gradient: (Tensor | null)[] = inputs.map(() => null);
  stateIndex.forEach((i, k) => {
    gradient[i] = out[k]!;
  });
  targetsOutside.forEach((target, k) => {
    gradient[carries + invariants.indexOf(target)] = out[stateIndex.length + k]!;
  });
  return gradient;
}
