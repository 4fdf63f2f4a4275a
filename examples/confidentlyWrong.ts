// Why training minimizes a loss and not the number of mistakes: accuracy stands still while a network grows
// confidently wrong, and it has no slope to follow.
//
//   npm run example confidentlyWrong [-- FOLDER]
//
// Ten predictions, one of them wrong. The surer they all are, the better the nine are rated and the worse the one: the
// cross-entropy falls to 0.395 and then climbs without bound, to 4.000 at a logit of 40; the accuracy is 0.9 all along. Writes the chart into FOLDER (build/examples unless told).

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  argMax,
  cast,
  charts,
  equal,
  GradientError,
  grad,
  mean,
  mul,
  neg,
  oneHot,
  softmax,
  sparseCrossEntropy,
  type Tensor,
  tensor,
} from "myelin";

const { values, positionals } = parseArgs({
  options: { most: { type: "string", default: "40" } },
  allowPositionals: true,
});
const most = Number(values.most); // the surest logit
const folder = positionals[0] ?? join("build", "examples");

// Ten samples of three classes. The last label is 2, and the network says 0.
const labels = tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 2], { dtype: "int32" });
const said = tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], { dtype: "int32" });

/** Logits of `confidence` for what the network says, 0 for the other classes. */
const logitsOf = (confidence: number) => mul(confidence, oneHot(said, 3));
const loss = (logits: Tensor) => mean(sparseCrossEntropy(logits, labels));
const accuracy = (logits: Tensor) => mean(cast(equal(argMax(logits, -1), labels), "float32"));

const confidences = Array.from({ length: 40 }, (_, i) => ((i + 1) / 40) * most);
const points = await Promise.all(
  confidences.map(async (confidence) => {
    const logits = logitsOf(confidence);
    const wrong = softmax(logits).at(-1, 0); // the last sample, class 0
    return {
      confidence,
      wrong: await wrong.item(),
      own: await sparseCrossEntropy(logits, labels).at(-1).item(),
      loss: await loss(logits).item(),
      accuracy: await accuracy(logits).item(),
    };
  }),
);
console.log(
  charts.table(
    points
      .filter((_, i) => [0, 1, 2, 4, 9, 19, 39].includes(i))
      .map(({ confidence, wrong, own, loss, accuracy }) => [
        confidence.toFixed(0),
        wrong.toFixed(4),
        own.toFixed(3),
        loss.toFixed(3),
        accuracy.toFixed(1),
      ]),
    {
      header: ["logit", "p(wrong class)", "loss of that sample", "mean loss", "accuracy"],
      align: ["right", "right", "right", "right", "right"],
    },
  ),
);

// The loss says where to go: less of class 0, more of class 2 for the last sample.
const downhill = await neg(grad(loss)(logitsOf(4)).at(9)).data();
console.log(
  `\ndownhill for the last sample at logit 4: ${Array.from(downhill, (part) => part.toFixed(4)).join(", ")}`,
);

// The accuracy does not, and says so.
try {
  grad(accuracy)(logitsOf(4));
} catch (error) {
  if (!(error instanceof GradientError)) throw error;
  console.log(`\ngrad(accuracy): ${error.message}`);
}

await mkdir(folder, { recursive: true });
const file = join(folder, "confidently-wrong.svg");
await writeFile(
  file,
  charts.lineChartSvg({
    title: "Nine right, one wrong, ever surer",
    xLabel: "logit of the class that is said",
    series: [
      { name: "mean cross-entropy", x: confidences, values: points.map((point) => point.loss) },
      { name: "accuracy", x: confidences, values: points.map((point) => point.accuracy) },
    ],
  }),
);
console.log(`\nPicture: ${file}`);
