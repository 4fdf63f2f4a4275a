// A fresh process: from tracing to the loaded program of the training step of a transformer with 12 layers (128 units,
// 4 heads, 64 tokens, batch 4, vocabulary 1,000, Adam) in plain operations. Prints milliseconds, and those of a second
// one of another shape: the code is warm then.
import {
  add,
  div,
  gather,
  gelu,
  jit,
  matmul,
  mean,
  mul,
  normal,
  ones,
  optimizers,
  reshape,
  softmax,
  sparseCrossEntropy,
  sqrt,
  square,
  sub,
  tensor,
  transpose,
  valueAndGrad,
  variable,
  zeros,
} from "../../dist/index.js";

const LAYERS = 12;
const VOCABULARY = 1000;
const HEADS = 4;
const TIME = 64;

const weights = [];
const weight = (value, name) => {
  const made = variable(value, { name });
  weights.push(made);
  return made;
};
let seed = 0;
const random = (shape) => mul(normal(seed++, shape), 0.02);

function dense(inputs, units, name) {
  const kernel = weight(random([inputs, units]), `${name}.kernel`);
  const bias = weight(zeros([units]), `${name}.bias`);
  return (x) => add(matmul(x, kernel.value), bias.value);
}

function layerNorm(units, name) {
  const gamma = weight(ones([units]), `${name}.gamma`);
  const beta = weight(zeros([units]), `${name}.beta`);
  return (x) => {
    const centred = sub(x, mean(x, -1, { keepDims: true }));
    const variance = mean(square(centred), -1, { keepDims: true });
    return add(mul(div(centred, sqrt(add(variance, 1e-5))), gamma.value), beta.value);
  };
}

function block(units, name) {
  const [before, between] = [layerNorm(units, `${name}.ln1`), layerNorm(units, `${name}.ln2`)];
  const [q, k, v, o] = ["q", "k", "v", "o"].map((part) => dense(units, units, `${name}.${part}`));
  const [up, down] = [dense(units, 4 * units, `${name}.up`), dense(4 * units, units, `${name}.down`)];
  const size = units / HEADS;
  return (x, rows) => {
    const heads = (y) => transpose(reshape(y, [rows, TIME, HEADS, size]), [0, 2, 1, 3]);
    const h = before(x);
    const scores = mul(matmul(heads(q(h)), transpose(heads(k(h)), [0, 1, 3, 2])), 1 / Math.sqrt(size));
    const attended = matmul(softmax(scores), heads(v(h)));
    const y = add(x, o(reshape(transpose(attended, [0, 2, 1, 3]), [rows, TIME, units])));
    return add(y, down(gelu(up(between(y)))));
  };
}

/** The step of a model with so many units; returns the function and its arguments. */
function trainingStep(units, rows) {
  weights.length = 0;
  const tokens = weight(random([VOCABULARY, units]), "tokens");
  const places = weight(random([TIME, units]), "places");
  const blocks = Array.from({ length: LAYERS }, (_, i) => block(units, `block${i}`));
  const last = layerNorm(units, "last");
  const head = dense(units, VOCABULARY, "head");
  const optimizer = optimizers.adam({ learningRate: 1e-3 });
  const trained = [...weights];
  const step = jit((x, y) => {
    const lossOf = () => {
      let state = add(gather(tokens.value, x), places.value); // [rows, time, units]
      for (const layer of blocks) state = layer(state, rows);
      const logits = reshape(head(last(state)), [rows * TIME, VOCABULARY]);
      return mean(sparseCrossEntropy(logits, reshape(y, [rows * TIME])));
    };
    const { value, gradients } = valueAndGrad(lossOf, trained)();
    optimizer.apply(gradients, trained);
    return value;
  });
  const data = () => zeros([rows, TIME], "int32");
  return { step, args: [data(), data()] };
}

tensor([1]).add(2).dataSync(); // the library and its backend have started
const compile = ({ step, args }) => {
  const start = performance.now();
  const { program } = step.compile(...args);
  return { milliseconds: performance.now() - start, steps: program.steps.length };
};
const first = compile(trainingStep(128, 4));
const second = compile(trainingStep(128, 8));
console.log(
  JSON.stringify({ transformer: first.milliseconds, again: second.milliseconds, steps: first.steps }),
);
