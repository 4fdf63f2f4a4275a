/** Fourier transforms along one axis. */
import { ConfigError, DTypeError, ShapeError, unknownName } from "../../base/errors.js";
import { formatShape, normalizeAxis, sameShape, sizeOf } from "../../base/shape.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { cast } from "../cast.js";
import { toFloat } from "../convert.js";
import { zerosLike } from "../create.js";
import { noTensor, toTensors } from "../leaf.js";
import { slice, transpose } from "../movement.js";
import { pad } from "../pad.js";
import {
  type Complex,
  checkFixed,
  halfLength,
  halfRestored,
  halfTransformed,
  transformed,
} from "./records.js";

export type { Complex };

/** Where the factor 1/n stands: before the inverse, half of it (1/√n) before each, or before the forward transform. */
export type FourierNorm = "backward" | "ortho" | "forward";

/** Options of `fft`, `ifft`, `rfft` and `irfft`. */
export interface FourierOptions {
  /** The axis along which is transformed; the last one by default. */
  readonly axis?: number;
  /** Length of the transform: the axis is cut, or filled up with zeros. Default: its own length. */
  readonly length?: number;
  /** `"backward"` by default. */
  readonly norm?: FourierNorm;
}

/**
 * Fourier transform along an axis: `X_k = Σ_j x_j · e^(−2πi jk/n)`, `k = 0 … n − 1`.
 *
 * Any length: factors up to 61 directly, others by a chirp over a power of two. A complex tensor is a record of two
 * float tensors, `{ real, imaginary }`; for a real one `rfft` needs half the time. Shape: that of `x`, with `length`
 * along the axis. Dtype: float.
 * @param x a tensor, or its real and imaginary part
 * @throws {ShapeError} for parts of different shapes, an axis out of range, of no element or of a run-time length
 * @throws {ConfigError} for an unknown norm or a length that is no integer ≥ 1
 * @example fft(tensor([1, 0, 0, 0])).real // [1, 1, 1, 1]
 */
export function fft(x: Complex | Tensor, options: FourierOptions = {}): Complex {
  const { axis, norm } = checked("fft", x, options);
  const whole = resized("fft", complex("fft", x), axis, options.length);
  const n = whole.real.shape[axis]!;
  return along(whole, axis, (planes, at) => transformed(planes, at, scaleOf(norm, "forward", n)));
}

/**
 * The inverse of `fft`: `x_j = 1/n · Σ_k X_k · e^(2πi jk/n)`.
 *
 * Shapes, dtypes, options and errors as for `fft`.
 * @example ifft(fft(tensor([1, 2, 3]))).real // [1, 2, 3]
 */
export function ifft(x: Complex | Tensor, options: FourierOptions = {}): Complex {
  const { axis, norm } = checked("ifft", x, options);
  const whole = resized("ifft", complex("ifft", x), axis, options.length);
  const n = whole.real.shape[axis]!;
  return exchanged(
    along(exchanged(whole), axis, (planes, at) => transformed(planes, at, scaleOf(norm, "backward", n))),
  );
}

/**
 * Fourier transform of a real tensor: the frequencies `k = 0 … ⌊n/2⌋` of `fft`; the others are their mirror images,
 * `X_(n−k) = conj(X_k)`.
 *
 * Shape: that of `x`, with `⌊n/2⌋ + 1` along the axis. Dtype: float. Options as for `fft`.
 * @throws {ShapeError} for an axis out of range, of no element or of a run-time length
 * @throws {ConfigError} for an unknown norm or a length that is no integer ≥ 1
 * @throws {DTypeError} for a complex tensor
 * @example rfft(tensor([1, 2, 3, 4])).real // [10, -2, -2]
 */
export function rfft(x: Tensor, options: FourierOptions = {}): Complex {
  if (realOf("rfft", x) !== x) {
    throw new DTypeError({
      who: "rfft",
      expected: "a real tensor",
      received: "a record of two",
      fix: "A complex tensor is transformed by fft.",
    });
  }
  const { axis, norm } = checked("rfft", x, options);
  const whole = resizedPlane("rfft", toFloat("rfft", x), axis, options.length);
  const n = whole.shape[axis]!;
  return along({ real: whole }, axis, ({ real }, at) =>
    halfTransformed(real, at, scaleOf(norm, "forward", n)),
  );
}

/**
 * The inverse of `rfft`: a real tensor from the frequencies `k = 0 … ⌊n/2⌋`. The imaginary parts of the first and, of
 * even lengths, of the last one do not count.
 *
 * Shape: that of the input, with `n` along the axis. Dtype: float.
 * @param options as for `fft`; `length` is n, by default `2 · (frequencies − 1)`: give it where n is odd
 * @throws {ShapeError} for parts of different shapes, an axis out of range, of no element or of a run-time length
 * @throws {ConfigError} for an unknown norm or a length that is no integer ≥ 1
 * @example irfft(rfft(tensor([1, 2, 3])), { length: 3 }) // [1, 2, 3]
 */
