import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ConfigError, FormatError } from "../../src/base/errors.js";
import { tensor } from "../../src/engine/create.js";
import { unzip, zip } from "../../src/formats/index.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as layers from "../../src/layers/index.js";
import { functional, type Model, sequential } from "../../src/models/index.js";
import * as optimizers from "../../src/optimizers/index.js";
import { modelFromBytes } from "../../src/saving/index.js";
import * as schedules from "../../src/schedules/index.js";
import { expectCloseValues } from "../support/close.js";
import { thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

type Nested = number | Nested[];

const fileOf = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../golden/files/${name}`, import.meta.url)));
const casesOf = (name: string) =>
  JSON.parse(new TextDecoder().decode(fileOf(`${name}.golden.json`))) as {
    inputs: Record<string, Nested>;
    outputs: Record<string, Nested>;
  };

async function expectPredictions(model: Model, name: string): Promise<void> {
  const { inputs, outputs } = casesOf(name);
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([key, value]) => [key, tensor(value as never)]),
  );
  const isSingle = model.inputNames.length === 1;
  const predicted = await model.predict(isSingle ? Object.values(tensors)[0]! : tensors);
  const record = (isSingle ? { output: predicted } : predicted) as Record<string, Tensor>;
  for (const [key, value] of Object.entries(outputs)) {
    const expected = (value as number[][]).flat();
    expectCloseValues(await record[key]!.data(), expected, { relative: 1e-5, absolute: 2e-6 });
  }
}

describeOnEachBackend("models that Keras saved", () => {
  it("a sequential model predicts the same, and its optimizer comes along", async () => {
    const model = modelFromBytes(fileOf("keras-sequential.keras"), "keras-sequential.keras");
    await expectPredictions(model, "keras-sequential");
    const { optimizer, losses, metrics } = model.compiled!;
    expect(optimizer).toBeInstanceOf(optimizers.Adam);
    expect(optimizer.learningRate).toBeInstanceOf(schedules.ExponentialDecay);
    expect(await optimizer.iterations.value.item()).toBe(9);
    expect(optimizer.variables.length).toBe(1 + 6 + 12); // averages of 6 weights, two moments each
    expect(losses[0]!.loss.getConfig()).toEqual({
      name: "sparse_categorical_crossentropy",
      fromLogits: true,
    });
    expect(metrics[0]!.metric.name).toBe("accuracy");
    const { inputs } = casesOf("keras-sequential");
    const labels = tensor([0, 1, 2, 0, 1], { dtype: "int32" });
    const { history } = await model.fit(tensor(inputs.x as number[][]), labels, { epochs: 1, verbose: 0 });
    expect(history.loss![0]!).toBeGreaterThan(0);
  });

  it("a graph with a shared layer, two ends on each side and a model inside predicts the same", async () => {
    const model = modelFromBytes(fileOf("keras-functional.keras"), "keras-functional.keras");
    expect(model.inputNames).toEqual(["sequence", "image"]);
    expect(model.outputNames).toEqual(["p", "q"]);
    await expectPredictions(model, "keras-functional");
    const { losses, optimizer } = model.compiled!;
    expect(losses.map(({ output, weight, loss }) => [output, weight, loss.name])).toEqual([
      ["p", 1, "mean_squared_error"],
      ["q", 0.5, "huber_loss"],
    ]);
    expect(optimizer.variables.map((v) => v.name.split("/").at(-1)).slice(2)).toEqual(
      new Array(model.trainableWeights.length).fill("momentum"),
    );
  });

  it.each(["keras-sequential", "keras-functional"])("%s, saved again, is the same model", async (name) => {
    const model = modelFromBytes(fileOf(`${name}.keras`));
    const again = modelFromBytes(await model.toBytes());
    await expectPredictions(again, name);
    expect(again.weights.map((w) => w.name)).toEqual(model.weights.map((w) => w.name));
  });
});

describe("files for Keras", () => {
  /** The content of config.json. */
  const configOf = async (model: Model) =>
    JSON.parse(new TextDecoder().decode(unzip(await model.toBytes()).get("config.json")!));

  it("name classes, options and shapes as Keras does", async () => {
    const model = sequential(
      [
        layers.dense(3, { activation: "leakyRelu", kernelInitializer: "heNormal", inputShape: [2] }),
        layers.conv2d(1, 1, { trainable: false, name: "unused" }),
      ].slice(0, 1),
    );
    model.compile({
      optimizer: optimizers.adam({ clipNorm: 1, beta1: 0.8 }),
      loss: "mse",
      metrics: ["accuracy"],
    });
    const json = await configOf(model);
    expect([json.module, json.class_name, json.build_config]).toEqual([
      "keras",
      "Sequential",
      { input_shape: [null, 2] },
    ]);
    const [input, dense] = json.config.layers;
    expect(input.config).toMatchObject({ batch_shape: [null, 2], dtype: "float32" });
    expect(dense).toMatchObject({
      module: "keras.layers",
      class_name: "Dense",
      config: { units: 3, activation: "leaky_relu", kernel_initializer: "he_normal", dtype: "float32" },
      build_config: { input_shape: [null, 2] },
    });
    expect(json.compile_config).toMatchObject({
      optimizer: { module: "keras.optimizers", class_name: "Adam", config: { clipnorm: 1, beta_1: 0.8 } },
      loss: "mse",
      metrics: ["accuracy"],
    });
  });

  it("describe a graph by the history of each tensor", async () => {
    const x = layers.input({ shape: [2], name: "x" });
    const shared = layers.dense(2, { name: "shared" });
    const sum = layers.add({ name: "sum" }).apply([shared.apply(x), shared.apply(shared.apply(x))]);
    const json = await configOf(functional({ inputs: x, outputs: { total: sum } }));
    const [first, second, third] = json.config.layers;
    expect([first.name, second.name, third.name]).toEqual(["x", "shared", "sum"]);
    expect(second.inbound_nodes.length).toBe(3);
    expect(third.inbound_nodes[0].args[0].map((t: { config: object }) => t.config)).toMatchObject([
      { shape: [null, 2], keras_history: ["shared", 0, 0] },
      { keras_history: ["shared", 2, 0] },
    ]);
    expect(json.config.input_layers).toEqual(["x", 0, 0]);
    expect(json.config.output_layers).toEqual({ total: ["sum", 0, 0] });
  });

  it("count layers from those farthest from the outputs, as Keras does", () => {
    const x = layers.input({ shape: [2] });
    const far = layers.dense(2, { name: "far" }).apply(x);
    const near = layers.dense(2, { name: "near" }).apply(x);
    const middle = layers.dense(2, { name: "middle" }).apply(far);
    const model = functional({ inputs: x, outputs: layers.add({ name: "sum" }).apply([near, middle]) });
    expect(model.layers.map((layer) => layer.name)).toEqual(["far", "near", "middle", "sum"]);
  });
});

describe("files of Keras with what Myelin lacks", () => {
  /** The sequential model's file with its configuration changed. */
  function changed(
    change: (json: { config: { layers: { class_name: string; config: Record<string, unknown> }[] } }) => void,
  ) {
    const entries = unzip(fileOf("keras-sequential.keras"));
    const json = JSON.parse(new TextDecoder().decode(entries.get("config.json")!));
    change(json);
    return zip(new Map([...entries, ["config.json", new TextEncoder().encode(JSON.stringify(json))]]));
  }

  it("an option that matters is named", () => {
    const bytes = changed((json) => {
      json.config.layers[1]!.config.kernel_constraint = { class_name: "MaxNorm", config: {} };
    });
    const error = thrownBy(() => modelFromBytes(bytes));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("the option kernel_constraint of Dense as it is by default");
  });

  it("a class that is not there is named with the way to bring it", () => {
    const bytes = changed((json) => {
      json.config.layers[1]!.class_name = "LSTM";
    });
    expect(thrownBy(() => modelFromBytes(bytes)).message).toContain("customObjects: { LSTM }");
  });

  it("a configuration that is none is a damaged file", () => {
    const bytes = changed((json) => {
      json.config.layers = "none" as never;
    });
    expect(thrownBy(() => modelFromBytes(bytes))).toBeInstanceOf(FormatError);
  });

  it("weights of another shape are named with their place", () => {
    const bytes = changed((json) => {
      json.config.layers[1]!.config.units = 7;
    });
    const error = thrownBy(() => modelFromBytes(bytes, "model.keras"));
    expect(error.message).toContain("layers/dense/vars/0");
    expect(error.message).toContain("instead of [6, 7]");
  });
});
