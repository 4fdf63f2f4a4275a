/**
 * The records of Fourier transforms along one axis. There is no complex dtype: a complex tensor is a pair of planes, real
 * and imaginary part. All three are linear, so each derivative is a transform again; the inverse transform is the forward
 * one with the planes exchanged before and after.
 */
import type { NDArray } from "../../base/array.js";
import { allocateArray } from "../../base/dtype.js";
import { ShapeError } from "../../base/errors.js";
import { type Shape, sizeOf } from "../../base/shape.js";
import { definePrimitive, type KernelPrimitive, type TensorType } from "../../graph/primitive.js";
import { createNode, type Tensor } from "../../graph/tensor.js";
import { mul } from "../arithmetic.js";
import { cast } from "../cast.js";
import { where } from "../choice.js";
import { equal } from "../comparison.js";
import { zerosLike } from "../create.js";
import { inferElementwise } from "../define.js";
import { iota } from "../iota.js";
import { logicalOr } from "../logic.js";
import { results } from "../pick.js";

/** A complex tensor: two planes of one shape and dtype. */
export interface Complex {
  readonly real: Tensor;
  readonly imaginary: Tensor;
}

/** Longest transform: the factors of the next power of two still fit a thread's memory. */
const LONGEST = 2 ** 23;

type Axis = { axis: number; scale: number };

const fftPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "fft",
  kind: "kernel",
  infer: ([real, imaginary], attributes) => {
    const { axis } = attributes as Axis;
    const type = inferElementwise("fft", 2, [real!, imaginary!]);
    checkLength("fft", type, axis, type.shape[axis]!);
    return [type, type];
  },
  // X_k = scale · Σ_j x_j e^(−2πi jk/n)
  reference: ([real, imaginary], attributes) => {
    const { axis, scale } = attributes as Axis;
    const n = real!.shape[axis]!;
    return summed(real!, imaginary!, axis, n, (j, k, a, b) => {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n;
      const [cosine, sine] = [scale * Math.cos(angle), scale * Math.sin(angle)];
      return [a * cosine - b * sine, a * sine + b * cosine];
    });
  },
  words: ({ axis, scale }) => [axis as number, floatBits(scale as number)],
  flop: ([x], _, { axis }) => flopOf(x!, axis as number, 5),
  // The conjugate transpose of the matrix: the transform with exchanged planes.
  vjp: ({ node, inputs: [x], gradients: [g, h] }) => {
    const [real, imaginary] = [g ?? zerosLike(x!), h ?? zerosLike(x!)];
    return [...results(createNode(fftPrimitive, [imaginary, real], node.attributes))].reverse();
  },
});

const rfftPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "rfft",
  kind: "kernel",
  infer: ([x], attributes) => {
    const { axis } = attributes as Axis;
    checkLength("rfft", x!, axis, x!.shape[axis]!);
    const half = { ...x!, shape: replaced(x!.shape, axis, halfLength(x!.shape[axis]!)) };
    return [half, half];
  },
  // X_k = scale · Σ_j x_j e^(−2πi jk/n), k ≤ n/2
  reference: ([x], attributes) => {
    const { axis, scale } = attributes as Axis;
    const n = x!.shape[axis]!;
    return summed(x!, undefined, axis, halfLength(n), (j, k, a) => {
      const angle = (-2 * Math.PI * ((j * k) % n)) / n;
      return [a * scale * Math.cos(angle), a * scale * Math.sin(angle)];
    });
  },
  words: ({ axis, scale }) => [axis as number, floatBits(scale as number)],
  flop: ([x], _, { axis }) => flopOf(x!, axis as number, 2.5),
  // irfft counts each frequency between the first and the middle one twice, its mirror image included.
  vjp: ({ node, inputs: [x], outputs: [half], gradients: [g, h] }) => {
    const { axis, scale } = node.attributes as Axis;
    const length = x!.shape[axis]!;
    const weight = mirrorWeight(half!, axis, length, 0.5);
    const planes = [g ?? zerosLike(half!), h ?? zerosLike(half!)].map((plane) => mul(plane, weight));
    return [createNode(irfftPrimitive, planes, { axis, scale, length })];
  },
});

const irfftPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "irfft",
  kind: "kernel",
  infer: ([real, imaginary], { axis, length }) => {
    const type = inferElementwise("irfft", 2, [real!, imaginary!]);
    checkLength("irfft", type, axis as number, length as number);
    return { ...type, shape: replaced(type.shape, axis as number, length as number) };
  },
  // x_j = scale · Σ_k c_k Re(X_k e^(2πi jk/n)), k ≤ n/2; c_k = 2, but 1 for k = 0 and k = n/2
  reference: ([real, imaginary], attributes) => {
    const { axis, scale, length } = attributes as Axis & { length: number };
    const [x] = summed(real!, imaginary!, axis, length, (k, j, a, b) => {
      const angle = (2 * Math.PI * ((j * k) % length)) / length;
      if (k === 0 || 2 * k === length) return [a * scale * Math.cos(angle), 0];
      return [2 * scale * (a * Math.cos(angle) - b * Math.sin(angle)), 0];
    });
    return [x!];
  },
  words: ({ axis, scale }) => [axis as number, floatBits(scale as number)],
  flop: (_, [x], { axis }) => flopOf(x!, axis as number, 2.5),
  vjp: ({ node, inputs: [real], gradients: [g] }) => {
    const { axis, scale, length } = node.attributes as Axis & { length: number };
    const weight = mirrorWeight(real!, axis, length, 2);
    return results(createNode(rfftPrimitive, [g!], { axis, scale })).map((plane) => mul(plane, weight));
  },
});

/** X_k = scale · Σ_j x_j e^(−2πi jk/n) along an axis. */
export function transformed({ real, imaginary }: Complex, axis: number, scale: number): Complex {
  return complexOf(createNode(fftPrimitive, [real, imaginary], { axis, scale }));
}
/** The same of a real tensor, k ≤ n/2. */
export function halfTransformed(x: Tensor, axis: number, scale: number): Complex {
  return complexOf(createNode(rfftPrimitive, [x], { axis, scale }));
}
/** x_j = scale · Σ_k X_k e^(2πi jk/n) of a spectrum of which the first half is given. */
export function halfRestored(
  { real, imaginary }: Complex,
  axis: number,
  scale: number,
  length: number,
): Tensor {
  return createNode(irfftPrimitive, [real, imaginary], { axis, scale, length });
}

function complexOf(node: Tensor): Complex {
  const [real, imaginary] = results(node) as [Tensor, Tensor];
  return { real, imaginary };
}

/** How many frequencies a real signal has. */
export function halfLength(length: number): number {
  return Math.floor(length / 2) + 1;
}

/** `inside` for frequencies that have a mirror image, 1 for the first and, of even lengths, the middle one. */
function mirrorWeight(half: Tensor, axis: number, length: number, inside: number): Tensor {
  const shape = half.shape.map((n, a) => (a === axis ? n : 1));
  const k = iota(shape, axis);
  const isAlone = logicalOr(equal(k, 0), equal(mul(k, 2), length));
  return cast(where(isAlone, 1, inside), half.dtype);
}

function checkLength(who: string, type: TensorType, axis: number, length: number): void {
  checkFixed(who, type, axis);
  if (length >= 1 && length <= LONGEST) return;
  throw new ShapeError({
    who,
    expected: "an axis of 1 to 2²³ elements",
    received: `length ${length} along axis ${axis}`,
  });
}

/** @throws {ShapeError} where the axis is the batch axis of a run-time length */
export function checkFixed(who: string, { extent }: TensorType, axis: number): void {
  if (extent?.axis !== axis) return;
  throw new ShapeError({
    who,
    expected: "an axis of a fixed length",
    received: `axis ${axis}, whose length is known at run time only`,
    fix: "Transform another axis than the batch axis.",
  });
}

function replaced(shape: Shape, axis: number, length: number): Shape {
  return shape.map((n, a) => (a === axis ? length : n));
}

/** Both planes of Σ_j term(j, k, re_j, im_j) along the axis, for `count` values of k. */
function summed(
  real: NDArray,
  imaginary: NDArray | undefined,
  axis: number,
  count: number,
  term: (j: number, k: number, real: number, imaginary: number) => readonly [number, number],
): NDArray[] {
  const shape = replaced(real.shape, axis, count);
  const planes = [0, 1].map(() => allocateArray(real.dtype, sizeOf(shape)));
  const n = real.shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  for (let position = 0; position < sizeOf(shape); position++) {
    const k = Math.floor(position / inner) % count;
    const first = Math.floor(position / (inner * count)) * n * inner + (position % inner);
    let [a, b] = [0, 0];
    for (let j = 0; j < n; j++) {
      const [re, im] = term(j, k, real.data[first + j * inner]!, imaginary?.data[first + j * inner] ?? 0);
      a += re;
      b += im;
    }
    planes[0]![position] = a;
    planes[1]![position] = b;
  }
  return planes.map((data) => ({ shape, dtype: real.dtype, data }));
}

function floatBits(x: number): number {
  return new Int32Array(Float32Array.of(x).buffer)[0]!;
}

/** The customary count: c · n log₂ n for each signal. */
function flopOf(x: TensorType, axis: number, c: number): number {
  return c * sizeOf(x.shape) * Math.log2(x.shape[axis]!);
}
