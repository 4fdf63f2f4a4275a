import type { Variable } from "../engine/variable.js";

/** Values by name: loss and metrics. */
export type Logs = Readonly<Record<string, number>>;

/** What a callback sees of a training run. */
export interface TrainingRun {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly batchSize: number;
  /** Epoch that runs, from 0. */
  epoch: number;
  /** Steps done in this epoch. */
  step: number;
  /** Set it to end training after this slice. */
  stopTraining: boolean;
  /**
   * Everything a continued run needs, by place: weights, optimizer, metrics, position in the data. Places follow the
   * structure, not names that depend on what else was made in the process.
   */
  state(): ReadonlyMap<string, Variable>;
}

/** Hooks of a training run; each may be asynchronous and is awaited. Logs hold plain numbers. */
export interface Callback {
  onTrainBegin?(run: TrainingRun): void | Promise<void>;
  onTrainEnd?(run: TrainingRun): void | Promise<void>;
  onEpochBegin?(epoch: number, run: TrainingRun): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs, run: TrainingRun): void | Promise<void>;
  /** After each step: asks for one native call per step. */
  onBatchEnd?(step: number, logs: Logs, run: TrainingRun): void | Promise<void>;
  /** After every `everySteps` steps of an epoch. */
  onSteps?(step: number, logs: Logs, run: TrainingRun): void | Promise<void>;
  readonly everySteps?: number;
}

/** The learning curves: one entry per epoch and name. */
export class History {
  readonly epoch: number[] = [];
  readonly history: Record<string, number[]> = {};

  /** Adds the values of one epoch. */
  record(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      this.history[name] ??= [];
      this.history[name].push(value);
    }
  }
}
