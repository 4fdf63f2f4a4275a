/**
 * One model that puts the whole contract of a program under load: convolution, batch normalization, dropout, a shared
 * layer, a masked scan, two outputs with their own losses, clipping by the global norm, a moving average of the
 * weights, a schedule, metrics, gathered batches of bytes and a short last batch.
 */
import {
  functional,
  layers,
  losses,
  optimizers,
  schedules,
  setSeed,
  type Tensor,
  tensor,
} from "../../src/index.js";

export const ROWS = 22;
export const BATCH = 6; // 22 = 3 · 6 + 4: the last batch is short
export const STEPS = Math.ceil(ROWS / BATCH);

export interface HostileData {
  readonly x: { readonly image: Tensor; readonly sequence: Tensor };
  readonly y: { readonly kind: Tensor; readonly value: Tensor };
}

/** Bytes for the images, sequences of which some steps are masked (all zeros), labels and values. */
export function hostileData(): HostileData {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const images = Uint8Array.from({ length: ROWS * 8 * 8 }, () => 255 * random());
  const sequences = Float32Array.from({ length: ROWS * 5 * 3 }, (_, i) => {
    const step = Math.floor(i / 3) % 5;
    const row = Math.floor(i / 15);
    return step >= 2 + (row % 4) ? 0 : random() - 0.5;
  });
  const labels = Uint8Array.from({ length: ROWS }, () => 3 * random());
  const values = Float32Array.from({ length: ROWS }, random);
  return {
    x: {
      image: tensor(images, { shape: [ROWS, 8, 8, 1] }),
      sequence: tensor(sequences, { shape: [ROWS, 5, 3] }),
    },
    y: { kind: tensor(labels), value: tensor(values, { shape: [ROWS, 1] }) },
  };
}

export function hostileModel() {
  setSeed(3);
  const image = layers.input({ shape: [8, 8, 1], name: "image" });
  const sequence = layers.input({ shape: [5, 3], name: "sequence" });
  // No bias before the normalization: its gradient would be rounding noise, which Adam turns into steps of full size.
  let picture = layers.rescaling(1 / 255).apply(image);
  picture = layers.conv2d(4, 3, { padding: "same", useBias: false }).apply(picture);
  picture = layers.batchNormalization().apply(picture);
  picture = layers.relu().apply(picture);
  picture = layers.maxPooling2d().apply(picture);
  picture = layers.flatten().apply(picture);
  picture = layers.dense(8).apply(picture);
  let time = layers.masking().apply(sequence);
  time = layers.simpleRNN(8).apply(time);
  const shared = layers.dense(6, { activation: "tanh", name: "shared" });
  let both = layers.concatenate().apply([shared.apply(picture), shared.apply(time)]);
  both = layers.dropout(0.3).apply(both);
  const model = functional({
    inputs: { image, sequence },
    outputs: {
      kind: layers.dense(3, { name: "kind" }).apply(both),
      value: layers.dense(1, { name: "value" }).apply(both),
    },
  });
  model.compile({
    optimizer: optimizers.adam({
      learningRate: schedules.exponentialDecay(0.02, 5, 0.9),
      globalClipNorm: 0.5,
      useEma: true,
    }),
    loss: { kind: losses.sparseCategoricalCrossentropy({ fromLogits: true }), value: "meanSquaredError" },
    lossWeights: { kind: 1, value: 0.5 },
    metrics: { kind: ["accuracy"], value: ["meanAbsoluteError"] },
  });
  return model;
}

export type HostileModel = ReturnType<typeof hostileModel>;

/** All weights, the optimizer's state and its moving averages, as one array of bits. */
export async function bitsOf(model: HostileModel): Promise<Int32Array> {
  const variables = [...model.weights, ...model.compiled!.optimizer.variables];
  const parts = await Promise.all(variables.map((v) => v.value.data()));
  const bits = parts.flatMap((part) => [...new Int32Array(Float32Array.from(part).buffer)]);
  return Int32Array.from(bits);
}

/** The weights as numbers, for comparison within a tolerance. */
export async function weightsOf(model: HostileModel): Promise<Float32Array> {
  const parts = await Promise.all(model.weights.map((v) => v.value.data()));
  return Float32Array.from(parts.flatMap((part) => [...part]));
}
