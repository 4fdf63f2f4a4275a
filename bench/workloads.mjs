// What is measured. A workload's `spec` goes to every contender, so that its size is written once, here.
//
// A training step (mlp) = zero the gradients, forward, loss, backward, Adam (rate 1e-3), the loss read back as
// a host number; float32, random data that is already the framework's own tensor. An epoch = all 60,000
// training images of Fashion-MNIST in batches of 32, shuffled anew, through the framework's usual way (Myelin
// and Keras: `model.fit` with the accuracy; PyTorch: a plain loop; JAX: one scan).

//
// `limit` says which of the machine's limits holds for a workload. `aim` is what the project wants to reach with
// two native threads: how many times as fast as the fastest peer, which share of the limit; `wasm`: how many
// times as fast as TensorFlow.js, which share of the WASM limit of a thread. Limits are `flop`, and the bytes per second
// of `read`, `copy` and `triad`, as bench/limits/peak.c measures them.

import { operations } from "./operations.mjs";

const W1 = [784, 128, 10];
const W2 = [784, 1024, 1024, 10];

/** Multiply-adds of a training step: three products a layer, less the input gradient of the first. */
function trainingFlop(sizes, batch) {
  const products = sizes.slice(1).map((outputs, i) => sizes[i] * outputs);
  return 2 * batch * (3 * products.reduce((sum, product) => sum + product, 0) - products[0]);
}

function matmul(id, title, { m, k, n, batch = 1, transposeA = false, transposeB = false }) {
  const spec = { kind: "matmul", batch, m, k, n, transposeA, transposeB };
  const bytes = 4 * batch * (m * k + k * n + m * n);
  const large = Math.min(m, k, n) >= 1024;
  const aim = {
    ratio: 1,
    ...(large ? { share: 0.85, wasm: { share: 0.6 } } : m === 1 ? { share: 0.8 } : {}),
  };
  return { id, title, spec, flop: 2 * batch * m * k * n, bytes, limit: m === 1 ? "read" : "flop", aim };
}

function square(n) {
  const size = { m: n, k: n, n };
  return [
    matmul(`MM${n}`, `${n}³`, size),
    matmul(`MM${n}ta`, `${n}³, aᵀ·b`, { ...size, transposeA: true }),
    matmul(`MM${n}tb`, `${n}³, a·bᵀ`, { ...size, transposeB: true }),
  ];
}

function training(id, title, sizes, batch, aim) {
  const spec = { kind: "mlp", sizes, batch };
  return { id, title, spec, flop: trainingFlop(sizes, batch), limit: "flop", aim };
}

function epoch(id, title, loop) {
  const spec = { kind: "epoch", sizes: W1, batch: 32, loop };
  return {
    id,
    title,
    spec,
    flop: 1875 * trainingFlop(W1, 32),
    limit: "flop",
    once: true,
    aim: { ratio: 1.3 },
  };
}

export const workloads = [
  ...[256, 512, 1024, 2048].flatMap(square),
  matmul("MMb8x256", "8 × 256³, batched", { batch: 8, m: 256, k: 256, n: 256 }),
  ...[1, 8, 32].map((m) => matmul(`MMthin${m}`, `${m} × 4096 × 4096`, { m, k: 4096, n: 4096 })),
  training("W1", "W1 step: MLP 784–128–10, batch 32", W1, 32, { ratio: 2.5, wasm: { ratio: 5 } }),
  training("W2", "W2 step: MLP 784–1024–1024–10, batch 256", W2, 256, { ratio: 1.1, wasm: { ratio: 20 } }),
  epoch("epoch", "Fashion-MNIST epoch, batch 32", false),
  epoch("epochloop", "the same, one call a step", true),
  ...operations,
  { id: "empty", title: "empty compiled step: x + 1, read back", spec: { kind: "empty" }, aim: { ms: 0.01 } },
];

/** The names that `--only` takes: an id, or a family such as `MM`, `MM1024` or `W`. */
export function selectWorkloads(names) {
  if (!names) return workloads;
  const unknown = names.filter((name) => !workloads.some(({ id }) => id.startsWith(name)));
  if (unknown.length > 0) {
    const known = workloads.map(({ id }) => id).join(", ");
    throw new Error(`[bench] no workload ${unknown.join(", ")}. There are ${known}.`);
  }
  const exact = new Set(workloads.map(({ id }) => id));
  return workloads.filter(({ id }) =>
    names.some((name) => (exact.has(name) ? id === name : id.startsWith(name))),
  );
}
