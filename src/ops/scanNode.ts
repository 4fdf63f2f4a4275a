/** A scan as a node, and its derivative: a scan in the other direction. */
import { isFloat } from "../base/dtype.js";
import { definePrimitive, type TensorType } from "../graph/primitive.js";
import { graphKey } from "../graph/print.js";
import { instantiate, rewrite } from "../graph/rewrite.js";
import { nextNodeId, Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { add } from "./arithmetic.js";
import {
  closeBody,
  differentiate,
  elementType,
  range,
  refuseHostCalls,
  typeOf,
  typesFromOutside,
} from "./body.js";
import { reshape, sum } from "./broadcast.js";
import { zerosLike } from "./create.js";
import { identity } from "./identity.js";
import { placeholder } from "./leaf.js";
import { matmul } from "./matmul.js";
import { matrixTranspose, transpose } from "./movement.js";
import { results } from "./pick.js";

/**
 * inputs: carries, sequences, invariants. Body parameters: carries, slices of the sequences, invariants; body
 * results: next carries, stacked results, of which the last are what a derivative would rather read than compute again.
 * Outputs: final carries, stacked results, and the carries that each iteration started from and ended with (stacked).
 * What nobody reads costs nothing.
 */
export const scanPrimitive = definePrimitive({
  name: "scan",
  kind: "structural",
  infer: typesFromOutside,
  vjp: ({ node, inputs, outputs, gradients }) => scanGradient(node, inputs, outputs, gradients),
});

export function scanNode(
  carries: readonly Tensor[],
  xs: readonly Tensor[],
  parameters: readonly Tensor[],
  next: readonly Tensor[],
  ys: readonly Tensor[],
  length: number,
  reverse: boolean,
): Tensor {
  const { body: closed, captured } = closeBody(parameters, [...next, ...ys]);
  refuseHostCalls("scan", closed);
  const kept = topologicalOrder(closed.results).filter((n) => isExpensive(n) && !closed.results.includes(n));
  const body = { parameters: closed.parameters, results: [...closed.results, ...kept] };
  const stacked = (t: TensorType): TensorType => ({
    shape: [length, ...t.shape],
    dtype: t.dtype,
    extent: t.extent && { ...t.extent, axis: t.extent.axis + 1 },
  });
  // Lengths of dynamic axes are known outside: those of the captured tensors stand for their parameters.
  const outside = new Map(
    body.parameters.map((parameter, i) => [parameter, [...carries, ...xs, ...captured][i]!]),
  );
  const typeOutside = (t: TensorType): TensorType => ({
    ...t,
    extent: t.extent && { ...t.extent, length: outside.get(t.extent.length) ?? t.extent.length },
  });
  const outputs = [
    ...carries.map(typeOf),
    ...ys.map((y) => stacked(typeOf(y))),
    ...kept.map((y) => stacked(typeOutside(typeOf(y)))),
    ...carries.map((c) => stacked(typeOf(c))),
    ...carries.map((c) => stacked(typeOf(c))),
  ];
  return new Tensor(
    scanPrimitive,
    [...carries, ...xs, ...captured],
    {
      carries: carries.length,
      sequences: xs.length,
      results: ys.length + kept.length,
      length,
      reverse,
      bodyKey: graphKey(body),
    },
    outputs,
    { bodies: [body] },
  );
}

/** Whether a derivative had better read the value than compute it again: more than a sweep over its elements. */
function isExpensive(node: Tensor): boolean {
  const { primitive, inputs, outputs } = node;
  if (primitive.name === "pick") return !("isTransparent" in inputs[0]!.primitive);
  if (outputs.length !== 1) return false;
  return primitive.kind === "kernel" || primitive.kind === "reduce" || primitive.name === "matmul";
}

/**
 * The loop run backwards. It reads what the loop has left behind (the states, results, products and what kernels
 * computed), computes elementwise values again, and pulls the gradients through. The gradient of an invariant is a sum over all
 * iterations: where it is one of products, one product behind the loop adds them up.
 */
function scanGradient(
  node: Tensor,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
): (Tensor | null)[] {
  const {
    carries: carryCount,
    sequences: sequenceCount,
    results: resultCount,
    length,
    reverse,
  } = node.attributes as {
    carries: number;
    sequences: number;
    results: number;
    length: number;
    reverse: boolean;
  };
  const from = nextNodeId();
  const body = node.payload.bodies![0]!;
  const starts = outputs.slice(carryCount + resultCount, 2 * carryCount + resultCount);
  const ends = outputs.slice(2 * carryCount + resultCount);
  const isDifferentiable = (t: TensorType) => isFloat(t.dtype);
  const carryIndex = range(carryCount).filter((i) => isDifferentiable(inputs[i]!));
  const sequenceIndex = range(sequenceCount).filter((i) => isDifferentiable(inputs[carryCount + i]!));
  // Fresh nodes, so that paths from one invariant to another, outside of the loop, do not count here.
  const invariants = inputs.slice(carryCount + sequenceCount).map(identity);
  const invariantIndex = range(invariants.length).filter((i) => isDifferentiable(invariants[i]!));

  const trace = {};
  let index = 0;
  const parameter = (type: TensorType) => placeholder(type, index++, trace);
  /** Sequences the backward loop may read, by their slices. */
  const sequenceOf = new Map<Tensor, Tensor>();
  const element = (sequence: Tensor) => {
    const slice = parameter(elementType(sequence));
    sequenceOf.set(slice, sequence);
    return slice;
  };
  const dCarry = carryIndex.map((i) => parameter(typeOf(inputs[i]!)));
  const start = starts.map(element);
  const x = range(sequenceCount).map((i) => element(inputs[carryCount + i]!));
  // The forward body on this iteration's values; invariants are captured from outside.
  const computed = instantiate(body, [...start, ...x, ...invariants]);
  const targets = [
    ...carryIndex.map((i) => start[i]!),
    ...sequenceIndex.map((i) => x[i]!),
    ...invariantIndex.map((i) => invariants[i]!),
  ];
  // Gradients of stacked outputs: of results, and, where a derivative is differentiated, of the states it has read.
  const seeded = [...computed.slice(carryCount), ...start, ...computed.slice(0, carryCount)].flatMap(
    (value, k) => {
      const g = gradients[carryCount + k];
      return g ? [{ value, seed: element(g) }] : [];
    },
  );
  const raw = differentiate(
    [...carryIndex.map((i) => computed[i]!), ...seeded.map(({ value }) => value)],
    targets,
    [...dCarry, ...seeded.map(({ seed }) => seed)],
  );
  const read = new Map<Tensor, Tensor>();
  computed.forEach((value, i) => {
    if (value.inputs.length === 0 || invariants.includes(value)) return;
    if (i < carryCount) read.set(value, element(ends[i]!));
    else if (isExpensive(value) && !read.has(value)) read.set(value, element(outputs[i]!));
  });
  const present = raw.filter((g) => g !== null);
  const substitute = rewrite(
    present,
    (rebuilt, original) => read.get(original) ?? rebuilt,
    (n) => n.id < from || invariants.includes(n) || read.has(n),
  );
  const pulled = raw.map((g) => g && substitute(g));
  const gradientOf = (i: number) => pulled[i] ?? zerosLike(targets[i]!);
  const next = carryIndex.map((_, i) => gradientOf(i));
  const ys = sequenceIndex.map((_, i) => gradientOf(carryIndex.length + i));
  const sums = invariantIndex.map((_, i) =>
    sumOverIterations(pulled[carryIndex.length + sequenceIndex.length + i] ?? null, sequenceOf, ys, length),
  );
  const accumulated = invariantIndex.flatMap((i, k) => {
    const { inside } = sums[k]!;
    return inside ? [{ k, sum: parameter(typeOf(invariants[i]!)), inside }] : [];
  });
  const nextSums = accumulated.map(({ sum, inside }) => add(sum, inside));
  const needed = new Set(topologicalOrder([...next, ...nextSums, ...ys], (n) => n.id < from));
  const sequences = [...sequenceOf].filter(([slice]) => needed.has(slice));
  const backward = scanNode(
    [
      ...carryIndex.map((i) => gradients[i] ?? zerosLike(inputs[i]!)),
      ...accumulated.map(({ sum }) => zerosLike(sum)),
    ],
    sequences.map(([, sequence]) => sequence),
    [...dCarry, ...accumulated.map(({ sum }) => sum), ...sequences.map(([slice]) => slice)],
    [...next, ...nextSums],
    ys,
    length,
    !reverse,
  );
  const out = results(backward);
  const stacks = out.slice(carryIndex.length + accumulated.length);
  const gradient: (Tensor | null)[] = inputs.map(() => null);
  carryIndex.forEach((i, k) => {
    gradient[i] = out[k]!;
  });
  sequenceIndex.forEach((i, k) => {
    gradient[carryCount + i] = stacks[k]!;
  });
  invariantIndex.forEach((i, k) => {
    const at = accumulated.findIndex((a) => a.k === k);
    const terms = [
      ...(at >= 0 ? [out[carryIndex.length + at]!] : []),
      ...sums[k]!.behind.map((term) => term(stacks)),
    ];
    gradient[carryCount + sequenceCount + i] = terms.length > 0 ? terms.reduce((a, b) => add(a, b)) : null;
  });
  return gradient;
}

/** A sum over the iterations of a loop: what is added up inside, and what is computed from stacked values behind it. */
interface IterationSum {
  readonly inside: Tensor | null;
  readonly behind: readonly ((stacks: readonly Tensor[]) => Tensor)[];
}

/**
 * Takes `Σ aᵀ·g` and `Σ sum(g)` apart: their operands are stacked, `a` and `g` one below the other, and one product or
 * one sum over all rows stands for those of all iterations.
 *
 * @param ys the loop's stacked results; what is needed beside them is appended
 */
function sumOverIterations(
  gradient: Tensor | null,
  sequenceOf: ReadonlyMap<Tensor, Tensor>,
  ys: Tensor[],
  length: number,
): IterationSum {
  const inside: Tensor[] = [];
  const behind: ((stacks: readonly Tensor[]) => Tensor)[] = [];
  const isStacked = (value: Tensor) => sequenceOf.has(value) || ys.includes(value);
  const stack = (value: Tensor): ((stacks: readonly Tensor[]) => Tensor) => {
    const sequence = sequenceOf.get(value);
    if (sequence) return () => sequence;
    let at = ys.indexOf(value);
    if (at < 0) at = ys.push(value) - 1;
    return (stacks) => stacks[at]!;
  };
  for (const term of gradient ? termsOf(gradient) : []) {
    const product = transposedProduct(term);
    const base = term.primitive.name === "reshape" ? term.inputs[0]! : term;
    if (product && length > 1) {
      const [a, g] = product.map(stack);
      behind.push((stacks) => matmul(matrixTranspose(asRows(a!(stacks))), asRows(g!(stacks))));
    } else if (base.primitive.name === "sum" && length > 0 && isStacked(base.inputs[0]!)) {
      const values = stack(base.inputs[0]!);
      const axes = [0, ...(base.attributes.axes as number[]).map((axis) => axis + 1)];
      behind.push((stacks) => reshape(sum(values(stacks), axes), term.shape));
    } else inside.push(term);
  }
  return { inside: inside.length > 0 ? inside.reduce((a, b) => add(a, b)) : null, behind };
}

/** The summands of a chain of additions. */
function termsOf(node: Tensor): Tensor[] {
  const terms: Tensor[] = [];
  const pending = [node];
  while (pending.length > 0) {
    const next = pending.pop()!;
    if (next.primitive.name === "add") pending.push(next.inputs[1]!, next.inputs[0]!);
    else terms.push(next);
  }
  return terms;
}

/** `[a, g]` of a product `aᵀ·g` of matrices whose rows belong together. */
function transposedProduct({ primitive, inputs: [left, g] }: Tensor): [Tensor, Tensor] | undefined {
  if (primitive.name !== "matmul" || left!.rank !== 2 || left!.primitive.name !== "transpose")
    return undefined;
  const a = left!.inputs[0]!;
  if ((a.extent === undefined) !== (g!.extent === undefined)) return undefined;
  if (a.extent && (a.extent.axis !== 0 || g!.extent!.axis !== 0)) return undefined;
  return [a, g!];
}

/** `[time, rows, n]` as `[time · rows, n]`; a number of rows that only the run knows comes first. */
function asRows(stacked: Tensor): Tensor {
  const [time, rows, n] = stacked.shape as [number, number, number];
  return reshape(stacked.extent ? transpose(stacked, [1, 0, 2]) : stacked, [time * rows, n]);
}
