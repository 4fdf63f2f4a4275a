import type { Variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as layers from "../../src/layers/index.js";
import { mul } from "../../src/ops/index.js";
import { sample } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";
import { testLayer } from "../support/testLayer.js";

/** The example of the manual: a layer of one's own is one class. */
class Scale extends layers.Layer {
  gain!: Variable;
  override build(shape: layers.SymbolicShape) {
    this.gain = this.addWeight("gain", [shape.at(-1)!], { initializer: "ones" });
  }
  call(x: Tensor) {
    return mul(x, this.gain.value);
  }
}

/** A layer with layers inside: one in a field, several in an array. */
class Block extends layers.Layer {
  readonly first = layers.dense(3, { activation: "tanh" });
  readonly rest = [layers.dense(3), layers.batchNormalization()];
  call(x: Tensor, context: layers.CallContext) {
    return this.rest.reduce((y: Tensor, layer) => layer.run(y, context), this.first.run(x, context));
  }
}

const rows = sample([4, 5]);
const image = sample([4, 6, 7, 2]);
const sequence = sample([4, 5, 3]);

describeOnEachBackend("layers", () => {
  testLayer({
    name: "dense",
    make: () => layers.dense(3, { activation: "tanh" }),
    input: rows,
    outputShape: [4, 3],
    weights: 2,
    trainable: 2,
    parameters: 18,
  });
  testLayer({
    name: "dense over sequences, without bias",
    make: () => layers.dense(2, { useBias: false, kernelInitializer: "heNormal" }),
    input: sequence,
    outputShape: [4, 5, 2],
    weights: 1,
    trainable: 1,
    parameters: 6,
  });
  testLayer({ name: "flatten", make: () => layers.flatten(), input: image, outputShape: [4, 84] });
  testLayer({
    name: "reshape",
    make: () => layers.reshape([-1, 6]),
    input: image,
    outputShape: [4, 14, 6],
  });
  testLayer({
    name: "activation",
    make: () => layers.activation("softplus"),
    input: rows,
    outputShape: [4, 5],
  });
  testLayer({ name: "relu", make: () => layers.relu(), input: rows, outputShape: [4, 5] });
  testLayer({ name: "softmax", make: () => layers.softmax(), input: rows, outputShape: [4, 5] });
  testLayer({
    name: "rescaling of bytes",
    make: () => layers.rescaling(1 / 255, { offset: -0.5 }),
    input: sample([4, 3], "uint8", 256),
    outputShape: [4, 3],
  });
  testLayer({
    name: "dropout",
    make: () => layers.dropout(0.4, { noiseShape: [null, 1] }),
    input: rows,
    outputShape: [4, 5],
    weights: 1,
    parameters: 0,
  });
  testLayer({
    name: "batchNormalization",
    make: () => layers.batchNormalization({ momentum: 0.9 }),
    input: image,
    outputShape: [4, 6, 7, 2],
    weights: 4,
    trainable: 2,
    parameters: 8,
  });
  testLayer({
    name: "batchNormalization over another axis",
    make: () => layers.batchNormalization({ axis: 1 }),
    input: sequence,
    outputShape: [4, 5, 3],
    weights: 4,
    trainable: 2,
    parameters: 20,
  });
  testLayer({
    name: "conv2d",
    make: () => layers.conv2d(3, [3, 2], { padding: "same", activation: "relu" }),
    input: image,
    outputShape: [4, 6, 7, 3],
    weights: 2,
    trainable: 2,
    parameters: 39,
  });
  testLayer({
    name: "conv2d with strides and groups",
    make: () => layers.conv2d(4, 3, { strides: 2, groups: 2 }),
    input: image,
    outputShape: [4, 2, 3, 4],
    weights: 2,
    trainable: 2,
    parameters: 40,
  });
  testLayer({
    name: "maxPooling2d",
    make: () => layers.maxPooling2d(),
    input: image,
    outputShape: [4, 3, 3, 2],
  });
  testLayer({
    name: "averagePooling2d",
    make: () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: "same" }),
    input: image,
    outputShape: [4, 3, 4, 2],
  });
  testLayer({
    name: "globalAveragePooling2d",
    make: () => layers.globalAveragePooling2d(),
    input: image,
    outputShape: [4, 2],
  });
  testLayer({
    name: "simpleRNN",
    make: () => layers.simpleRNN(4),
    input: sequence,
    outputShape: [4, 4],
    weights: 3,
    trainable: 3,
    parameters: 32,
  });
  testLayer({
    name: "simpleRNN with all states",
    make: () => layers.simpleRNN(2, { returnSequences: true, goBackwards: true }),
    input: sequence,
    outputShape: [4, 5, 2],
    weights: 3,
    trainable: 3,
    parameters: 12,
  });
  testLayer({
    name: "embedding",
    make: () => layers.embedding(4, 3),
    input: sample([4, 5], "int32"),
    outputShape: [4, 5, 3],
    weights: 1,
    trainable: 1,
    parameters: 12,
  });
  testLayer({ name: "masking", make: () => layers.masking(), input: sequence, outputShape: [4, 5, 3] });
  testLayer({
    name: "concatenate",
    make: () => layers.concatenate(),
    input: [rows, sample([4, 2])],
    outputShape: [4, 7],
  });
  for (const [name, make] of [
    ["add", layers.add],
    ["multiply", layers.multiply],
    ["average", layers.average],
    ["maximum", layers.maximum],
  ] as const) {
    testLayer({ name, make: () => make(), input: [rows, sample([4, 5])], outputShape: [4, 5] });
  }
  testLayer({
    name: "a layer of one's own",
    make: () => new Scale(),
    input: rows,
    outputShape: [4, 5],
    weights: 1,
    trainable: 1,
    parameters: 5,
    customObjects: { Scale },
  });
});

describeOnEachBackend("layers inside layers", () => {
  testLayer({
    name: "a block of layers",
    make: () => new Block({}),
    input: rows,
    outputShape: [4, 3],
    weights: 8,
    trainable: 6,
    parameters: 42,
    customObjects: { Block },
  });
});
