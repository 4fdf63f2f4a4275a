import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { NDArray } from "../base/array.js";
import {
  barChart,
  confusionMatrix,
  imageGrid,
  imageToTerminal,
  type Terminal,
  terminalOf,
} from "../charts/index.js";
import {
  digits,
  fashionMnist,
  type ImageDataset,
  type LabelledImages,
  mnist,
  quickstartData,
} from "../datasets/index.js";
import { currentBackend, setBackend, tensor } from "../engine/index.js";
import { setSeed } from "../engine/seed.js";
import { fileSystemError } from "../formats/files.js";
import type { Tensor } from "../graph/tensor.js";
import * as layers from "../layers/index.js";
import * as losses from "../losses/index.js";
import { type Model, sequential } from "../models/index.js";
import { gather, slice } from "../ops/index.js";
import { checkExtension } from "../saving/archive.js";
import { loadModel } from "../saving/index.js";
import { type Context, defineCommand, type Values } from "./command.js";
import { firstOfEachClass, type Judgement, judge, type Mistake } from "./predictions.js";
import { version } from "./version.js";

const options = {
  epochs: { kind: "integer", least: 1, default: 5, help: "passes over the training images" },
  batchSize: { kind: "integer", least: 1, default: 32, help: "images per step" },
  seed: {
    kind: "integer",
    least: Number.MIN_SAFE_INTEGER,
    default: 0,
    help: "seed of the weights and of the order of images",
  },
  data: {
    kind: "choice",
    choices: ["auto", "fashion-mnist", "mnist", "digits"],
    default: "auto",
    help: "auto: Fashion-MNIST where it can be had, else generated digits",
  },
  samples: { kind: "integer", least: 10, help: "use only the first n training and test images" },
  backend: {
    kind: "choice",
    choices: ["native", "wasm", "reference"],
    help: "where to compute (default: the fastest available)",
  },
  threads: { kind: "integer", least: 1, help: "threads (default: the cores)" },
  output: { kind: "text", value: "file", default: "quickstart.keras", help: "where the model is saved" },
  json: { kind: "flag", help: "print the results as JSON" },
} as const;

type Settings = Values<typeof options>;
type NamedData = ImageDataset & { readonly name: string; readonly reason: string };

export const quickstart = defineCommand({
  name: "quickstart",
  summary: "trains an image classifier, tests it, saves it and loads it again",
  options,
  async run(settings, context) {
    const print = (text: string) => void (settings.json || context.stdout.write(`${text}\n`));
    const terminal = terminalOf(context.stdout);
    const outcome = await work(settings, context, print, terminal);
    if (settings.json) context.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    return outcome.saved.isEqual ? 0 : 1;
  },
});

async function work(
  settings: Settings,
  { signal }: Context,
  print: (text: string) => void,
  terminal: Terminal,
) {
  const { epochs, batchSize, seed, threads, json } = settings;
  await checkOutput(settings.output);
  if (settings.backend || threads) {
    const name = settings.backend ?? (currentBackend().name as "native" | "wasm" | "reference");
    await setBackend(name, threads === undefined ? {} : { threads });
  }
  setSeed(seed);
  const backend = currentBackend();
  print(`Myelin ${version()}, ${backend.name} backend (${backend.description})`);

  const { train, test, classNames, name, reason } = await load(settings, signal);
  const count = (n: number) => n.toLocaleString("en-US");
  const [trained, tested] = [train.images.shape[0]!, test.images.shape[0]!];
  print(`Data: ${name} (${reason}), ${count(trained)} training and ${count(tested)} test images\n`);

  const model = sequential([
    layers.flatten({ inputShape: train.images.shape.slice(1) }),
    layers.dense(128, { activation: "relu" }),
    layers.dense(classNames.length),
  ]);
  model.compile({
    optimizer: "adam",
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
  });
  model.summary({ print, width: terminal.width });

  print("\nTraining");
  const started = performance.now();
  const { history } = await model.fit(train.images, train.labels, {
    epochs,
    batchSize,
    seed,
    signal,
    verbose: json ? 0 : 1,
  });
  const seconds = (performance.now() - started) / 1000;
  const imagesPerSecond = Math.round((epochs * trained) / seconds);
  print(
    `${epochs} epoch${epochs === 1 ? "" : "s"} in ${seconds.toFixed(1)} s, ${count(imagesPerSecond)} images/s`,
  );

  const evaluation = await model.evaluate(test.images, test.labels, { signal, verbose: 0 });
  const { loss, accuracy } = evaluation as { loss: number; accuracy: number };
  print(`\nTest set: loss ${loss.toFixed(4)}, accuracy ${(100 * accuracy).toFixed(2)}%`);

  const classifier = sequential([model, layers.softmax()]);
  const probabilities = await predict(classifier, test.images, signal);
  const labels = await test.labels.data();
  const judgement = judge(probabilities, labels, classNames.length);
  if (!json) {
    print(`\nPredictions\n\n${await examples(test, labels, probabilities, classNames, terminal)}`);
    print(`\nConfusion matrix\n\n${confusionMatrix(judgement.confusion, classNames, terminal)}`);
    print(`\nWorst mistakes\n\n${await worstMistakes(test, judgement, classNames, terminal)}`);
  }

  await classifier.save(settings.output);
  const again = await predict(await loadModel(settings.output), test.images, signal);
  const isEqual = probabilities.every((p, i) => Object.is(p, again[i]));
  const { size } = await stat(settings.output);
  const verdict = isEqual ? "its predictions are equal" : "its predictions DIFFER";
  print(`\nSaved to ${settings.output} (${Math.round(size / 1000)} kB) and loaded again: ${verdict}.`);

  return {
    version: version(),
    backend,
    data: { name, reason, train: trained, test: tested },
    parameters: model.countParams(),
    settings: { epochs, batchSize, seed },
    history,
    training: { seconds, imagesPerSecond },
    evaluation,
    classNames,
    confusion: judgement.confusion,
    worstMistakes: judgement.mistakes.slice(0, 10),
    saved: { path: settings.output, bytes: size, isEqual },
  };
}

