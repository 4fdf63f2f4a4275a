import { ConfigError, ShapeError } from "../base/errors.js";
import { type Serialized, serialize } from "../base/lookup.js";
import { formatShape } from "../base/shape.js";
import { mapTree, type Tree } from "../base/tree.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import type {
  AnyLayer,
  CallContext,
  LayerInput,
  LayerOptions,
  LayerResults,
  SymbolicInput,
  SymbolicShape,
  SymbolicTensor,
} from "../layers/index.js";
import { layerOf } from "../layers/layer.js";
import { fill, isSymbolic, type LayerUse } from "../layers/symbolic.js";
import { cast, logicalAnd } from "../ops/index.js";
import { layerPlaces, Model } from "./model.js";
import type { SummaryRow } from "./summary.js";

/** Options of `functional` beside the ends. */
export type FunctionalOptions = Pick<LayerOptions, "name" | "trainable">;

/** Symbolic tensors by name, in order, or a single one. */
export type Ends<N extends string = string> = UnnamedEnds | NamedEnds<N>;
type UnnamedEnds = SymbolicTensor | readonly SymbolicTensor[];
type NamedEnds<N extends string> = { readonly [name in N]: SymbolicTensor };

/** Where a result comes from in a configuration: the number of a use and of its output; −1 − i is input i. */
type Reference = readonly [use: number, output: number];

/** A functional model's graph as JSON. */
export interface GraphConfig {
  readonly inputs: readonly { name: string; tensor: string; shape: SymbolicShape; dtype: string }[];
  readonly layers: readonly Serialized[];
  readonly uses: readonly { layer: number; arguments: unknown }[];
  readonly outputs: readonly { name: string; from: Reference }[];
  readonly namedOutputs: boolean;
}

/** A model whose layers form a graph: several inputs and outputs, shared layers, branches. */
export class Functional<O extends string = string, I extends string = string> extends Model<O, I> {
  static override readonly className = "Functional";
  static override readonly options = {};
  override readonly supportsMasking = true;
  override readonly hasNamedOutputs: boolean;
  private readonly graph: Graph<O, I>;

  constructor(
    inputs: Ends<I>,
    outputs: Ends<O>,
    options: LayerOptions = {},
    hasNamedOutputs = !isSymbolic(outputs) && !Array.isArray(outputs),
  ) {
    super(options);
    this.hasNamedOutputs = hasNamedOutputs;
    this.graph = new Graph(
      this.who,
      namedEnds(this.who, "inputs", inputs),
      namedEnds(this.who, "outputs", outputs),
    );
    this.outputShapes = this.graph.outputs.map(({ tensor }) => tensor.shape);
    this.ensureBuilt(this.graph.inputs.map(({ tensor }) => tensor.shape));
  }

  override get layers(): readonly AnyLayer[] {
    return this.graph.layers;
  }

  override namedSublayers(): Map<string, AnyLayer> {
    return layerPlaces(this.graph.layers);
  }

  override get inputNames(): readonly I[] {
    return this.graph.inputs.map(({ name }) => name);
  }

  override get outputNames(): readonly O[] {
    return this.graph.outputs.map(({ name }) => name as O);
  }

  /** The layers are built already, by being applied. */
  override build(): void {}

  call(x: LayerInput, context: CallContext): Tensor {
    return this.runAll(x, context).outputs[0]!;
  }

  override runAll(x: LayerInput, context: CallContext): LayerResults {
    const values = new Map<SymbolicTensor, Tensor>();
    const masks = new Map<SymbolicTensor, Tensor | undefined>();
    this.arguments(x).forEach((value, i) => {
      const { tensor, name } = this.graph.inputs[i]!;
      this.checkShape(name, tensor.shape, value);
      values.set(tensor, cast(value, tensor.dtype));
      if (i === 0 && context.mask) masks.set(tensor, context.mask);
    });
    for (const use of this.graph.uses) {
      const mask = commonMask(use.inputs.map((input) => masks.get(input)));
      const results = layerOf(use).runAll(
        fill(use.arguments, (symbolic) => values.get(symbolic)!),
        { training: context.training, mask },
      );
      use.outputs.forEach((output, i) => {
        values.set(output, results.outputs[i]!);
        masks.set(output, results.masks[i]);
      });
    }
    const ends = this.graph.outputs.map(({ tensor }) => tensor);
    return { outputs: ends.map((t) => values.get(t)!), masks: ends.map((t) => masks.get(t)) };
  }

