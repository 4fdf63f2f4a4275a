import type { NDArray } from "../base/array.js";
import { ConfigError, FormatError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { tensor } from "../engine/create.js";
import {
  fileExists,
  readFile,
  readSafetensors,
  removeFile,
  writeFileAtomic,
  writeSafetensors,
} from "../formats/index.js";
import type { Callback, Logs, TrainingRun } from "../models/callback.js";

export interface BackupOptions {
  /** Save after each epoch (default), or after every so many steps as well. */
  readonly saveFreq?: "epoch" | number;
  /** Remove the file when training ends. Default true. */
  readonly deleteCheckpoint?: boolean;
}

/**
 * Keeps a file from which an interrupted `fit` goes on: weights, optimizer, metrics, counters of random layers and
 * the place in the data. A run that was killed and started again ends with the same bits as one that ran through.
 *
 * The file is replaced whole: a crash while saving leaves the one before.
 * @param path a safetensors file
 * @example await model.fit(x, y, { epochs: 10, callbacks: [backupAndRestore("run.safetensors", { saveFreq: 500 })] })
 */
export function backupAndRestore(path: string, options: BackupOptions = {}): Callback {
  const { saveFreq = "epoch", deleteCheckpoint = true } = options;
  if (saveFreq !== "epoch" && !(Number.isInteger(saveFreq) && saveFreq > 0)) {
    throw new ConfigError({
      who: "backupAndRestore",
      expected: 'saveFreq "epoch" or a positive number of steps',
      received: String(saveFreq),
    });
  }
  return {
    ...(saveFreq === "epoch" ? {} : { everySteps: saveFreq }),
    onTrainBegin: async (run) => {
      if (await fileExists(path)) await restore(path, run);
    },
    onSteps: (_step: number, _logs: Logs, run: TrainingRun) => save(path, run),
    onEpochEnd: (_epoch: number, _logs: Logs, run: TrainingRun) => save(path, run),
    onTrainEnd: async () => {
      if (deleteCheckpoint) await removeFile(path);
    },
  };
}

async function save(path: string, run: TrainingRun): Promise<void> {
  const arrays = new Map<string, NDArray>();
  arrays.set(POSITION, { shape: [2], dtype: "int32", data: Int32Array.of(run.epoch, run.step) });
  for (const [name, variable] of run.state()) {
    arrays.set(name, { shape: variable.shape, dtype: variable.dtype, data: await variable.value.data() });
  }
  await writeFileAtomic(path, writeSafetensors(arrays));
}

/** Epoch and step; no variable has this name, theirs hold a slash. */
const POSITION = "position";

async function restore(path: string, run: TrainingRun): Promise<void> {
  const { tensors } = readSafetensors(await readFile(path), { file: path });
  const state = run.state();
  const position = tensors.get(POSITION);
  const problems: string[] = [];
  for (const [name, variable] of state) {
    const saved = tensors.get(name);
    if (!saved) problems.push(`no "${name}"`);
    else if (!sameShape(saved.shape, variable.shape)) {
      problems.push(
        `"${name}" of shape ${formatShape(saved.shape)} instead of ${formatShape(variable.shape)}`,
      );
    }
  }
  if (!position) problems.push("no position");
  if (problems.length > 0) {
    throw new FormatError({
      who: "backupAndRestore",
      expected: `a backup of this model and optimizer in ${path}`,
      received: problems.join(", "),
      fix: "It belongs to another run: give this one another path, or delete the file.",
    });
  }
  for (const [name, variable] of state) variable.assign(tensor(tensors.get(name)!));
  run.epoch = position!.data[0]!;
  run.step = position!.data[1]!;
}
