import { ConfigError } from "../base/errors.js";
import type { OptionNames } from "../base/options.js";
import { tensor } from "../engine/create.js";
import { keyFor, seedKey } from "../engine/seed.js";
import { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import { add, dropoutMask, iota, mul, reshape, slice, where } from "../ops/index.js";
import { Layer, type LayerOptions } from "./layer.js";
import type { SymbolicShape } from "./symbolic.js";

/** Options of `dropout`. */
export interface DropoutOptions extends LayerOptions {
  /** Shape of the mask, null for the input's length; a length of 1 drops the whole axis together. */
  readonly noiseShape?: SymbolicShape;
  /** Own seed. Default: a key of the global seed and the layer's name. */
  readonly seed?: number;
}

/**
 * In training, elements set to 0 with probability `rate`, the others scaled by `1 / (1 − rate)`; otherwise nothing.
 *
 * Which elements is a function of (seed, layer, call number, element), so a continued training drops the same ones.
 * Shape: same as the input; no parameters, but a state of two integers.
 *
 * Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
 * @throws {ConfigError} where `rate` is not in [0, 1)
 * @example layers.dropout(0.5)
 */
export class Dropout extends Layer {
  static override readonly className = "Dropout";
  static override readonly options: OptionNames<DropoutOptions & { rate: number }, LayerOptions> = {
    rate: true,
    noiseShape: true,
    seed: true,
  };
  override readonly supportsMasking = true;
  readonly rate: number;
  /** Key and number of the next training call. */
  seedState!: Variable;

  constructor(protected override readonly config: DropoutOptions & { readonly rate: number }) {
    super(config);
    this.rate = config.rate;
    if (!(this.rate >= 0 && this.rate < 1)) {
      throw new ConfigError({
        who: this.who,
        expected: "a rate of at least 0 and below 1",
        received: String(this.rate),
      });
    }
  }

  override get variableFolder(): string {
    return "seed_generator/vars";
  }

  override build(): void {
    const { seed } = this.config;
    const name = `${this.name}/seed_state`;
    const key = seed === undefined ? keyFor(name) : seedKey(seed);
    this.seedState = new Variable(tensor([key, 0], { dtype: "int32" }), { name, trainable: false });
  }

  call(x: Tensor, { training }: { readonly training: boolean }): Tensor {
    if (!training || this.rate === 0) return x;
    const state = this.seedState.value;
    const [key, count] = [0, 1].map((i) => reshape(slice(state, [i], [1]), []));
    this.seedState.assign(add(state, iota([2]))); // the key stays, the number grows by 1
    const { noiseShape } = this.config;
    const shape = noiseShape ? noiseShape.map((length, axis) => length ?? x.shape[axis]!) : x.shape;
    const keep = dropoutMask(key!, shape, this.rate, count!);
    return where(keep, mul(x, 1 / (1 - this.rate)), 0);
  }
}
