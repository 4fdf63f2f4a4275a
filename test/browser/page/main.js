// The main job in a page: loads data, trains, evaluates, predicts. The test calls `trainClassifier` once per backend.
import {
  currentBackend,
  datasets,
  layers,
  losses,
  modelFromBytes,
  sequential,
  setBackend,
  setSeed,
} from "myelin";

const print = (text) => document.querySelector("#log").append(`${text}\n`);

/**
 * @param backend arguments of setBackend, or null for what importing the package chose
 * @param baseUrl folder with the files of Fashion-MNIST, or null for generated digits
 */
async function trainClassifier({ backend, baseUrl, epochs }) {
  if (backend) await setBackend(...backend);
  setSeed(0);
  const { description } = currentBackend();
  print(`backend: ${currentBackend().name} (${description})`);
  const { train, test } = baseUrl
    ? await datasets.fashionMnist({ baseUrl, verbose: false })
    : datasets.digits({ train: 6000, test: 1000 });

  const model = sequential([
    layers.flatten({ inputShape: [28, 28] }),
    layers.dense(128, { activation: "relu" }),
    layers.dense(10),
  ]);
  model.compile({
    optimizer: "adam",
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
  });
  const watch = watchPage();
  const started = performance.now();
  const { history } = await model.fit(train.images, train.labels, { epochs, verbose: 0 });
  const seconds = (performance.now() - started) / 1000;
  const { longestWait, turns } = watch.stop();
  const { loss, accuracy } = await model.evaluate(test.images, test.labels);
  print(`trained in ${seconds.toFixed(2)} s, test loss ${loss.toFixed(4)}, accuracy ${accuracy.toFixed(4)}`);
  print(`the page had ${turns} turns meanwhile and waited ${longestWait.toFixed(0)} ms at most`);

  const classifier = sequential([model, layers.softmax()]);
  const values = await (await classifier.predict(test.images)).data();
  const reloaded = modelFromBytes(await classifier.toBytes());
  const again = await (await reloaded.predict(test.images)).data();
  const labels = await test.labels.data();
  let correct = 0;
  let sums = 0;
  labels.forEach((label, i) => {
    const row = values.subarray(10 * i, 10 * i + 10);
    sums = Math.max(sums, Math.abs(row.reduce((a, b) => a + b) - 1));
    if (row.indexOf(Math.max(...row)) === label) correct++;
  });
  const weights = [];
  for (const weight of model.weights) weights.push(...new Uint32Array((await weight.value.data()).buffer));
  return {
    backend: currentBackend().name,
    description,
    images: train.labels.size,
    losses: history.loss,
    loss,
    accuracy,
    predictedAccuracy: correct / labels.length,
    /** Whether the model predicts the same after it was saved and loaded. */
    isReloaded: values.every((value, i) => value === again[i]),
    /** Largest distance of a row of probabilities from 1. */
    sums,
    /** A digest of all weights' bits. */
    bits: weights.reduce((hash, word) => (Math.imul(hash, 31) + word) | 0, 17),
    seconds,
    longestWait,
    turns,
  };
}

/** How often the event loop had its turn, and how long it had to wait at most. */
function watchPage() {
  let turns = 0;
  let longestWait = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    turns++;
    longestWait = Math.max(longestWait, now - last);
    last = now;
  }, 4);
  return {
    stop: () => {
      clearInterval(timer);
      return { turns, longestWait };
    },
  };
}

window.trainClassifier = trainClassifier;
print("ready");
