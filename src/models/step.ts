import type { FaultReport } from "../backends/backend.js";
import { ConfigError, DataError } from "../base/errors.js";
import { permutedIndex } from "../base/prng.js";
import { backend } from "../engine/device.js";
import { valueAndGrad } from "../engine/gradients.js";
import { CompiledFunction, type Completed } from "../engine/jit.js";
import { faultError, storageOf } from "../engine/realize.js";
import { type Variable, variable } from "../engine/variable.js";
import type { Tensor } from "../graph/tensor.js";
import { allReduce, type Communicator } from "../ops/allReduce.js";
import { add, div, mul } from "../ops/index.js";
import { type Pair, splitPair } from "./arguments.js";
import { type Column, Cursor, nextRows, rowCount, takeRows } from "./batches.js";
import type { Model } from "./model.js";

/** A compiled step over resident columns, with its place in the data. */
export class Step {
  private readonly compiled: CompiledFunction<Record<string, Tensor>>;
  private residents: readonly Tensor[];

  constructor(
    readonly model: Model,
    inputs: readonly Column[],
    targets: readonly Column[],
    readonly cursor: Cursor,
    body: (residents: readonly Tensor[]) => Record<string, Tensor>,
    /** How the cursor picks rows, so that a fault can be named by its row in the data. */
    private readonly picks: { readonly batch: number; readonly shuffle: boolean },
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
    try {
      return await this.compiled.run(this.residents.map(storageOf), Math.min(steps, 2 ** 30), options);
    } catch (error) {
      throw await this.atDataRow(error);
    }
  }

  /**
   * Takes the step, and with it its place in the data, for one piece of work.
   *
   * @returns a function that gives it back and lets go of the data
   * @throws {ConfigError} where another piece of work has it
   */
  claim(who: string): () => void {
    if (this.isClaimed) {
      throw new ConfigError({
        who,
        expected: `one ${who} at a time on "${this.model.name}"`,
        received: "a second one before the first has ended",
        fix: "Await the first.",
      });
    }
    this.isClaimed = true;
    return () => {
      this.isClaimed = false;
      this.residents = [];
    };
  }
  private isClaimed = false;

  /** A fault is found at a row of a batch; the user knows rows of the data. */
  private async atDataRow(error: unknown): Promise<unknown> {
    const fault = error instanceof DataError ? (error.cause as Partial<FaultReport> | undefined) : undefined;
    const { batch, shuffle } = this.picks;
    if (fault?.kind !== "indexRange" || fault.index! >= batch) return error;
    const [step, first, rows, order] = await Promise.all(
      [this.cursor.step, this.cursor.first, this.cursor.rows, this.cursor.order].map(
        async (part) => (await part.value.data())[0]!,
      ),
    );
    const position = step! * batch + fault.index!;
    const row = first! + (shuffle ? permutedIndex(order!, position, rows!) : position);
    return faultError({ ...(fault as FaultReport), index: row });
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

export async function cached(model: Model, key: string, make: () => Step): Promise<Step> {
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

export async function trainStep(model: Model, data: Pair, options: TrainStepOptions): Promise<Step> {
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
    return new Step(model, inputs, targets, cursor, body, { batch, shuffle }, totals);
  });
  step.bind(inputs, targets);
  return step;
}

export async function evaluateStep(model: Model, data: Pair, batch: number, hasTail: boolean): Promise<Step> {
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
    return new Step(model, inputs, targets, cursor, body, { batch, shuffle: false }, totals);
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

export function resetMetrics(model: Model, step: Step): void {
  for (const { metric } of model.compiled!.metrics) metric.reset();
  for (const total of step.totals) total.assign(0);
}
