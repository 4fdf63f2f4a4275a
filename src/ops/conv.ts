/**
 * Convolution over images, NHWC. Three kernels, each linear in both operands, so that the derivatives of each are the
 * two others: forward, gradient of the input (also the transposed convolution), gradient of the kernel.
 */
import { allocateArray, promote } from "../base/dtype.js";
import { ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sizeOf } from "../base/shape.js";
import {
  type Attributes,
  definePrimitive,
  type KernelPrimitive,
  type TensorType,
} from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { cast } from "./cast.js";
import { toFloat } from "./convert.js";
import { batchLength, checkFixedShape } from "./fixedAxes.js";
import { expandDims, reshape, squeeze } from "./movement.js";
import {
  checkRank,
  checkWindowFits,
  type Padding,
  type Pair,
  positivePair,
  resolvePadding,
} from "./window.js";

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /** Step of the window; 1 by default. */
  readonly strides?: Pair;
  /** `"valid"` by default. */
  readonly padding?: Padding;
  /** Distance of the kernel's elements; 1 by default. */
  readonly dilation?: Pair;
  /** The channels are cut into this many groups, each with kernels of its own; 1 by default. */
  readonly groups?: number;
}

/** The attributes of the three primitives. */
interface Geometry {
  readonly strides: readonly [number, number];
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

const geometryOf = (attributes: Attributes) => attributes as unknown as Geometry;

function plainGeometry({ strides, padding, dilation, groups }: Geometry): Attributes {
  return { strides, padding, dilation, groups };
}

const words = (attributes: Attributes): number[] => {
  const { strides, padding, dilation, groups } = geometryOf(attributes);
  return [...strides, padding[0][0], padding[1][0], ...dilation, groups];
};

const conv2dPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "conv2d",
  kind: "kernel",
  // x [b, h, w, ci], kernel [kh, kw, ci / groups, co] → [b, oh, ow, co]
  infer: ([x, kernel], attributes) => {
    checkChannels("conv2d", x!.shape, kernel!.shape, geometryOf(attributes).groups);
    checkFixedShape("conv2d", "a kernel", kernel!);
    const shape = [
      x!.shape[0]!,
      ...outputSize(x!.shape, kernel!.shape, geometryOf(attributes)),
      kernel!.shape[3]!,
    ];
    return { shape, dtype: x!.dtype, extent: batchLength("conv2d", x!) };
  },
  reference: ([x, kernel], attributes, [output]) => {
    const shape = withBatch(output!.shape, x!.shape);
    const data = new Float64Array(sizeOf(shape));
    forEachTerm(x!.shape, kernel!.shape, shape, geometryOf(attributes), (i, k, o) => {
      data[o]! += x!.data[i]! * kernel!.data[k]!;
    });
    return [rounded(shape, x!.dtype, data)];
  },
  words,
  flop: ([, kernel], [y]) => convolutionFlop(kernel!, y!),
  vjp: ({ node, inputs: [x, kernel], gradients: [g] }) => [
    inputGradient(g!, kernel!, x!.shape, geometryOf(node.attributes)),
    kernelGradient(x!, g!, kernel!.shape, geometryOf(node.attributes)),
  ],
});

const inputGradientPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "conv2dInputGradient",
  kind: "kernel",
  // dy [b, oh, ow, co], kernel [kh, kw, ci / groups, co] → dx [b, h, w, ci]
  infer: ([dy, kernel], { inputShape }) => {
    checkFixedShape("conv2dInputGradient", "a kernel", kernel!);
    const shape = withBatch(inputShape as Shape, dy!.shape);
    return { shape, dtype: dy!.dtype, extent: batchLength("conv2dInputGradient", dy!) };
  },
  reference: ([dy, kernel], attributes, [output]) => {
    const shape = withBatch(output!.shape, dy!.shape);
    const data = new Float64Array(sizeOf(shape));
    forEachTerm(shape, kernel!.shape, dy!.shape, geometryOf(attributes), (i, k, o) => {
      data[i]! += dy!.data[o]! * kernel!.data[k]!;
    });
    return [rounded(shape, dy!.dtype, data)];
  },
  words,
  flop: ([dy, kernel]) => convolutionFlop(kernel!, dy!),
  vjp: ({ node, inputs: [dy, kernel], gradients: [g] }) => {
    const geometry = geometryOf(node.attributes);
    return [convolve(g!, kernel!, geometry), kernelGradient(g!, dy!, kernel!.shape, geometry)];
  },
});

const kernelGradientPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "conv2dKernelGradient",
  kind: "kernel",
  // x [b, h, w, ci], dy [b, oh, ow, co] → dkernel [kh, kw, ci / groups, co], summed over the batch
  infer: ([x, dy], { kernelShape }) => {
    for (const batch of [x!, dy!]) batchLength("conv2dKernelGradient", batch);
    return { shape: kernelShape as Shape, dtype: x!.dtype };
  },
  reference: ([x, dy], attributes, [output]) => {
    const data = new Float64Array(sizeOf(output!.shape));
    forEachTerm(x!.shape, output!.shape, dy!.shape, geometryOf(attributes), (i, k, o) => {
      data[k]! += x!.data[i]! * dy!.data[o]!;
    });
    return [rounded(output!.shape, x!.dtype, data)];
  },
  words,
  flop: ([, dy], [kernel]) => convolutionFlop(kernel!, dy!),
  vjp: ({ node, inputs: [x, dy], gradients: [g] }) => {
    const geometry = geometryOf(node.attributes);
    return [inputGradient(dy!, g!, x!.shape, geometry), convolve(x!, g!, geometry)];
  },
});

function convolve(x: Tensor, kernel: Tensor, geometry: Geometry): Tensor {
  return createNode(conv2dPrimitive, [x, kernel], plainGeometry(geometry));
}

function inputGradient(dy: Tensor, kernel: Tensor, inputShape: Shape, geometry: Geometry): Tensor {
  return createNode(inputGradientPrimitive, [dy, kernel], {
    ...plainGeometry(geometry),
    inputShape: [...inputShape],
  });
}

function kernelGradient(x: Tensor, dy: Tensor, kernelShape: Shape, geometry: Geometry): Tensor {
  return createNode(kernelGradientPrimitive, [x, dy], {
    ...plainGeometry(geometry),
    kernelShape: [...kernelShape],
  });
}

/** A multiplication and an addition for each element of y and each element of the kernel that one filter has. */
function convolutionFlop(kernel: TensorType, y: TensorType): number {
  return 2 * sizeOf(y.shape) * sizeOf(kernel.shape.slice(0, 3));
}

/** Visits the terms of the sum: flat indices of the elements of x, kernel and y that meet. */
function forEachTerm(
  [batch, height, width, channelsIn]: Shape,
  [kernelHeight, kernelWidth, channelsPerGroup, channelsOut]: Shape,
  [, outHeight, outWidth]: Shape,
  { strides, padding, dilation, groups }: Geometry,
  visit: (x: number, kernel: number, y: number) => void,
): void {
  const outputsPerGroup = channelsOut! / groups;
  for (let b = 0; b < batch!; b++) {
    for (let oh = 0; oh < outHeight!; oh++) {
      for (let ow = 0; ow < outWidth!; ow++) {
        for (let kh = 0; kh < kernelHeight!; kh++) {
          const h = oh * strides[0] - padding[0][0] + kh * dilation[0];
          if (h < 0 || h >= height!) continue;
          for (let kw = 0; kw < kernelWidth!; kw++) {
            const w = ow * strides[1] - padding[1][0] + kw * dilation[1];
            if (w < 0 || w >= width!) continue;
            for (let c = 0; c < channelsPerGroup!; c++) {
              for (let co = 0; co < channelsOut!; co++) {
                const ci = Math.floor(co / outputsPerGroup) * channelsPerGroup! + c;
                visit(
                  ((b * height! + h) * width! + w) * channelsIn! + ci,
                  ((kh * kernelWidth! + kw) * channelsPerGroup! + c) * channelsOut! + co,
                  ((b * outHeight! + oh) * outWidth! + ow) * channelsOut! + co,
                );
              }
            }
          }
        }
      }
    }
  }
}

/** Sums are kept in double precision and rounded once. */
function rounded(shape: Shape, dtype: TensorType["dtype"], sums: Float64Array) {
  const data = allocateArray(dtype, sums.length);
  data.set(sums);
  return { shape, dtype, data };
}

/** At run time a batch may be shorter than its bound. */
function withBatch(shape: Shape, from: Shape): Shape {
  return [from[0]!, ...shape.slice(1)];
}

