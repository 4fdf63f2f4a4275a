import type { DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { customObject, type Serialized } from "../base/lookup.js";
import { mapTree, type Tree } from "../base/tree.js";
import { layerFromConfig } from "../layers/fromConfig.js";
import { type AnyLayer, type SymbolicInput, SymbolicTensor } from "../layers/index.js";
import { Functional, type GraphConfig } from "./functional.js";
import { Model } from "./model.js";
import { Sequential } from "./sequential.js";

interface Named {
  readonly name?: string;
  readonly trainable?: boolean;
}

type InputConfig = {
  readonly shape: readonly (number | null)[];
  readonly dtype: DType;
  readonly name: string;
};

/**
 * A new layer or model from its configuration, with weights of its own.
 *
 * @throws {ConfigError} for a class that is neither built in nor among the custom objects
 * @example fromConfig({ className: "Dense", config: { units: 10 } }).run(zeros([4, 3])).shape // [4, 10]
 */
export function fromConfig(serialized: Serialized): AnyLayer {
  const { className } = serialized;
  if (customObject(className) === undefined) {
    if (className === "Sequential") return sequentialFromConfig(serialized.config);
    if (className === "Functional") return functionalFromConfig(serialized.config);
  }
  return layerFromConfig(serialized);
}

/**
 * The same where a model is expected. @throws {ConfigError} for a layer that is none
 *
 * @example const model = sequential([layers.dense(10, { inputShape: [3] })]);
 * modelFromConfig({ className: "Sequential", config: model.getConfig() }).countParams() // 40
 */
export function modelFromConfig(serialized: Serialized): Model {
  const model = fromConfig(serialized);
  if (model instanceof Model) return model;
  throw new ConfigError({
    who: "loadModel",
    expected: "the configuration of a model",
    received: `that of a layer, ${serialized.className}`,
  });
}

function sequentialFromConfig(config: Readonly<Record<string, unknown>>): Sequential {
  const { input, layers, name, trainable } = config as unknown as Named & {
    readonly input?: InputConfig;
    readonly layers: readonly Serialized[];
  };
  const start = input ? [new SymbolicTensor([null, ...input.shape], input.dtype, input.name)] : [];
  return new Sequential([...start, ...layers.map(fromConfig)], options({ name, trainable }));
}

function functionalFromConfig(config: Readonly<Record<string, unknown>>): Functional {
  const graph = config as unknown as Named & GraphConfig;
  const inputs = graph.inputs.map(
    ({ tensor, shape, dtype }) => new SymbolicTensor(shape, dtype as DType, tensor),
  );
  const layers = graph.layers.map(fromConfig);
  const results: (readonly SymbolicTensor[])[] = [];
  const at = ([use, output]: readonly [number, number]) => {
    const found = use < 0 ? inputs[-1 - use] : results[use]?.[output];
    if (found) return found;
    throw new ConfigError({
      who: "loadModel",
      expected: "a graph whose steps refer to earlier ones",
      received: `output ${output} of step ${use} in step ${results.length}`,
      fix: "The file is damaged.",
    });
  };
  const isReference = (value: unknown): value is { from: readonly [number, number] } =>
    typeof value === "object" && value !== null && "from" in value && Array.isArray(value.from);
  for (const { layer, arguments: args } of graph.uses) {
    const symbolic = mapTree<{ from: readonly [number, number] }, SymbolicTensor>(
      args as Tree<{ from: readonly [number, number] }>,
      isReference,
      ({ from }) => at(from),
    );
    results.push(layers[layer]!.use(symbolic as SymbolicInput).outputs);
  }
  const record = (ends: readonly { name: string }[], tensors: readonly SymbolicTensor[]) =>
    Object.fromEntries(ends.map(({ name }, i) => [name, tensors[i]!]));
  const outputs = graph.outputs.map(({ from }) => at(from));
  return new Functional(
    record(graph.inputs, inputs),
    record(graph.outputs, outputs),
    options(graph),
    graph.namedOutputs,
  );
}

function options({ name, trainable }: { name?: string | undefined; trainable?: boolean | undefined }) {
  return { ...(name === undefined ? {} : { name }), ...(trainable === undefined ? {} : { trainable }) };
}
