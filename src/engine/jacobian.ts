/** Derivatives of functions of several values, and second derivatives, made from reverse-mode ones. */
import { vjp } from "../autodiff/vjp.js";
import { isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import { sameShape } from "../base/shape.js";
import { flatten, mapTree, type Tree } from "../base/tree.js";
import { formatType, isTensor, type Tensor } from "../graph/tensor.js";
import { identity } from "../ops/identity.js";
import { add, cast, equal, iota, mul, reshape, scan, sum, zeros } from "../ops/index.js";
import { grad } from "./gradients.js";
import { differentiating } from "./trace.js";

/**
 * All partial derivatives of a function of one tensor: `J[…i, …j] = ∂y[…i] / ∂x[…j]`.
 *
 * Shape: that of `y = fn(x)`, then that of `x`. The function is traced once; one row after the other is pulled back
 * through it, so the time grows with the number of elements of `y`: for small functions.
 * @throws {DTypeError} where `x` or `fn(x)` is no float tensor
 * @example jacobian((x) => square(x), tensor([1, 2])) // [[2, 0], [0, 4]]
 */
export function jacobian(fn: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkFloat("jacobian", "a float tensor as argument", x);
  return differentiating(() => {
    const at = identity(x);
    const y = fn(at);
    checkFloat("jacobian", "a function that returns a float tensor", y);
    const elements = iota([y.size]);
    const [, rows] = scan(
      (none: Tensor[], element: Tensor) => {
        const seed = reshape(cast(equal(elements, element), y.dtype), y.shape);
        const [row] = vjp([y], [at], [seed]);
        return [none, row ?? zeros(x.shape, x.dtype)];
      },
      [],
      elements,
    );
    return reshape(rows, [...y.shape, ...x.shape]);
  });
}

/**
 * All second derivatives of a scalar function: `H[…i, …j] = ∂²f / ∂x[…i] ∂x[…j]`.
 *
 * Shape: that of `x` twice. For small functions; `hessianVectorProduct` needs no matrix.
 * @throws {ShapeError} where the function does not return a float scalar
 * @example hessian((x) => sum(mul(square(x), x)), tensor([1, 2])) // [[6, 0], [0, 12]]
 */
export function hessian(fn: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkFloat("hessian", "a float tensor as argument", x);
  return jacobian(grad(fn), x);
}

/**
 * The Hessian of a scalar function times a vector, `H · v`, without the matrix: the derivative of `∇f · v`, about three
 * times the cost of a gradient.
 *
 * @param x a tensor, or tensors nested in arrays and records
 * @param vector the same nesting and shapes as `x`
 * @returns the same nesting and shapes as `x`
 * @throws {ShapeError} where `vector` is not shaped like `x`
 * @example hessianVectorProduct((x) => sum(mul(square(x), x)), tensor([1, 2]), tensor([1, 1])) // [6, 12]
 */
export function hessianVectorProduct<X extends Tree<Tensor>>(fn: (x: X) => Tensor, x: X, vector: X): X {
  const directions = alike("hessianVectorProduct", x, vector);
  const slope = (at: X): Tensor =>
    leavesOf(grad(fn)(at))
      .map((g, i) => sum(mul(g, directions[i]!)))
      .reduce((a, b) => add(a, b));
  return grad(slope)(x);
}

/**
 * The directional derivative of a function: its value, and `J · v`, how fast it changes where `x` moves along `v`.
 *
 * The cost does not depend on the number of elements of the value: two reverse-mode derivatives, of which the first is
 * only written down.
 * @param x a tensor, or tensors nested in arrays and records
 * @param vector the same nesting and shapes as `x`
 * @returns `[fn(x), J · v]`
 * @throws {ShapeError} where `vector` is not shaped like `x`
 * @example jvp((x) => square(x), tensor([1, 2]), tensor([1, 10]))[1] // [2, 40]
 */
export function jvp<X extends Tree<Tensor>>(fn: (x: X) => Tensor, x: X, vector: X): [Tensor, Tensor] {
  const directions = alike("jvp", x, vector);
  return differentiating(() => {
    const inner = mapTree<Tensor, Tensor>(x, isTensor, identity) as X;
    const y = fn(inner);
    checkFloat("jvp", "a function that returns a float tensor", y);
    // u ↦ uᵀJ is linear; its derivative along v is J · v whatever u is.
    const u = identity(zeros(y.shape, y.dtype));
    const pulled = vjp([y], leavesOf(inner), [u]);
    const reached = pulled.flatMap((g, i) => (g ? [i] : []));
    const [tangent] = vjp(
      reached.map((i) => pulled[i]!),
      [u],
      reached.map((i) => directions[i]!),
    );
    return [y, tangent ?? zeros(y.shape, y.dtype)];
  });
}

function leavesOf(tree: Tree<Tensor>): Tensor[] {
  return flatten(tree, isTensor).leaves;
}

/** The vector's tensors, one for each of `x`. */
function alike(who: string, x: Tree<Tensor>, vector: Tree<Tensor>): Tensor[] {
  const [at, along] = [flatten(x, isTensor), flatten(vector, isTensor)];
  if (at.leaves.length === 0 || at.structure !== along.structure) {
    throw new ConfigError({
      who,
      expected: `a point that holds tensors and a vector nested like it, ${at.structure}`,
      received: along.structure,
    });
  }
  at.leaves.forEach((leaf, i) => {
    checkFloat(who, "a float tensor as argument", leaf);
    const direction = along.leaves[i]!;
    if (sameShape(leaf.shape, direction.shape) && leaf.dtype === direction.dtype) return;
    throw new ShapeError({
      who,
      expected: `a vector like the argument, ${formatType(leaf)}`,
      received: formatType(direction),
    });
  });
  return along.leaves;
}

function checkFloat(who: string, what: string, value: unknown): void {
  if (isTensor(value) && isFloat(value.dtype)) return;
  throw new DTypeError({
    who,
    expected: what,
    received: isTensor(value) ? formatType(value) : typeof value,
    fix: 'Convert integers with cast(x, "float32").',
  });
}
