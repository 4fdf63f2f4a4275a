// How long JavaScript waits for its turn while `model.fit` trains W4, the flower network (32 images of
// 180×180×3 a step). Prints milliseconds.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { layers, losses, sequential, uniform, zeros } from "../../dist/index.js";

const IMAGES = 128;
const block = (filters, options = {}) => [
  layers.conv2d(filters, 3, { padding: "same", activation: "relu", ...options }),
  layers.maxPooling2d(),
];
const model = sequential([
  layers.rescaling(1 / 255, { inputShape: [180, 180, 3] }),
  ...block(16),
  ...block(32),
  ...block(64),
  layers.flatten(),
  layers.dense(128, { activation: "relu" }),
  layers.dense(5),
]);
model.compile({ optimizer: "adam", loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }) });
const x = uniform(1, [IMAGES, 180, 180, 3], { max: 255 });
const y = zeros([IMAGES], "int32");
const train = (epochs) => model.fit(x, y, { batchSize: 32, epochs, verbose: 0 });

const started = performance.now();
await train(1); // compilation
const epochs = Math.max(1, Math.ceil(5000 / (performance.now() - started)));
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const from = performance.now();
await train(epochs);
const step = (performance.now() - from) / (epochs * (IMAGES / 32));
delay.disable();
console.log(JSON.stringify({ p99: delay.percentile(99) / 1e6, max: delay.max / 1e6, step }));