  /** Rows of the summary: inputs, then each layer with where its inputs come from. */
  summaryRows(): readonly SummaryRow[] {
    return this.graph.layers.map((layer) => {
      const uses = this.graph.uses.filter((use) => use.layer === layer);
      const from = uses.flatMap((use) => use.inputs.map((input) => input.name));
      return { layer, outputShape: uses[0]!.outputs[0]!.shape, from };
    });
  }

  override getConfig(): Record<string, unknown> {
    const { name, trainable, dtype } = super.getConfig();
    return { name, trainable, dtype, ...this.graph.config(), namedOutputs: this.hasNamedOutputs };
  }

  /** Tensors in the order of the inputs, from one, a list or a record by name. */
  private arguments(x: LayerInput): readonly Tensor[] {
    const names: readonly string[] = this.inputNames;
    const given = isTensor(x) ? [x] : Array.isArray(x) ? (x as readonly Tensor[]) : undefined;
    if (given) {
      if (given.length === names.length) return given;
      throw new ConfigError({
        who: this.who,
        expected: `${names.length} inputs (${names.join(", ")})`,
        received: String(given.length),
      });
    }
    const record = x as Readonly<Record<string, Tensor>>;
    const missing = names.filter((name) => !(name in record));
    const extra = Object.keys(record).filter((name) => !names.includes(name));
    if (missing.length === 0 && extra.length === 0) return names.map((name) => record[name]!);
    throw new ConfigError({
      who: this.who,
      expected: `inputs named ${names.join(", ")}`,
      received: [...missing.map((n) => `no "${n}"`), ...extra.map((n) => `an unknown "${n}"`)].join(", "),
    });
  }

  private checkShape(name: string, shape: SymbolicShape, value: Tensor): void {
    const fits =
      value.rank === shape.length &&
      shape.every((length, axis) => axis === 0 || length === null || length === value.shape[axis]);
    if (fits) return;
    throw new ShapeError({
      who: this.who,
      expected: `input "${name}" of shape ${formatShape(shape)}`,
      received: formatShape(value.shape),
      fix:
        value.rank === shape.length - 1
          ? "Add the missing axis with expandDims(x, -1), or the batch axis with expandDims(x, 0)."
          : "Feed what the model was built for.",
    });
  }
}

interface NamedEnd<N extends string = string> {
  readonly name: N;
  readonly tensor: SymbolicTensor;
}

/** The uses of layers between inputs and outputs, each after those it depends on. */
class Graph<O extends string, I extends string> {
  readonly uses: readonly LayerUse[];
  readonly layers: readonly AnyLayer[];

  constructor(
    who: string,
    readonly inputs: readonly NamedEnd<I>[],
    readonly outputs: readonly NamedEnd<O>[],
  ) {
    this.uses = orderedUses(who, inputs, outputs);
    this.layers = layersByDepth(this.uses, inputs, outputs);
    const names = new Set<string>();
    for (const layer of this.layers) {
      if (names.has(layer.name)) {
        throw new ConfigError({
          who,
          expected: "layers with names that differ",
          received: `"${layer.name}" twice`,
          fix: "Give one of them another { name }.",
        });
      }
      names.add(layer.name);
    }
    const used = new Set([...this.uses.flatMap((use) => use.inputs), ...outputs.map(({ tensor }) => tensor)]);
    const idle = inputs.find(({ tensor }) => !used.has(tensor));
    if (idle) {
      throw new ConfigError({
        who,
        expected: "inputs that lead to an output",
        received: `"${idle.name}", which no output depends on`,
        fix: "Leave it out, or connect it.",
      });
    }
  }

