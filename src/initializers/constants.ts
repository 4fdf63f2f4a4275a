import type { DType } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import { formatShape, type Shape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { eye, full, mul } from "../ops/index.js";
import { Initializer } from "./initializer.js";

/** All elements 0. */
export class Zeros extends Initializer {
  static override readonly className = "Zeros";
  static override readonly options = {};
  call(shape: Shape, dtype: DType): Tensor {
    return full(shape, 0, dtype);
  }
}

/** All elements 1. */
export class Ones extends Initializer {
  static override readonly className = "Ones";
  static override readonly options = {};
  call(shape: Shape, dtype: DType): Tensor {
    return full(shape, 1, dtype);
  }
}

/** All elements one value. */
export class Constant extends Initializer {
  static override readonly className = "Constant";
  static override readonly options: OptionNames<{ value?: number }> = { value: true };
  readonly value: number;
  constructor(config: { readonly value?: number } = {}) {
    super(config);
    this.value = config.value ?? 0;
  }
  call(shape: Shape, dtype: DType): Tensor {
    return full(shape, this.value, dtype);
  }
}

/** The identity matrix times `gain`; for weights of rank 2. */
export class Identity extends Initializer {
  static override readonly className = "Identity";
  static override readonly options: OptionNames<{ gain?: number }> = { gain: true };
  readonly gain: number;
  constructor(config: { readonly gain?: number } = {}) {
    super(config);
    this.gain = config.gain ?? 1;
  }
  call(shape: Shape, dtype: DType): Tensor {
    if (shape.length !== 2) {
      throw new ShapeError({
        who: "identity",
        expected: "a weight of rank 2",
        received: `shape ${formatShape(shape)}`,
      });
    }
    const matrix = eye(shape[0]!, shape[1]!, { dtype });
    return this.gain === 1 ? matrix : mul(matrix, this.gain);
  }
}
