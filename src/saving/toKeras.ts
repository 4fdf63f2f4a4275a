/** A model's configuration as Keras 3 writes it in config.json. */
import { classNameOf, isSerialized, type Serialized } from "../base/lookup.js";
import { initializerNames } from "../initializers/index.js";
import { activationNames } from "../layers/activations.js";
import type { AnyLayer, SymbolicShape } from "../layers/index.js";
import { lossClasses } from "../losses/index.js";
import { metricClasses } from "../metrics/index.js";
import { Functional, type GraphConfig, type Model, Sequential } from "../models/index.js";
import {
  commonOptions,
  type Kind,
  modules,
  sharedOptions,
  toKerasName,
  toKerasValue,
} from "./kerasOptions.js";

/** An object in Keras's JSON. */
export interface KerasObject {
  readonly module: string | null;
  readonly class_name: string;
  readonly config: Record<string, unknown>;
  readonly registered_name: string | null;
  readonly build_config?: Record<string, unknown>;
  readonly compile_config?: Record<string, unknown> | null;
  readonly name?: string;
  readonly inbound_nodes?: unknown;
}

/** A layer or model with the layers inside. */
export function layerToKeras(layer: AnyLayer): KerasObject {
  const built = layer.builtShapes;
  const build = built ? { build_config: { input_shape: built.length === 1 ? built[0]! : built } } : {};
  if (layer instanceof Sequential && isExactly(layer, "Sequential"))
    return { ...sequential(layer), ...build };
  if (layer instanceof Functional && isExactly(layer, "Functional")) return { ...graph(layer), ...build };
  return {
    ...classToKeras("layers", { className: classNameOf(layer), config: layer.getConfig() }),
    ...build,
  };
}

function isExactly(layer: object, className: string): boolean {
  return classNameOf(layer) === className;
}

/** A class of one kind with its options; one that Keras does not know keeps its options as they are. */
function classToKeras(kind: Kind, { className, config }: Serialized): KerasObject {
  const own = sharedOptions[kind][className];
  if (!own) {
    return {
      module: null,
      class_name: className,
      config: { ...config },
      registered_name: `Custom>${className}`,
    };
  }
  const options = [...commonOptions[kind], ...own];
  const converted = Object.entries(config)
    .filter(([name, value]) => options.includes(name) && (value !== null || name === "activation"))
    .map(([name, value]) => [toKerasName(name), optionToKeras(name, value)]);
  return {
    module: modules[kind],
    class_name: className,
    config: Object.fromEntries(converted),
    registered_name: kind === "optimizers" ? className : null,
  };
}

function optionToKeras(name: string, value: unknown): unknown {
  if (isSerialized(value)) return classToKeras(name === "learningRate" ? "schedules" : "initializers", value);
  if (name === "activation") return toKerasValue((value as string | null) ?? "linear", activationNames);
  if (typeof value !== "string") return value;
  if (name.endsWith("nitializer")) return toKerasValue(value, initializerNames);
  if (name === "mode" || name === "distribution") return toKerasName(value);
  return value;
}

function inputLayer(name: string, shape: SymbolicShape, dtype: string): KerasObject {
  const config = { batch_shape: shape, dtype, sparse: false, ragged: false, name };
  return { module: modules.layers, class_name: "InputLayer", config, registered_name: null };
}

function sequential(model: Sequential): KerasObject {
  const { name, trainable, dtype, input } = model.getConfig() as Record<string, unknown> & {
    input?: { dtype: string };
  };
  const shape = model.builtShapes?.[0];
  const inner = model.layers.map(layerToKeras);
  const layers = shape
    ? [inputLayer(model.inputNames[0]!, shape, input?.dtype ?? "float32"), ...inner]
    : inner;
  return {
    module: "keras",
    class_name: "Sequential",
    config: { name, trainable, dtype, layers, ...(shape ? { build_input_shape: shape } : {}) },
    registered_name: null,
  };
}

