import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import type { FileSystemError } from "../../src/formats/index.js";
import {
  callbacks,
  FileError,
  type FitOptions,
  FormatError,
  layers,
  type Model,
  type Optimizer,
  optimizers,
  sequential,
  setSeed,
  tensor,
  type Variable,
} from "../../src/index.js";
import { rejectionOf, thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

/** Makes the file system fail as a full disk does, or where reading is denied: root passes every real check. */
const disk = { isFull: false, deniesRead: false };
const realModule = process.getBuiltinModule;
const real = realModule("node:fs/promises");
const failure = (code: string) => Object.assign(new Error(`${code}: failed`), { code });
const failing = {
  ...real,
  open: async (...parts: Parameters<typeof real.open>) => {
    const file = await real.open(...parts);
    if (disk.isFull && parts[1] === "wx") file.writeFile = () => Promise.reject(failure("ENOSPC"));
    return file;
  },
  readFile: async (...parts: Parameters<typeof real.readFile>) => {
    if (disk.deniesRead) throw failure("EACCES");
    return real.readFile(...parts);
  },
};
vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
  name === "node:fs/promises" ? failing : realModule(name)) as typeof realModule);

const root = await mkdtemp(join(tmpdir(), "myelin-backup-"));
let folder: string;
let path: string;
beforeEach(async () => {
  useBackend(referenceBackend);
  folder = await mkdtemp(join(root, "run-"));
  path = join(folder, "run.safetensors");
});
afterEach(() => {
  disk.isFull = false;
  disk.deniesRead = false;
});
afterAll(() => rm(root, { recursive: true, force: true }));

const rows = 24;
const x = tensor(Array.from({ length: rows }, (_, i) => [Math.sin(i), Math.cos(3 * i)]));
const y = tensor(Array.from({ length: rows }, (_, i) => [Math.sin(i) - Math.cos(3 * i)]));
const options = { verbose: 0, batchSize: 4, seed: 1 } as const; // 6 steps in an epoch

function network(
  units = 4,
  optimizer: Optimizer = optimizers.adam({ learningRate: 0.01 }),
  before: () => unknown = () => {},
): Model {
  setSeed(2);
  before();
  const model = sequential([
    layers.dense(units, { activation: "tanh", inputShape: [2] }),
    layers.dropout(0.2),
    layers.dense(1),
  ]);
  model.compile({ optimizer, loss: "meanSquaredError", metrics: ["meanAbsoluteError"] });
  return model;
}

async function valuesOf(variables: readonly Variable[]): Promise<number[]> {
  const parts = await Promise.all(variables.map((v) => v.value.data()));
  return parts.flatMap((part) => [...part]);
}

/** Weights and the optimizer's state. */
const weightsOf = (model: Model) => valuesOf([...model.weights, ...model.compiled!.optimizer.variables]);

/** Trains with a backup until so many steps are done, then is interrupted. */
async function interrupted(
  steps: number,
  saveFreq: "epoch" | number,
  fitOptions: FitOptions = {},
): Promise<Model> {
  const model = network();
  const controller = new AbortController();
  let done = 0;
  await rejectionOf(
    model.fit(x, y, {
      ...options,
      epochs: 4,
      signal: controller.signal,
      ...fitOptions,
      callbacks: [
        callbacks.backupAndRestore(path, { saveFreq }),
        {
          onBatchEnd: () => {
            if (++done === steps) controller.abort();
          },
        },
      ],
    }),
  );
  return model;
}

describe("a run that was interrupted", () => {
  it.each([
    ["within an epoch, from the last saved step", 11, 4],
    ["at a saved step", 10, 4],
    ["within an epoch, from the last saved epoch", 9, "epoch"],
    ["before anything was saved", 3, "epoch"],
  ] as const)("goes on to the same bits: %s", async (_, steps, saveFreq) => {
    const whole = network();
    const expected = await whole.fit(x, y, { ...options, epochs: 4 });
    await interrupted(steps, saveFreq);
    const model = network();
    const history = await model.fit(x, y, {
      ...options,
      epochs: 4,
      callbacks: [callbacks.backupAndRestore(path, { saveFreq })],
    });
    expect(await weightsOf(model)).toEqual(await weightsOf(whole));
    expect(history.history.loss).toEqual(expected.history.loss!.slice(history.epoch[0]));
    expect(existsSync(path)).toBe(false); // done: nothing to restore
  });

  it("goes on in a model whose layers got other names, because more were made in the process", async () => {
    const whole = network();
    await whole.fit(x, y, { ...options, epochs: 4 });
    await interrupted(11, 4);
    const model = network(4, undefined, () => layers.dense(7)); // takes the name "dense"
    expect(model.layers[0]!.name).toBe("dense_1");
    await model.fit(x, y, { ...options, epochs: 4, callbacks: [callbacks.backupAndRestore(path)] });
    expect(await weightsOf(model)).toEqual(await weightsOf(whole));
  });

  it("keeps its file where it should", async () => {
    const callback = callbacks.backupAndRestore(path, { deleteCheckpoint: false });
    await network().fit(x, y, { ...options, epochs: 2, callbacks: [callback] });
    expect(existsSync(path)).toBe(true);
    // A finished run is not repeated.
    const model = network();
    const history = await model.fit(x, y, { ...options, epochs: 2, callbacks: [callback] });
    expect(history.epoch).toEqual([]);
    const whole = network();
    await whole.fit(x, y, { ...options, epochs: 2 });
    expect(await weightsOf(model)).toEqual(await weightsOf(whole));
  });

  it("may go on with more epochs, and with other data from the next epoch on", async () => {
    const callback = callbacks.backupAndRestore(path, { deleteCheckpoint: false });
    await network().fit(x, y, { ...options, epochs: 2, callbacks: [callback] });
    const model = network();
    const half = [x.slice([0, 0], [12, 2]), y.slice([0, 0], [12, 1])] as const;
    const history = await model.fit(...half, { ...options, epochs: 3, callbacks: [callback] });
    expect(history.epoch).toEqual([2]);
  });
});

