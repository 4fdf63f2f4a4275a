import type { OptionNames } from "../base/options.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import type { InitializerLike } from "../initializers/index.js";
import { add, broadcastTo, expandDims, flip, matmul, scan, transpose, where } from "../ops/index.js";
import { scalar } from "../ops/leaf.js";
import { type ActivationFunction, type ActivationLike, getActivation } from "./activations.js";
import { type CallContext, Layer, type LayerOptions } from "./layer.js";
import type { SymbolicShape } from "./symbolic.js";

/** Options of `simpleRNN`. */
export interface SimpleRNNOptions extends LayerOptions {
  /** Default `"tanh"`. */
  readonly activation?: ActivationLike;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `"glorotUniform"`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `"orthogonal"`. */
  readonly recurrentInitializer?: InitializerLike;
  /** Default `"zeros"`. */
  readonly biasInitializer?: InitializerLike;
  /** Give the state after each step, not only the last. Default false. */
  readonly returnSequences?: boolean;
  /** Read the sequence from its end; with `returnSequences` the states come in the order they were computed. */
  readonly goBackwards?: boolean;
}

/**
 * Recurrent layer: `h_t = activation(x_t · kernel + h_{t−1} · recurrentKernel + bias)` from `h_0 = 0`.
 *
 * Input shape `[batch, time, inputs]`, output shape `[batch, units]`, or `[batch, time, units]` with
 * `returnSequences`; `(inputs + units + 1) · units` parameters. Where a mask `[batch, time]` is false, the state stays.
 * @throws {ShapeError} for input of another rank
 * @example layers.simpleRNN(32, { returnSequences: true })
 */
export class SimpleRNN extends Layer {
  static override readonly className = "SimpleRNN";
  static override readonly options: OptionNames<SimpleRNNOptions & { units: number }, LayerOptions> = {
    units: true,
    activation: true,
    useBias: true,
    kernelInitializer: true,
    recurrentInitializer: true,
    biasInitializer: true,
    returnSequences: true,
    goBackwards: true,
  };
  override readonly supportsMasking = true;
  readonly units: number;
  readonly activation: ActivationFunction;
  kernel!: Variable;
  recurrentKernel!: Variable;
  bias: Variable | undefined;

  constructor(protected override readonly config: SimpleRNNOptions & { readonly units: number }) {
    super(config);
    this.expectPositive("units", config.units);
    this.units = config.units;
    this.activation = getActivation(this.who, config.activation === undefined ? "tanh" : config.activation);
  }

  override get variableFolder(): string {
    return "cell/vars"; // in Keras the weights belong to a cell
  }

  override build(shape: SymbolicShape): void {
    this.expectRank(shape, sequenceAxes);
    const { units } = this;
    const { kernelInitializer = "glorotUniform", recurrentInitializer = "orthogonal" } = this.config;
    const { biasInitializer = "zeros", useBias = true } = this.config;
    this.kernel = this.addWeight("kernel", [shape[2]!, units], { initializer: kernelInitializer });
    this.recurrentKernel = this.addWeight("recurrent_kernel", [units, units], {
      initializer: recurrentInitializer,
    });
    if (useBias) this.bias = this.addWeight("bias", [units], { initializer: biasInitializer });
  }

  call(x: Tensor, { mask }: CallContext): Tensor {
    this.expectRank(x.shape, sequenceAxes);
    this.expectLength(x.shape, 2, this.kernel.shape[0]!);
    const { returnSequences = false, goBackwards = false } = this.config;
    const product = matmul(x, this.kernel.value); // [batch, time, units], all steps in one product
    const projected = this.bias ? add(product, this.bias.value) : product;
    const recurrent = this.recurrentKernel.value;
    const steps = {
      input: transpose(projected, [1, 0, 2]), // [time, batch, units]
      ...(mask ? { counts: transpose(mask, [1, 0]) } : {}), // [time, batch]
    };
    const start = broadcastTo(scalar(0, x.dtype), [x.shape[0]!, this.units], x.extent);
    const [last, states] = scan(
      (state: Tensor, { input, counts }: { input: Tensor; counts?: Tensor }) => {
        const computed = this.activation(add(input, matmul(state, recurrent)));
        const next = counts ? where(expandDims(counts, -1), computed, state) : computed;
        return [next, returnSequences ? [next] : []] as const;
      },
      start,
      steps as { input: Tensor; counts?: Tensor } & Record<string, Tensor>,
      { reverse: goBackwards },
    );
    if (!returnSequences) return last;
    const inOrder = goBackwards ? flip(states[0]!, 0) : states[0]!;
    return transpose(inOrder, [1, 0, 2]); // [batch, time, units]
  }

  override computeMask(_x: Tensor, mask: Tensor | undefined): Tensor | undefined {
    return this.config.returnSequences ? mask : undefined;
  }
}

const sequenceAxes = ["batch", "time", "features"] as const;