function graph(model: Functional): KerasObject {
  const config = model.getConfig() as unknown as GraphConfig & { name: string; trainable: boolean };
  const layers = model.layers;
  const taken = new Set(layers.map((layer) => layer.name));
  // Keras wants inputs called as their tensors; where a layer has that name, a record tells them apart.
  const inputs = config.inputs.map(({ name: end, shape, dtype }) => {
    const name = taken.has(end) ? `${end}_input` : end;
    taken.add(name);
    return { name, shape, dtype };
  });
  // The number of a use among those of its layer.
  const counts = new Map<number, number>();
  const uses = config.uses.map((use) => {
    const number = counts.get(use.layer) ?? 0;
    counts.set(use.layer, number + 1);
    return { ...use, number };
  });
  const history = ([use, output]: readonly [number, number]) =>
    use < 0 ? [inputs[-1 - use]!.name, 0, 0] : [layers[uses[use]!.layer]!.name, uses[use]!.number, output];
  const argument = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(argument);
    const { from, shape, dtype } = value as {
      from?: readonly [number, number];
      shape: unknown;
      dtype: unknown;
    };
    if (Array.isArray(from)) {
      return { class_name: "__keras_tensor__", config: { shape, dtype, keras_history: history(from) } };
    }
    return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, argument(item)]));
  };
  const ends = (
    list: readonly { name: string; from: readonly [number, number] }[],
    isNamed: boolean,
  ): unknown => {
    if (isNamed) return Object.fromEntries(list.map(({ name, from }) => [name, history(from)]));
    return list.length === 1 ? history(list[0]!.from) : list.map(({ from }) => history(from));
  };
  const inputEnds = config.inputs.map(({ name }, i) => ({ name, from: [-1 - i, 0] as const }));
  const inputsAreNamed = config.inputs.some(({ name }, i) => name !== inputs[i]!.name);
  return {
    module: "keras.src.models.functional",
    class_name: "Functional",
    config: {
      name: config.name,
      trainable: config.trainable,
      layers: [
        ...inputs.map(({ name, shape, dtype }) => ({
          ...inputLayer(name, shape, dtype),
          name,
          inbound_nodes: [],
        })),
        ...layers.map((layer, index) => ({
          ...layerToKeras(layer),
          name: layer.name,
          inbound_nodes: uses
            .filter((use) => use.layer === index)
            .map((use) => ({ args: [argument(use.arguments)], kwargs: {} })),
        })),
      ],
      input_layers: ends(inputEnds, inputsAreNamed),
      output_layers: ends(config.outputs, config.namedOutputs),
    },
    registered_name: "Functional",
  };
}

/** What `compile` was given, serialized, as Keras keeps it. */
export function compileToKeras(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { optimizer, loss, lossWeights, metrics } = options;
  return {
    optimizer: classToKeras("optimizers", optimizer as Serialized),
    loss: each(loss, (value) => named("losses", value)),
    loss_weights: lossWeights ?? null,
    metrics: each(metrics ?? null, (value) => named("metrics", value)),
  };
}

/** Applies a function to the names and objects in lists and records. */
export function each(value: unknown, convert: (value: unknown) => unknown): unknown {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((item) => each(item, convert));
  const isLeaf = typeof value !== "object" || isSerialized(value) || "class_name" in value;
  if (isLeaf) return convert(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item, convert)]));
}

function named(kind: "losses" | "metrics", value: unknown): unknown {
  if (!isSerialized(value)) {
    return toKerasValue(value as string, kind === "losses" ? lossClasses : metricClasses);
  }
  if (kind === "metrics" && value.className === "Accuracy") {
    // Keras's class of that name counts equal numbers; the name in a string is what fits the data.
    const { threshold } = value.config;
    if (threshold === undefined) return "accuracy";
    return classToKeras(kind, { className: "BinaryAccuracy", config: value.config });
  }
  return classToKeras(kind, value);
}

/** A model with its shapes and, where given, what it was compiled with: the content of config.json. */
export function modelToKeras(model: Model, compile: Readonly<Record<string, unknown>> | null): KerasObject {
  const layer = layerToKeras(model);
  const dtypes = model.inputDTypes ? { input_dtypes: model.inputDTypes } : {};
  return {
    ...layer,
    build_config: { ...layer.build_config, ...dtypes },
    ...(compile ? { compile_config: compileToKeras(compile) } : {}),
  };
}
