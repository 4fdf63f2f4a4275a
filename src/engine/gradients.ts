import { obstacle } from "../autodiff/obstacle.js";
import { vjp } from "../autodiff/vjp.js";
import { type DType, isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { flatten, mapTree, type Tree } from "../base/tree.js";
import { formatType, isTensor, type Tensor } from "../graph/tensor.js";
import { identity } from "../ops/identity.js";
import { zeros } from "../ops/index.js";
import { differentiating } from "./trace.js";
import type { Variable } from "./variable.js";

/**
 * The derivative of a scalar function with respect to its first argument (a tensor, or tensors nested in arrays and
 * records).
 *
 * @throws {GradientError} where every way to the value crosses an operation without a derivative, as in an accuracy
 * @example grad((x) => sum(square(x)))(tensor([1, 2])) // [2, 4]
 */
export function grad<X extends Tree<Tensor>, A extends readonly unknown[]>(
  fn: (x: X, ...rest: A) => Tensor,
): (x: X, ...rest: A) => X {
  return (x, ...rest) =>
    differentiating(() => {
      const inner = mapTree<Tensor, Tensor>(x as Tree<Tensor>, isTensor, (leaf) => {
        checkTarget("grad", "an argument", leaf.dtype);
        return identity(leaf);
      });
      const value = fn(inner as X, ...rest);
      checkLoss("grad", value);
      const targets = flatten(inner, isTensor).leaves;
      const gradients = vjp([value], targets);
      checkReached("grad", value, targets, gradients);
      let next = 0;
      return mapTree<Tensor, Tensor>(
        inner,
        isTensor,
        (target) => gradients[next++] ?? zeros(target.shape, target.dtype),
      ) as X;
    });
}

export interface ValueAndGradients<R> {
  /** What the function returned. */
  readonly value: R;
  /** One gradient per variable, in their order; zeros where the value does not depend on it. */
  readonly gradients: Tensor[];
}

/**
 * The value of a function and its derivative with respect to variables. The function returns a scalar, or a record
 * or array whose first tensor (`loss` in a record) is the scalar to differentiate.
 *
 * @throws {ConfigError} where no variable takes part in the value
 * @throws {GradientError} where they do, but only through operations without a derivative, as in an accuracy
 * @example
 * const w = variable(tensor([1, 2]));
 * const squares = valueAndGrad((x) => sum(mul(x, square(w.value))), [w]);
 * squares(tensor([1, 10])).gradients[0] // [2, 40]
 */
export function valueAndGrad<A extends readonly unknown[], R extends Tree<Tensor>>(
  fn: (...args: A) => R,
  variables: readonly Variable[],
): (...args: A) => ValueAndGradients<R> {
  return (...args) =>
    differentiating(() => {
      for (const { name, dtype } of variables) checkTarget("valueAndGrad", `"${name}"`, dtype);
      const targets = variables.map((v) => v.value);
      const value = fn(...args);
      const loss = lossOf(value);
      checkLoss("valueAndGrad", loss);
      const gradients = vjp([loss], targets);
      checkReached("valueAndGrad", loss, targets, gradients);
      if (variables.length > 0 && gradients.every((g) => g === null)) {
        throw new ConfigError({
          who: "valueAndGrad",
          expected: "a value that depends on the variables",
          received: `a value that depends on none of ${variables.map((v) => v.name).join(", ")}`,
          fix: "Compute it from variable.value inside the function.",
        });
      }
      return { value, gradients: gradients.map((g, i) => g ?? zeros(targets[i]!.shape, targets[i]!.dtype)) };
    });
}

/** A value that depends on its targets, though no derivative reaches any of them, would silently train nothing. */
export function checkReached(
  who: string,
  value: Tensor,
  targets: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
): void {
  if (gradients.some((gradient) => gradient !== null)) return;
  const error = obstacle(who, [value], targets);
  if (error) throw error;
}

function lossOf(value: Tree<Tensor>): Tensor {
  if (isTensor(value)) return value;
  const named = !Array.isArray(value) && (value as { loss?: unknown }).loss;
  return isTensor(named) ? named : flatten(value, isTensor).leaves[0]!;
}

function checkTarget(who: string, what: string, dtype: DType): void {
  if (isFloat(dtype)) return;
  throw new DTypeError({
    who,
    expected: "floats to differentiate with respect to",
    received: `${what} of dtype ${dtype}`,
    fix: 'Convert it with cast(x, "float32") outside, or leave it out.',
  });
}

export function checkLoss(who: string, value: unknown): void {
  if (!isTensor(value)) {
    throw new ConfigError({ who, expected: "a function that returns a tensor", received: typeof value });
  }
  if (value.size !== 1 || !isFloat(value.dtype)) {
    throw new ShapeError({
      who,
      expected: "a float scalar to differentiate",
      received: formatType(value),
      fix: `Reduce ${formatShape(value.shape)} with mean(…) or sum(…).`,
    });
  }
}
