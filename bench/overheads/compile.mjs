// A fresh process: building, tracing and compiling the W1 training step and running it once, less what a step
// costs later. Prints milliseconds.
import { tensor, zeros } from "../../dist/index.js";
import { trainingStep } from "../training.mjs";

tensor([1]).add(2).dataSync(); // the library and its backend have started
const x = zeros([32, 784]);
const y = zeros([32], "int32");
const start = performance.now();
const step = trainingStep([784, 128, 10]);
step(x, y).itemSync();
const first = performance.now();
step(x, y).itemSync();
const second = performance.now();
console.log(JSON.stringify({ compile: first - start - (second - first) }));
