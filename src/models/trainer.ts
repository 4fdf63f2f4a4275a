/**
 * `fit`, `evaluate`, `predict`: the loop over epochs and slices. One step (batch, forward, backward, update, metrics)
 * is one compiled program; a slice runs many steps in one call on the engine's thread.
 */

import { AbortedError, ConfigError, DataError, ShapeError } from "../base/errors.js";
import { foldIn } from "../base/prng.js";
import { formatShape } from "../base/shape.js";
import { type ProgressWriter, progressWriter } from "../charts/index.js";
import { tensor } from "../engine/create.js";
import { backend } from "../engine/device.js";
import { valueAndGrad } from "../engine/gradients.js";
import { CompiledFunction, type Completed } from "../engine/jit.js";
import { realize, storageOf } from "../engine/realize.js";
import { globalSeed } from "../engine/seed.js";
import { type Variable, variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import { allReduce, type Communicator } from "../ops/control.js";
import { add, div, isFinite, logicalNot, mul } from "../ops/elementwise.js";
import { any } from "../ops/reduce.js";
import {
  type Column,
  type Columns,
  Cursor,
  columns,
  type DataArgument,
  nextRows,
  rowCount,
  splitColumn,
  takeRows,
} from "./batches.js";
import { type Callback, History, type Logs, type TrainingRun } from "./callback.js";
import type { Model } from "./model.js";

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
  checkCount(who, "epochs", epochs);
  checkCount(who, "batchSize", batchSize);
  checkCompiled(who, model);
  throwIfAborted(who, options.signal);
  const data = pair(who, model, x, y);
  if (options.checkFinite) await checkFinite(who, model.inputNames, data.inputs);
  const split = validationRows(who, options, data.inputs.length);
  const trainRows = data.inputs.length - split;
  const validation = options.validationData && pair(who, model, ...options.validationData);
  const step = await trainStep(model, data, {
    batch: batchSize,
    shuffle,
    hasTail: trainRows % batchSize !== 0,
    communicator: options.communicator,
  });
  const run = new Run(model, step, { epochs, batchSize, stepsPerEpoch: Math.ceil(trainRows / batchSize) });
  run.epoch = initialEpoch;
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
      let logs = await trainEpoch(run, data.inputs.length, stop, options, callbacks, progress, started);
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
    progress?.stop();
    stop.dispose();
  }
}

async function trainEpoch(
  run: Run,
  _rows: number,
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
  checkCompiled("evaluate", model);
  const data = pair("evaluate", model, x, y);
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
      return new Step(model, parts, [], cursor, ([...residents]) => {
        const rows = nextRows(cursor, batch, false, length % batch !== 0);
        const outputs = model.forward(
          parts.map((part, i) => takeRows(part, residents[i]!, rows)),
          { training: false },
        );
        return Object.fromEntries(model.outputNames.map((name, i) => [name, outputs[i]!]));
      });
    },
  );
  step.bind(parts, []);
  step.begin(0, length, 0);
  const collected: Record<string, { data: Float32Array; shape: readonly number[] }> = {};
  for (let start = 0; start < length; start += batch) {
    throwIfAborted(who, options.signal);
    const { value } = await step.run(1, {});
    for (const [name, part] of Object.entries(value)) {
      const inner = part.shape.slice(1);
      const width = inner.reduce((product, n) => product * n, 1);
      collected[name] ??= { data: new Float32Array(length * width), shape: [length, ...inner] };
      const values = await part.data();
      collected[name].data.set(
        values.subarray(0, Math.min(batch, length - start) * width) as Float32Array,
        start * width,
      );
    }
  }
  const tensors = Object.fromEntries(
    Object.entries(collected).map(([name, { data, shape }]) => [name, tensor(data, { shape })]),
  );
  return model.outputNames.length === 1 ? tensors[model.outputNames[0]!]! : tensors;
}

// ---- steps -----------------------------------------------------------------------------------------------------

/** A compiled step over resident columns, with its place in the data. */
class Step {
  private readonly compiled: CompiledFunction<Record<string, Tensor>>;
  private residents: readonly Tensor[];

  constructor(
    readonly model: Model,
    inputs: readonly Column[],
    targets: readonly Column[],
    readonly cursor: Cursor,
    body: (residents: readonly Tensor[]) => Record<string, Tensor>,
    private readonly lossTotals?: LossTotals,
  ) {
    this.residents = [...inputs, ...targets].map((column) => column.resident);
    const types = this.residents.map(({ shape, dtype }) => ({ shape, dtype }));
    this.compiled = new CompiledFunction(body, types);
  }

