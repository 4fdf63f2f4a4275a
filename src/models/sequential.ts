import { ConfigError, ShapeError } from "../base/errors.js";
import { serialize } from "../base/lookup.js";
import { formatShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { isTensor } from "../graph/tensor.js";
import {
  type AnyLayer,
  type CallContext,
  Layer,
  type LayerInput,
  type LayerOptions,
  type LayerResults,
  type SymbolicShape,
  SymbolicTensor,
} from "../layers/index.js";
import { checkSampleShape } from "../layers/input.js";
import { inferTypes } from "../layers/symbolic.js";
import { cast } from "../ops/index.js";
import { layerPlaces, Model } from "./model.js";
import type { SummaryRow } from "./summary.js";

/** Layers one after the other. Where the first one states its input shape, the weights are made at once. */
export class Sequential extends Model {
  static override readonly className = "Sequential";
  static override readonly options = {};
  override readonly supportsMasking = true;
  private readonly stack: AnyLayer[] = [];
  /** The symbolic input the model begins with, if it does. */
  private input: SymbolicTensor | undefined;
  private layerShapes: SymbolicShape[] = [];

  constructor(entries: readonly (AnyLayer | SymbolicTensor)[] = [], options: LayerOptions = {}) {
    super(options);
    const [first, ...rest] = entries;
    if (first instanceof SymbolicTensor) {
      this.input = first;
      this.append(rest);
    } else {
      this.append(entries);
    }
    this.buildFromStatedShape();
  }

  /** Adds a layer at the end. @throws {ConfigError} where its name is taken */
  add(layer: AnyLayer): void {
    const shapes = this.builtShapes;
    this.append([layer]);
    this.built = false;
    if (shapes) this.ensureBuilt(shapes);
    else this.buildFromStatedShape();
  }

  override get layers(): readonly AnyLayer[] {
    return this.stack;
  }

  override namedSublayers(): Map<string, AnyLayer> {
    return layerPlaces(this.stack);
  }

  override get inputNames(): readonly string[] {
    return [this.input?.name ?? "input"];
  }

  override get outputNames(): readonly string[] {
    return [this.stack.at(-1)?.name ?? "output"];
  }

  override build(shape: SymbolicShape): void {
    if (this.stack.length === 0) {
      throw new ConfigError({ who: this.who, expected: "at least one layer", received: "none" });
    }
    this.layerShapes = [];
    let current = new SymbolicTensor(shape, this.input?.dtype ?? "float32", "input");
    for (const layer of this.stack) {
      layer.ensureBuilt([current.shape]);
      const types = inferTypes(current, (x) => layer.runAll(x, { training: false }).outputs);
      if (types.length !== 1) {
        throw new ConfigError({
          who: this.who,
          expected: "layers with one output",
          received: `${types.length} outputs of "${layer.name}"`,
          fix: "Use functional({ inputs, outputs }).",
        });
      }
      current = new SymbolicTensor(types[0]!.shape, types[0]!.dtype, layer.name);
      this.layerShapes.push(current.shape);
    }
    this.outputShapes = [current.shape];
  }

  call(x: LayerInput, context: CallContext): Tensor {
    return this.runAll(x, context).outputs[0]!;
  }

  override runAll(x: LayerInput, context: CallContext): LayerResults {
    if (!isTensor(x)) {
      const [only, ...more] = Object.values(x) as Tensor[];
      if (only && more.length === 0) return this.runAll(only, context);
      throw new ConfigError({
        who: this.who,
        expected: "one tensor",
        received: `${more.length + 1}`,
        fix: "Use functional({ inputs, outputs }) for several inputs.",
      });
    }
    this.ensureBuilt([[null, ...x.shape.slice(1)]]);
    this.checkShape(x);
    let value = this.input ? cast(x, this.input.dtype) : x;
    let mask = context.mask;
    for (const layer of this.stack) {
      const { outputs, masks } = layer.runAll(value, { training: context.training, mask });
      value = outputs[0]!;
      mask = masks[0];
    }
    return { outputs: [value], masks: [mask] };
  }

  /** Rows of the summary. */
  summaryRows(): readonly SummaryRow[] {
    return this.stack.map((layer, i) => ({ layer, outputShape: this.layerShapes[i] }));
  }

  override getConfig(): Record<string, unknown> {
    const { name, trainable, dtype } = super.getConfig();
    const input = this.input && {
      shape: this.input.shape.slice(1),
      dtype: this.input.dtype,
      name: this.input.name,
    };
    return { name, trainable, dtype, ...(input ? { input } : {}), layers: this.stack.map(serialize) };
  }

  private append(layers: readonly (AnyLayer | SymbolicTensor)[]): void {
    for (const [i, layer] of layers.entries()) {
      if (!(layer instanceof Layer)) {
        throw new ConfigError({
          who: this.who,
          expected: `a layer at position ${this.stack.length}`,
          received:
            layer instanceof SymbolicTensor
              ? "a symbolic tensor"
              : layer === undefined
                ? "undefined"
                : typeof layer,
          fix: layer instanceof SymbolicTensor ? "An input stands first." : `Check entry ${i} of the list.`,
        });
      }
      if (this.stack.includes(layer)) {
        throw new ConfigError({
          who: this.who,
          expected: "each layer once",
          received: `"${layer.name}" a second time`,
          fix: "To share a layer's weights, use functional({ inputs, outputs }).",
        });
      }
      const twin = this.stack.find((other) => other.name === layer.name);
      if (twin) {
        throw new ConfigError({
          who: this.who,
          expected: "layers with names that differ",
          received: `"${layer.name}" twice`,
          fix: "Give one of them another { name }.",
        });
      }
      this.stack.push(layer);
    }
  }

  /** The shape that an input or the first layer states. */
  private buildFromStatedShape(): void {
    const [first] = this.stack;
    if (!first) return;
    const stated =
      this.input?.shape ??
      statedShape(first) ??
      (first instanceof Model ? first.inputShapes?.[0] : undefined);
    if (stated) this.ensureBuilt([stated]);
  }

  private checkShape(x: Tensor): void {
    const expected = this.builtShapes![0]!;
    const fits =
      x.rank === expected.length &&
      expected.every((length, axis) => axis === 0 || length === null || length === x.shape[axis]);
    if (fits) return;
    throw new ShapeError({
      who: this.who,
      expected: `input of shape ${formatShape(expected)}`,
      received: formatShape(x.shape),
      fix:
        x.rank === expected.length - 1
          ? "Add the missing axis with expandDims(x, -1), or the batch axis with expandDims(x, 0)."
          : "Feed what the model was built for.",
    });
  }
}

/** The input shape a layer states in its options, with the batch axis. */
function statedShape(layer: AnyLayer): SymbolicShape | undefined {
  const { inputShape } = layer.getConfig() as { inputShape?: SymbolicShape | null };
  if (!inputShape) return undefined;
  checkSampleShape(layer.who, inputShape);
  return [null, ...inputShape];
}

/**
 * A model of layers one after the other.
 *
 * @throws {ConfigError} for entries that are no layers, or names that repeat
 * @example
 * const model = sequential([
 *   layers.flatten({ inputShape: [28, 28] }),
 *   layers.dense(128, { activation: "relu" }),
 *   layers.dense(10),
 * ]);
 */
export function sequential(
  entries: readonly (AnyLayer | SymbolicTensor)[] = [],
  options: LayerOptions = {},
): Sequential {
  return new Sequential(entries, options);
}