/** Who can't save at the end should hear it before the training. */
async function checkOutput(file: string): Promise<void> {
  checkExtension("myelin quickstart --output", file, [".keras"]);
  const folder = dirname(resolve(file));
  try {
    await access(folder, constants.W_OK);
  } catch (error) {
    throw fileSystemError("myelin quickstart --output", "a folder to write into", folder, error);
  }
}

async function load({ data, samples, seed }: Settings, signal: AbortSignal): Promise<NamedData> {
  const sizes = samples === undefined ? {} : { train: samples, test: samples };
  if (data === "digits")
    return { ...digits({ seed, ...sizes }), name: "generated digits", reason: "as asked" };
  const whole =
    data === "auto"
      ? await quickstartData({ signal, seed })
      : {
          ...(await (data === "mnist" ? mnist : fashionMnist)({ signal })),
          name: data === "mnist" ? "MNIST" : "Fashion-MNIST",
          reason: "as asked",
        };
  if (samples === undefined) return whole;
  return { ...whole, train: firstRows(whole.train, samples), test: firstRows(whole.test, samples) };
}

function firstRows({ images, labels }: LabelledImages, samples: number): LabelledImages {
  const rows = Math.min(samples, labels.size);
  return {
    images: slice(images, [0, 0, 0], [rows, ...images.shape.slice(1)]) as Tensor<"float32">,
    labels: slice(labels, [0], [rows]) as Tensor<"uint8">,
  };
}

async function predict(model: Model, images: Tensor, signal: AbortSignal): Promise<Float32Array> {
  return (await (await model.predict(images, { signal, verbose: 0 })).data()) as Float32Array;
}

/** Some rows of a set as pictures. */
async function pictures({ images }: LabelledImages, rows: readonly number[]): Promise<NDArray[]> {
  const shape = images.shape.slice(1);
  const picked = await gather(images, tensor([...rows], { dtype: "int32" })).data();
  const size = picked.length / rows.length;
  return rows.map((_, i) => ({
    shape,
    dtype: "float32",
    data: picked.subarray(i * size, (i + 1) * size) as Float32Array,
  }));
}

/** A few test images, each beside the probabilities of all classes. */
async function examples(
  test: LabelledImages,
  labels: ArrayLike<number>,
  probabilities: Float32Array,
  classNames: readonly string[],
  terminal: Terminal,
): Promise<string> {
  const rows = firstOfEachClass(labels, 3);
  const images = await pictures(test, rows);
  const classes = classNames.length;
  return rows
    .map((row, i) => {
      const label = labels[row]!;
      const values = probabilities.subarray(row * classes, (row + 1) * classes);
      const predicted = values.indexOf(Math.max(...values));
      const bars = classNames.map((name, k) => ({ label: name, value: values[k]!, isMarked: k === label }));
      const pictureWidth = images[i]!.shape[1]!;
      return beside(
        imageToTerminal(images[i]!, terminal),
        pictureWidth,
        [
          `true: ${classNames[label]}`,
          `predicted: ${classNames[predicted]}${predicted === label ? "" : " (wrong)"}`,
          barChart(bars, { ...terminal, width: terminal.width - pictureWidth - 3 }),
        ].join("\n"),
      );
    })
    .join("\n\n");
}

/** Two blocks of lines next to each other, the left one in `width` columns. */
function beside(left: string, width: number, right: string): string {
  const [a, b] = [left.split("\n"), right.split("\n")];
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    `${a[i] ?? " ".repeat(width)}   ${b[i] ?? ""}`.trimEnd(),
  ).join("\n");
}

async function worstMistakes(
  test: LabelledImages,
  { mistakes }: Judgement,
  classNames: readonly string[],
  terminal: Terminal,
): Promise<string> {
  if (mistakes.length === 0) return "none: every test image is recognized";
  const perRow = Math.max(1, Math.floor((terminal.width + 2) / (test.images.shape[2]! + 2)));
  const shown = mistakes.slice(0, perRow * 2);
  const images = await pictures(
    test,
    shown.map(({ index }) => index),
  );
  const caption = ({ label, predicted, confidence }: Mistake) => [
    `true: ${classNames[label]}`,
    `not ${classNames[predicted]} (${(100 * confidence).toFixed(1)}%)`,
  ];
  return imageGrid(
    shown.map((mistake, i) => ({ image: images[i]!, caption: caption(mistake) })),
    terminal,
  );
}
