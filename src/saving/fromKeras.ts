/** Keras 3's config.json as configurations of Myelin. */
import { ConfigError, FormatError } from "../base/errors.js";
import type { Serialized } from "../base/lookup.js";
import type { SymbolicShape } from "../layers/index.js";
import {
  anything,
  commonOptions,
  fromKerasName,
  type Kind,
  modules,
  neutralValues,
  sharedOptions,
} from "./kerasOptions.js";
import { each } from "./toKeras.js";

type Json = Readonly<Record<string, unknown>>;

/** A layer or model with the layers inside. */
export function layerFromKeras(json: unknown): Serialized {
  const { class_name: className, config } = objectOf(json, "a layer");
  if (className === "Sequential") return { className, config: sequential(config) };
  if (className === "Functional" || (className === "Model" && "input_layers" in config)) {
    return { className: "Functional", config: graph(config) };
  }
  return classFromKeras("layers", json);
}

/** A class of one kind; one that is not built in keeps its options as they are. */
function classFromKeras(kind: Kind, json: unknown): Serialized {
  const { class_name: className, config } = objectOf(json, kind);
  const own = sharedOptions[kind][className];
  if (!own) return { className, config: { ...config } };
  const known = [...commonOptions[kind], ...own];
  const converted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = fromKerasName(key);
    if (known.includes(name)) {
      if (value !== null) converted[name] = optionFromKeras(name, value);
    } else if (!isNeutral(key, value)) {
      throw new ConfigError({
        who: "loadModel",
        expected: `the option ${key} of ${className} as it is by default`,
        received: JSON.stringify(value),
        fix: "Myelin does not have this option yet.",
      });
    }
  }
  return { className, config: converted };
}

function isNeutral(key: string, value: unknown): boolean {
  const neutral = neutralValues[key] ?? [null, false, 0];
  return neutral.includes(anything) || neutral.includes(value);
}

function optionFromKeras(name: string, value: unknown): unknown {
  if (name === "dtype") return dtypeFromKeras(value);
  if (name === "mode" || name === "distribution") return fromKerasName(String(value));
  if (!isObject(value)) return value;
  if (!("class_name" in value)) return value;
  if (name === "learningRate") return classFromKeras("schedules", value);
  if (name.endsWith("nitializer")) return classFromKeras("initializers", value);
  // A function of one's own, kept by name.
  return typeof value.config === "string" ? value.config : classFromKeras("layers", value);
}

/** `"float32"`, or a policy of that name. */
function dtypeFromKeras(value: unknown): unknown {
  return isObject(value) && isObject(value.config) ? value.config.name : value;
}

function sequential(config: Json): Json {
  const list = listOf(config.layers, "layers of a sequential model");
  const [first] = list;
  const start = isObject(first) && first.class_name === "InputLayer" ? inputOf(first) : undefined;
  const layers = list.slice(start ? 1 : 0).map(layerFromKeras);
  const input = start && { name: start.name, shape: start.shape.slice(1), dtype: start.dtype };
  return {
    name: config.name,
    trainable: config.trainable ?? true,
    ...(input ? { input } : {}),
    layers,
  };
}

function inputOf(json: Json): { name: string; shape: SymbolicShape; dtype: string } {
  const { config } = objectOf(json, "an input layer");
  const shape = (config.batch_shape ?? config.batch_input_shape) as SymbolicShape;
  if (!Array.isArray(shape)) throw damaged("batch_shape of an input layer", shape);
  return { name: String(config.name), shape, dtype: String(dtypeFromKeras(config.dtype ?? "float32")) };
}

/** A reference to the output of a use of a layer, by the layer's name. */
type History = readonly [layer: string, use: number, output: number];

function graph(config: Json): Json {
  const entries = listOf(config.layers, "layers of a functional model").map((entry) =>
    objectOf(entry, "a layer"),
  );
  const isInput = (entry: KerasEntry) => entry.class_name === "InputLayer";
  const starts = entries.filter(isInput).map(inputOf);
  const inner = entries.filter((entry) => !isInput(entry));
  const nameOf = (entry: KerasEntry) => String(entry.name ?? entry.config.name);

  const inputEnds = endsOf(config.input_layers, "input_layers");
  const places = new Map<string, readonly [number, number]>();
  inputEnds.list.forEach(({ history: [layer, use, output] }, i) => {
    places.set(`${layer} ${use} ${output}`, [-1 - i, 0]);
  });
  // Steps are put in order: each after those whose results it takes.
  const waiting = inner.flatMap((entry, layer) =>
    listOf(entry.inbound_nodes, `inbound_nodes of ${nameOf(entry)}`).map((node, use) => ({
      layer,
      use,
      name: nameOf(entry),
      value: argumentOf(node, nameOf(entry)),
    })),
  );
  const uses: { layer: number; arguments: unknown }[] = [];
  while (waiting.length > 0) {
    const ready = waiting.findIndex(({ value }) => historiesOf(value).every((h) => places.has(h.join(" "))));
    if (ready < 0) throw damaged("inbound_nodes", `steps that wait for each other (${waiting[0]!.name})`);
    const [{ layer, use, name, value }] = waiting.splice(ready, 1) as [(typeof waiting)[number]];
    const number = uses.push({ layer, arguments: refer(value, places) }) - 1;
    // Of how many outputs a use has, the file says nothing; those that are asked for are found.
    for (let output = 0; output < maxOutputs; output++)
      places.set(`${name} ${use} ${output}`, [number, output]);
  }
  const outputEnds = endsOf(config.output_layers, "output_layers");
  const placeOf = ({ history }: { history: History }) => {
    const place = places.get(history.join(" "));
    if (!place) throw damaged("output_layers", history);
    return place;
  };
  return {
    name: config.name,
    trainable: config.trainable ?? true,
    inputs: inputEnds.list.map(({ name, history: [layer] }) => {
      const start = starts.find((s) => s.name === layer);
      if (!start) throw damaged("input_layers", layer);
      return { name: name ?? start.name, tensor: start.name, shape: start.shape, dtype: start.dtype };
    }),
    layers: inner.map(layerFromKeras),
    uses,
    outputs: outputEnds.list.map((end, i) => {
      const fallback = outputEnds.list.findIndex((o) => o.history[0] === end.history[0]) === i;
      const name = end.name ?? (fallback ? end.history[0] : `${end.history[0]}_${i}`);
      return { name, from: placeOf(end) };
    }),
    namedOutputs: outputEnds.isNamed,
  };
}

