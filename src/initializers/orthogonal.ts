import type { DType } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import { randomBits, unitFloat } from "../base/prng.js";
import { formatShape, type Shape } from "../base/shape.js";
import { tensor } from "../engine/create.js";
import type { Tensor } from "../graph/tensor.js";
import { Initializer, type SeedOptions } from "./initializer.js";

/** Options of `orthogonal`. */
export interface OrthogonalOptions extends SeedOptions {
  /** Factor on the matrix; default 1. */
  readonly gain?: number;
}

/**
 * A random matrix with orthonormal columns (or rows, where there are fewer of them): repeated products neither grow
 * nor shrink vectors. Axes before the last count as rows.
 *
 * Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks".
 */
export class Orthogonal extends Initializer {
  static override readonly className = "Orthogonal";
  static override readonly options: OptionNames<OrthogonalOptions> = { gain: true, seed: true };
  private readonly options: OrthogonalOptions;
  constructor(options: OrthogonalOptions = {}) {
    super(options);
    this.options = options;
  }
  call(shape: Shape, dtype: DType, key: number): Tensor {
    if (shape.length < 2) {
      throw new ShapeError({
        who: "orthogonal",
        expected: "a weight of rank 2 or more",
        received: `shape ${formatShape(shape)}`,
      });
    }
    const columns = shape.at(-1)!;
    const rows = shape.slice(0, -1).reduce((product, length) => product * length, 1);
    const count = Math.min(rows, columns);
    const length = Math.max(rows, columns);
    const vectors = orthonormalVectors(this.keyOf(this.options, key), count, length);
    const gain = this.options.gain ?? 1;
    const data = new Float64Array(rows * columns);
    vectors.forEach((vector, v) => {
      vector.forEach((value, i) => {
        data[rows >= columns ? i * columns + v : v * columns + i] = gain * value;
      });
    });
    return tensor(data, { shape, dtype });
  }
}

/** Gram and Schmidt, each vector twice ("twice is enough"): orthogonal to the last bits of a double. */
function orthonormalVectors(key: number, count: number, length: number): Float64Array[] {
  const vectors: Float64Array[] = [];
  for (let v = 0; v < count; v++) {
    const vector = Float64Array.from({ length }, (_, i) => standardNormal(key, v * length + i));
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        const overlap = dot(vector, other);
        for (let i = 0; i < length; i++) vector[i]! -= overlap * other[i]!;
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    vectors.push(vector.map((value) => value / norm));
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Box and Muller. */
function standardNormal(key: number, index: number): number {
  const u = 1 - unitFloat(randomBits(key, 0, index));
  const v = unitFloat(randomBits(key, 1, index));
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
}
