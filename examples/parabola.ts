// Gradient descent, step by step: a parabola a·x² + b·x + c is fitted to points, with the loss (a·x² + b·x + c − y)².
//
//   npm run example parabola [-- FOLDER]
//
// Prints the six steps of the algorithm with their numbers, then what plain steps, momentum and Adam find, and draws
// into FOLDER (build/examples unless told) the loss from above with the three ways over it, and the fitted curves.
// After 100 steps the mean losses are 0.06065 (plain), 0.06065 (momentum) and 0.06069 (Adam).

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  add,
  charts,
  expression,
  jit,
  linspace,
  mean,
  mul,
  normal,
  type Optimizer,
  optimizers,
  valueAndGrad,
  variable,
} from "myelin";

const { values, positionals } = parseArgs({
  options: { steps: { type: "string", default: "100" } },
  allowPositionals: true,
});
const steps = Number(values.steps);
const folder = positionals[0] ?? join("build", "examples");

// Measurements of 1.2 x² − 0.8 x + 0.5 with some noise.
const count = 25;
const truth = expression("1.2*x^2 - 0.8*x + 0.5");
const x = linspace(-1.5, 1.5, count);
const y = add(truth.evaluate({ x }), mul(0.2, normal(3, [count])));

const model = expression("a*x^2 + b*x + c");
const loss = expression(`(${model} - y)^2`);
console.log(`model     ${model}`);
console.log(`loss      ${loss}, its mean over ${count} points`);
for (const weight of ["a", "b", "c"]) console.log(`∂/∂${weight}      ${loss.gradient(weight)}`);

/** One run of gradient descent: the weights before each step, and the mean loss there. */
async function descend(optimizer: Optimizer, explained: boolean) {
  const a = variable(-1, { name: "a" });
  const b = variable(2, { name: "b" });
  const c = variable(-0.5, { name: "c" });
  const weights = [a, b, c];
  const read = () => Promise.all(weights.map((w) => w.value.item()));
  const show = (numbers: readonly number[]) => numbers.map((n) => n.toFixed(4).padStart(8)).join(" ");

  const step = jit(() => {
    const { value, gradients } = valueAndGrad(
      () => mean(loss.evaluate({ a: a.value, b: b.value, c: c.value, x, y })),
      weights,
    )();
    optimizer.apply(gradients, weights);
    return { loss: value, gradients };
  });

  const way: number[][] = [];
  const losses: number[] = [];
  for (let done = 0; done < steps; done++) {
    const before = await read();
    if (explained && done === 0) {
      const [first, last] = [0, count - 1];
      const predicted = await model.evaluate({ a: a.value, b: b.value, c: c.value, x }).data();
      const measured = await y.data();
      const errors = [first, last].map((i) => predicted[i]! - measured[i]!);
      console.log(`\n1 initialize   a, b, c      = ${show(before)}`);
      console.log(
        `2 forward      predictions  = ${show([predicted[first]!, predicted[last]!])}   at both ends`,
      );
      console.log(`               measured     = ${show([measured[first]!, measured[last]!])}`);
      console.log(`3 error        differences  = ${show(errors)}`);
    }
    const result = step();
    const after = await read();
    if (explained && done === 0) {
      const gradients = await Promise.all(result.gradients.map((g) => g.item()));
      console.log(`               mean loss    = ${show([await result.loss.item()])}`);
      console.log(`4 backward     ∂a, ∂b, ∂c   = ${show(gradients)}`);
      console.log(`5 update       a, b, c      = ${show(after)}   w − rate · ∂w`);
      console.log(`6 repeat       ${steps - 1} times:`);
    }
    if (explained && (done + 1) % Math.ceil(steps / 6) === 0)
      console.log(`  step ${String(done + 1).padStart(4)}    a, b, c      = ${show(after)}`);
    way.push(before);
    losses.push(await result.loss.item());
  }
  way.push(await read());
  return { way, losses };
}

const rate = 0.1;
const runs = [
  { name: "plain", ...(await descend(optimizers.sgd({ learningRate: rate }), true)) },
  { name: "momentum", ...(await descend(optimizers.sgd({ learningRate: rate, momentum: 0.8 }), false)) },
  { name: "adam", ...(await descend(optimizers.adam({ learningRate: 2 * rate }), false)) },
];

console.log("");
console.log(
  charts.table(
    runs.map(({ name, way, losses }) => [
      name,
      ...way.at(-1)!.map((weight) => weight.toFixed(4)),
      losses.at(-1)!.toFixed(5),
    ]),
    { header: ["optimizer", "a", "b", "c", "loss"], align: ["left", "right", "right", "right", "right"] },
  ),
);

// The loss over a and b, with c where the best run left it.
const c = runs.at(-1)!.way.at(-1)![2]!;
const as = Array.from({ length: 61 }, (_, i) => -2.5 + i * 0.1);
const bs = Array.from({ length: 61 }, (_, i) => -3 + i * 0.1);
const height = jit((a: number, b: number) => mean(loss.evaluate({ a, b, c, x, y })));
const surface = bs.map((b) => as.map((a) => height(a, b).itemSync()));

await mkdir(folder, { recursive: true });
const surfaceFile = join(folder, "parabola-loss.svg");
await writeFile(
  surfaceFile,
  charts.contourChartSvg({
    title: "Mean loss and the ways down",
    xLabel: "a",
    yLabel: "b",
    x: as,
    y: bs,
    values: surface,
    paths: runs.map(({ name, way }) => ({ name, x: way.map(([a]) => a!), values: way.map(([, b]) => b!) })),
  }),
);
const curvesFile = join(folder, "parabola-fit.svg");
const places = Array.from(await x.data());
const curves = await Promise.all(
  runs.map(async ({ name, way }) => {
    const [a, b, c] = way.at(-1)!;
    return { name, x: places, values: await model.evaluate({ a: a!, b: b!, c: c!, x }).data() };
  }),
);
await writeFile(
  curvesFile,
  charts.lineChartSvg({
    title: `After ${steps} steps`,
    xLabel: "x",
    yLabel: "y",
    series: [{ name: "measured", x: places, values: await y.data(), style: "points" }, ...curves],
  }),
);
const lossesFile = join(folder, "parabola-losses.svg");
await writeFile(
  lossesFile,
  charts.lineChartSvg({
    title: "Mean loss",
    xLabel: "step",
    series: runs.map(({ name, losses }) => ({ name, values: losses })),
  }),
);
console.log(`\nPictures: ${surfaceFile}, ${curvesFile}, ${lossesFile}`);
