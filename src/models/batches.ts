/** Data in memory as a source of batches: resident in its own dtype, gathered, converted and scaled inside the step. */

import type { NDArray } from "../base/array.js";
import { DataError, nearestName, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { type TensorData, tensor } from "../engine/create.js";
import { realize } from "../engine/realize.js";
import { type Variable, variable } from "../engine/variable.js";
import { createNode, isTensor, type Tensor } from "../graph/tensor.js";
import {
  add,
  broadcastTo,
  cast,
  gather,
  iota,
  minimum,
  mul,
  permutedIndex,
  reshape,
  sub,
} from "../ops/index.js";
import { scalar } from "../ops/leaf.js";

/** What `fit` takes as inputs or targets: one array, or one per input or output, by position or name. */
export type DataArgument<N extends string = string> =
  | TensorData
  | readonly Tensor[]
  | readonly NDArray[]
  | { readonly [name in N]: TensorData };

/** Arrays of one length, in the order of the model's names. */
export interface Columns {
  readonly tensors: readonly Tensor[];
  readonly length: number;
}

/**
 * Turns an argument of `fit` into tensors, one per name.
 *
 * @throws {DataError} for missing names, empty data or lengths that differ
 */
export function columns(who: string, what: string, data: DataArgument, names: readonly string[]): Columns {
  const tensors = pick(who, what, data, names);
  const [first] = tensors;
  for (const [i, t] of tensors.entries()) {
    if (t.rank === 0) {
      throw new ShapeError({
        who,
        expected: `${what} with a batch axis`,
        received: "a scalar",
        fix: "Wrap it: [[…]].",
      });
    }
    if (t.shape[0] === 0)
      throw new DataError({
        who,
        expected: `${what} with at least one row`,
        received: `shape ${formatShape(t.shape)}`,
        fix: "Check how they were read or filtered.",
      });
    if (t.shape[0] !== first!.shape[0]) {
      throw new DataError({
        who,
        expected: `${what} of one length (${first!.shape[0]} rows in "${names[0]}")`,
        received: `${t.shape[0]} rows in "${names[i]}"`,
        fix: "Row i of each belongs to the same sample.",
      });
    }
  }
  return { tensors, length: first!.shape[0]! };
}

function pick(who: string, what: string, data: DataArgument, names: readonly string[]): Tensor[] {
  if (isNamed(data)) {
    const record = data as Record<string, TensorData>;
    const extra = Object.keys(record).filter((name) => !names.includes(name));
    const missing = names.filter((name) => !(name in record));
    if (extra.length > 0 || missing.length > 0) {
      throw new DataError({
        who,
        expected: `${what} named ${names.join(", ")}`,
        received: [
          ...missing.map((name) => `no "${name}"`),
          ...extra.map((name) => `an unknown "${name}"`),
        ].join(", "),
        fix: mendNames(extra, missing),
      });
    }
    return names.map((name) => toTensor(record[name]!));
  }
  const isList =
    Array.isArray(data) &&
    data.length > 0 &&
    data.every((item) => isTensor(item) || isNDArray(item) || ArrayBuffer.isView(item));
  if (isList) {
    const list = data as readonly TensorData[];
    if (list.length !== names.length) {
      throw new DataError({
        who,
        expected: `${names.length} arrays of ${what} (${names.join(", ")})`,
        received: `${list.length}`,
        fix:
          names.length === 1 ? "Pass the one array itself." : "Pass them in that order, or a record by name.",
      });
    }
    return list.map(toTensor);
  }
  if (names.length !== 1) {
    throw new DataError({
      who,
      expected: `${what} for ${names.join(", ")}`,
      received: "one array",
      fix: "Pass a record by name or a list in that order.",
    });
  }
  return [toTensor(data as TensorData)];
}

/** Names that are probably meant, or what is missing. */
function mendNames(extra: readonly string[], missing: readonly string[]): string {
  const near = extra.flatMap((name) => nearestName(name, missing) ?? []);
  if (near.length > 0) return `Did you mean ${near.map((name) => JSON.stringify(name)).join(", ")}?`;
  return missing.length > 0 ? `Add ${missing.join(", ")}.` : `Leave out ${extra.join(", ")}.`;
}

function isNDArray(value: unknown): value is NDArray {
  return (
    typeof value === "object" && value !== null && "shape" in value && "data" in value && "dtype" in value
  );
}

function isNamed(data: unknown): boolean {
  return (
    typeof data === "object" &&
    data !== null &&
    !Array.isArray(data) &&
    !isTensor(data) &&
    !ArrayBuffer.isView(data) &&
    !isNDArray(data)
  );
}

function toTensor(data: TensorData): Tensor {
  return isTensor(data) ? data : tensor(data as Exclude<TensorData, Tensor>);
}

/**
 * A column split into the array that stays in memory and the work on rows that is done batch by batch: `images / 255`
 * keeps the bytes resident and divides 32 images at a time.
 */
export interface Column {
  readonly resident: Tensor;
  /** The same operations on rows of the resident array. */
  readonly apply: (rows: Tensor) => Tensor;
  /** Equal for columns that differ in their elements only. */
  readonly key: string;
}

export async function splitColumn(column: Tensor): Promise<Column> {
  const chain: Tensor[] = [];
  let base = column;
  while (base.storage === undefined) {
    const next = chainInput(base);
    if (!next) break;
    chain.unshift(base);
    base = next;
  }
  if (base.storage === undefined) {
    // Not a chain over data in memory: compute it once.
    await realize([column]);
    return { resident: column, apply: (rows) => rows, key: typeKey(column) };
  }
  const apply = (rows: Tensor) =>
    chain.reduce((value, node) => {
      if (node.primitive.name === "reshape") return reshape(value, [value.shape[0]!, ...node.shape.slice(1)]);
      const inputs = node.inputs.map((input) =>
        isUniform(input) ? broadcastTo(uniformValue(input), value.shape) : value,
      );
      return createNode(node.primitive, inputs, node.attributes);
    }, rows);
  const key = chain.map(
    (node) =>
      `${node.signature}(${node.inputs.map((input) => (isUniform(input) ? uniformValue(input).payload.scalar : "x"))})`,
  );
  return { resident: base, apply, key: `${typeKey(base)}${key.join("")}` };
}

function typeKey(t: Tensor): string {
  return `${t.dtype}[${t.shape}]`;
}

/** The one input of an elementwise node whose other inputs are numbers, or of a reshape that keeps the rows. */
function chainInput(node: Tensor): Tensor | undefined {
  const [x] = node.inputs;
  if (node.primitive.name === "reshape" && x!.rank > 0 && node.shape[0] === x!.shape[0]) return x;
  if (node.primitive.kind !== "elementwise") return undefined;
  const varying = node.inputs.filter((input) => !isUniform(input));
  return varying.length === 1 ? varying[0] : undefined;
}

function isUniform(node: Tensor): boolean {
  return uniformValue(node).payload.scalar !== undefined;
}

function uniformValue(node: Tensor): Tensor {
  let inner = node;
  while (inner.primitive.name === "broadcastTo") inner = inner.inputs[0]!;
  return inner;
}

/** Where a loop over rows stands: part of the state of a run. */
export class Cursor {
  /** Step in the epoch. */
  readonly step: Variable<"int32">;
  /** Key of this epoch's order. */
  readonly order: Variable<"int32">;
  /** First row and number of rows of the part that is read. */
  readonly first: Variable<"int32">;
  readonly rows: Variable<"int32">;

  constructor(name: string) {
    const counter = (part: string) =>
      variable(0, { name: `${name}/${part}`, dtype: "int32", trainable: false });
    this.step = counter("step");
    this.order = counter("order");
    this.first = counter("first");
    this.rows = counter("rows");
  }

  get variables(): Variable[] {
    return [this.step, this.order, this.first, this.rows];
  }
}

/**
 * The rows of the next batch, inside a trace: indices `[batch]`, in a keyed order where `shuffle`. With `hasTail` the
 * last batch is shorter: the batch axis gets a run-time length.
 */
export function nextRows(cursor: Cursor, batch: number, shuffle: boolean, hasTail: boolean): Tensor {
  const start = mul(cursor.step.value, batch);
  const left = sub(cursor.rows.value, start);
  const length = minimum(left, batch);
  const base = hasTail
    ? broadcastTo(reshape(start, [1]), [batch], { axis: 0, length, factor: 1 })
    : broadcastTo(reshape(start, [1]), [batch]);
  const position = add(base, iota([batch]));
  const row = shuffle ? permutedIndex(cursor.order.value, position, cursor.rows.value) : position;
  cursor.step.assign(add(cursor.step.value, 1));
  return add(row, cursor.first.value);
}

/** The rows of a column. */
export function takeRows(column: Column, resident: Tensor, rows: Tensor): Tensor {
  return column.apply(gather(resident, rows));
}

/** Number of rows in this batch as a float scalar. */
export function rowCount(rows: Tensor): Tensor {
  return rows.extent ? cast(rows.extent.length, "float32") : scalar(rows.shape[0]!, "float32");
}
