// Eager work outside of `jit`: a chain of ten operations on 1,000 elements, read back, with new numbers each time; and
// of that, building the graph alone. Prints microseconds, medians of many.
import { abs, add, div, mul, neg, relu, sqrt, square, sub, tanh, tensor } from "../../dist/index.js";

const x = tensor(Float32Array.from({ length: 1000 }, (_, i) => i / 1000));
const chain = (k) => tanh(neg(abs(sub(relu(div(sqrt(add(square(mul(x, k)), 1)), 2)), 0.25))));

/** Median time of one call in microseconds. */
function median(call) {
  for (let i = 0; i < 3000; i++) call(i);
  const times = [];
  for (let i = 0; i < 5000; i++) {
    const start = performance.now();
    call(i);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] * 1000;
}

const build = median(chain);
const eager = median((k) => chain(k).dataSync());
console.log(JSON.stringify({ eager, build }));
