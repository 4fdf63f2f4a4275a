/** Einstein summation: the notation is read, then operands are contracted two at a time. */
import { ConfigError } from "../base/errors.js";
import { sizeOf } from "../base/shape.js";
import { isTensor, type Tensor, type TensorLike } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { toFloats } from "./convert.js";
import { labelSizes, readEquation } from "./einsumNotation.js";
import { diagonalOf } from "./linalg/diagonal.js";
import { matmul } from "./matmul.js";
import { reshape, transpose } from "./movement.js";
import { sum } from "./reduce.js";

/** A tensor and the label of each of its axes; no label occurs twice. */
interface Operand {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/**
 * Sum of products in Einstein's notation: a letter for each axis, equal letters run together, letters that the result
 * does not name are summed over. `"bij,bjk->bik"` is a batch of matrix products: `result[b,i,k] = Σ_j x[b,i,j] · y[b,j,k]`.
 *
 * A letter twice in one operand takes its diagonal (`"ii->"` is the trace). `...` stands for any further axes, which
 * broadcast. Without `->` the result has the axes of `...` and then the letters that occur once, in alphabetical order. An
 * axis of length 1 goes with any length. More than two operands are contracted in the order that needs the fewest
 * multiplications at each turn. Dtype: float.
 * @throws {ConfigError} where the notation has a mistake, with its position marked, or names another number of operands
 * @throws {ShapeError} where a term does not fit the rank of its operand, or a letter stands for two lengths
 * @example einsum("ij,j->i", tensor([[1, 2], [3, 4]]), tensor([1, 10])) // [21, 43]
 */
export function einsum(equation: string, ...operands: TensorLike[]): Tensor {
  if (typeof equation !== "string") {
    throw new ConfigError({
      who: "einsum",
      expected: 'the notation first, as in einsum("ij,jk->ik", a, b)',
      received: isTensor(equation) ? "a tensor" : String(equation),
    });
  }
  const tensors = toFloats("einsum", operands);
  const { terms, output } = readEquation(
    equation,
    tensors.map((t) => t.rank),
  );
  const sizes = labelSizes(
    terms,
    tensors.map((t) => t.shape),
  );
  let list = tensors.map((tensor, i) => withoutOnes(diagonals({ tensor, labels: terms[i]! }), sizes));
  list = list.map((operand, i) => reduced(operand, neededBeside(list, [i], output)));
  while (list.length > 1) {
    const [i, j] = cheapestPair(list, sizes);
    const needed = neededBeside(list, [i, j], output);
    const product = contract(list[i]!, list[j]!, needed, sizes);
    list = [...list.filter((_, k) => k !== i && k !== j), product];
  }
  const [{ tensor, labels }] = list as [Operand];
  return transpose(
    tensor,
    output.map((label) => labels.indexOf(label)),
  );
}

/** A label that stands twice takes the diagonal. */
function diagonals({ tensor, labels }: Operand): Operand {
  const second = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (second < 0) return { tensor, labels };
  const label = labels[second]!;
  const first = labels.indexOf(label);
  const rest = labels.filter((_, axis) => axis !== first && axis !== second);
  return diagonals({
    tensor: diagonalOf("einsum", tensor, { axes: [first, second] }),
    labels: [...rest, label],
  });
}

/** An axis of length 1 beside a longer one of that label is constant along it, so it need not carry the label. */
function withoutOnes({ tensor, labels }: Operand, sizes: ReadonlyMap<string, number>): Operand {
  const isKept = (axis: number) => tensor.shape[axis] === sizes.get(labels[axis]!);
  return {
    tensor: reshape(
      tensor,
      tensor.shape.filter((_, axis) => isKept(axis)),
    ),
    labels: labels.filter((_, axis) => isKept(axis)),
  };
}

/** Labels that the result or an operand other than the given ones has. */
function neededBeside(
  list: readonly Operand[],
  positions: readonly number[],
  output: readonly string[],
): Set<string> {
  return new Set([...output, ...list.flatMap(({ labels }, k) => (positions.includes(k) ? [] : labels))]);
}

/** Summed over the labels nobody needs. */
function reduced({ tensor, labels }: Operand, needed: ReadonlySet<string>): Operand {
  const axes = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  return { tensor: sum(tensor, axes), labels: labels.filter((label) => needed.has(label)) };
}

/** The two operands whose product takes the fewest multiplications. */
function cheapestPair(list: readonly Operand[], sizes: ReadonlyMap<string, number>): [number, number] {
  let best: [number, number] = [0, 1];
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < list.length; i++) {
    for (let j = i + 1; j < list.length; j++) {
      const together = new Set([...list[i]!.labels, ...list[j]!.labels]);
      const cost = sizeOf([...together].map((label) => sizes.get(label)!));
      if (cost < least) {
        least = cost;
        best = [i, j];
      }
    }
  }
  return best;
}

/** The product of two operands, summed over what only these two have. */
function contract(
  a: Operand,
  b: Operand,
  needed: ReadonlySet<string>,
  sizes: ReadonlyMap<string, number>,
): Operand {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const freeA = a.labels.filter((label) => !shared.includes(label));
  const freeB = b.labels.filter((label) => !shared.includes(label));
  const lengths = (labels: readonly string[]) => labels.map((label) => sizes.get(label)!);
  const labels = [...batch, ...freeA, ...freeB];
  if (inner.length === 0 || (freeA.length === 0 && freeB.length === 0)) {
    // Nothing to share between rows and columns: one fused sweep of products, and a sum.
    const all = [...labels, ...inner];
    const product = mul(stretched(a, all), stretched(b, all));
    return reduced({ tensor: product, labels: all }, needed);
  }
  const merged = batch.length > 0 ? [sizeOf(lengths(batch))] : [];
  const [m, k, n] = [freeA, inner, freeB].map((part) => sizeOf(lengths(part))) as [number, number, number];
  const product = matmul(
    reshape(ordered(a, [...batch, ...freeA, ...inner]), [...merged, m, k]),
    reshape(ordered(b, [...batch, ...inner, ...freeB]), [...merged, k, n]),
  );
  return { tensor: reshape(product, lengths(labels)), labels };
}

/** The axes in the order of the labels. */
function ordered({ tensor, labels }: Operand, order: readonly string[]): Tensor {
  return transpose(
    tensor,
    order.map((label) => labels.indexOf(label)),
  );
}

/** The same among more labels: axes of length 1 for those it lacks. */
function stretched(operand: Operand, order: readonly string[]): Tensor {
  const own = order.filter((label) => operand.labels.includes(label));
  const tensor = ordered(operand, own);
  return reshape(
    tensor,
    order.map((label) => (own.includes(label) ? tensor.shape[own.indexOf(label)]! : 1)),
  );
}
