// Derivatives of functions: of any order, of many arguments, and as a compiled step that goes downhill.
//
//   npm run example gradient
//
// Prints the table of tanh and its two derivatives, and the way down: height 12.5 at the start, 3.2e-8 at (0.9998,
// 0.9996) after 20,000 steps. A second or two.

import { parseArgs } from "node:util";
import { add, charts, grad, jit, mul, square, sub, sum, type Tensor, tanh, tensor } from "myelin";

const { values } = parseArgs({ options: { steps: { type: "string", default: "20000" } } });
const steps = Number(values.steps);

// 1. A derivative is a function too, so it has a derivative.
const f = (x: Tensor) => sum(tanh(x)); // a sum over independent points: its gradient is the derivative at each
const slope = grad(f);
const curvature = grad((x: Tensor) => sum(slope(x)));

const points = tensor([-2, -1, 0, 1, 2]);
const [x, y, dy, ddy] = await Promise.all(
  [points, tanh(points), slope(points), curvature(points)].map((t) => t.data()),
);
const rows = Array.from(x!, (_, i) => [x, y, dy, ddy].map((column) => column![i]!.toFixed(4)));
console.log(charts.table(rows, { header: ["x", "tanh", "tanh′", "tanh″"] }));

// 2. Rosenbrock's banana valley, (1 − x)² + 100 (y − x²)²: the minimum is at (1, 1), and the way there is narrow.
const valley = ({ x, y }: { x: Tensor; y: Tensor }) =>
  add(square(sub(1, x)), mul(100, square(sub(y, square(x)))));

const rate = 1e-3; // larger steps jump out of the valley
const downhill = jit((at: { x: Tensor; y: Tensor }) => {
  const gradient = grad(valley)(at);
  return { x: sub(at.x, mul(rate, gradient.x)), y: sub(at.y, mul(rate, gradient.y)) };
});

let at: { x: Tensor; y: Tensor } = { x: tensor(-1.5), y: tensor(2) };
for (let step = 0; step <= steps; step++) {
  if (step % Math.ceil(steps / 4) === 0) {
    const [east, north, height] = await Promise.all([at.x.item(), at.y.item(), valley(at).item()]);
    const place = `(${east.toFixed(4)}, ${north.toFixed(4)})`;
    console.log(`step ${String(step).padStart(5)}: ${place}, height ${height.toExponential(2)}`);
  }
  at = downhill(at);
}
