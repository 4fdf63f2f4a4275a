/**
 * A process of its own that makes large results in a synchronous loop and keeps none of them:
 * `node memoryChild.js <backend> <calls> <reads>`. Prints the largest memory of the process in bytes.
 */
import { add, type BackendName, jit, setBackend, tensor } from "../../src/index.js";

const [name, calls, reads] = process.argv.slice(2);
await setBackend(name as BackendName);
const x = tensor(new Float32Array(4 * 1024 * 1024).fill(1), { shape: [4, 1024, 1024] }); // 16 MB
const compiled = jit((a: typeof x, n: number) => add(a, n));
for (let i = 0; i < Number(calls); i++) {
  const y = compiled(x, i);
  if (i % 100 === 0) expectEnds(y.dataSync(), 1 + i);
}
for (let i = 0; i < Number(reads); i++) expectEnds(add(x, i).dataSync(), 1 + i);
console.log(process.resourceUsage().maxRSS * 1024);

function expectEnds(elements: ArrayLike<number>, value: number): void {
  if (elements[0] !== value || elements[elements.length - 1] !== value) throw new Error(`no ${value}`);
}
