// A fresh process: from `import "myelin"` to the first computed tensor. Prints milliseconds.
const start = performance.now();
const { tensor } = await import("../../dist/index.js");
const [three] = tensor([1]).add(2).dataSync();
if (three !== 3) throw new Error(`1 + 2 = ${three}`);
console.log(JSON.stringify({ import: performance.now() - start, process: performance.now() }));
