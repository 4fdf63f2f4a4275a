// TensorFlow.js on its WASM backend as a peer. MYELIN_PEERS_TFJS names the folder in whose node_modules
// @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm are installed. In Node it runs on one thread only.
import { createRequire } from "node:module";
import { join } from "node:path";
import { serve, Unsupported } from "../protocol.mjs";

const require = createRequire(join(process.env.MYELIN_PEERS_TFJS, "package.json"));
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
await tf.setBackend("wasm");
await tf.ready();

function matmul({ batch, m, k, n, transposeA, transposeB }) {
  const lead = batch > 1 ? [batch] : [];
  const a = tf.randomNormal([...lead, ...(transposeA ? [k, m] : [m, k])]);
  const b = tf.randomNormal([...lead, ...(transposeB ? [n, k] : [k, n])]);
  return () => tf.matMul(a, b, transposeA, transposeB).dispose(); // the backend computes at once
}

function operation({ name, shapes, axis, permutation, k }) {
  const functions = {
    mulAdd: (a, b, c) => tf.add(tf.mul(a, b), c),
    chain: (a, b, c, d) => tf.mul(tf.tanh(tf.add(tf.mul(a, b), c)), tf.sigmoid(d)),
    softmax: (x) => tf.softmax(x),
    sum: (x) => tf.sum(x, axis ?? undefined),
    argMax: (x) => tf.argMax(x, axis),
    transpose: (x) => tf.transpose(x, permutation),
    concat: (a, b) => tf.concat([a, b], axis),
    topK: (x) => tf.topk(x, k),
  };
  if (!functions[name]) throw new Unsupported(name);
  const inputs = shapes.map((shape) => tf.randomNormal(shape));
  return () => tf.dispose(tf.tidy(() => functions[name](...inputs)));
}

function mlp({ sizes, batch }) {
  const model = tf.sequential({
    layers: sizes.slice(1).map((units, i) =>
      tf.layers.dense({
        units,
        ...(i === 0 ? { inputShape: [sizes[0]] } : {}),
        ...(i < sizes.length - 2 ? { activation: "relu" } : {}),
      }),
    ),
  });
  // A loss from logits of its own takes one-hot labels only.
  const loss = (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits);
  model.compile({ optimizer: tf.train.adam(1e-3), loss });
  const x = tf.randomNormal([batch, sizes[0]]);
  const classes = sizes[sizes.length - 1];
  const y = tf.oneHot(tf.randomUniform([batch], 0, classes, "int32"), classes).toFloat();
  return () => model.trainOnBatch(x, y);
}

await serve({ version: tf.version.tfjs, threads: 1 }, { matmul, operation, mlp });
