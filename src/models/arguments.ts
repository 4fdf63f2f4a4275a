/** What `fit`, `evaluate` and `predict` are given, checked before anything runs. */

import { isFloat } from "../base/dtype.js";
import { ConfigError, DataError, ShapeError } from "../base/errors.js";
import { checkNames } from "../base/options.js";
import { formatShape, type Shape } from "../base/shape.js";
import { realize } from "../engine/realize.js";
import type { SymbolicShape } from "../layers/index.js";
import { any, isFinite, logicalNot, notEqual, round } from "../ops/index.js";
import { type Column, type Columns, columns, type DataArgument, splitColumn } from "./batches.js";
import type { Model } from "./model.js";

export interface Pair {
  readonly inputs: Columns;
  readonly targets: Columns;
}

export function pair(who: string, model: Model, x: DataArgument, y: DataArgument): Pair {
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

export function checkShapes(who: string, model: Model, inputs: Columns): void {
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
        fix: shapeFix(shape, received),
      });
    }
  });
}

function shapeFix(expected: SymbolicShape, received: Shape): string {
  if (received.length === expected.length - 1)
    return "Add the missing axis with expandDims(x, -1), or the batch axis with expandDims(x, 0).";
  if (received.length > expected.length) return "Drop axes with squeeze(x) or reshape(x, …).";
  return "Reshape the data, or give the first layer another inputShape.";
}

export async function splitPair(data: Pair): Promise<[Column[], Column[]]> {
  return [
    await Promise.all(data.inputs.tensors.map(splitColumn)),
    await Promise.all(data.targets.tensors.map(splitColumn)),
  ];
}

export function validationRows(who: string, options: ValidationOptions, rows: number): number {
  const { validationSplit = 0 } = options;
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new ConfigError({
      who,
      expected: "a validationSplit from 0 to below 1",
      received: String(validationSplit),
      fix: "It is the share of the rows that is kept out: 0.1 keeps out a tenth.",
    });
  }
  if (options.validationData || validationSplit === 0) return 0;
  // Counted with a little room: 10 · (1 − 0.9) is not quite 1.
  const split = rows - Math.floor(rows * (1 - validationSplit) + 1e-9 * rows);
  if (split === 0 || split === rows) {
    throw new DataError({
      who,
      expected: "at least one row on each side of the split",
      received: `${rows} rows split at ${validationSplit}`,
      fix: "Use more data or another share, or pass validationData.",
    });
  }
  return split;
}

export async function checkFinite(who: string, names: readonly string[], inputs: Columns): Promise<void> {
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

export function checkCompiled(who: string, model: Model): void {
  if (model.compiled) return;
  throw new ConfigError({
    who,
    expected: "a compiled model",
    received: `"${model.name}", which is not`,
    fix: 'Call model.compile({ optimizer: "adam", loss: … }) first.',
  });
}

export function checkCount(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new ConfigError({ who, expected: `a positive integer as ${name}`, received: String(value) });
}

/** The options that decide which rows are kept out of training. */
export interface ValidationOptions {
  readonly validationSplit?: number;
  readonly validationData?: readonly [DataArgument, DataArgument];
}

/** Throws for option names nobody knows, with the nearest one that is known. */
export function checkOptions(who: string, options: object, known: readonly string[]): void {
  checkNames(who, options, known);
  const { validationData, callbacks, signal } = options as Record<string, unknown>;
  if (validationData !== undefined && !(Array.isArray(validationData) && validationData.length === 2)) {
    throw new ConfigError({ who, expected: "[x, y] as validationData", received: typeof validationData });
  }
  if (callbacks !== undefined && !Array.isArray(callbacks)) {
    throw new ConfigError({
      who,
      expected: "an array of callbacks",
      received: typeof callbacks,
      fix: "Write callbacks: […].",
    });
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ConfigError({
      who,
      expected: "an AbortSignal as signal",
      received: typeof signal,
      fix: "Pass controller.signal.",
    });
  }
}

export function checkInteger(who: string, name: string, value: number): void {
  if (Number.isSafeInteger(value)) return;
  throw new ConfigError({ who, expected: `an integer as ${name}`, received: String(value) });
}

/** Class numbers that come as floats must be whole; a fraction or NaN would be cut off silently. */
export async function checkClassNumbers(who: string, model: Model, targets: Columns): Promise<void> {
  for (const { output, loss } of model.compiled!.losses) {
    const labels = targets.tensors[model.outputNames.indexOf(output)]!;
    if (!loss.takesClassNumbers || !isFloat(labels.dtype)) continue;
    const broken = any(notEqual(labels, round(labels)));
    if ((await broken.data())[0] === 0) continue;
    const values = await labels.data();
    const at = values.findIndex((value) => !Number.isInteger(value));
    throw new DataError({
      who,
      expected: `whole class numbers for "${output}"`,
      received: `${values[at]} in row ${Math.floor(at / (values.length / targets.length))}`,
      fix: 'Give integers: tensor(labels, { dtype: "int32" }).',
    });
  }
}