  /** State that is reset at the start of an epoch: sums of the loss. */
  get totals(): readonly Variable[] {
    return this.lossTotals?.variables ?? [];
  }

  /** Points the step at other columns of the same types. */
  bind(inputs: readonly Column[], targets: readonly Column[]): void {
    this.residents = [...inputs, ...targets].map((column) => column.resident);
  }

  /** To the start of a part of the data, in the order of a key. */
  begin(first: number, rows: number, order: number): void {
    this.cursor.step.assign(0);
    this.cursor.first.assign(first);
    this.cursor.rows.assign(rows);
    this.cursor.order.assign(order);
  }

  async run(
    steps: number,
    options: { budget?: number; stop?: Int32Array },
  ): Promise<Completed<Record<string, Tensor>>> {
    return this.compiled.run(this.residents.map(storageOf), Math.min(steps, 2 ** 30), options);
  }

  /** Loss and metrics after the last step, by name. */
  logs(completed: Completed<Record<string, Tensor>>): Record<string, number> {
    return this.compiled.scalars(completed);
  }
}

const steps = new WeakMap<
  Model,
  Map<string, { compiled: object | undefined; backend: object; step: Step }>
>();

async function cached(model: Model, key: string, make: () => Step): Promise<Step> {
  let bySignature = steps.get(model);
  if (!bySignature) {
    bySignature = new Map();
    steps.set(model, bySignature);
  }
  const known = bySignature.get(key);
  if (known && known.compiled === model.compiled && known.backend === backend()) return known.step;
  const step = make();
  bySignature.set(key, { compiled: model.compiled, backend: backend(), step });
  return step;
}

const communicatorNumbers = new WeakMap<Communicator, number>();
let communicators = 0;

function numberOf(communicator: Communicator): number {
  const known = communicatorNumbers.get(communicator) ?? communicators++;
  communicatorNumbers.set(communicator, known);
  return known;
}

/** The one place between gradient and update: all gradients as one bucket, summed over the ranks. */
function averaged(gradients: readonly Tensor[], communicator: Communicator): Tensor[] {
  const sums = allReduce(gradients, communicator);
  return communicator.size === 1 ? sums : sums.map((sum) => div(sum, communicator.size));
}

function trainableKey(model: Model): string {
  return model.trainableWeights.map((w) => w.name).join();
}

interface TrainStepOptions {
  readonly batch: number;
  readonly shuffle: boolean;
  readonly hasTail: boolean;
  readonly communicator: Communicator | undefined;
}

async function trainStep(model: Model, data: Pair, options: TrainStepOptions): Promise<Step> {
  const { batch, shuffle, hasTail, communicator } = options;
  const [inputs, targets] = await splitPair(data);
  model.buildFor(inputs.map((_, i) => [null, ...data.inputs.tensors[i]!.shape.slice(1)]));
  const group = communicator ? `communicator ${numberOf(communicator)}` : "";
  const columnKeys = [...inputs, ...targets].map((c) => c.key);
  const key = `train ${batch} ${shuffle} ${hasTail} ${columnKeys} ${trainableKey(model)} ${group}`;
  const step = await cached(model, key, () => {
    const compiled = model.compiled!;
    compiled.optimizer.build(model.trainableWeights);
    const cursor = new Cursor("fit");
    const totals = new LossTotals();
    const body = (residents: readonly Tensor[]) => {
      const rows = nextRows(cursor, batch, shuffle, hasTail);
      const x = inputs.map((column, i) => takeRows(column, residents[i]!, rows));
      const y = targets.map((column, i) => takeRows(column, residents[inputs.length + i]!, rows));
      const trainable = model.trainableWeights;
      const { value, gradients } = valueAndGrad(() => lossAndOutputs(model, x, y, true), trainable)();
      compiled.optimizer.apply(communicator ? averaged(gradients, communicator) : gradients, trainable);
      return measure(model, value, y, totals, rowCount(rows));
    };
    return new Step(model, inputs, targets, cursor, body, totals);
  });
  step.bind(inputs, targets);
  return step;
}

