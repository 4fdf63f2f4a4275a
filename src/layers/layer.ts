import { type DType, isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import { inspect } from "../base/inspect.js";
import { classNameOf, snakeCase, toConfigValue } from "../base/lookup.js";
import { checkOptionNames, type OptionNames, type OptionTable } from "../base/options.js";
import { checkList, checkShape, formatShape, type Shape, sizeOf } from "../base/shape.js";
import { flatten, type Tree } from "../base/tree.js";
import { automaticName, keyFor } from "../engine/seed.js";
import { Variable } from "../engine/variable.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import * as initializers from "../initializers/index.js";
import {
  inferTypes,
  isSymbolic,
  type LayerInput,
  type LayerUse,
  type SymbolicInput,
  type SymbolicShape,
  SymbolicTensor,
  symbolicLeaves,
} from "./symbolic.js";

/** What travels beside the tensors of a call. */
export interface CallContext {
  /** Dropout drops and batch normalization uses the batch's statistics only in training. */
  readonly training: boolean;
  /** bool `[batch, time]`: false marks time steps that do not count. */
  readonly mask?: Tensor | undefined;
}

/** Results of a call, each with its mask. */
export interface LayerResults {
  readonly outputs: readonly Tensor[];
  readonly masks: readonly (Tensor | undefined)[];
}

/** Options that every layer takes. */
export interface LayerOptions {
  /** Default: after the class, `dense`, `dense_1`, … */
  readonly name?: string;
  /** Whether optimizers change its weights. Default true. */
  readonly trainable?: boolean;
  /** dtype of the weights. Default float32. */
  readonly dtype?: DType;
  /** Shape of one sample (without the batch axis); on the first layer of a sequential model it builds the model at once. */
  readonly inputShape?: SymbolicShape;
}

/** Options of `addWeight`. */
export interface WeightOptions {
  /** Default `"glorotUniform"` for rank 2 and more, else `"zeros"`. */
  readonly initializer?: initializers.InitializerLike;
  /** Default true. */
  readonly trainable?: boolean;
  /** Default: the layer's. */
  readonly dtype?: DType;
}

/** A layer of any input. */
export type AnyLayer = Layer<LayerInput>;

/** The layer of a step of a functional model. */
export function layerOf(use: LayerUse): AnyLayer {
  return use.layer as AnyLayer;
}

/** A class that can be made from its configuration. */
export type LayerClass = new (config: Record<string, unknown>) => AnyLayer;

/**
 * A function of tensors with weights.
 *
 * A subclass writes `build(inputShape)`, which makes the weights with `addWeight`, and `call(x, context)`. Weights,
 * naming, output shapes and the configuration follow; layers kept in fields, arrays or records of fields are found.
 * A class with options takes them as one record and passes it to `super`.
 * @example
 * class Scale extends Layer {
 *   gain!: Variable;
 *   override build(shape: SymbolicShape) {
 *     this.gain = this.addWeight("gain", [shape.at(-1)!], { initializer: "ones" });
 *   }
 *   call(x: Tensor) {
 *     return mul(x, this.gain.value);
 *   }
 * }
 */
export abstract class Layer<I extends LayerInput = Tensor> {
  /** Name in configurations; the class's own name unless a class says otherwise. */
  static readonly className?: string;
  /** Names of the options that the class takes beside those of its base class; see `OptionNames`. */
  static readonly options?: OptionTable = {
    name: true,
    trainable: true,
    dtype: true,
    inputShape: true,
  } satisfies OptionNames<LayerOptions>;

  readonly name: string;
  readonly dtype: DType;
  /** Whether the weights exist. */
  built = false;
  /** Shapes it was built for; null stands for the batch. */
  builtShapes: readonly SymbolicShape[] | undefined;
  /** Whether a mask means something to it or passes through. */
  readonly supportsMasking: boolean = false;
  private isTrainable: boolean;
  private readonly ownWeights: Variable[] = [];
  private hasWarned = false;

  constructor(protected readonly config: LayerOptions = {}) {
    const className = classNameOf(this);
    this.name = config.name ?? automaticName(className);
    this.dtype = config.dtype ?? "float32";
    this.isTrainable = config.trainable ?? true;
    checkOptionNames(this.who, this, config);
    if (config.inputShape !== undefined) checkList(this.who, "axis lengths of a sample", config.inputShape);
    if (!isFloat(this.dtype)) {
      throw new DTypeError({ who: this.who, expected: "a float dtype", received: String(this.dtype) });
    }
  }

  /** Makes the weights; called once, before the first call. */
  build(_inputShape: SymbolicShape, ..._more: SymbolicShape[]): void {}

  /** The layer's function. Users call `run` or `apply`, which build first. */
  abstract call(x: I, context: CallContext): Tensor;

  /** The mask of the result; by default the one that came, where the layer supports masking. */
  computeMask(_x: I, mask: Tensor | undefined): Tensor | undefined {
    return this.supportsMasking ? mask : undefined;
  }

  /** `Dense "hidden"`, for errors. */
  get who(): string {
    return `${classNameOf(this)} "${this.name}"`;
  }

  /** What Node's `console.log` shows: `Dense "hidden" (100,480 parameters)`. */
  [inspect](): string {
    const count = this.countParams();
    const size = `${count.toLocaleString("en-US")} ${count === 1 ? "parameter" : "parameters"}`;
    return `${this.who} (${this.built ? size : "not built"})`;
  }

  // Use

  /**
   * The layer applied to tensors; makes the weights first where there are none.
   *
   * @example const y = layer.run(x, { training: true })
   */
  run(x: I, context: Partial<CallContext> = {}): Tensor {
    this.ensureBuilt(shapesOf(this.who, x));
    return this.call(x, { training: false, ...context });
  }

  /**
   * The layer applied to symbolic tensors: the step of a functional model.
   *
   * @example const y = layers.dense(10).apply(x)
   */
  apply(x: SymbolicInput): SymbolicTensor {
    return this.use(x).outputs[0]!;
  }

  /** The same with all results, of which a model can have several. */
  use(x: SymbolicInput): LayerUse {
    const inputs = symbolicLeaves(this.who, x);
    this.ensureBuilt(inputs.map((input) => input.shape));
    const outputs = this.inferOutputs(x);
    const use: LayerUse = { layer: this, arguments: x, inputs, outputs };
    for (const output of outputs) output.use = use;
    return use;
  }

  /** All results with their masks; what models call. One result unless the layer is a model. */
  runAll(x: I, context: CallContext): LayerResults {
    const output = this.run(x, context);
    const mask = this.computeMask(x, context.mask);
    if (context.mask && !this.supportsMasking && !mask && !this.hasWarned) {
      this.hasWarned = true;
      console.warn(`[${this.who}] received a mask, but does not support masking: the mask ends here.`);
    }
    return { outputs: [output], masks: [mask] };
  }

  /** Shape of the result for inputs of a shape; null stands for lengths that are not known. */
  computeOutputShape(inputShape: SymbolicShape, ...more: SymbolicShape[]): SymbolicShape {
    const shapes = [inputShape, ...more];
    this.ensureBuilt(shapes);
    const inputs = shapes.map((shape) => new SymbolicTensor(shape, "float32", "input"));
    return this.inferOutputs(inputs.length === 1 ? inputs[0]! : inputs)[0]!.shape;
  }

  /** Symbolic results for symbolic inputs. */
  protected inferOutputs(x: SymbolicInput): SymbolicTensor[] {
    const types = inferTypes(x, (input) => this.runAll(input as I, { training: false }).outputs);
    return types.map(({ shape, dtype }) => new SymbolicTensor(shape, dtype, this.name));
  }

  /** Makes the weights for inputs of these shapes, once. */
  ensureBuilt(shapes: readonly SymbolicShape[]): void {
    if (this.built) return;
    const [first, ...more] = shapes;
    this.build(first ?? [], ...more);
    this.builtShapes = shapes;
    this.built = true;
  }

  // Weights

  /**
   * A weight of the layer; optimizers change it, files keep it. Named `<layer>/<name>`; the first value is a function
   * of the seed and this name.
   *
   * @throws {ShapeError} where a length is no integer ≥ 0
   */
  addWeight(name: string, shape: Shape, options: WeightOptions = {}): Variable {
    const path = `${this.name}/${name}`;
    if (shape.some((length) => length === null || length === undefined)) {
      throw new ShapeError({
        who: this.who,
        expected: `known lengths for the weight "${name}"`,
        received: formatShape(shape.map((length) => length ?? null)),
        fix: "Give the length of that axis in the shape of the input.",
      });
    }
    checkShape(path, shape);
    const dtype = options.dtype ?? this.dtype;
    const initializer = initializers.get(
      options.initializer ?? (shape.length > 1 ? "glorotUniform" : "zeros"),
    );
    const initial = initializer.call(shape, dtype, keyFor(path));
    const weight = new Variable(initial, { name: path, trainable: options.trainable ?? true });
    this.ownWeights.push(weight);
    return weight;
  }

  get trainable(): boolean {
    return this.isTrainable;
  }

  /** Freezes or unfreezes the layer and the layers inside. Compile again before training goes on. */
  set trainable(value: boolean) {
    this.isTrainable = value;
    for (const layer of this.sublayers) layer.trainable = value;
  }

  /** Layers in fields, and in arrays and records of fields, in their order. */
  get sublayers(): AnyLayer[] {
    return unique([...this.namedSublayers().values()]);
  }

  /**
   * The layers inside by their place: the field's name, with `/` and a name after the class for those in arrays and
   * records. Files keep weights by these places, which do not depend on the names of layers.
   */
  namedSublayers(): Map<string, AnyLayer> {
    const places = new Map<string, AnyLayer>();
    const seen = new Set<AnyLayer>();
    for (const [field, value] of Object.entries(this)) {
      if (field === "config") continue;
      if (value instanceof Layer) {
        if (!seen.has(value)) places.set(field, value);
        seen.add(value);
        continue;
      }
      const inside = Array.isArray(value) || isPlainRecord(value) ? Object.values(value) : [];
      const found = inside.filter((item): item is AnyLayer => item instanceof Layer && !seen.has(item));
      for (const layer of found) seen.add(layer);
      for (const [name, layer] of placesAfterClass(found)) places.set(`${field}/${name}`, layer);
    }
    return places;
  }

  /** Variables of this layer alone: trainable ones first. */
  get ownVariables(): Variable[] {
    const isVariable = (value: unknown): value is Variable => value instanceof Variable;
    const inFields = Object.values(this).flatMap((value: unknown) => {
      if (isVariable(value)) return [value];
      return Array.isArray(value) || isPlainRecord(value) ? Object.values(value).filter(isVariable) : [];
    });
    const all = unique([...this.ownWeights, ...inFields]);
    return [...all.filter((v) => v.trainable), ...all.filter((v) => !v.trainable)];
  }

  /** Where files keep the layer's own variables, below its place. */
  get variableFolder(): string {
    return "vars";
  }

  /** All weights: those of this layer, then those of the layers inside. */
  get weights(): Variable[] {
    return unique([...this.ownVariables, ...this.sublayers.flatMap((layer) => layer.weights)]);
  }

  /** The weights that optimizers change; none where the layer is frozen. */
  get trainableWeights(): Variable[] {
    if (!this.isTrainable) return [];
    return unique([
      ...this.ownVariables.filter((v) => v.trainable),
      ...this.sublayers.flatMap((layer) => layer.trainableWeights),
    ]);
  }

  get nonTrainableWeights(): Variable[] {
    const trainable = new Set(this.trainableWeights);
    return this.weights.filter((v) => !trainable.has(v));
  }

  /** Number of elements of all weights, counters aside. */
  countParams(): number {
    return this.weights.filter(isParameter).reduce((sum, v) => sum + sizeOf(v.shape), 0);
  }

  // Configuration

  /** The options the layer was made with, as JSON: `new Class(config)` makes an equal layer with other weights. */
  getConfig(): Record<string, unknown> {
    const options = Object.entries(this.config)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, toConfigValue(this.who, value)]);
    return {
      ...Object.fromEntries(options),
      name: this.name,
      trainable: this.trainable,
      dtype: this.dtype,
    };
  }

  // Checks for subclasses

  /** Throws where an input does not have these axes. */
  protected expectRank(shape: SymbolicShape, axes: readonly string[], fix?: string): void {
    if (shape.length === axes.length) return;
    throw new ShapeError({
      who: this.who,
      expected: `input of rank ${axes.length} [${axes.join(", ")}]`,
      received: `shape ${formatShape(shape)}`,
      ...(fix ? { fix } : {}),
    });
  }

  /** Throws where an axis does not have the length the weights were made for. */
  protected expectLength(shape: SymbolicShape, axis: number, length: number): void {
    if (shape.at(axis) === length) return;
    throw new ShapeError({
      who: this.who,
      expected: `input with ${length} elements on axis ${axis}, as the weights were built for`,
      received: `shape ${formatShape(shape)}`,
      fix: "Feed what the layer was built for, or make a new layer.",
    });
  }

  /** Throws where an option is no positive integer. */
  protected expectPositive(name: string, value: unknown): void {
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return;
    throw new ConfigError({
      who: this.who,
      expected: `${name} to be a positive integer`,
      received: String(value),
    });
  }
}

