import { isFloat } from "../base/dtype.js";
import type { OptionNames } from "../base/options.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import type { InitializerLike } from "../initializers/index.js";
import { any, cast, gather, notEqual, where } from "../ops/index.js";
import { Layer, type LayerOptions } from "./layer.js";

/** Options of `embedding`. */
export interface EmbeddingOptions extends LayerOptions {
  /** Default `"randomUniform"` (±0.05). */
  readonly embeddingsInitializer?: InitializerLike;
  /** Index 0 is padding: the mask is false there. Default false. */
  readonly maskZero?: boolean;
}

/**
 * A vector for each index: `y = embeddings[x]`.
 *
 * Input shape `[batch, …]` of integers from 0 to `inputDim − 1`, output shape `[batch, …, outputDim]`;
 * `inputDim · outputDim` parameters.
 * @throws {DataError} when it runs, for an index out of range
 * @example layers.embedding(10_000, 64, { maskZero: true })
 */
export class Embedding extends Layer {
  static override readonly className = "Embedding";
  static override readonly options: OptionNames<
    EmbeddingOptions & { inputDim: number; outputDim: number },
    LayerOptions
  > = { inputDim: true, outputDim: true, embeddingsInitializer: true, maskZero: true };
  override readonly supportsMasking = true;
  embeddings!: Variable;

  constructor(
    protected override readonly config: EmbeddingOptions & {
      readonly inputDim: number;
      readonly outputDim: number;
    },
  ) {
    super(config);
    this.expectPositive("inputDim", config.inputDim);
    this.expectPositive("outputDim", config.outputDim);
  }

  override build(): void {
    const { inputDim, outputDim, embeddingsInitializer = "randomUniform" } = this.config;
    this.embeddings = this.addWeight("embeddings", [inputDim, outputDim], {
      initializer: embeddingsInitializer,
    });
  }

  call(x: Tensor): Tensor {
    return gather(this.embeddings.value, isFloat(x.dtype) ? cast(x, "int32") : x);
  }

  override computeMask(x: Tensor, mask: Tensor | undefined): Tensor | undefined {
    return this.config.maskZero ? notEqual(x, 0) : mask;
  }
}

/** Options of `masking`. */
export interface MaskingOptions extends LayerOptions {
  /** Default 0. */
  readonly maskValue?: number;
}

/**
 * Excludes time steps whose features all have one value: they become 0, and the mask is false there.
 *
 * Input and output shape `[batch, time, features]`; no parameters.
 * @example layers.masking({ maskValue: -1 })
 */
export class Masking extends Layer {
  static override readonly className = "Masking";
  static override readonly options: OptionNames<MaskingOptions, LayerOptions> = { maskValue: true };
  override readonly supportsMasking = true;
  constructor(protected override readonly config: MaskingOptions = {}) {
    super(config);
  }
  call(x: Tensor): Tensor {
    return where(any(notEqual(x, this.config.maskValue ?? 0), -1, { keepDims: true }), x, 0);
  }
  override computeMask(x: Tensor): Tensor {
    return any(notEqual(x, this.config.maskValue ?? 0), -1); // [batch, time]
  }
}
