import type { DType } from "../base/dtype.js";
import type { Shape } from "../base/shape.js";

/** More elements than this are summarized. */
const most = 6;

/** A number with four significant digits, as short as it can be: `0.3333`, `12`, `1.5e-7`. */
export function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  return String(Number(value.toPrecision(4)));
}

/** Elements as text: `3`, `[1, 2]`, `[[1, 2], [3, 4]]`; many as `-1 … 2, mean 0.25`. */
export function valueText(data: ArrayLike<number>, shape: Shape, dtype: DType): string {
  const text = (value: number) => (dtype === "bool" ? String(value !== 0) : numberText(value));
  if (data.length === 1) return text(data[0]!);
  if (data.length > most) return summary(Array.from(data), dtype);
  const nested = (axis: number, start: number, size: number): string => {
    if (axis === shape.length) return text(data[start]!);
    const step = size / shape[axis]!;
    const parts = Array.from({ length: shape[axis]! }, (_, i) => nested(axis + 1, start + i * step, step));
    return `[${parts.join(", ")}]`;
  };
  return nested(0, 0, data.length);
}

function summary(values: readonly number[], dtype: DType): string {
  if (dtype === "bool") return `${values.filter((value) => value !== 0).length} of ${values.length} true`;
  const finite = values.filter(Number.isFinite);
  const odd = values.length - finite.length;
  const low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
  const range =
    finite.length === 0
      ? ""
      : low === high
        ? `all ${numberText(low)}`
        : `${numberText(low)} … ${numberText(high)}, mean ${numberText(mean)}`;
  return [range, odd > 0 ? `${odd} not finite` : ""].filter((part) => part).join(", ");
}
