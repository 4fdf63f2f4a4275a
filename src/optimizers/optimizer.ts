import { ConfigError, ShapeError } from "../base/errors.js";
import { classNameOf, isSerialized, type Serialized, snakeCase, toConfigValue } from "../base/lookup.js";
import { checkOptionNames, type OptionNames, type OptionTable } from "../base/options.js";
import { formatShape, sameShape } from "../base/shape.js";
import { Variable, variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import {
  add,
  cast,
  clip,
  div,
  equal,
  maximum,
  minimum,
  mul,
  sqrt,
  square,
  sub,
  sum,
  where,
  zeros,
} from "../ops/index.js";
import { fromConfig, Schedule } from "../schedules/index.js";

/** Options that every optimizer takes. */
export interface OptimizerOptions {
  /** A number, or a function of the number of updates. */
  readonly learningRate?: number | Schedule | Serialized;
  /** Default: after the class. */
  readonly name?: string;
  /** Largest Euclidean norm of one weight's gradient; larger ones are scaled down. */
  readonly clipNorm?: number | null;
  /** Largest magnitude of an element of a gradient. */
  readonly clipValue?: number | null;
  /** Largest Euclidean norm of all gradients together. */
  readonly globalClipNorm?: number | null;
  /** Share of each weight, times the learning rate, that is taken away before an update. */
  readonly weightDecay?: number | null;
  /** Keep a moving average of the weights; `finalizeVariableValues` puts it in their place. Default false. */
  readonly useEma?: boolean;
  /** Share of the old average that stays at each update. Default 0.99. */
  readonly emaMomentum?: number;
}

/**
 * Turns gradients into new weights.
 *
 * A subclass writes `updateStep` for one weight and asks for its state with `slot`. Everything it keeps is a variable,
 * so that it is part of compiled programs and of checkpoints.
 * @example
 * const step = jit((x, y) => {
 *   const { value, gradients } = valueAndGrad(() => loss(model(x), y), weights)();
 *   optimizer.apply(gradients, weights);
 *   return value;
 * });
 */
export abstract class Optimizer {
  /** Name in configurations. */
  static readonly className?: string;
  /** Names of the options that the class takes beside those of its base class; see `OptionNames`. */
  static readonly options?: OptionTable = {
    learningRate: true,
    name: true,
    clipNorm: true,
    clipValue: true,
    globalClipNorm: true,
    weightDecay: true,
    useEma: true,
    emaMomentum: true,
  } satisfies OptionNames<OptimizerOptions>;
  readonly name: string;
  /** Updates made so far. */
  readonly iterations: Variable<"int32">;
  /** A variable (assign to it to change the rate), or a schedule. */
  readonly learningRate: Variable | Schedule;
  private readonly slots = new Map<string, Variable>();
  private readonly averages: Variable[] = [];
  private built: readonly Variable[] | undefined;

  constructor(
    protected readonly config: OptimizerOptions & { readonly learningRate: number | Schedule | Serialized },
  ) {
    this.name = config.name ?? snakeCase(classNameOf(this));
    checkOptionNames(this.name, this, config);
    this.iterations = variable(0, { dtype: "int32", name: `${this.name}/iterations`, trainable: false });
    this.learningRate = this.makeRate(config.learningRate);
    const clips = [config.clipNorm, config.clipValue, config.globalClipNorm].filter(isSet);
    if (clips.length > 1) {
      throw new ConfigError({
        who: this.name,
        expected: "at most one of clipNorm, clipValue and globalClipNorm",
        received: `${clips.length} of them`,
      });
    }
    for (const bound of clips) this.expectInRange("the bound of gradients", bound, 0, Infinity);
    if (config.useEma) this.expectInRange("emaMomentum", config.emaMomentum ?? 0.99, 0, 1);
  }

  /** The new value of a weight and of its state, assigned. */
  protected abstract updateStep(gradient: Tensor, weight: Variable, rate: Tensor): void;

  /** Names of the state that each weight needs; all start at zero. */
  protected abstract readonly slotNames: readonly string[];

  /** The same for state that files keep behind that of all weights. */
  protected readonly lateSlotNames: readonly string[] = [];

  /** All state in the order of Keras's files: iterations, learning rate, moving averages, slots. */
  get variables(): Variable[] {
    const rate = this.learningRate instanceof Variable ? [this.learningRate] : [];
    return [this.iterations, ...rate, ...this.averages, ...this.slots.values()] as Variable[];
  }

  /**
   * Makes the state for these weights; done by the first `apply` otherwise.
   *
   * @throws {ConfigError} where it was made for other weights before
   */
  build(variables: readonly Variable[]): void {
    if (this.built) {
      const same = this.built.length === variables.length && this.built.every((v, i) => v === variables[i]);
      if (same) return;
      throw new ConfigError({
        who: this.name,
        expected: `the ${this.built.length} variables it was built for`,
        received: `${variables.length} variables (${variables.map((v) => v.name).join(", ")})`,
        fix: "Make a new optimizer, or call compile again, after changing what is trainable.",
      });
    }
    this.built = [...variables];
    for (const names of [this.slotNames, this.lateSlotNames]) {
      variables.forEach((weight, i) => {
        for (const name of names) this.addVariable(weight, name, `${i}/${name}`);
      });
    }
    if (!this.config.useEma) return;
    for (const weight of variables) this.averages.push(this.stateFor(weight, "average"));
  }

  /**
   * One update: clips the gradients, takes the weight decay away and updates each weight.
   *
   * Inside a trace; outside, each update runs as it is read.
   * @throws {ConfigError} where numbers of gradients and variables differ, {ShapeError} where a shape does
   */
  apply(gradients: readonly Tensor[], variables: readonly Variable[]): void {
    if (gradients.length !== variables.length) {
      throw new ConfigError({
        who: this.name,
        expected: `one gradient for each of ${variables.length} variables`,
        received: `${gradients.length} gradients`,
      });
    }
    gradients.forEach((gradient, i) => {
      const weight = variables[i]!;
      if (sameShape(gradient.shape, weight.shape)) return;
      throw new ShapeError({
        who: this.name,
        expected: `a gradient of shape ${formatShape(weight.shape)} for "${weight.name}"`,
        received: formatShape(gradient.shape),
      });
    });
    this.build(variables);
    const rate = this.rate();
    this.prepare(rate);
    const clipped = this.clipped(gradients);
    variables.forEach((weight, i) => {
      const { weightDecay } = this.config;
      if (isSet(weightDecay)) {
        weight.assign(sub(weight.value, mul(weight.value, mul(rate, weightDecay))));
      }
      this.updateStep(clipped[i]!, weight, rate);
    });
    this.updateAverages(variables);
    this.iterations.assign(add(this.iterations.value, 1));
  }

  /** Replaces the weights by their moving averages, where `useEma` is set: for evaluation after training. */
  finalizeVariableValues(variables: readonly Variable[]): void {
    if (!this.config.useEma || !this.built) return;
    variables.forEach((weight) => {
      const average = this.averages[this.built!.indexOf(weight)];
      if (average) weight.assign(average.value);
    });
  }

  /** The rate of the next update, a float32 scalar. */
  protected rate(): Tensor {
    return this.learningRate instanceof Schedule
      ? this.learningRate.call(this.iterations.value)
      : this.learningRate.value;
  }

  /** Computes what all weights share, once per update. */
  protected prepare(_rate: Tensor): void {}

  /** Number of this update, counted from 1, as float32. */
  protected step(): Tensor {
    return cast(add(this.iterations.value, 1), "float32");
  }

  /** The state of that name for a weight. */
  protected slot(weight: Variable, name: string): Variable {
    return this.slots.get(`${this.built!.indexOf(weight)}/${name}`)!;
  }

  /** The options it was made with, the learning rate as it is now, as JSON. */
  getConfig(): Record<string, unknown> {
    const options = Object.entries(this.config)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toConfigValue(this.name, value)]);
    return Object.fromEntries(options);
  }

  /** Throws where an option lies outside [low, high). */
  protected expectInRange(name: string, value: unknown, low: number, high: number): void {
    if (typeof value === "number" && value >= low && value < high) return;
    throw new ConfigError({
      who: this.name,
      expected: `${name} of at least ${low}${high === Infinity ? "" : ` and below ${high}`}`,
      received: String(value),
    });
  }

  private makeRate(rate: number | Schedule | Serialized): Variable | Schedule {
    if (rate instanceof Schedule) return rate;
    if (isSerialized(rate)) return fromConfig(rate);
    this.expectInRange("a learning rate", rate, 0, Infinity);
    return variable(rate, { name: `${this.name}/learningRate`, trainable: false });
  }

  private addVariable(weight: Variable, name: string, key: string): void {
    this.slots.set(key, this.stateFor(weight, name));
  }

  private stateFor(weight: Variable, name: string): Variable {
    return new Variable(zeros(weight.shape, weight.dtype), {
      name: `${this.name}/${weight.name}/${name}`,
      trainable: false,
    });
  }

  private clipped(gradients: readonly Tensor[]): readonly Tensor[] {
    const { clipNorm, clipValue, globalClipNorm } = this.config;
    if (isSet(clipValue)) return gradients.map((g) => clip(g, -clipValue, clipValue));
    if (isSet(clipNorm)) {
      return gradients.map((g) => {
        const squared = sum(square(g));
        return mul(g, div(clipNorm, maximum(sqrt(squared), clipNorm)));
      });
    }
    if (isSet(globalClipNorm)) {
      const norm = sqrt(gradients.map((g) => sum(square(g))).reduce((a, b) => add(a, b)));
      const scale = mul(minimum(div(1, norm), 1 / globalClipNorm), globalClipNorm);
      return gradients.map((g) => mul(g, scale));
    }
    return gradients;
  }

  /** The average starts as the weights after the first update. */
  private updateAverages(variables: readonly Variable[]): void {
    if (!this.config.useEma) return;
    const momentum = where(equal(this.iterations.value, 0), 0, this.config.emaMomentum ?? 0.99);
    variables.forEach((weight, i) => {
      const average = this.averages[i]!;
      // m·a + (1 − m)·w = w + m·(a − w)
      average.assign(add(weight.value, mul(sub(average.value, weight.value), momentum)));
    });
  }
}

function isSet<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