  config(): Omit<GraphConfig, "namedOutputs"> {
    const references = new Map<SymbolicTensor, Reference>();
    this.inputs.forEach(({ tensor }, i) => {
      references.set(tensor, [-1 - i, 0]);
    });
    this.uses.forEach((use, number) => {
      use.outputs.forEach((output, i) => {
        if (!references.has(output)) references.set(output, [number, i]);
      });
    });
    const refer = (tree: SymbolicInput) =>
      mapTree<SymbolicTensor, unknown>(tree as Tree<SymbolicTensor>, isSymbolic, (t) => ({
        from: references.get(t)!,
        shape: t.shape,
        dtype: t.dtype,
      }));
    return {
      inputs: this.inputs.map(({ name, tensor }) => ({
        name,
        tensor: tensor.name,
        shape: tensor.shape,
        dtype: tensor.dtype,
      })),
      layers: this.layers.map(serialize),
      uses: this.uses.map((use) => ({
        layer: this.layers.indexOf(layerOf(use)),
        arguments: refer(use.arguments),
      })),
      outputs: this.outputs.map(({ name, tensor }) => ({ name, from: references.get(tensor)! })),
    };
  }
}

/** Depth first from the outputs back to the inputs, without recursion. */
function orderedUses(who: string, inputs: readonly NamedEnd[], outputs: readonly NamedEnd[]): LayerUse[] {
  const starts = new Set(inputs.map(({ tensor }) => tensor));
  const done = new Set<LayerUse>();
  const order: LayerUse[] = [];
  for (const { name, tensor } of outputs) {
    const stack: { tensor: SymbolicTensor; expanded: boolean }[] = [{ tensor, expanded: false }];
    while (stack.length > 0) {
      const { tensor: current, expanded } = stack.pop()!;
      if (starts.has(current)) continue;
      const { use } = current;
      if (!use) {
        throw new ConfigError({
          who,
          expected: `outputs that depend on the inputs ${inputs.map((end) => end.name).join(", ")} only`,
          received: `output "${name}", which also needs the input "${current.name}"`,
          fix: "The graph is disconnected: add that input to { inputs }.",
        });
      }
      if (done.has(use)) continue;
      if (expanded) {
        done.add(use);
        order.push(use);
        continue;
      }
      stack.push({ tensor: current, expanded: true });
      for (const input of [...use.inputs].reverse()) stack.push({ tensor: input, expanded: false });
    }
  }
  return order;
}

/**
 * The layers in the order of Keras's functional models, in which files count them: those farthest from the outputs
 * first; at equal depth, as a walk from the outputs back meets them.
 */
function layersByDepth(
  uses: readonly LayerUse[],
  inputs: readonly NamedEnd[],
  outputs: readonly NamedEnd[],
): AnyLayer[] {
  const starts = new Set(inputs.map(({ tensor }) => tensor));
  const met = new Map<AnyLayer, number>();
  const seen = new Set<LayerUse>();
  const stack = outputs.map(({ tensor }) => tensor).reverse();
  while (stack.length > 0) {
    const tensor = stack.pop()!;
    const { use } = tensor;
    if (!use || starts.has(tensor) || seen.has(use)) continue;
    seen.add(use);
    if (!met.has(layerOf(use))) met.set(layerOf(use), met.size);
    stack.push(...[...use.inputs].reverse());
  }
  const useDepth = new Map<LayerUse, number>();
  const layerDepth = new Map<AnyLayer, number>();
  for (const use of [...uses].reverse()) {
    const layer = layerOf(use);
    const depth = Math.max(useDepth.get(use) ?? 0, layerDepth.get(layer) ?? 0);
    layerDepth.set(layer, depth);
    for (const input of use.inputs) {
      if (!input.use || starts.has(input)) continue;
      useDepth.set(input.use, Math.max(depth + 1, useDepth.get(input.use) ?? 0));
    }
  }
  return [...layerDepth.keys()].sort(
    (a, b) => layerDepth.get(b)! - layerDepth.get(a)! || met.get(a)! - met.get(b)!,
  );
}

