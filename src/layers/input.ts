import { checkDType, type DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { automaticName } from "../engine/seed.js";
import { type SymbolicShape, SymbolicTensor } from "./symbolic.js";

/** Options of `input`. */
export interface InputOptions {
  /** Shape of one sample, without the batch axis; null for a length that varies. */
  readonly shape: SymbolicShape;
  /** Data of another dtype are converted. Default float32. */
  readonly dtype?: DType;
  /** Default `input`, `input_1`, … */
  readonly name?: string;
}

/**
 * An input of a functional model, or the first entry of a sequential one: a symbolic tensor `[batch, …shape]`.
 *
 * @throws {ConfigError} where the shape is none
 * @example const image = layers.input({ shape: [28, 28] })
 */
export function input({ shape, dtype = "float32", name }: InputOptions): SymbolicTensor {
  checkSampleShape("input", shape);
  return new SymbolicTensor([null, ...shape], checkDType("input", dtype), name ?? automaticName("Input"));
}

/** Throws where a shape of samples is none. */
export function checkSampleShape(who: string, shape: SymbolicShape): void {
  const isShape =
    Array.isArray(shape) &&
    shape.every((length) => length === null || (Number.isInteger(length) && length > 0));
  if (isShape) return;
  throw new ConfigError({
    who,
    expected: "the shape of one sample: an array of positive integers, null where a length varies",
    received: JSON.stringify(shape) ?? String(shape),
    fix: "Leave the batch axis out: { shape: [28, 28] }.",
  });
}