/** Names after the class, numbered, as Keras's files call the layers of a model: `dense`, `dense_1`, … */
export function placesAfterClass(layers: readonly AnyLayer[]): Map<string, AnyLayer> {
  const places = new Map<string, AnyLayer>();
  const taken = new Map<string, number>();
  for (const layer of layers) {
    const name = snakeCase(classNameOf(layer));
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    places.set(count === 0 ? name : `${name}_${count}`, layer);
  }
  return places;
}

/** Counters and states of random generators are weights to a file, but no parameters to a reader. */
export function isParameter(variable: Variable): boolean {
  return isFloat(variable.dtype);
}

function shapesOf(who: string, x: LayerInput): SymbolicShape[] {
  const isLeaf = (value: unknown): value is unknown =>
    isTensor(value) || isSymbolic(value) || typeof value !== "object" || ArrayBuffer.isView(value);
  return flatten<unknown>(x as Tree<unknown>, isLeaf).leaves.map((leaf) => {
    if (isTensor(leaf)) return shapeOf(leaf);
    throw new ConfigError({
      who,
      expected: "tensors",
      received: isSymbolic(leaf) ? "a symbolic tensor" : ArrayBuffer.isView(leaf) ? "an array" : typeof leaf,
      fix: isSymbolic(leaf) ? "On symbolic tensors use layer.apply(x)." : "Wrap data: tensor(…).",
    });
  });
}

/** The batch axis of a batch is not part of what a layer is built for. */
function shapeOf({ shape, extent }: Tensor): SymbolicShape {
  const batch = extent ? extent.axis : shape.length > 1 ? 0 : -1;
  return shape.map((length, axis) => (axis === batch ? null : length));
}

function isPlainRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
