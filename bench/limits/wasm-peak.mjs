// Multiply-add peak of WebAssembly SIMD on this engine: a module of one loop, put together byte by byte, so
// that no toolchain is needed. Run as a program, it prints JSON lines: 128-bit multiply then add (two
// operations), and the relaxed multiply-add where the engine has it, for 1 and N threads.
//
//   node bench/limits/wasm-peak.mjs [threads]
import { setFlagsFromString } from "node:v8";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

const CHAINS = [8, 10, 12, 13]; // independent sums: they cover the latency and must fit 16 registers
const LANES = 4;
const ROUNDS = 30_000_000;

/** Unsigned LEB128. */
function leb(value) {
  const bytes = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    bytes.push(value ? low | 0x80 : low);
  } while (value);
  return bytes;
}
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const float32 = (value) => [...new Uint8Array(new Float32Array([value]).buffer)];
const simd = (opcode) => [0xfd, ...leb(opcode)];
const localGet = (index) => [0x20, index];
const localSet = (index) => [0x21, index];
const splat = (value) => [0x43, ...float32(value), ...simd(0x13)]; // f32.const, f32x4.splat

/** `f(rounds: i32) -> f32`: each round updates every chain, sum = sum · scale + step. */
function moduleBytes(relaxed, count) {
  const [rounds, scale, step, first] = [0, 1, 2, 3];
  const multiplyAdd = (chain) =>
    relaxed
      ? [...localGet(chain), ...localGet(scale), ...localGet(step), ...simd(0x105)] // f32x4.relaxed_madd
      : [...localGet(chain), ...localGet(scale), ...simd(0xe6), ...localGet(step), ...simd(0xe4)];
  const chains = Array.from({ length: count }, (_, i) => first + i);
  const code = [
    ...[1, ...leb(2 + count), 0x7b], // locals: v128
    ...[...splat(0.999999), ...localSet(scale), ...splat(1e-6), ...localSet(step)],
    ...chains.flatMap((chain, i) => [...splat(1 + i), ...localSet(chain)]),
    ...[0x03, 0x40], // loop
    ...chains.flatMap((chain) => [...multiplyAdd(chain), ...localSet(chain)]),
    ...[...localGet(rounds), 0x41, 1, 0x6b, 0x22, rounds, 0x0d, 0, 0x0b], // rounds -= 1, branch while not 0
    ...localGet(first),
    ...chains.slice(1).flatMap((chain) => [...localGet(chain), ...simd(0xe4)]), // f32x4.add
    ...[...simd(0x1f), 0, 0x0b], // f32x4.extract_lane 0
  ];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7d]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

/** The best number of chains counts. */
const gflops = (relaxed) => Math.max(...CHAINS.map((count) => gflopsOf(relaxed, count)));

function gflopsOf(relaxed, count) {
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(relaxed, count))).exports;
  f(ROUNDS / 10); // let the optimizing tier take over
  f(ROUNDS / 10);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    f(ROUNDS);
    best = Math.min(best, performance.now() - start);
  }
  return (2 * LANES * count * ROUNDS) / best / 1e6;
}

/** Sum over `threads` workers that run at the same time. */
async function parallel(relaxed, threads) {
  const start = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: threads }, () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { relaxed, start, threads } });
    return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  });
  return (await Promise.all(workers)).reduce((sum, value) => sum + value, 0);
}

try {
  setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node 20; later ones have it by default
} catch {}

if (isMainThread) {
  const threads = Number(process.argv[2] ?? 2);
  for (const relaxed of [false, true]) {
    const name = relaxed ? "wasmRelaxedMultiplyAdd" : "wasmMultiplyAdd";
    if (!WebAssembly.validate(moduleBytes(relaxed, 8))) continue;
    for (const count of new Set([1, threads])) {
      const value = await parallel(relaxed, count);
      console.log(JSON.stringify({ name, threads: count, gflops: Number(value.toPrecision(4)) }));
    }
  }
} else {
  const { relaxed, start, threads } = workerData;
  Atomics.add(start, 0, 1);
  while (Atomics.load(start, 0) < threads); // all begin together
  parentPort.postMessage(gflops(relaxed));
}
