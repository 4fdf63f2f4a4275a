import type { NDArray } from "../base/array.js";
import { ConfigError, FormatError } from "../base/errors.js";
import { sameShape } from "../base/shape.js";
import { tensor } from "../engine/create.js";
import {
  fileExists,
  readFile,
  readSafetensors,
  removeFile,
  writeFileAtomic,
  writeSafetensors,
} from "../formats/index.js";
import { formatType } from "../graph/tensor.js";
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
 * @example const model = sequential([layers.dense(1, { inputShape: [2] })]);
 * model.compile({ optimizer: "sgd", loss: "meanSquaredError" });
 * const backup = callbacks.backupAndRestore("run.safetensors", { saveFreq: 500 });
 * await model.fit(ones([8, 2]), ones([8, 1]), { epochs: 2, verbose: 0, callbacks: [backup] });
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
  const position = Int32Array.of(run.epoch, run.step, run.stepsPerEpoch, run.batchSize);
  arrays.set(POSITION, { shape: [4], dtype: "int32", data: position });
  for (const [name, variable] of run.state()) {
    arrays.set(name, { shape: variable.shape, dtype: variable.dtype, data: await variable.value.data() });
  }
  await writeFileAtomic(path, writeSafetensors(arrays));
}

/** Epoch, step, and how epochs are cut into steps; no variable has this place, theirs hold a slash. */
const POSITION = "position";

async function restore(path: string, run: TrainingRun): Promise<void> {
  const { tensors } = readSafetensors(await readFile(path), { file: path });
  const state = run.state();
  const problems: string[] = [];
  for (const [place, { name, shape, dtype }] of state) {
    const saved = tensors.get(place);
    if (!saved) problems.push(`no ${place} ("${name}")`);
    else if (!sameShape(saved.shape, shape) || saved.dtype !== dtype) {
      problems.push(
        `${place} ("${name}") as ${formatType(saved)} instead of ${formatType({ shape, dtype })}`,
      );
    }
  }
  for (const place of tensors.keys())
    if (place !== POSITION && !state.has(place)) problems.push(`an unknown ${place}`);
  const [epoch, step, stepsPerEpoch, batchSize] = tensors.get(POSITION)?.data ?? [];
  if (batchSize === undefined) problems.push("no position");
  else if (step !== 0 && (stepsPerEpoch !== run.stepsPerEpoch || batchSize !== run.batchSize)) {
    problems.push(
      `an epoch of ${stepsPerEpoch} steps of ${batchSize} rows instead of ${run.stepsPerEpoch} of ${run.batchSize}`,
    );
  }
  if (problems.length > 0) {
    throw new FormatError({
      who: "backupAndRestore",
      expected: `a backup of this model and optimizer in ${path}`,
      received: problems.join(", "),
      fix: "It belongs to another run: give this one another path, or delete the file.",
    });
  }
  for (const [name, variable] of state) variable.assign(tensor(tensors.get(name)!));
  run.epoch = epoch!;
  run.step = step!;
}
