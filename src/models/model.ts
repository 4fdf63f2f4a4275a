import type { DType } from "../base/dtype.js";
import { ConfigError, unknownName } from "../base/errors.js";
import type { Tensor } from "../graph/tensor.js";
import {
  type AnyLayer,
  type CallContext,
  Layer,
  type LayerInput,
  type SymbolicInput,
  type SymbolicShape,
  SymbolicTensor,
} from "../layers/index.js";
import { placesAfterClass } from "../layers/layer.js";
import { inferTypes } from "../layers/symbolic.js";
import { type Compiled, type CompileOptions, resolveCompile } from "./compile.js";
import { type SummaryOptions, summarize } from "./summary.js";

/**
 * A layer that can be trained, evaluated, saved and used for prediction.
 *
 * `sequential` and `functional` make models from layers. A subclass that writes `call` is a model too, with one input
 * and one output unless it names others.
 * @example
 * class Autoencoder extends Model {
 *   encoder = layers.dense(8, { activation: "relu" });
 *   decoder = layers.dense(784);
 *   call(x: Tensor, context: CallContext) {
 *     return this.decoder.run(this.encoder.run(x, context), context);
 *   }
 * }
 */
export abstract class Model<O extends string = string, I extends string = string> extends Layer<LayerInput> {
  /** Names of the inputs, in the order `forward` takes them. */
  get inputNames(): readonly I[] {
    return ["input" as I];
  }

  /** Names of the outputs, in the order `forward` gives them. */
  get outputNames(): readonly O[] {
    return ["output" as O];
  }

  /** Whether the outputs were given as a record: then `predict` returns one. */
  readonly hasNamedOutputs: boolean = false;

  /** Shapes of the inputs, the batch null; undefined until the model knows them. */
  get inputShapes(): readonly SymbolicShape[] | undefined {
    return this.builtShapes;
  }

  /** Shapes of the outputs, the batch null; undefined until the model knows them. */
  outputShapes: readonly SymbolicShape[] | undefined;

  /** Optimizer, losses and metrics; undefined before `compile`. */
  compiled: Compiled | undefined;

  /** What `compile` was given; files keep it. */
  compileOptions: CompileOptions | undefined;

  /** The layers in order. */
  get layers(): readonly AnyLayer[] {
    return this.sublayers;
  }

  /** The outputs for inputs, both in the order of their names; makes the weights first where there are none. */
  forward(inputs: readonly Tensor[], context: CallContext): readonly Tensor[] {
    return this.runAll(inputs.length === 1 ? inputs[0]! : inputs, context).outputs;
  }

  /** dtypes of the inputs it was built for, where they were told. */
  inputDTypes: readonly DType[] | undefined;

  /** Makes the weights for inputs of these shapes (the batch null), in the order of `inputNames`. */
  buildFor(inputShapes: readonly SymbolicShape[], dtypes?: readonly DType[]): void {
    if (this.built) return;
    this.inputDTypes = dtypes;
    this.ensureBuilt(inputShapes);
  }

  /** Runs the model once on placeholders, which builds the layers inside. */
  override build(...shapes: SymbolicShape[]): void {
    const inputs = shapes.map(
      (shape, i) => new SymbolicTensor(shape, this.inputDTypes?.[i] ?? "float32", "input"),
    );
    const types = inferTypes(inputs.length === 1 ? inputs[0]! : inputs, (x) => [
      this.call(x, { training: false }),
    ]);
    this.outputShapes = types.map(({ shape }) => shape);
  }

  /**
   * Chooses how the model is trained and judged.
   *
   * @throws {ConfigError} for unknown names, with the nearest one, and for counts that do not fit the outputs
   * @example model.compile({ optimizer: "adam", loss: "meanSquaredError", metrics: ["meanAbsoluteError"] })
   */
  compile(options: CompileOptions<O>): void {
    this.compiled = resolveCompile(options, this.outputNames);
    this.compileOptions = options;
  }

  /**
   * A table of the layers with output shapes and numbers of parameters; printed and returned.
   *
   * @throws {ConfigError} where the model is not built yet
   * @example model.summary()
   */
  summary(options: SummaryOptions = {}): string {
    return summarize(this, options);
  }

  /** Layer by name. @throws {ConfigError} where there is none, with the nearest name */
  getLayer(name: string): AnyLayer {
    const found = this.layers.find((layer) => layer.name === name);
    if (found) return found;
    throw unknownName(
      this.who,
      "a layer",
      String(name),
      this.layers.map((layer) => layer.name),
    );
  }

  override apply(x: SymbolicInput): SymbolicTensor {
    if (this.outputNames.length > 1) {
      throw new ConfigError({
        who: this.who,
        expected: "a model with one output",
        received: `outputs ${this.outputNames.join(", ")}`,
        fix: "Use model.applyAll(x), which returns them by name.",
      });
    }
    return super.apply(x);
  }

  /** The model applied to symbolic tensors; its outputs by name. */
  applyAll(x: SymbolicInput): Readonly<Record<O, SymbolicTensor>> {
    const { outputs } = this.use(x);
    return Object.fromEntries(this.outputNames.map((name, i) => [name, outputs[i]!])) as Record<
      O,
      SymbolicTensor
    >;
  }
}

/** Places of a model's layers in files: `layers/dense`, `layers/dense_1`, … */
export function layerPlaces(layers: readonly AnyLayer[]): Map<string, AnyLayer> {
  return new Map([...placesAfterClass(layers)].map(([place, layer]) => [`layers/${place}`, layer]));
}
