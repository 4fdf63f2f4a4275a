// Who takes part: Myelin on its backends, and the peers that are found.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Contender } from "./contender.mjs";

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const node = process.execPath;

/** Two threads, as in the published tables, or one where the machine has no more. */
export const threads = Math.min(2, availableParallelism());

// glibc hands memory back after large frees and pays page faults for it in the next step. Told to keep it,
// eager PyTorch's large steps gain up to a third; every peer gets the same setting.
const keepHeap = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 33),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
  MALLOC_TOP_PAD_: String(2 ** 30),
};

const myelin = (backend, count) => ({
  id: `${backend}${count}`,
  family: backend,
  label: `Myelin ${backend === "wasm" ? "WASM" : backend}, ${count}T`,
  own: true,
  command: node,
  arguments: [here("myelin.mjs")],
  environment: { BENCH_BACKEND: backend, BENCH_THREADS: String(count) },
});

const python = (id, family, label, file, environment = {}, count = threads) => ({
  id,
  family,
  label: `${label}, ${count}T`,
  command: process.env.MYELIN_PEERS_PYTHON,
  arguments: [here(`peers/${file}`)],
  environment: { PYTHONWARNINGS: "ignore", ...keepHeap, ...environment, BENCH_THREADS: String(count) },
});

const own = ["native", "wasm"].flatMap((backend) =>
  [...new Set([threads, 1])].map((t) => myelin(backend, t)),
);

const peers = [
  python("torch", "torch", "PyTorch", "peer_torch.py"),
  python("compile", "compile", "torch.compile", "peer_torch.py", { BENCH_COMPILE: "1" }),
  python("jax", "jax", "JAX", "peer_jax.py"),
  ...(threads > 1 ? [python("jax1", "jax", "JAX", "peer_jax.py", {}, 1)] : []), // faster on small steps
  python("keras", "keras", "Keras", "peer_keras.py"),
  python("numpy", "numpy", "NumPy", "peer_numpy.py"),
  {
    id: "tfjs",
    family: "tfjs",
    label: "TensorFlow.js WASM, 1T",
    command: node,
    arguments: [here("peers/peer_tfjs.mjs")],
    environment: {},
  },
];

/** Why a peer can't be asked for, or undefined. */
function missing({ id }) {
  if (id === "tfjs") {
    return process.env.MYELIN_PEERS_TFJS ? undefined : "MYELIN_PEERS_TFJS names no folder with TensorFlow.js";
  }
  const interpreter = process.env.MYELIN_PEERS_PYTHON;
  if (!interpreter) return "MYELIN_PEERS_PYTHON names no Python interpreter";
  return existsSync(interpreter) ? undefined : `there is no ${interpreter} (MYELIN_PEERS_PYTHON)`;
}

/**
 * Starts everyone that is asked for.
 *
 * @returns `{ present: Contender[], absent: { label, reason }[] }`
 */
export async function startContenders({ peers: names, backends }, tell) {
  const known = new Set([...own, ...peers].map(({ family }) => family));
  for (const name of [...(names ?? []), ...(backends ?? [])]) {
    if (!known.has(name))
      throw new Error(`[bench] no contender ${name}. There are ${[...known].join(", ")}.`);
  }
  const wanted = [
    ...own.filter(({ family }) => !backends || backends.includes(family)),
    ...peers.filter(({ family }) => !names || names.includes(family)),
  ];
  const present = [];
  const absent = [];
  for (const description of wanted) {
    const reason = description.own ? undefined : missing(description);
    if (reason) {
      absent.push({ label: description.label, reason });
      continue;
    }
    const contender = new Contender(description);
    tell(`starting ${description.label}`);
    try {
      await contender.start();
      present.push(contender);
    } catch (error) {
      absent.push({ label: description.label, reason: error.message });
    }
  }
  return { present, absent };
}
