import type { Shape } from "../base/shape.js";
import { formatType, type Tensor } from "../graph/tensor.js";

/** Longer axes are shown by their first and last elements. */
const EDGE = 3;
const FULL = 1000;

/** Elements as NumPy prints them, then dtype and shape. */
export function formatTensor(tensor: Tensor, data: ArrayLike<number> | undefined): string {
  if (!data) return `Tensor(${formatType(tensor)}, not computed)`;
  const short = data.length > FULL;
  const elements = Array.from(data.length > FULL ? visible(data, tensor.shape) : data);
  const text = formatter(elements, tensor.dtype);
  const walk = (axis: number, start: number, size: number, indent: string): string => {
    if (axis === tensor.shape.length) return text(data[start]!);
    const length = tensor.shape[axis]!;
    const step = length === 0 ? 0 : size / length;
    const indices =
      short && length > 2 * EDGE
        ? [0, 1, 2, -1, length - 3, length - 2, length - 1]
        : Array.from({ length }, (_, i) => i);
    const parts = indices.map((i) => (i < 0 ? "…" : walk(axis + 1, start + i * step, step, `${indent} `)));
    const last = axis === tensor.shape.length - 1;
    return `[${parts.join(last ? ", " : `,\n${indent} `)}]`;
  };
  return `${walk(0, 0, data.length, "")}  ${formatType(tensor)}`;
}

function* visible(data: ArrayLike<number>, shape: Shape): Generator<number> {
  const inner = shape[shape.length - 1] ?? 1;
  for (let i = 0; i < data.length; i++) if (i % inner < EDGE || i % inner >= inner - EDGE) yield data[i]!;
}

function formatter(values: readonly number[], dtype: string): (value: number) => string {
  if (dtype === "bool") return (value) => (value !== 0 ? "true" : "false");
  if (!dtype.startsWith("float")) return String;
  const finite = values
    .filter(Number.isFinite)
    .map(Math.abs)
    .filter((v) => v > 0);
  const largest = Math.max(0, ...finite.slice(0, 10_000));
  const smallest = Math.min(Number.POSITIVE_INFINITY, ...finite.slice(0, 10_000));
  if (values.every((v) => !Number.isFinite(v) || Number.isInteger(v)) && largest < 1e8)
    return (v) => (Number.isFinite(v) ? `${v}.` : String(v));
  if (largest >= 1e8 || smallest < 1e-4) return (v) => (Number.isFinite(v) ? v.toExponential(4) : String(v));
  return (v) => (Number.isFinite(v) ? v.toFixed(4) : String(v));
}
