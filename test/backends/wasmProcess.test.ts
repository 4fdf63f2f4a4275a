/** Processes that compute on WASM: they start without a native addon, train, and end though workers wait for work. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;

/** The built package without prebuilds/<platform>, as on a platform that none was built for. */
beforeAll(() => {
  execFileSync(process.execPath, [join(root, "scripts", "build-ts.mjs")]);
  mkdirSync(join(root, "build"), { recursive: true });
  folder = mkdtempSync(join(root, "build", "wasm-only-"));
  for (const part of ["package.json", "dist", "prebuilds/wasm"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(script: string, env: Readonly<Record<string, string>> = {}) {
  const file = join(folder, `script-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(
    file,
    script.replaceAll('"myelin"', JSON.stringify(pathToFileURL(join(folder, "dist/index.js")).href)),
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 50_000,
  });
  return { status, stdout, stderr };
}

const training = `
import { currentBackend, layers, sequential, tensor } from "myelin";
const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = tensor([[0], [1], [1], [0]]);
const model = sequential([layers.dense(16, { activation: "tanh", inputShape: [2] }), layers.dense(1)]);
model.compile({ optimizer: "adam", loss: "meanSquaredError" });
const before = (await model.evaluate(x, y)).loss;
await model.fit(x, y, { epochs: 300, batchSize: 4, verbose: 0 });
const after = (await model.evaluate(x, y)).loss;
console.log(currentBackend().name, after < before / 2 ? "trained" : "not trained: " + before + " " + after);
`;

test("WASM is taken where there is no native addon; the process ends by itself", () => {
  expect(run(training)).toEqual({ status: 0, stdout: "wasm trained\n", stderr: "" });
});

test("MYELIN_BACKEND forces a backend, or the first computation says why not", () => {
  expect(run(training, { MYELIN_BACKEND: "reference" })).toMatchObject({ stdout: "reference trained\n" });
  expect(run(training, { MYELIN_BACKEND: "native" }).stderr).toMatch(
    /expected the backend native, received no native addon/,
  );
  expect(run(training, { MYELIN_BACKEND: "wasn" }).stderr).toMatch('Did you mean "wasm"?');
});

test("a process waits for a run that is awaited, and for no idle worker", () => {
  const script = `
import { add, jit, matmul, setBackend, variable, zeros } from "myelin";
await setBackend("wasm", { variant: "threads", threads: 3 });
const x = variable(zeros([256, 256]));
const step = jit(() => x.assign(add(matmul(x.value, x.value), 1)));
step.repeat(50, []).then(({ steps }) => console.log(steps, "steps"));
`;
  expect(run(script)).toEqual({ status: 0, stdout: "50 steps\n", stderr: "" });
});

test("where no worker can start, the calling thread computes alone and says so once", () => {
  const worker = join(folder, "dist/backends/cpu/worker.js");
  const text = readFileSync(worker);
  rmSync(worker);
  try {
    const { status, stdout, stderr } = run(training, { MYELIN_BACKEND: "wasm" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "wasm trained\n" });
    expect(stderr.match(/WASM computes without some or all of its threads/g)).toHaveLength(1);
  } finally {
    writeFileSync(worker, text);
  }
});

test("a worker of the user's own computes on WASM and ends", () => {
  const script = `
import { isMainThread, Worker } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import { setBackend, sum, tensor } from "myelin";
if (isMainThread) new Worker(fileURLToPath(import.meta.url)).on("exit", (code) => console.log("exit", code));
else {
  await setBackend("wasm", { threads: 2 });
  console.log(await sum(tensor([1, 2, 3])).item());
}
`;
  expect(run(script)).toEqual({ status: 0, stdout: "6\nexit 0\n", stderr: "" });
});
