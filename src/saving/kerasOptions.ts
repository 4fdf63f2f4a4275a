/** Which options Keras's configurations and Myelin's share, and how the names differ. */
import { camelCase } from "../base/lookup.js";

/** Options of each built-in class by kind, in Myelin's names. */
export const sharedOptions: Readonly<Record<Kind, Readonly<Record<string, readonly string[]>>>> = {
  layers: {
    Activation: ["activation"],
    Add: [],
    Average: [],
    AveragePooling2D: ["poolSize", "strides", "padding"],
    BatchNormalization: [
      "axis",
      "momentum",
      "epsilon",
      "center",
      "scale",
      "betaInitializer",
      "gammaInitializer",
      "movingMeanInitializer",
      "movingVarianceInitializer",
    ],
    Concatenate: ["axis"],
    Conv2D: [
      "filters",
      "kernelSize",
      "strides",
      "padding",
      "dilationRate",
      "groups",
      "activation",
      "useBias",
      "kernelInitializer",
      "biasInitializer",
    ],
    Dense: ["units", "activation", "useBias", "kernelInitializer", "biasInitializer"],
    Dropout: ["rate", "seed", "noiseShape"],
    Embedding: ["inputDim", "outputDim", "embeddingsInitializer", "maskZero"],
    Flatten: [],
    GlobalAveragePooling2D: [],
    Masking: ["maskValue"],
    Maximum: [],
    MaxPooling2D: ["poolSize", "strides", "padding"],
    Multiply: [],
    ReLU: [],
    Rescaling: ["scale", "offset"],
    Reshape: ["targetShape"],
    SimpleRNN: [
      "units",
      "activation",
      "useBias",
      "kernelInitializer",
      "recurrentInitializer",
      "biasInitializer",
      "returnSequences",
      "goBackwards",
    ],
    Softmax: ["axis"],
  },
  initializers: {
    Zeros: [],
    Ones: [],
    Constant: ["value"],
    Identity: ["gain"],
    RandomNormal: ["mean", "stddev", "seed"],
    RandomUniform: ["minval", "maxval", "seed"],
    TruncatedNormal: ["mean", "stddev", "seed"],
    VarianceScaling: ["scale", "mode", "distribution", "seed"],
    GlorotUniform: ["seed"],
    GlorotNormal: ["seed"],
    HeUniform: ["seed"],
    HeNormal: ["seed"],
    LecunUniform: ["seed"],
    LecunNormal: ["seed"],
    Orthogonal: ["gain", "seed"],
  },
  losses: {
    SparseCategoricalCrossentropy: ["name", "fromLogits"],
    CategoricalCrossentropy: ["name", "fromLogits", "labelSmoothing"],
    BinaryCrossentropy: ["name", "fromLogits", "labelSmoothing"],
    MeanSquaredError: ["name"],
    MeanAbsoluteError: ["name"],
    Huber: ["name", "delta"],
  },
  metrics: {
    SparseCategoricalAccuracy: ["name"],
    CategoricalAccuracy: ["name"],
    BinaryAccuracy: ["name", "threshold"],
    MeanSquaredError: ["name"],
    MeanAbsoluteError: ["name"],
    Mean: ["name"],
  },
  optimizers: {
    SGD: ["momentum", "nesterov"],
    Adam: ["beta1", "beta2", "epsilon", "amsgrad"],
  },
  schedules: {
    ExponentialDecay: ["initialLearningRate", "decaySteps", "decayRate", "staircase"],
    CosineDecay: ["initialLearningRate", "decaySteps", "alpha", "warmupTarget", "warmupSteps"],
  },
};

/** What a class of a configuration is. */
export type Kind = "layers" | "initializers" | "losses" | "metrics" | "optimizers" | "schedules";

/** Options that all classes of a kind have. */
export const commonOptions: Readonly<Record<Kind, readonly string[]>> = {
  layers: ["name", "trainable", "dtype"],
  initializers: [],
  losses: [],
  metrics: [],
  optimizers: [
    "name",
    "learningRate",
    "clipNorm",
    "clipValue",
    "globalClipNorm",
    "weightDecay",
    "useEma",
    "emaMomentum",
  ],
  schedules: [],
};

/** Modules that Keras looks classes up in. */
export const modules: Readonly<Record<Kind, string>> = {
  layers: "keras.layers",
  initializers: "keras.initializers",
  losses: "keras.losses",
  metrics: "keras.metrics",
  optimizers: "keras.optimizers",
  schedules: "keras.optimizers.schedules",
};

/**
 * Options of Keras that Myelin does not have, with the values that mean what Myelin does; `anything` where the option
 * has no effect on results.
 */
export const anything = Symbol("anything");
export const neutralValues: Readonly<Record<string, readonly unknown[]>> = {
  data_format: ["channels_last", null],
  dtype: [anything], // of losses, metrics: results are float32 here
  input_axes: [null],
  output_axes: [null],
  input_length: [anything],
  lora_alpha: [anything],
  unroll: [anything],
  renorm_momentum: [anything],
  loss_scale_factor: [null],
  jit_compile: [anything],
  is_legacy_optimizer: [anything],
  reduction: ["sum_over_batch_size"],
  ignore_class: [null, undefined],
  name: [anything],
  axis: [-1],
  max_value: [null],
  negative_slope: [0],
  threshold: [0],
  autocast: [anything],
};

const kerasNames: Readonly<Record<string, string>> = {
  beta1: "beta_1",
  beta2: "beta_2",
  clipNorm: "clipnorm",
  clipValue: "clipvalue",
  globalClipNorm: "global_clipnorm",
};
const ownNames = new Map(Object.entries(kerasNames).map(([own, keras]) => [keras, own]));

/** `useBias` → `use_bias`. */
export function toKerasName(name: string): string {
  return kerasNames[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `use_bias` → `useBias`. */
export function fromKerasName(name: string): string {
  return ownNames.get(name) ?? camelCase(name);
}

/** Names of values that are written in snake case there: activations, modes, losses, metrics. */
export function toKerasValue(value: string, known: Readonly<Record<string, unknown>>): string {
  return Object.hasOwn(known, value) ? toKerasName(value) : value;
}
