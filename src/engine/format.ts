import type { DType } from "../base/dtype.js";
import { isFloat } from "../base/dtype.js";
import type { Shape } from "../base/shape.js";
import { formatType, type Tensor } from "../graph/tensor.js";

/** NumPy's defaults: more elements are shown by the first and last of each axis, longer lines are wrapped. */
const FULL = 1000;
const EDGE = 3;
const WIDTH = 75;
/** Most digits behind the point. */
const PRECISION = 8;

/**
 * Elements as NumPy prints them (aligned, as many digits as tell the values apart, exponents where magnitudes differ
 * much), with commas, in JavaScript's words (`true`, `NaN`, `Infinity`); then dtype and shape.
 */
export function formatTensor(tensor: Tensor, data: ArrayLike<number> | undefined): string {
  if (!data) return `Tensor(${formatType(tensor)}, ${reasonFor(tensor)})`;
  const short = data.length > FULL;
  const shown = [...visible(data, tensor.shape, short)];
  const text = formatter(shown, tensor.dtype);
  return `${nested(data, tensor.shape, short, text)}  ${formatType(tensor)}`;
}

/** Why there are no elements to show, and how to see them. */
function reasonFor(tensor: Tensor): string {
  if (tensor.isDisposed) return "disposed";
  return tensor.depth === Number.POSITIVE_INFINITY
    ? "known when the compiled function runs"
    : "not computed yet: await print(x) shows it";
}

/** Indices along an axis that are shown; −1 stands for those left out. */
function shownIndices(length: number, short: boolean): number[] {
  if (short && length > 2 * EDGE) return [0, 1, 2, -1, length - 3, length - 2, length - 1];
  return Array.from({ length }, (_, i) => i);
}

function* visible(data: ArrayLike<number>, shape: Shape, short: boolean): Generator<number> {
  function* walk(axis: number, start: number, size: number): Generator<number> {
    if (axis === shape.length) {
      yield data[start]!;
      return;
    }
    const step = size / shape[axis]!;
    for (const i of shownIndices(shape[axis]!, short))
      if (i >= 0) yield* walk(axis + 1, start + i * step, step);
  }
  if (data.length > 0) yield* walk(0, 0, data.length);
}

function nested(
  data: ArrayLike<number>,
  shape: Shape,
  short: boolean,
  text: (value: number) => string,
): string {
  if (data.length === 0) return "[]";
  const walk = (axis: number, start: number, size: number, indent: string, width: number): string => {
    if (axis === shape.length) return text(data[start]!);
    const step = size / shape[axis]!;
    const inner = `${indent} `;
    const parts = shownIndices(shape[axis]!, short).map((i) =>
      i < 0 ? "…" : walk(axis + 1, start + i * step, step, inner, width - 1),
    );
    const below = shape.length - axis - 1;
    if (below > 0) return `[${parts.join(`,${"\n".repeat(below)}${inner}`)}]`;
    return `[${wrapped(parts, inner, width - 1)}]`;
  };
  return walk(0, 0, data.length, "", WIDTH);
}

/** The elements of a row, on as many lines as they need. */
function wrapped(parts: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const [i, part] of parts.entries()) {
    if (line.length + part.length > width && line.length > indent.length) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += i < parts.length - 1 ? `${part}, ` : part;
  }
  return [...lines, line].join("\n").slice(indent.length);
}

function formatter(values: readonly number[], dtype: DType): (value: number) => string {
  const text = isFloat(dtype)
    ? floatFormatter(values, dtype)
    : dtype === "bool"
      ? (value: number) => (value !== 0 ? "true" : "false")
      : String;
  const width = values.reduce((most, value) => Math.max(most, text(value).length), 0);
  // Left of the point they are aligned by padding the whole; right of it, finite values have equal length already.
  return (value) => text(value).padStart(width);
}

function floatFormatter(values: readonly number[], dtype: DType): (value: number) => string {
  const finite = values.filter(Number.isFinite);
  const magnitudes = finite.map(Math.abs).filter((v) => v > 0);
  const largest = magnitudes.reduce((a, b) => Math.max(a, b), 0);
  const smallest = magnitudes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const limit = dtype === "float32" ? 1e6 : 1e8; // the digits a float32 has
  if (magnitudes.length > 0 && (largest >= limit || smallest < 1e-4 || largest / smallest > 1000)) {
    const digits = Math.min(
      PRECISION,
      finite.reduce((most, value) => Math.max(most, shortest(value, dtype).digits - 1), 0),
    );
    return (value) => (Number.isFinite(value) ? scientific(value, digits) : String(value));
  }
  const behind = (text: string) => text.length - text.indexOf(".") - 1;
  const fraction = finite.reduce((most, value) => Math.max(most, behind(positional(value, dtype))), 0);
  return (value) => {
    if (!Number.isFinite(value)) return String(value);
    const text = positional(value, dtype);
    return text.padEnd(text.length + fraction - behind(text));
  };
}

/** The fewest significant digits that tell the value from its neighbours, and its decimal exponent. */
function shortest(value: number, dtype: DType): { readonly digits: number; readonly exponent: number } {
  const text =
    dtype === "float32"
      ? range(9)
          .map((places) => value.toExponential(places))
          .find((candidate) => Math.fround(Number(candidate)) === value)!
      : value.toExponential();
  const [mantissa, exponent] = text.split("e") as [string, string];
  return { digits: mantissa.replace(/[-.]/g, "").length, exponent: Number(exponent) };
}

/** `1.5`, `-2.`: the point always stands, zeros at the end do not. */
function positional(value: number, dtype: DType): string {
  const { digits, exponent } = shortest(value, dtype);
  const text = Math.abs(value).toFixed(Math.max(0, Math.min(PRECISION, digits - 1 - exponent)));
  return `${sign(value)}${text.includes(".") ? text.replace(/0+$/, "") : `${text}.`}`;
}

/** `1.25e-05`: two digits of exponent at least. */
function scientific(value: number, digits: number): string {
  const [mantissa, exponent] = Math.abs(value).toExponential(digits).split("e") as [string, string];
  const point = mantissa.includes(".") ? mantissa : `${mantissa}.`;
  return `${sign(value)}${point}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

function sign(value: number): string {
  return value < 0 || Object.is(value, -0) ? "-" : "";
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
