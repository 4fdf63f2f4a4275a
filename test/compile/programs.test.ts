/**
 * What the compiler makes of training steps, counted on the null backend, so that an optimization can't vanish unseen.
 * Where a number changes for the better, write the new one; each list says what the steps are.
 */
import { afterAll, expect, it } from "vitest";
import "../../src/index.js";
import { countProgram, NullBackend, type ProgramCount } from "../../src/backends/null/null.js";
import { allSteps, type Program } from "../../src/compile/program.js";
import { useBackend } from "../../src/engine/device.js";
import {
  layers,
  losses,
  type Sequential,
  sequential,
  setSeed,
  type Tensor,
  tensor,
} from "../../src/index.js";
import { referenceBackend } from "../support/evaluate.js";

afterAll(() => useBackend(referenceBackend));

class Recorder extends NullBackend {
  readonly programs: Program[] = [];
  override load(program: Program) {
    this.programs.push(program);
    return super.load(program);
  }
}

const classes = 10;
const images = (rows: number): Tensor =>
  tensor(new Uint8Array(rows * 784), { shape: [rows, 28, 28] }).div(255);
const labels = (rows: number): Tensor => tensor(new Uint8Array(rows));
const flatten = () => layers.flatten({ inputShape: [28, 28] });

/** The program of one training step: batch, forward, backward, Adam, loss and accuracy. */
async function trainingStep(
  make: () => Sequential,
  batchSize: number,
  reshape = (x: Tensor): Tensor => x,
): Promise<Program> {
  const recorder = new Recorder();
  useBackend(recorder);
  setSeed(0);
  const model = make();
  model.compile({
    optimizer: "adam",
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
  });
  await model.fit(reshape(images(2 * batchSize)), labels(2 * batchSize), { batchSize, verbose: 0 });
  const steps = recorder.programs.filter(({ steps }) => steps.some(({ kind }) => kind === "matmul"));
  expect(steps).toHaveLength(1);
  return steps[0]!;
}

/** Labels of the steps of a kind. */
function labelsOf(program: Program, kind: string): string[] {
  return [...allSteps(program.steps)].filter(({ step }) => step.kind === kind).map(({ step }) => step.label);
}

const adam = "adamMoment → adamVelocity → adamUpdate";

it("W1, 784-128-10 with batches of 32, is 19 steps with 10 barriers", async () => {
  const program = await trainingStep(
    () => sequential([flatten(), layers.dense(128, { activation: "relu" }), layers.dense(classes)]),
    32,
  );
  expect(labelsOf(program, "matmul")).toEqual([
    "matmul → add → relu → greater", // hidden layer; the mask is kept as bytes for the way back
    "matmul → add", // logits
    "matmul → where", // gradient of the hidden layer
    `matmul → ${adam}`, // both kernels, updated where their gradients are finished
    `matmul → ${adam}`,
  ]);
  expect(labelsOf(program, "kernel").sort()).toEqual([
    "gather", // bytes of the images
    "gather", // labels
    "sparseCrossEntropy",
    "sparseCrossEntropyGradient",
  ]);
  expect(labelsOf(program, "reduce").filter((label) => label.endsWith(adam))).toHaveLength(2); // both biases
  expect(countProgram(program)).toEqual({
    // loops: place in the data, row numbers, images to float, cursor, rate of Adam
    // reductions: both biases, accuracy of each row, sums of loss and accuracy
    steps: { loop: 5, kernel: 4, matmul: 5, reduce: 5 },
    barriers: 10,
    // the hidden kernel's gradient (401,408) beside images (100,352), activations, their gradient (16,384 each) and mask
    arenaBytes: 545_280,
  } satisfies ProgramCount);
});

it("W2, 784-1024-1024-10 with batches of 256, is two products more than W1 and one bias", async () => {
  const program = await trainingStep(
    () =>
      sequential([
        flatten(),
        layers.dense(1024, { activation: "relu" }),
        layers.dense(1024, { activation: "relu" }),
        layers.dense(classes),
      ]),
    256,
  );
  expect(countProgram(program)).toEqual({
    steps: { loop: 5, kernel: 4, matmul: 8, reduce: 6 },
    barriers: 13,
    // at most a kernel's gradient (4,194,304), four activations and gradients (1,048,576 each), images and masks
    arenaBytes: 9_453_824,
  } satisfies ProgramCount);
});

it("a small convolution network with batch normalization", async () => {
  const program = await trainingStep(
    () =>
      sequential([
        layers.conv2d(8, 3, { inputShape: [28, 28, 1], padding: "same", useBias: false }),
        layers.batchNormalization(),
        layers.relu(),
        layers.maxPooling2d(),
        layers.flatten(),
        layers.dense(classes),
      ]),
    32,
    (x) => x.reshape([x.shape[0]!, 28, 28, 1]),
  );
  expect(labelsOf(program, "kernel").sort()).toEqual([
    "conv2d",
    "conv2dKernelGradient", // no gradient to the images
    "gather",
    "gather",
    "maxPool2d",
    "maxPool2dGradient",
    "sparseCrossEntropy",
    "sparseCrossEntropyGradient",
  ]);
  expect(labelsOf(program, "loop")).toContain("sub → mul → add → relu → greater"); // normalized and activated at once
  expect(countProgram(program)).toEqual({
    // reductions: mean and variance, two of their derivative; gain, offset and bias; three of loss and accuracy
    steps: { loop: 15, kernel: 8, matmul: 3, reduce: 10 },
    barriers: 23,
    // seven arrays of the convolution's result (802,816 each) or less
    arenaBytes: 5_584_640,
  } satisfies ProgramCount);
});

it("a simple recurrent network: two loops, the input projected before and its kernel's gradient behind", async () => {
  const program = await trainingStep(
    () => sequential([layers.simpleRNN(32, { inputShape: [28, 28] }), layers.dense(classes)]),
    32,
  );
  const [forward, backward] = program.steps.filter((step) => step.kind === "scan");
  expect(forward!.body.map(({ label }) => label)).toEqual(["matmul → add → tanh"]);
  // The states are read, not computed again; the gradient of the recurrent kernel is one product behind the loop.
  expect(backward!.body.map(({ label }) => label)).toEqual(["square → sub → mul", "matmul"]);
  expect(labelsOf(program, "matmul").filter((label) => label.endsWith(adam))).toHaveLength(3);
  expect(countProgram(program)).toEqual({
    steps: { loop: 9, kernel: 4, matmul: 8, reduce: 5, scan: 2 },
    barriers: 16,
    // projected inputs, states and gradients of all 28 steps (114,688 each), images (100,352)
    arenaBytes: 459_008,
  } satisfies ProgramCount);
});
