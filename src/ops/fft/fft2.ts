/** Fourier transforms along two axes: one after the other. */
import { ConfigError } from "../../base/errors.js";
import { normalizeAxis } from "../../base/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Complex, type FourierNorm, fft, ifft, irfft, realOf, rfft } from "./fft.js";

/** Options of `fft2`, `ifft2`, `rfft2` and `irfft2`. */
export interface Fourier2Options {
  /** The two axes; the last two by default. */
  readonly axes?: readonly [number, number];
  /** Lengths along them: cut, or filled up with zeros. Default: their own. */
  readonly lengths?: readonly [number, number];
  /** `"backward"` by default; of both axes. */
  readonly norm?: FourierNorm;
}

/**
 * Fourier transform along two axes: `fft` along one, then along the other.
 *
 * Shape: that of `x`, with `lengths` along the axes. Dtype: float.
 * @throws {ConfigError} for one axis given twice, an unknown norm or a length that is no integer ≥ 1
 * @throws {ShapeError} as `fft`
 * @example fft2(tensor([[1, 0], [0, 0]])).real // [[1, 1], [1, 1]]
 */
export function fft2(x: Complex | Tensor, options: Fourier2Options = {}): Complex {
  const [first, second] = each("fft2", x, options);
  return fft(fft(x, second), first);
}

/**
 * The inverse of `fft2`.
 *
 * @throws {ConfigError} for one axis given twice, an unknown norm or a length that is no integer ≥ 1
 * @throws {ShapeError} as `fft`
 * @example ifft2(fft2(tensor([[1, 2], [3, 4]]))).real // [[1, 2], [3, 4]]
 */
export function ifft2(x: Complex | Tensor, options: Fourier2Options = {}): Complex {
  const [first, second] = each("ifft2", x, options);
  return ifft(ifft(x, second), first);
}

/**
 * Fourier transform of a real tensor along two axes: `rfft` along the second, then `fft` along the first.
 *
 * Shape: that of `x`, with `⌊n/2⌋ + 1` along the second axis. Dtype: float.
 * @throws {ConfigError} for one axis given twice, an unknown norm or a length that is no integer ≥ 1
 * @throws {ShapeError} as `fft`
 * @example rfft2(tensor([[1, 2], [3, 4]])).real // [[10, -2], [-4, 0]]
 */
export function rfft2(x: Tensor, options: Fourier2Options = {}): Complex {
  const [first, second] = each("rfft2", x, options);
  return fft(rfft(x, second), first);
}

/**
 * The inverse of `rfft2`: a real tensor from half its frequencies along the second axis.
 *
 * @param options the second of `lengths` is by default `2 · (frequencies − 1)`: give it where it is odd
 * @throws {ConfigError} for one axis given twice, an unknown norm or a length that is no integer ≥ 1
 * @throws {ShapeError} as `fft`
 * @example irfft2(rfft2(tensor([[1, 2], [3, 4]]))) // [[1, 2], [3, 4]]
 */
export function irfft2(x: Complex | Tensor, options: Fourier2Options = {}): Tensor {
  const [first, second] = each("irfft2", x, options);
  return irfft(ifft(x, first), second);
}

/** The options of both axes. */
function each(
  who: string,
  x: Complex | Tensor,
  { axes = [-2, -1], lengths, norm = "backward" }: Fourier2Options,
) {
  const { rank } = realOf(who, x);
  const [first, second] = axes.map((axis) => normalizeAxis(who, axis, rank));
  if (axes.length !== 2 || first === second) {
    throw new ConfigError({ who, expected: "two different axes", received: `axes ${axes.join(" and ")}` });
  }
  return [
    { axis: axes[0], norm, ...(lengths ? { length: lengths[0] } : {}) },
    { axis: axes[1], norm, ...(lengths ? { length: lengths[1] } : {}) },
  ] as const;
}