describe("a backup is refused", () => {
  const resume = (model: Model, fitOptions: FitOptions = {}) =>
    rejectionOf(
      model.fit(x, y, {
        ...options,
        epochs: 4,
        ...fitOptions,
        callbacks: [callbacks.backupAndRestore(path, { saveFreq: 4 })],
      }),
    );

  it("of another model, with all that does not fit", async () => {
    await interrupted(9, 4);
    const model = network(5);
    const before = await valuesOf(model.weights);
    const error = (await resume(model)) as FormatError;
    expect(error).toBeInstanceOf(FormatError);
    expect(error.who).toBe("backupAndRestore");
    expect(error.expected).toContain(path);
    for (const part of ["dense/kernel", "dense/bias", "dense_1/kernel"])
      expect(error.received).toContain(part);
    expect(error.received).toContain("float32 [2, 4] instead of float32 [2, 5]");
    expect(error.received).not.toContain('"dense_1/bias"'); // that one fits
    expect(error.fix).toMatch(/another path/);
    expect(await valuesOf(model.weights)).toEqual(before);
  });

  it("of another optimizer", async () => {
    await interrupted(9, 4);
    const error = await resume(network(4, optimizers.sgd({ learningRate: 0.1 })));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(
      /no optimizer\/SGD\/0 \("sgd\/iterations"\).*an unknown optimizer\/Adam\/0/,
    );
  });

  it("from within an epoch that was cut into other steps", async () => {
    await interrupted(11, 4); // in the second epoch, saved after its fourth step
    const error = await resume(network(), { batchSize: 8 });
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/an epoch of 6 steps of 4 rows instead of 3 of 8/);
  });

  it("that is no such file, or part of one", async () => {
    await interrupted(9, 4);
    const whole = await readFile(path);
    for (const bytes of [
      new Uint8Array(0),
      whole.subarray(0, 5),
      whole.subarray(0, -3),
      whole.map((b) => b ^ 255),
    ]) {
      await writeFile(path, bytes);
      const model = network();
      const before = await valuesOf(model.weights);
      const error = await resume(model);
      expect(error).toBeInstanceOf(FormatError);
      expect(error.message).toContain("run.safetensors");
      expect(await valuesOf(model.weights)).toEqual(before);
    }
  });

  it("that can't be read", async () => {
    await mkdir(path);
    const folderError = (await resume(network())) as FileSystemError;
    expect(folderError).toBeInstanceOf(FileError);
    expect(folderError).toMatchObject({ code: "EISDIR", path });
    await rm(path, { recursive: true });
    await interrupted(9, 4);
    disk.deniesRead = true;
    const denied = (await resume(network())) as FileSystemError;
    expect(denied).toMatchObject({ code: "EACCES", path });
    expect(denied.fix).toMatch(/permissions/);
  });

  it.each([0, -1, 1.5, Number.NaN, "step"])("every %s steps", (saveFreq) => {
    const error = thrownBy(() => callbacks.backupAndRestore(path, { saveFreq: saveFreq as number }));
    expect(error.message).toMatch(/backupAndRestore.*"epoch" or a positive number of steps/);
  });
});

describe("a backup that can't be written", () => {
  it("into a folder that is not there ends training with the reason", async () => {
    const callback = callbacks.backupAndRestore(join(folder, "none", "run.safetensors"));
    const model = network();
    const error = await rejectionOf(model.fit(x, y, { ...options, callbacks: [callback] }));
    expect(error).toBeInstanceOf(FileError);
    expect(error.message).toMatch(/no such file or folder.*ENOENT/);
    expect(await model.compiled!.optimizer.iterations.value.item()).toBe(6); // the epoch is not lost
  });

  it("for a full disk leaves the last one, and training goes on from there once there is room", async () => {
    await interrupted(9, 4);
    const saved = await readFile(path);
    disk.isFull = true;
    const error = (await rejectionOf(
      network().fit(x, y, {
        ...options,
        epochs: 4,
        callbacks: [callbacks.backupAndRestore(path, { saveFreq: 4 })],
      }),
    )) as FileSystemError;
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "ENOSPC" });
    expect(error.fix).toMatch(/Free some space/);
    expect(await readFile(path)).toEqual(saved);
    expect(await readdir(folder)).toEqual(["run.safetensors"]); // no part of a file stays behind
    disk.isFull = false;
    const model = network();
    await model.fit(x, y, { ...options, epochs: 4, callbacks: [callbacks.backupAndRestore(path)] });
    const whole = network();
    await whole.fit(x, y, { ...options, epochs: 4 });
    expect(await weightsOf(model)).toEqual(await weightsOf(whole));
  });

  /** A disk of 16 kilobytes; only root may have one. */
  const tiny = (() => {
    const mount = join(root, "tiny");
    try {
      execFileSync("mkdir", [mount]);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", mount], { stdio: "ignore" });
      return mount;
    } catch {
      return undefined;
    }
  })();
  afterAll(() => {
    if (tiny) execFileSync("umount", [tiny]);
  });

  it.skipIf(!tiny)("for a disk that is really full", async () => {
    const callback = callbacks.backupAndRestore(join(tiny!, "run.safetensors"));
    const large = network(2000);
    const error = await rejectionOf(large.fit(x, y, { ...options, callbacks: [callback] }));
    expect(error).toMatchObject({ code: "ENOSPC" });
    expect(await readdir(tiny!)).toEqual([]);
  });
});