const maxOutputs = 64;

interface KerasEntry extends Json {
  readonly class_name: string;
  readonly config: Json;
}

/** The tensors a use takes: its positional arguments. */
function argumentOf(node: unknown, name: string): unknown {
  if (!isObject(node)) throw damaged(`inbound_nodes of ${name}`, node);
  const inKwargs = Object.entries((node.kwargs ?? {}) as Json).filter(
    ([, value]) => historiesOf(value).length > 0,
  );
  if (inKwargs.length > 0) {
    throw new ConfigError({
      who: "loadModel",
      expected: `tensors as positional arguments of "${name}"`,
      received: `tensors in ${inKwargs.map(([key]) => key).join(", ")}`,
      fix: "Myelin does not have this form of call yet.",
    });
  }
  const tensors = listOf(node.args, `args of ${name}`).filter((value) => historiesOf(value).length > 0);
  if (tensors.length === 0) throw damaged(`args of ${name}`, "no tensors");
  return tensors.length === 1 ? tensors[0] : tensors;
}

function historyOf(value: unknown): History | undefined {
  if (!isObject(value) || value.class_name !== "__keras_tensor__" || !isObject(value.config))
    return undefined;
  const history = value.config.keras_history;
  if (!isHistory(history)) throw damaged("keras_history", history);
  return history;
}

function historiesOf(value: unknown): History[] {
  const own = historyOf(value);
  if (own) return [own];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(historiesOf);
}

function refer(value: unknown, places: ReadonlyMap<string, readonly [number, number]>): unknown {
  const own = historyOf(value);
  if (own) return { from: places.get(own.join(" "))! };
  if (Array.isArray(value)) return value.map((item) => refer(item, places));
  return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, refer(item, places)]));
}

function isHistory(value: unknown): value is History {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[0] === "string" &&
    Number.isInteger(value[1]) &&
    Number.isInteger(value[2])
  );
}

/** One end, a list of them, or a record. */
function endsOf(
  value: unknown,
  field: string,
): { isNamed: boolean; list: { name: string | undefined; history: History }[] } {
  if (isHistory(value)) return { isNamed: false, list: [{ name: undefined, history: value }] };
  if (typeof value !== "object" || value === null) throw damaged(field, value);
  const isNamed = !Array.isArray(value);
  const list = Object.entries(value).map(([name, history]) => {
    if (!isHistory(history)) throw damaged(field, history);
    return { name: isNamed ? name : undefined, history };
  });
  return { isNamed, list };
}

/** Options of `compile`. */
export function compileFromKeras(json: Json): Json {
  const named = (kind: "losses" | "metrics") => (value: unknown) => {
    if (typeof value === "string") return value;
    if (isObject(value) && typeof value.config === "string") return value.config; // a function, by name
    if (kind === "metrics" && isObject(value) && value.class_name === "Accuracy") {
      throw new ConfigError({
        who: "loadModel",
        expected: "a metric of Myelin",
        received: "Keras's metric Accuracy, which counts equal numbers",
        fix: "Load with { compile: false } and compile the model anew.",
      });
    }
    return classFromKeras(kind, value);
  };
  return {
    optimizer: classFromKeras("optimizers", json.optimizer),
    loss: each(json.loss, named("losses")),
    lossWeights: json.loss_weights ?? undefined,
    metrics: each(json.metrics, named("metrics")) ?? undefined,
  };
}

function objectOf(json: unknown, what: string): KerasEntry {
  const isEntry = isObject(json) && typeof json.class_name === "string" && isObject(json.config);
  if (isEntry) return json as unknown as KerasEntry;
  throw damaged(`the configuration of ${what in modules ? `one of ${what}` : what}`, json);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw damaged(what, value);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(what: string, received: unknown): FormatError {
  return new FormatError({
    who: "loadModel",
    expected: `a Keras 3 configuration with ${what}`,
    received: (JSON.stringify(received) ?? String(received)).slice(0, 120),
    fix: "The file is damaged, or written by another version.",
  });
}
