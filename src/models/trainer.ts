/**
 * `fit`, `evaluate`, `predict`: the loop over epochs and slices. One step (batch, forward, backward, update, metrics)
 * is one compiled program; a slice runs many steps in one call on the engine's thread.
 */

import type { NDArray } from "../base/array.js";
import { allocateArray } from "../base/dtype.js";
import { DataError } from "../base/errors.js";
import { classNameOf } from "../base/lookup.js";
import { foldIn } from "../base/prng.js";
import { sizeOf } from "../base/shape.js";
import { type ProgressWriter, progressWriter } from "../charts/index.js";
import { tensor } from "../engine/create.js";
import { globalSeed } from "../engine/seed.js";
import type { Variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import type { Communicator } from "../ops/allReduce.js";
import {
  checkClassNumbers,
  checkCompiled,
  checkCount,
  checkFinite,
  checkInteger,
  checkOptions,
  checkShapes,
  type Pair,
  pair,
  validationRows,
} from "./arguments.js";
import { Cursor, columns, type DataArgument, nextRows, splitColumn, takeRows } from "./batches.js";
import { type Callback, History, type Logs, type TrainingRun } from "./callback.js";
import type { Model } from "./model.js";
import { weightState } from "./state.js";
import { cached, evaluateStep, resetMetrics, Step, trainStep } from "./step.js";
import { type StopFlag, stopFlag, throwIfAborted } from "./stop.js";

export interface FitOptions {
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Rows per step. Default 32. */
  readonly batchSize?: number;
  /** A new order of the rows each epoch. Default true. */
  readonly shuffle?: boolean;
  /** The last part of the data, 0 … 1, kept out of training and evaluated after each epoch. */
  readonly validationSplit?: number;
  /** `[x, y]`, evaluated after each epoch. */
  readonly validationData?: readonly [DataArgument, DataArgument];
  readonly callbacks?: readonly Callback[];
  /** 1: progress bar (default), 0: silent, 2: one line per epoch. */
  readonly verbose?: 0 | 1 | 2;
  /** Number of the first epoch, to continue a run. Default 0. */
  readonly initialEpoch?: number;
  /** Steps in one native call; default: as many as fit into about 30 ms. */
  readonly stepsPerExecution?: number;
  /** Seed of the order of rows. Default: the one given to `setSeed`. */
  readonly seed?: number;
  /** Averages the gradients over the ranks of a group of processes before each update. */
  readonly communicator?: Communicator;
  /** Look for NaN and infinities in the inputs before training. Default false. */
  readonly checkFinite?: boolean;
  /** Ends training after the current step, with the weights intact. */
  readonly signal?: AbortSignal;
  /** Called after each slice with the share of all steps that is done. */
  readonly onProgress?: (share: number, logs: Logs) => void;
}

export interface EvaluateOptions {
  readonly batchSize?: number;
  readonly verbose?: 0 | 1 | 2;
  readonly signal?: AbortSignal;
}

const EVALUATE_OPTIONS = ["batchSize", "verbose", "signal"];
const FIT_OPTIONS = [
  ...EVALUATE_OPTIONS,
  "epochs",
  "shuffle",
  "validationSplit",
  "validationData",
  "callbacks",
  "initialEpoch",
  "stepsPerExecution",
  "seed",
  "communicator",
  "checkFinite",
  "onProgress",
];

/** Milliseconds of work in one native call, unless callbacks or stepsPerExecution say otherwise. */
const SLICE = 30;

/**
 * Trains a compiled model.
 *
 * @returns the learning curves: loss and metrics per epoch, `val_…` for validation data
 * @throws {ConfigError} before `compile`, {DataError} for data that do not fit, {AbortedError} where the signal fired
 */
export async function fit(
  model: Model,
  x: DataArgument,
  y: DataArgument,
  options: FitOptions = {},
): Promise<History> {
  const who = "fit";
  const {
    epochs = 1,
    batchSize = 32,
    shuffle = true,
    verbose = 1,
    initialEpoch = 0,
    seed = globalSeed(),
  } = options;
  checkOptions(who, options, FIT_OPTIONS);
  checkCount(who, "epochs", epochs);
  checkCount(who, "batchSize", batchSize);
  if (options.stepsPerExecution !== undefined)
    checkCount(who, "stepsPerExecution", options.stepsPerExecution);
  if (initialEpoch !== 0) checkCount(who, "initialEpoch", initialEpoch);
  checkInteger(who, "seed", seed);
  checkCompiled(who, model);
  throwIfAborted(who, options.signal, "Nothing was trained.");
  const data = pair(who, model, x, y);
  if (options.checkFinite) {
    await checkFinite(who, model.inputNames, data.inputs);
    await checkFinite(who, model.outputNames, data.targets);
  }
  await checkClassNumbers(who, model, data.targets);
  const split = validationRows(who, options, data.inputs.length);
  const trainRows = data.inputs.length - split;
  const validation = options.validationData && pair(who, model, ...options.validationData);
  if (validation) await checkClassNumbers(who, model, validation.targets);
  const step = await trainStep(model, data, {
    batch: batchSize,
    shuffle,
    hasTail: trainRows % batchSize !== 0,
    communicator: options.communicator,
  });
  const run = new Run(model, step, { epochs, batchSize, stepsPerEpoch: Math.ceil(trainRows / batchSize) });
  run.epoch = initialEpoch;
  const release = step.claim(who);
  const history = new History();
  const callbacks = options.callbacks ?? [];
  const stop = stopFlag(options.signal);
  const progress = verbose === 1 ? progressWriter() : undefined;
  try {
    await each(callbacks, (c) => c.onTrainBegin?.(run));
    while (run.epoch < epochs && !run.stopTraining) {
      const { epoch } = run;
      await each(callbacks, (c) => c.onEpochBegin?.(epoch, run));
      if (run.step === 0) {
        step.begin(0, trainRows, foldIn(seed, epoch));
        resetMetrics(model, step);
      }
      const started = performance.now();
      let logs = await trainEpoch(run, stop, options, callbacks, progress, started);
      if (split > 0 || validation) {
        const held = validation ?? data;
        const evaluated = await evaluateRows(
          model,
          held,
          batchSize,
          validation ? 0 : trainRows,
          validation ? held.inputs.length : split,
          stop,
        );
        logs = {
          ...logs,
          ...Object.fromEntries(Object.entries(evaluated).map(([name, value]) => [`val_${name}`, value])),
        };
      }
      reportEpoch(run, logs, verbose, progress, started);
      history.record(epoch, logs);
      run.step = 0;
      run.epoch++;
      await each(callbacks, (c) => c.onEpochEnd?.(epoch, logs, run));
    }
    model.compiled!.optimizer.finalizeVariableValues(model.trainableWeights);
    await each(callbacks, (c) => c.onTrainEnd?.(run));
    return history;
  } finally {
    release();
    progress?.stop();
    stop.dispose();
  }
}

async function trainEpoch(
  run: Run,
  stop: StopFlag,
  options: FitOptions,
  callbacks: readonly Callback[],
  progress: ProgressWriter | undefined,
  started: number,
): Promise<Record<string, number>> {
  const perBatch = callbacks.some((c) => c.onBatchEnd);
  const intervals = callbacks.flatMap((c) => (c.everySteps ? [c.everySteps] : []));
  let logs: Record<string, number> = {};
  while (run.step < run.stepsPerEpoch && !run.stopTraining) {
    const boundary = Math.min(run.stepsPerEpoch, ...intervals.map((n) => (Math.floor(run.step / n) + 1) * n));
    const most = Math.min(
      boundary - run.step,
      perBatch ? 1 : (options.stepsPerExecution ?? Number.POSITIVE_INFINITY),
    );
    const budget = options.stepsPerExecution === undefined && !perBatch ? { budget: SLICE } : {};
    const completed = await run.trainStep.run(most, { ...budget, stop: stop.flag });
    const done = completed.steps;
    run.step += done;
    logs = run.trainStep.logs(completed);
    stop.throwIfAborted("fit");
    if (done === 0)
      throw new DataError({
        who: "fit",
        expected: "a step to finish",
        received: "none",
        fix: "This is a defect of Myelin: please report it.",
      });
    if (perBatch) await each(callbacks, (c) => c.onBatchEnd?.(run.step - 1, logs, run));
    await each(callbacks, (c) =>
      c.everySteps && run.step % c.everySteps === 0 && run.step < run.stepsPerEpoch
        ? c.onSteps?.(run.step, logs, run)
        : undefined,
    );
    progress?.update({ ...progressState(run, logs, started), done: run.step });
    options.onProgress?.((run.epoch * run.stepsPerEpoch + run.step) / (run.epochs * run.stepsPerEpoch), logs);
  }
  return logs;
}

function progressState(run: Run, logs: Logs, started: number) {
  return {
    label: `Epoch ${run.epoch + 1}/${run.epochs}`,
    done: run.step,
    total: run.stepsPerEpoch,
    seconds: (performance.now() - started) / 1000,
    unit: "samples",
    unitsPerStep: run.batchSize,
    values: logs,
  };
}

function reportEpoch(
  run: Run,
  logs: Logs,
  verbose: 0 | 1 | 2,
  progress: ProgressWriter | undefined,
  started: number,
): void {
  const state = progressState(run, logs, started);
  progress?.done(state);
  if (verbose === 2) {
    const values = Object.entries(logs).map(([name, value]) => `${name}: ${value.toFixed(4)}`);
    console.log(
      `Epoch ${run.epoch + 1}/${run.epochs} - ${state.seconds.toFixed(2)} s - ${values.join(" - ")}`,
    );
  }
}

/**
 * Loss and metrics on data, without training.
 *
 * @throws {ConfigError} before `compile`, {DataError} for data that do not fit
 * @example const { loss, accuracy } = await model.evaluate(test.images, test.labels)
 */
export async function evaluate(
  model: Model,
  x: DataArgument,
  y: DataArgument,
  options: EvaluateOptions = {},
): Promise<Record<string, number>> {
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  if (options.batchSize !== undefined) checkCount("evaluate", "batchSize", options.batchSize);
  checkCompiled("evaluate", model);
  throwIfAborted("evaluate", options.signal, "");
  const data = pair("evaluate", model, x, y);
  await checkClassNumbers("evaluate", model, data.targets);
  const stop = stopFlag(options.signal);
  try {
    const logs = await evaluateRows(model, data, options.batchSize ?? 32, 0, data.inputs.length, stop);
    if (options.verbose === 2)
      console.log(
        Object.entries(logs)
          .map(([name, value]) => `${name}: ${value.toFixed(4)}`)
          .join(" - "),
      );
    return logs;
  } finally {
    stop.dispose();
  }
}

async function evaluateRows(
  model: Model,
  data: Pair,
  batch: number,
  first: number,
  rows: number,
  stop: StopFlag,
): Promise<Record<string, number>> {
  const step = await evaluateStep(model, data, batch, rows % batch !== 0);
  const release = step.claim("evaluate");
  try {
    step.begin(first, rows, 0);
    resetMetrics(model, step);
    const steps = Math.ceil(rows / batch);
    let done = 0;
    let logs: Record<string, number> = {};
    while (done < steps) {
      const slice = await step.run(steps - done, { budget: SLICE, stop: stop.flag });
      stop.throwIfAborted("evaluate");
      done += slice.steps;
      logs = step.logs(slice);
    }
    return logs;
  } finally {
    release();
  }
}

/**
 * The model's outputs for data, batch by batch.
 *
 * @returns one tensor `[rows, …]`, or one per output name where the model has several
 * @example const probabilities = await model.predict(images)
 */
export async function predict(
  model: Model,
  x: DataArgument,
  options: EvaluateOptions = {},
): Promise<Tensor | Record<string, Tensor>> {
  const who = "predict";
  checkOptions(who, options, EVALUATE_OPTIONS);
  if (options.batchSize !== undefined) checkCount(who, "batchSize", options.batchSize);
  const inputs = columns(who, "inputs", x, model.inputNames);
  checkShapes(who, model, inputs);
  const batch = Math.min(options.batchSize ?? 256, inputs.length);
  const parts = await Promise.all(inputs.tensors.map(splitColumn));
  const { length } = inputs;
  const step = await cached(
    model,
    `predict ${batch} ${length % batch !== 0} ${parts.map((p) => p.key)}`,
    () => {
      const cursor = new Cursor("predict");
      const body = ([...residents]: readonly Tensor[]) => {
        const rows = nextRows(cursor, batch, false, length % batch !== 0);
        const outputs = model.forward(
          parts.map((part, i) => takeRows(part, residents[i]!, rows)),
          { training: false },
        );
        return Object.fromEntries(model.outputNames.map((name, i) => [name, outputs[i]!]));
      };
      return new Step(model, parts, [], cursor, body, { batch, shuffle: false });
    },
  );
  step.bind(parts, []);
  const release = step.claim(who);
  const collected: Record<string, NDArray> = {};
  try {
    step.begin(0, length, 0);
    for (let start = 0; start < length; start += batch) {
      throwIfAborted(who, options.signal, "");
      const { value } = await step.run(1, {});
      for (const [name, part] of Object.entries(value)) {
        const shape = [length, ...part.shape.slice(1)];
        const width = sizeOf(part.shape.slice(1));
        collected[name] ??= { shape, dtype: part.dtype, data: allocateArray(part.dtype, length * width) };
        const values = await part.data();
        collected[name].data.set(values.subarray(0, Math.min(batch, length - start) * width), start * width);
      }
    }
  } finally {
    release();
  }
  const tensors = Object.fromEntries(Object.entries(collected).map(([name, array]) => [name, tensor(array)]));
  return model.outputNames.length === 1 ? tensors[model.outputNames[0]!]! : tensors;
}

class Run implements TrainingRun {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  epoch = 0;
  step = 0;
  stopTraining = false;

  constructor(
    private readonly model: Model,
    readonly trainStep: Step,
    sizes: { epochs: number; stepsPerEpoch: number; batchSize: number },
  ) {
    this.epochs = sizes.epochs;
    this.stepsPerEpoch = sizes.stepsPerEpoch;
    this.batchSize = sizes.batchSize;
  }

  state(): ReadonlyMap<string, Variable> {
    const { optimizer, metrics } = this.model.compiled!;
    const numbered = (place: string, variables: readonly Variable[]) =>
      variables.map((v, i): [string, Variable] => [`${place}/${i}`, v]);
    return new Map([
      ...weightState(this.model),
      ...numbered(`optimizer/${classNameOf(optimizer)}`, optimizer.variables),
      ...metrics.flatMap(({ metric }, k) =>
        numbered(`metrics/${k}/${classNameOf(metric)}`, metric.variables),
      ),
      ...numbered("totals", this.trainStep.totals),
      ...numbered("cursor", this.trainStep.cursor.variables),
    ]);
  }
}

async function each(
  callbacks: readonly Callback[],
  call: (callback: Callback) => void | Promise<void> | undefined,
): Promise<void> {
  for (const callback of callbacks) await call(callback);
}
