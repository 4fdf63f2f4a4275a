// Myelin as a contender: BENCH_BACKEND and BENCH_THREADS say how it runs.
import {
  currentBackend,
  datasets,
  jit,
  layers,
  losses,
  matmul,
  matrixTranspose,
  normal,
  realize,
  sequential,
  setBackend,
  tensor,
} from "../dist/index.js";
import { operationStep } from "./myelinOperations.mjs";
import { serve, Unsupported } from "./protocol.mjs";
import { denseLayers, trainingStep } from "./training.mjs";

const threads = Number(process.env.BENCH_THREADS ?? 2);
await setBackend(process.env.BENCH_BACKEND ?? "native", { threads });

const drawn = (shape) => normal(1, shape);

/** Random numbers 0 … classes − 1. */
function labels(count, classes) {
  return tensor(Int32Array.from({ length: count }, () => Math.floor(Math.random() * classes)));
}

async function matrixProduct({ batch, m, k, n, transposeA, transposeB }) {
  const lead = batch > 1 ? [batch] : [];
  const a = drawn([...lead, ...(transposeA ? [k, m] : [m, k])]);
  const b = drawn([...lead, ...(transposeB ? [n, k] : [k, n])]);
  await realize([a, b]);
  const product = jit((a, b) =>
    matmul(transposeA ? matrixTranspose(a) : a, transposeB ? matrixTranspose(b) : b),
  );
  return () => product(a, b).dispose();
}

async function mlp({ sizes, batch }) {
  const train = trainingStep(sizes);
  const [x, y] = [drawn([batch, sizes[0]]), labels(batch, sizes[sizes.length - 1])];
  await realize([x, y]);
  return () => train(x, y).itemSync();
}

/** `model.fit` over the whole training set with the accuracy, as the main job does. */
async function epoch({ sizes, batch, loop }) {
  if (loop) throw new Unsupported("fit decides how many steps a call runs");
  const { train } = await datasets.fashionMnist();
  const model = sequential([layers.flatten({ inputShape: [28, 28] }), ...denseLayers(sizes)]);
  model.compile({
    optimizer: "adam",
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
  });
  const step = () => model.fit(train.images, train.labels, { epochs: 1, batchSize: batch, verbose: 0 });
  await step(); // compilation
  return step;
}

async function empty() {
  const x = tensor(0);
  await realize([x]);
  const add = jit((x) => x.add(1));
  return () => add(x).itemSync();
}

const info = { version: currentBackend().description, threads };
await serve(info, { matmul: matrixProduct, operation: operationStep, mlp, epoch, empty });