async function evaluateStep(model: Model, data: Pair, batch: number, hasTail: boolean): Promise<Step> {
  const [inputs, targets] = await splitPair(data);
  const key = `evaluate ${batch} ${hasTail} ${[...inputs, ...targets].map((c) => c.key)}`;
  const step = await cached(model, key, () => {
    model.buildFor(inputs.map((_, i) => [null, ...data.inputs.tensors[i]!.shape.slice(1)]));
    const cursor = new Cursor("evaluate");
    const totals = new LossTotals();
    const body = (residents: readonly Tensor[]) => {
      const rows = nextRows(cursor, batch, false, hasTail);
      const x = inputs.map((column, i) => takeRows(column, residents[i]!, rows));
      const y = targets.map((column, i) => takeRows(column, residents[inputs.length + i]!, rows));
      return measure(model, lossAndOutputs(model, x, y, false), y, totals, rowCount(rows));
    };
    return new Step(model, inputs, targets, cursor, body, totals);
  });
  step.bind(inputs, targets);
  return step;
}

interface Measured {
  readonly loss: Tensor;
  readonly parts: Record<string, Tensor>;
  readonly outputs: Record<string, Tensor>;
}

/** Total loss = Σ weight · loss of an output (+ what layers add). */
function lossAndOutputs(
  model: Model,
  x: readonly Tensor[],
  y: readonly Tensor[],
  training: boolean,
): Measured & Record<string, never> {
  const outputs = model.forward(x, { training });
  const parts: Record<string, Tensor> = {};
  let total: Tensor | undefined;
  for (const { output, loss, weight } of model.compiled!.losses) {
    const at = model.outputNames.indexOf(output);
    const value = loss.call(y[at]!, outputs[at]!);
    parts[output] = value;
    const weighted = weight === 1 ? value : mul(value, weight);
    total = total ? add(total, weighted) : weighted;
  }
  const named = Object.fromEntries(outputs.map((output, i) => [model.outputNames[i]!, output]));
  return { loss: total!, parts, outputs: named } as Measured & Record<string, never>;
}

/** Sums of the loss over an epoch, weighted by rows, so that a short last batch counts for what it is. */
class LossTotals {
  private readonly sums = new Map<string, Variable>();
  readonly rows = variable(0, { name: "loss/rows", trainable: false });

  get variables(): Variable[] {
    return [this.rows, ...this.sums.values()];
  }

  mean(name: string, value: Tensor, count: Tensor): Tensor {
    let sum = this.sums.get(name);
    if (!sum) {
      sum = variable(0, { name: `loss/${name}`, trainable: false });
      this.sums.set(name, sum);
    }
    sum.assign(add(sum.value, mul(value, count)));
    return div(sum.value, this.rows.value);
  }
}

function measure(
  model: Model,
  measured: Measured,
  y: readonly Tensor[],
  totals: LossTotals,
  count: Tensor,
): Record<string, Tensor> {
  totals.rows.assign(add(totals.rows.value, count));
  const results: Record<string, Tensor> = { loss: totals.mean("loss", measured.loss, count) };
  if (model.outputNames.length > 1) {
    for (const [name, value] of Object.entries(measured.parts))
      results[`${name}_loss`] = totals.mean(`${name}_loss`, value, count);
  }
  for (const { output, metric } of model.compiled!.metrics) {
    const at = model.outputNames.indexOf(output);
    metric.update(y[at]!, measured.outputs[output]!);
    results[model.outputNames.length > 1 ? `${output}_${metric.name}` : metric.name] = metric.result();
  }
  return results;
}

function resetMetrics(model: Model, step: Step): void {
  for (const { metric } of model.compiled!.metrics) metric.reset();
  for (const total of step.totals) total.assign(0);
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
    const all: [string, Variable][] = [
      ...this.model.weights.map((v, i): [string, Variable] => [`model/${i}/${v.name}`, v]),
      ...optimizer.variables.map((v, i): [string, Variable] => [`optimizer/${i}/${v.name}`, v]),
      ...metrics.flatMap(({ metric }, k) =>
        metric.variables.map((v, i): [string, Variable] => [`metrics/${k}/${i}/${v.name}`, v]),
      ),
      ...this.trainStep.totals.map((v): [string, Variable] => [`totals/${v.name}`, v]),
      ...this.trainStep.cursor.variables.map((v): [string, Variable] => [`cursor/${v.name}`, v]),
    ];
    return new Map(all);
  }
}

// ---- arguments -------------------------------------------------------------------------------------------------

interface Pair {
  readonly inputs: Columns;
  readonly targets: Columns;
}

