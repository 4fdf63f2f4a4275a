// An image classifier from data to saved file: Fashion-MNIST where it can be had, else generated digits.
//
//   npm run example quickstart
//
// Prints, for the test set of Fashion-MNIST, an accuracy of 0.8836. A few seconds.

import { parseArgs } from "node:util";
import { charts, datasets, layers, loadModel, losses, sequential, setSeed, sub } from "myelin";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "10" },
    digits: { type: "string" }, // so many generated digits instead of Fashion-MNIST
    output: { type: "string", default: "fashion.keras" },
  },
});
const epochs = Number(values.epochs);
setSeed(42);

// Data: images [n, 28, 28] from 0 to 1, labels [n] from 0 to 9.
const { train, test, classNames } = values.digits
  ? datasets.digits({ train: Number(values.digits), test: Number(values.digits) })
  : await datasets.quickstartData();

// Model
const model = sequential([
  layers.flatten({ inputShape: [28, 28] }), // [batch, 784]
  layers.dense(128, { activation: "relu" }), // [batch, 128]
  layers.dense(10), // [batch, 10], logits
]);
model.compile({
  optimizer: "adam",
  loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
  metrics: ["accuracy"],
});
model.summary();

// Training; the last tenth of the training images is kept out to watch for overfitting.
const { history } = await model.fit(train.images, train.labels, { epochs, validationSplit: 0.1 });
console.log(`validation accuracy by epoch: ${history.val_accuracy!.map((a) => a.toFixed(4)).join(", ")}`);

// Result
const { loss, accuracy } = await model.evaluate(test.images, test.labels);
console.log(`test set: loss ${loss!.toFixed(4)}, accuracy ${accuracy!.toFixed(4)}`);

const classifier = sequential([model, layers.softmax()]);
const probabilities = await classifier.predict(test.images); // [n, 10]
const bars = await probabilities.at(0).data();
const label = await test.labels.at(0).item();
console.log(`\nfirst test image: ${classNames[label]}`);
console.log(
  charts.barChart(classNames.map((name, k) => ({ label: name, value: bars[k]!, isMarked: k === label }))),
);

await classifier.save(values.output);
const again = await loadModel(values.output);
const difference = await sub(probabilities, await again.predict(test.images))
  .abs()
  .max()
  .item();
console.log(`\nsaved to ${values.output} and loaded: predictions differ by ${difference}`);
