/** A loop over the first axis of sequences. */
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { flatten as flattenTree, type Tree } from "../base/tree.js";
import { rewrite } from "../graph/rewrite.js";
import { formatType, isTensor, type Tensor } from "../graph/tensor.js";
import { elementType, openScope, refill } from "./body.js";
import { placeholder } from "./leaf.js";
import { results } from "./pick.js";
import { scanNode } from "./scanNode.js";

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
    if (x.extent?.axis === 0) {
      throw new ShapeError({
        who: "scan",
        expected: "sequences of a fixed length",
        received: `shape ${formatShape(x.shape)}, whose first axis has a run-time length`,
        fix: "Run along another axis: transpose the sequence, so that the batch axis is the second.",
      });
    }
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