/**
 * Convolution (cross-correlation) of images:
 * `y[b, i, j, o] = Σ x[b, i·s + p·d − top, j·s + q·d − left, c] · kernel[p, q, c, o]`, zeros outside.
 *
 * Shapes `x [batch, height, width, channels]`, `kernel [height, width, channels / groups, filters]` →
 * `[batch, ⌊(height + padding − (k − 1)·dilation − 1) / stride⌋ + 1, …, filters]`.
 * @throws {ShapeError} where ranks or channels do not fit, or the kernel is larger than the padded image
 * @throws {ConfigError} for strides, dilation or groups that are not positive integers
 * @example conv2d(zeros([2, 28, 28, 3]), zeros([3, 3, 3, 16]), { padding: "same" }).shape // [2, 28, 28, 16]
 */
export function conv2d(x: Tensor, kernel: Tensor, options: Conv2dOptions = {}): Tensor {
  const [image, weights] = operands("conv2d", x, kernel);
  return convolve(image, weights, resolveGeometry("conv2d", image.shape, weights.shape, options));
}

/** Options of `conv1d`. */
export interface Conv1dOptions {
  readonly strides?: number;
  /** As for images; explicit padding is `[before, after]`, so `[(k − 1)·dilation, 0]` makes it causal. */
  readonly padding?: "valid" | "same" | number | readonly [number, number];
  readonly dilation?: number;
  readonly groups?: number;
}

/**
 * Convolution along a sequence: `y[b, t, o] = Σ x[b, t·s + p·d − before, c] · kernel[p, c, o]`, zeros outside.
 *
 * Shapes `x [batch, time, channels]`, `kernel [size, channels / groups, filters]` → `[batch, time', filters]`.
 * @throws {ShapeError} where ranks or channels do not fit, or the kernel is longer than the padded sequence
 * @example conv1d(tensor([[[1], [2], [4], [8]]]), tensor([[[1]], [[1]]])) // [[[3], [6], [12]]]
 */
export function conv1d(x: Tensor, kernel: Tensor, options: Conv1dOptions = {}): Tensor {
  const { strides = 1, padding = "valid", dilation = 1, groups = 1 } = options;
  checkRank("conv1d", "input", x, ["batch", "time", "channels"]);
  checkRank("conv1d", "a kernel", kernel, ["size", "channels / groups", "filters"]);
  checkChannels("conv1d", x.shape, kernel.shape, groups);
  const image = toFloat("conv1d", expandDims(x, 1)); // [batch, 1, time, channels]
  const weights = toFloat("conv1d", expandDims(kernel, 0)); // [1, size, channels / groups, filters]
  const geometry = resolveGeometry("conv1d", image.shape, weights.shape, {
    strides: [1, strides],
    padding:
      typeof padding === "string"
        ? padding
        : [[0, 0], typeof padding === "number" ? [padding, padding] : padding],
    dilation: [1, dilation],
    groups,
  });
  const dtype = promote(image.dtype, weights.dtype);
  return squeeze(convolve(cast(image, dtype), cast(weights, dtype), geometry), 1);
}

/**
 * Convolution of each channel with kernels of its own; output channel `c·multiplier + m` sees input channel c only.
 *
 * Shapes `x [batch, height, width, channels]`, `kernel [height, width, channels, multiplier]` →
 * `[batch, height', width', channels · multiplier]`.
 * @throws {ShapeError} where ranks or channels do not fit
 * @example depthwiseConv2d(zeros([2, 28, 28, 3]), zeros([3, 3, 3, 2]), { padding: "same" }).shape // [2, 28, 28, 6]
 */
export function depthwiseConv2d(
  x: Tensor,
  kernel: Tensor,
  options: Omit<Conv2dOptions, "groups"> = {},
): Tensor {
  const [image, weights] = operands("depthwiseConv2d", x, kernel);
  const [kh, kw, channels, multiplier] = weights.shape as [number, number, number, number];
  if (channels !== image.shape[3]) {
    throw new ShapeError({
      who: "depthwiseConv2d",
      expected: `a kernel [height, width, ${image.shape[3]}, multiplier] for ${image.shape[3]} channels`,
      received: `shape ${formatShape(weights.shape)}`,
    });
  }
  const grouped = reshape(weights, [kh, kw, 1, channels * multiplier]);
  const geometry = resolveGeometry("depthwiseConv2d", image.shape, grouped.shape, {
    ...options,
    groups: channels,
  });
  return convolve(image, grouped, geometry);
}

/** Options of `conv2dTranspose`. */
export interface Conv2dTransposeOptions {
  /** Step of the window in the output; 1 by default. */
  readonly strides?: Pair;
  readonly padding?: "valid" | "same";
  readonly dilation?: Pair;
}