export function irfft(x: Complex | Tensor, options: FourierOptions = {}): Tensor {
  const { axis, norm } = checked("irfft", x, options);
  const half = complex("irfft", x);
  const length = options.length ?? Math.max(1, 2 * (half.real.shape[axis]! - 1));
  const whole = resized("irfft", half, axis, halfLength(length));
  const scale = scaleOf(norm, "backward", length);
  return along(whole, axis, (planes, at) => ({ real: halfRestored(planes, at, scale, length) })).real;
}

// ---- Arguments -----------------------------------------------------------------------------------------------------

/** Axis and norm, with everything checked that does not depend on data. */
function checked(
  who: string,
  x: Complex | Tensor,
  { axis = -1, length, norm = "backward" }: FourierOptions,
): { axis: number; norm: FourierNorm } {
  const norms = ["backward", "ortho", "forward"];
  if (!norms.includes(norm)) throw unknownName(who, "a norm", String(norm), norms);
  if (length !== undefined && !(Number.isInteger(length) && length >= 1)) {
    throw new ConfigError({ who, expected: "a length that is an integer ≥ 1", received: String(length) });
  }
  return { axis: normalizeAxis(who, axis, realOf(who, x).rank), norm };
}

/** The tensor, or the real part. @throws {DTypeError} where it is neither a tensor nor a record of two */
export function realOf(who: string, x: Complex | Tensor): Tensor {
  if (isTensor(x)) return x;
  if (isTensor(x?.real) && isTensor(x.imaginary)) return x.real;
  throw noTensor(who, "a tensor, or a record { real, imaginary } of two", x);
}

/** Both parts as floats of one dtype. */
export function complex(who: string, x: Complex | Tensor): Complex {
  if (isTensor(x)) {
    const real = toFloat(who, x);
    return { real, imaginary: zerosLike(real) };
  }
  const { tensors, dtype } = toTensors(who, [x.real, x.imaginary]);
  const [real, imaginary] = tensors.map((plane) => toFloat(who, cast(plane, dtype))) as [Tensor, Tensor];
  if (sameShape(real.shape, imaginary.shape)) return { real, imaginary };
  throw new ShapeError({
    who,
    expected: "a real and an imaginary part of one shape",
    received: `${formatShape(real.shape)} and ${formatShape(imaginary.shape)}`,
  });
}

function resized(who: string, { real, imaginary }: Complex, axis: number, length?: number): Complex {
  return {
    real: resizedPlane(who, real, axis, length),
    imaginary: resizedPlane(who, imaginary, axis, length),
  };
}

/** An axis cut or filled up with zeros at its end. */
function resizedPlane(who: string, x: Tensor, axis: number, length = x.shape[axis]!): Tensor {
  checkFixed(who, x, axis);
  const own = x.shape[axis]!;
  if (length === own) return x;
  if (length > own)
    return pad(
      x,
      x.shape.map((_, a): [number, number] => [0, a === axis ? length - own : 0]),
    );
  return slice(
    x,
    x.shape.map(() => 0),
    x.shape.map((n, a) => (a === axis ? length : n)),
  );
}

/** The planes exchanged: i times the conjugate. */
function exchanged({ real, imaginary }: Complex): Complex {
  return { real: imaginary, imaginary: real };
}

function scaleOf(norm: FourierNorm, direction: "forward" | "backward", n: number): number {
  if (norm === "ortho") return 1 / Math.sqrt(n);
  return norm === direction ? 1 / n : 1;
}

/** A row of memory holds this many floats side by side; fewer signals leave lanes empty. */
const SIDE_BY_SIDE = 16;
/** Longer signals are transformed by rows and columns, which wants the axis last. */
const LONGEST_ASIDE = 1024;

/** Brings the axis to the end where the kernel would be slow along it, or could not. */
function along<Planes extends Partial<Complex> & Pick<Complex, "real">, Result extends Partial<Complex>>(
  planes: Planes,
  axis: number,
  compute: (planes: Planes, axis: number) => Result,
): Result {
  const { shape } = planes.real;
  const last = shape.length - 1;
  const beside = sizeOf(shape.slice(axis + 1));
  if (axis === last || (beside >= SIDE_BY_SIDE && shape[axis]! <= LONGEST_ASIDE))
    return compute(planes, axis);
  const order = shape.map((_, a) => (a === axis ? last : a === last ? axis : a)); // its own inverse
  const turned = <T extends Partial<Complex>>(parts: T): T =>
    Object.fromEntries(Object.entries(parts).map(([name, plane]) => [name, transpose(plane, order)])) as T;
  return turned(compute(turned(planes), last));
}
