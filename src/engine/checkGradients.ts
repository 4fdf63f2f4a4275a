/** Derivatives against differences. */
import { vjp } from "../autodiff/vjp.js";
import { isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, GradientError } from "../base/errors.js";
import { formatShape, indexOf, type Shape } from "../base/shape.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { add, cast, cos, div, equal, iota, mul, neg, reshape, scan, sub, sum, zeros } from "../ops/index.js";
import { findBackend } from "./backends.js";
import { tensor } from "./create.js";
import { backend, useBackend } from "./device.js";
import { readElements, realizeSync } from "./realize.js";
import { differentiating } from "./trace.js";

export interface CheckGradientsOptions {
  /** How far an element is moved to both sides. Default 1e-5: its square and the rounding of float64 are then both small. */
  readonly step?: number;
  /** What the two may differ by, relative to the larger one. Default 1e-6. */
  readonly relative?: number;
  /** What they may differ by in any case. Default 1e-8. */
  readonly absolute?: number;
}

/** One partial derivative, from the records and by differences. */
export interface GradientComparison {
  /** Number of the input. */
  readonly input: number;
  /** Place of the element in it. */
  readonly index: Shape;
  /** What `grad` gives. */
  readonly gradient: number;
  /** `(f(x + step) − f(x − step)) / (2 · step)`. */
  readonly difference: number;
}

/**
 * Compares the derivative of a function with central differences, element by element, in float64 on the reference
 * backend, whatever backend is in use: for layers, losses and gradients of your own.
 *
 * A function with several results is checked as a weighted sum of them, with fixed weights. Integer inputs are not
 * varied. The time grows with the number of elements: use small inputs, away from kinks.
 * @param fn a function that gives the same value for the same inputs
 * @returns the comparison that came out worst
 * @throws {GradientError} that names the worst element, where any differs by more than the tolerances
 * @example checkGradients((x) => sum(square(x)), [tensor([3])]).gradient // 6
 */
export function checkGradients(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: CheckGradientsOptions = {},
): GradientComparison {
  const { step = 1e-5, relative = 1e-6, absolute = 1e-8 } = options;
  if (!(step > 0)) {
    throw new ConfigError({ who: "checkGradients", expected: "a positive step", received: String(step) });
  }
  const varied = inputs.flatMap(({ dtype }, i) => (isFloat(dtype) ? [i] : []));
  if (varied.length === 0) {
    throw new DTypeError({
      who: "checkGradients",
      expected: "a float tensor among the inputs",
      received: inputs.length === 0 ? "no inputs" : inputs.map(({ dtype }) => dtype).join(", "),
    });
  }
  realizeSync(inputs);
  const elements = inputs.map(readElements);
  return onReference(() => {
    const points = inputs.map(({ shape, dtype }, i) =>
      tensor(elements[i]!, { shape, dtype: isFloat(dtype) ? "float64" : dtype }),
    );
    const value = (at: readonly Tensor[]) => weightedSum(fn(...at));
    const gradients = differentiating(() =>
      vjp(
        [value(points)],
        varied.map((i) => points[i]!),
      ),
    );
    const differences = varied.map((i) => slopes(value, points, i, step));
    const comparisons = varied.flatMap((input, k) => {
      const { shape } = inputs[input]!;
      const found = (gradients[k] ?? zeros(shape, "float64")).dataSync();
      return Array.from(
        differences[k]!.dataSync(),
        (difference, n): GradientComparison => ({
          input,
          index: indexOf(n, shape),
          gradient: found[n]!,
          difference,
        }),
      );
    });
    return judged(comparisons, relative, absolute);
  });
}

/** Σ w · y with weights that no symmetry of y cancels. */
function weightedSum(y: unknown): Tensor {
  if (!isTensor(y) || !isFloat(y.dtype)) {
    throw new DTypeError({
      who: "checkGradients",
      expected: "a function that returns a float tensor",
      received: isTensor(y) ? y.dtype : typeof y,
    });
  }
  if (y.rank === 0) return y;
  const weights = cos(mul(cast(iota([y.size]), "float64"), 0.7));
  return sum(mul(y, reshape(weights, y.shape)));
}

/** The central difference for each element of one input, in one program. */
function slopes(
  value: (at: readonly Tensor[]) => Tensor,
  points: readonly Tensor[],
  which: number,
  step: number,
): Tensor {
  const point = points[which]!;
  const positions = iota([point.size]);
  const moved = (by: Tensor) => value(points.map((p, i) => (i === which ? add(p, by) : p)));
  const [, differences] = scan(
    (none: Tensor[], position: Tensor) => {
      const by = mul(reshape(cast(equal(positions, position), "float64"), point.shape), step);
      return [none, div(sub(moved(by), moved(neg(by))), 2 * step)];
    },
    [],
    positions,
  );
  return differences;
}

function judged(
  comparisons: readonly GradientComparison[],
  relative: number,
  absolute: number,
): GradientComparison {
  /** Error in units of what is allowed; NaN counts as the worst. */
  const excess = ({ gradient, difference }: GradientComparison) => {
    const allowed = absolute + relative * Math.max(Math.abs(gradient), Math.abs(difference));
    const error = Math.abs(gradient - difference) / allowed;
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  };
  if (comparisons.length === 0) {
    throw new ConfigError({
      who: "checkGradients",
      expected: "inputs with elements",
      received: "empty ones",
    });
  }
  const worst = comparisons.reduce((a, b) => (excess(b) > excess(a) ? b : a));
  const wrong = comparisons.filter((c) => excess(c) > 1).length;
  if (wrong === 0) return worst;
  const { input, index } = worst;
  const [gradient, difference] = [worst.gradient, worst.difference].map((x) => Number(x.toPrecision(8)));
  throw new GradientError({
    who: "checkGradients",
    expected: `the slope ${difference} by differences at element ${formatShape(index)} of input ${input}`,
    received: `the gradient ${gradient} (${wrong} of ${comparisons.length} elements differ)`,
    fix: "If the function has a kink there, move the input away from it; else its derivative is wrong.",
  });
}

function onReference<T>(fn: () => T): T {
  const before = backend();
  const reference = findBackend("reference");
  if ("reason" in reference) throw new Error(reference.reason);
  useBackend(reference);
  try {
    return fn();
  } finally {
    useBackend(before);
  }
}