/**
 * Transposed convolution: each input pixel adds a kernel, scaled by its value, to the output; what `conv2d` does to
 * gradients. Used to enlarge images.
 *
 * Shapes `x [batch, height, width, channels]`, `kernel [height, width, filters, channels]` →
 * `[batch, height', width', filters]` with `height' = height · stride` for `"same"` and
 * `height · stride + max((k − 1)·dilation + 1 − stride, 0)` for `"valid"`, as in Keras.
 * @throws {ShapeError} where ranks or channels do not fit
 * @example conv2dTranspose(zeros([2, 16, 16, 8]), zeros([2, 2, 4, 8]), { strides: 2 }).shape // [2, 32, 32, 4]
 */
export function conv2dTranspose(x: Tensor, kernel: Tensor, options: Conv2dTransposeOptions = {}): Tensor {
  const who = "conv2dTranspose";
  const [image, weights] = operands(who, x, kernel);
  const [batch, height, width, channels] = image.shape as [number, number, number, number];
  const [kh, kw, filters, channelsOfKernel] = weights.shape as [number, number, number, number];
  if (channels !== channelsOfKernel) {
    throw new ShapeError({
      who,
      expected: `a kernel [height, width, filters, ${channels}] for ${channels} channels`,
      received: `shape ${formatShape(weights.shape)}`,
      fix: "The kernel's last axis is that of the input channels.",
    });
  }
  const strides = positivePair(who, "strides", options.strides ?? 1);
  const dilation = positivePair(who, "dilation", options.dilation ?? 1);
  const enlarged = [height, width].map((length, i) => {
    const overhang = ([kh, kw][i]! - 1) * dilation[i]! + 1 - strides[i]!;
    return length * strides[i]! + (options.padding === "same" ? 0 : Math.max(overhang, 0));
  });
  const inputShape = [batch, ...enlarged, filters];
  const geometry = resolveGeometry(who, inputShape, weights.shape, options);
  return inputGradient(image, weights, inputShape, geometry);
}

/** Both operands as floats of one dtype, with the ranks checked. */
function operands(who: string, x: Tensor, kernel: Tensor): [Tensor, Tensor] {
  checkRank(who, "input", x, ["batch", "height", "width", "channels"]);
  checkRank(who, "a kernel", kernel, ["height", "width", "channels in", "channels out"]);
  const image = toFloat(who, x);
  const weights = toFloat(who, kernel);
  const dtype = promote(image.dtype, weights.dtype);
  return [cast(image, dtype), cast(weights, dtype)];
}

/** The last axis of the kernel is that of the filters, the one before it that of the channels of a group. */
function checkChannels(who: string, input: Shape, kernel: Shape, groups: number): void {
  const channels = input.at(-1)!;
  const filters = kernel.at(-1)!;
  if (channels % groups !== 0 || filters % groups !== 0) {
    throw new ShapeError({
      who,
      expected: `channels and filters that ${groups} groups divide`,
      received: `${channels} channels and ${filters} filters`,
    });
  }
  if (kernel.at(-2)! * groups === channels) return;
  const fitting = [...kernel.slice(0, -2), channels / groups, filters];
  throw new ShapeError({
    who,
    expected: `a kernel of shape ${formatShape(fitting)} for ${channels} channels${groups > 1 ? ` in ${groups} groups` : ""}`,
    received: `shape ${formatShape(kernel)}`,
    fix: `The kernel's last two axes are [channels / groups, filters].`,
  });
}

/** Length of the output along height and width. */
function outputSize(input: Shape, kernel: Shape, { strides, padding, dilation }: Geometry): [number, number] {
  const along = (i: 0 | 1): number => {
    const reach = (kernel[i]! - 1) * dilation[i] + 1;
    return Math.floor((input[i + 1]! + padding[i][0] + padding[i][1] - reach) / strides[i]) + 1;
  };
  return [along(0), along(1)];
}

function resolveGeometry(who: string, input: Shape, kernel: Shape, options: Conv2dOptions): Geometry {
  const strides = positivePair(who, "strides", options.strides ?? 1);
  const dilation = positivePair(who, "dilation", options.dilation ?? 1);
  const [groups] = positivePair(who, "groups", options.groups ?? 1);
  const reach: [number, number] = [(kernel[0]! - 1) * dilation[0] + 1, (kernel[1]! - 1) * dilation[1] + 1];
  const padding = resolvePadding(who, options.padding ?? "valid", [input[1]!, input[2]!], reach, strides);
  checkWindowFits(who, "kernel", [input[1]!, input[2]!], reach, padding);
  return { strides, padding, dilation, groups };
}
