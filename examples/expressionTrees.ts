// Computations that one can look at: expression trees, formulas and their derivatives, and how a gradient comes about.
//
//   npm run example expressionTrees [-- FOLDER]
//
// Prints trees and tables, and writes the gradient of a neuron as SVG, HTML, Mermaid and DOT into FOLDER
// (build/examples unless told).

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  add,
  explainGradient,
  expression,
  FormulaError,
  linspace,
  matmul,
  mean,
  mul,
  square,
  sub,
  type Tensor,
  tanh,
  tensor,
  toTree,
  variable,
} from "myelin";

const { positionals } = parseArgs({ allowPositionals: true });
const folder = positionals[0] ?? join("build", "examples");

// 1. One sum, two trees: (a + 7) + y and a + (7 + y) are computed in another order and come to the same.
const left = await toTree((a, y) => add(add(a, 7), y), 1, 2).withValues();
const right = await toTree((a, y) => add(a, add(7, y)), 1, 2).withValues();
console.log(`(a + 7) + y\n${left}\n\na + (7 + y)\n${right}\n`);

// 2. What is used twice is computed once: the tree says #1 where it stands and ↑1 where it is used again.
const shared = toTree(
  (a, x) => {
    const inner = add(a, x);
    return mul(inner, inner);
  },
  1,
  2,
);
console.log(`(a + x) · (a + x)\n${shared}\n`);

// 3. A formula: printed, evaluated, differentiated into formulas, compiled.
const parabola = expression("2*(a*x^2 + b*x)");
console.log(`f = ${parabola}\n${parabola.toTree()}\n`);
console.log(`f(a = 1, b = 2, x = 3) = ${await parabola.evaluate({ a: 1, b: 2, x: 3 }).item()}`);
for (const input of parabola.inputs) console.log(`∂f/∂${input} = ${parabola.gradient(input)}`);
console.log(`∂²f/∂x² = ${parabola.gradient("x").gradient("x")}`);
const compiled = parabola.compile();
console.log(`f at five places: ${compiled({ a: 1, b: 2, x: linspace(-2, 2, 5) })}\n`);

// 4. What can't be read is marked in place.
try {
  expression("2*(a*x^2 + b*sinn(x)");
} catch (error) {
  if (!(error instanceof FormulaError)) throw error;
  console.log(`${error.message}\n`);
}

// 5. How the gradient of a neuron comes about, from the loss back to its weights.
const w = variable(tensor([[0.5], [-1]]), { name: "w" });
const b = variable(tensor([0.25]), { name: "b" });
const neuron = await explainGradient(
  (x: Tensor, y: Tensor) => mean(square(sub(tanh(add(matmul(x, w.value), b.value)), y))),
  tensor([
    [1, 2],
    [0, 1],
  ]),
  tensor([[1], [-1]]),
);
console.log(String(neuron));

await mkdir(folder, { recursive: true });
const files = {
  "neuron.svg": neuron.toSvg(),
  "neuron.html": neuron.toHtml(),
  "neuron.mmd": neuron.toMermaid(),
  "neuron.dot": neuron.toDot(),
};
for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
console.log(
  `\nPictures: ${Object.keys(files)
    .map((name) => join(folder, name))
    .join(", ")}`,
);