/** Names and tensors of one end of the graph, checked. */
function namedEnds<N extends string>(who: string, what: string, ends: Ends<N>): NamedEnd<N>[] {
  const list: NamedEnd<N>[] = isSymbolic(ends)
    ? [{ name: endName(ends) as N, tensor: ends }]
    : Array.isArray(ends)
      ? uniqueNames(ends as readonly SymbolicTensor[]).map(({ name, tensor }) => ({
          name: name as N,
          tensor,
        }))
      : Object.entries<SymbolicTensor>(ends ?? {}).map(([name, tensor]) => ({ name: name as N, tensor }));
  if (list.length === 0) {
    throw new ConfigError({ who, expected: `at least one symbolic tensor as ${what}`, received: "none" });
  }
  const seen = new Set<SymbolicTensor>();
  for (const { tensor } of list) {
    if (!isSymbolic(tensor)) {
      throw new ConfigError({
        who,
        expected: `symbolic tensors as ${what}`,
        received: isTensor(tensor) ? "a tensor with values" : tensor === null ? "null" : typeof tensor,
        fix: "Start with const x = layers.input({ shape: […] }) and apply layers to it.",
      });
    }
    if (what === "inputs" && seen.has(tensor)) {
      throw new ConfigError({
        who,
        expected: "each input once",
        received: `"${tensor.name}" twice`,
        fix: "A layer may take it several times; the model names it once.",
      });
    }
    seen.add(tensor);
  }
  return list;
}

function endName(tensor: SymbolicTensor): string {
  return isSymbolic(tensor) ? tensor.name : "?";
}

/** Names after the tensors; where two are equal (outputs of a shared layer) numbers are added. */
function uniqueNames(tensors: readonly SymbolicTensor[]): NamedEnd[] {
  const taken = new Map<string, number>();
  return tensors.map((tensor) => {
    const name = endName(tensor);
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    return { name: count === 0 ? name : `${name}_${count}`, tensor };
  });
}

/** The mask of a layer with several inputs: where all that have one agree. */
function commonMask(masks: readonly (Tensor | undefined)[]): Tensor | undefined {
  const present = [...new Set(masks.filter((mask) => mask !== undefined))];
  return present.length === 0 ? undefined : present.reduce((a, b) => logicalAnd(a, b));
}

/**
 * A model from a graph of layers: everything between the inputs and the outputs. Ends are single tensors, lists, or
 * records whose keys name them; `compile` takes losses by the names of the outputs.
 *
 * @throws {ConfigError} for an input named twice or leading nowhere, a graph that needs other inputs, or layers of
 *   equal names
 * @example
 * const image = layers.input({ shape: [28, 28] });
 * const features = layers.dense(64, { activation: "relu" }).apply(layers.flatten().apply(image));
 * const model = functional({
 *   inputs: { image },
 *   outputs: { digit: layers.dense(10).apply(features), isEven: layers.dense(1).apply(features) },
 * });
 */
export function functional<O extends string, I extends string>(
  options: FunctionalOptions & { readonly inputs: NamedEnds<I>; readonly outputs: NamedEnds<O> },
): Functional<O, I>;
export function functional<O extends string>(
  options: FunctionalOptions & { readonly inputs: UnnamedEnds; readonly outputs: NamedEnds<O> },
): Functional<O>;
export function functional<I extends string>(
  options: FunctionalOptions & { readonly inputs: NamedEnds<I>; readonly outputs: UnnamedEnds },
): Functional<string, I>;
export function functional(
  options: FunctionalOptions & { readonly inputs: Ends; readonly outputs: Ends },
): Functional;
export function functional(
  options: FunctionalOptions & { readonly inputs: Ends; readonly outputs: Ends },
): Functional {
  for (const end of ["inputs", "outputs"] as const) {
    if (options?.[end] !== undefined && options[end] !== null) continue;
    throw new ConfigError({
      who: "functional",
      expected: `${end}: a symbolic tensor, or several in a list or record`,
      received: options ? `no ${end}` : "no options",
      fix: "For example functional({ inputs: x, outputs: layers.dense(10).apply(x) }).",
    });
  }
  const { inputs, outputs, ...rest } = options;
  return new Functional(inputs, outputs, rest);
}