function pair(who: string, model: Model, x: DataArgument, y: DataArgument): Pair {
  const inputs = columns(who, "inputs", x, model.inputNames);
  const targets = columns(who, "targets", y, model.outputNames);
  if (inputs.length !== targets.length) {
    throw new DataError({
      who,
      expected: `as many targets as inputs (${inputs.length} rows)`,
      received: `${targets.length} rows of targets`,
      fix: "x and y are rows of the same samples.",
    });
  }
  checkShapes(who, model, inputs);
  return { inputs, targets };
}

function checkShapes(who: string, model: Model, inputs: Columns): void {
  const expected = model.inputShapes;
  if (!expected) return;
  expected.forEach((shape, i) => {
    const received = inputs.tensors[i]!.shape;
    const fits =
      shape.length === received.length &&
      shape.every((n, axis) => axis === 0 || n === null || n === received[axis]);
    if (!fits) {
      throw new ShapeError({
        who,
        expected: `input "${model.inputNames[i]}" of shape ${formatShape(shape)}`,
        received: formatShape(received),
        fix:
          received.length === shape.length - 1
            ? "Add the missing axis with expandDims(x, -1), or the batch axis with expandDims(x, 0)."
            : "",
      });
    }
  });
}

async function splitPair(data: Pair): Promise<[Column[], Column[]]> {
  return [
    await Promise.all(data.inputs.tensors.map(splitColumn)),
    await Promise.all(data.targets.tensors.map(splitColumn)),
  ];
}

function validationRows(who: string, options: FitOptions, rows: number): number {
  const { validationSplit = 0 } = options;
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new ConfigError({
      who,
      expected: "a validationSplit from 0 to below 1",
      received: String(validationSplit),
    });
  }
  if (options.validationData || validationSplit === 0) return 0;
  const split = rows - Math.floor(rows * (1 - validationSplit));
  if (split === 0 || split === rows) {
    throw new DataError({
      who,
      expected: "at least one row on each side of the split",
      received: `${rows} rows split at ${validationSplit}`,
    });
  }
  return split;
}

async function checkFinite(who: string, names: readonly string[], inputs: Columns): Promise<void> {
  const faulty = inputs.tensors.map((t) => any(logicalNot(isFinite(t))));
  await realize(faulty);
  for (const [i, fault] of faulty.entries()) {
    if ((await fault.data())[0] === 0) continue;
    const values = await inputs.tensors[i]!.data();
    const at = values.findIndex((value) => !Number.isFinite(value));
    const width = values.length / inputs.length;
    throw new DataError({
      who,
      expected: "finite numbers in the inputs",
      received: `${values[at]} in row ${Math.floor(at / width)} of "${names[i]}"`,
      fix: "Replace or drop such rows.",
    });
  }
}

function checkCompiled(who: string, model: Model): void {
  if (model.compiled) return;
  throw new ConfigError({
    who,
    expected: "a compiled model",
    received: `"${model.name}", which is not`,
    fix: 'Call model.compile({ optimizer: "adam", loss: … }) first.',
  });
}

function checkCount(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new ConfigError({ who, expected: `a positive integer as ${name}`, received: String(value) });
}

// ---- stopping --------------------------------------------------------------------------------------------------

interface StopFlag {
  readonly flag: Int32Array;
  throwIfAborted(who: string): void;
  dispose(): void;
}

/** A flag the engine polls between two steps, set when the signal fires. */
function stopFlag(signal: AbortSignal | undefined): StopFlag {
  const flag = new Int32Array(new SharedArrayBufferOrNot(4));
  const onAbort = () => Atomics.store(flag, 0, 1);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  return {
    flag,
    throwIfAborted: (who) => throwIfAborted(who, signal),
    dispose: () => signal?.removeEventListener("abort", onAbort),
  };
}

/** Shared where the platform allows it, so that a worker sees the flag. */
const SharedArrayBufferOrNot: new (length: number) => ArrayBuffer =
  typeof SharedArrayBuffer === "undefined"
    ? ArrayBuffer
    : (SharedArrayBuffer as unknown as new (
        length: number,
      ) => ArrayBuffer);

function throwIfAborted(who: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new AbortedError(
    {
      who,
      expected: "to run to the end",
      received: "an abort signal",
      fix: "The weights are those after the last full step.",
    },
    { cause: signal.reason },
  );
}

async function each(
  callbacks: readonly Callback[],
  call: (callback: Callback) => void | Promise<void> | undefined,
): Promise<void> {
  for (const callback of callbacks) await call(callback);
}
