/** An option that nobody would read is a mistake, whoever takes it. */
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.js";
import { optionNamesOf } from "../../src/base/options.js";
import {
  initializers,
  layers,
  losses,
  metrics,
  optimizers,
  schedules,
  sequential,
  type Tensor,
} from "../../src/index.js";

interface Class {
  new (options: object): object;
  readonly className?: string;
  readonly options?: Readonly<Record<string, true>>;
}

const groups = { layers, losses, metrics, optimizers, schedules, initializers };

/** All concrete classes that a configuration can name. */
const classes = Object.entries(groups).flatMap(([group, names]) =>
  Object.entries(names)
    .filter(([, value]) => typeof value === "function" && Object.hasOwn(value, "className"))
    .map(([name, value]) => ({ name: `${group}.${name}`, Class: value as unknown as Class })),
);

describe("a class with a name in configurations", () => {
  it.each(classes)("says which options it takes: $name", ({ Class }) => {
    const isFunctionWrapper = Class.name.includes("Function"); // made from a function, not from options
    expect(isFunctionWrapper || Object.hasOwn(Class, "options")).toBe(true);
  });
});

/** [what the user writes, call, message] */
const mistakes: readonly (readonly [string, () => unknown, string])[] = [
  [
    "a misspelt activation",
    () => layers.dense(3, { name: "hidden", activaton: "relu" } as object),
    `[Dense "hidden"] expected the name of an option (units, activation, useBias, kernelInitializer, biasInitializer, name, trainable, dtype, inputShape), received "activaton". Did you mean "activation"?`,
  ],
  ["Keras's snake case", () => layers.conv2d(8, 3, { use_bias: false } as object), 'Did you mean "useBias"?'],
  ["an option of another layer", () => layers.flatten({ units: 3 } as object), 'received "units"'],
  [
    "a number in place of the options",
    () => layers.softmax(1 as never),
    "expected options as a record, received 1. Name what it is for: { axis: … }.",
  ],
  ["a model's option", () => sequential([], { nmae: "m" } as object), 'Did you mean "name"?'],
  ["an option of a loss", () => losses.huber({ dleta: 1 } as object), 'Did you mean "delta"?'],
  [
    "a loss that knows no logits",
    () => losses.meanSquaredError({ fromLogits: true } as object),
    '[mean_squared_error] expected the name of an option (name), received "fromLogits".',
  ],
  [
    "an option of a metric",
    () => new metrics.Accuracy({ treshold: 1 } as object),
    'Did you mean "threshold"?',
  ],
  [
    "an option of an optimizer",
    () => optimizers.adam({ learningrate: 1 } as object),
    'Did you mean "learningRate"?',
  ],
  [
    "an option of a schedule",
    () => schedules.cosineDecay(1, 10, { warmupStep: 3 } as object),
    "[cosineDecay] expected the name of an option",
  ],
  [
    "an option of an initializer",
    () => initializers.heNormal({ scale: 3 } as object),
    '[heNormal] expected the name of an option (seed), received "scale".',
  ],
];

describe("an unknown option", () => {
  it.each(mistakes)("is refused: %s", (_, call, message) => {
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  });

  it("is not looked for in a class of the user's without a table", () => {
    class Scale extends layers.Layer {
      constructor(options: { readonly factor: number }) {
        super(options as object);
      }
      call(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => new Scale({ factor: 2 })).not.toThrow();
  });

  it("is judged by the tables of the base classes too", () => {
    expect(optionNamesOf(layers.MaxPooling2D as unknown as Class)).toEqual([
      "poolSize",
      "strides",
      "padding",
      "name",
      "trainable",
      "dtype",
      "inputShape",
    ]);
  });
});
