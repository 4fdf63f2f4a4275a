/** Pooling over images, NHWC. */
import { allocateArray } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { type Shape, sizeOf } from "../base/shape.js";
import { type Attributes, definePrimitive, type KernelPrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { add, div } from "./arithmetic.js";
import { where } from "./choice.js";
import { equal } from "./comparison.js";
import { depthwiseConv2d } from "./conv.js";
import { toFloat } from "./convert.js";
import { full } from "./create.js";
import { batchLength } from "./fixedAxes.js";
import { constant } from "./leaf.js";
import { logicalAnd, logicalNot, logicalOr } from "./logic.js";
import { reshape, slice } from "./movement.js";
import { pad } from "./pad.js";
import { mean } from "./reduce.js";
import {
  checkRank,
  checkWindowFits,
  type Padding,
  type Pair,
  positivePair,
  resolvePadding,
} from "./window.js";

/** Options of pooling. */
export interface Pool2dOptions {
  /** Height and width of the window; 2 by default. */
  readonly size?: Pair;
  /** Step of the window; its size by default. */
  readonly strides?: Pair;
  /** `"valid"` by default: what does not fill a window is left out. */
  readonly padding?: Padding;
}

/** The attributes of both primitives. */
interface Window {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
}

const windowOf = (attributes: Attributes) => attributes as unknown as Window;

const words = (attributes: Attributes): number[] => {
  const { size, strides, padding } = windowOf(attributes);
  return [...size, ...strides, padding[0][0], padding[1][0]];
};

const maxPool2dPrimitive = definePrimitive<KernelPrimitive>({
  name: "maxPool2d",
  kind: "kernel",
  // x [b, h, w, c] → [b, oh, ow, c]
  infer: ([x], attributes) => ({
    shape: pooledShape(x!.shape, windowOf(attributes)),
    dtype: x!.dtype,
    extent: batchLength("maxPool2d", x!),
  }),
  reference: ([x], attributes) => {
    const shape = pooledShape(x!.shape, windowOf(attributes));
    const data = allocateArray(x!.dtype, sizeOf(shape));
    forEachMaximum(x!.data, x!.shape, windowOf(attributes), (winner, output) => {
      data[output] = x!.data[winner]!;
    });
    return [{ shape, dtype: x!.dtype, data }];
  },
  words,
  flop: (_, [y], attributes) => sizeOf(y!.shape) * sizeOf(windowOf(attributes).size), // comparisons
  vjp: ({ node, inputs: [x], gradients: [g] }) => [
    createNode(maxPool2dGradientPrimitive, [x!, g!], node.attributes),
  ],
});

const maxPool2dGradientPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "maxPool2dGradient",
  kind: "kernel",
  // x [b, h, w, c], dy [b, oh, ow, c] → dx [b, h, w, c]: the first maximum of a window takes its gradient
  infer: ([x, dy]) => {
    batchLength("maxPool2dGradient", dy!);
    return { shape: x!.shape, dtype: x!.dtype, extent: batchLength("maxPool2dGradient", x!) };
  },
  reference: ([x, dy], attributes) => {
    const data = allocateArray(x!.dtype, x!.data.length);
    forEachMaximum(x!.data, x!.shape, windowOf(attributes), (winner, output) => {
      data[winner]! += dy!.data[output]!;
    });
    return [{ ...x!, data }];
  },
  words,
  flop: ([, dy], _, attributes) => sizeOf(dy!.shape) * sizeOf(windowOf(attributes).size), // comparisons
  // Linear in dy, constant in x almost everywhere: what was spread to the maxima is collected from there.
  vjp: ({ node, inputs: [x], gradients: [u] }) => [null, valuesAtMaxima(x!, u!, windowOf(node.attributes))],
});

/** Visits each output with the flat index of the first maximum of its window (NaN counts as largest). */
function forEachMaximum(
  data: ArrayLike<number>,
  [batch, height, width, channels]: Shape,
  window: Window,
  visit: (winner: number, output: number) => void,
): void {
  const [, outHeight, outWidth] = pooledShape([batch!, height!, width!, channels!], window);
  const { size, strides, padding } = window;
  let output = 0;
  for (let b = 0; b < batch!; b++) {
    for (let oh = 0; oh < outHeight!; oh++) {
      for (let ow = 0; ow < outWidth!; ow++) {
        for (let c = 0; c < channels!; c++) {
          let winner = -1;
          for (let p = 0; p < size[0]; p++) {
            const h = oh * strides[0] - padding[0][0] + p;
            if (h < 0 || h >= height!) continue;
            for (let q = 0; q < size[1]; q++) {
              const w = ow * strides[1] - padding[1][0] + q;
              if (w < 0 || w >= width!) continue;
              const index = ((b * height! + h) * width! + w) * channels! + c;
              if (
                winner < 0 ||
                data[index]! > data[winner]! ||
                (Number.isNaN(data[index]!) && !Number.isNaN(data[winner]!))
              ) {
                winner = index;
              }
            }
          }
          visit(winner, output++);
        }
      }
    }
  }
}

/** For each window the element of `u` where `x` has its first maximum, in plain operations: one pass per window element. */
function valuesAtMaxima(x: Tensor, u: Tensor, window: Window): Tensor {
  const { size, strides, padding } = window;
  const y = createNode(maxPool2dPrimitive, [x], { ...window });
  const around = [[0, 0], padding[0], padding[1], [0, 0]] as const;
  const scores = pad(x, around, { value: -Infinity });
  const values = pad(u, around);
  const part = (t: Tensor, p: number, q: number) =>
    slice(t, [0, p, q, 0], y.shape, [1, strides[0], strides[1], 1]);
  let found: Tensor | undefined;
  let result: Tensor | undefined;
  for (let p = 0; p < size[0]; p++) {
    for (let q = 0; q < size[1]; q++) {
      const hit = equal(part(scores, p, q), y);
      const first = found ? logicalAnd(hit, logicalNot(found)) : hit;
      const chosen = where(first, part(values, p, q), 0);
      result = result ? add(result, chosen) : chosen;
      found = found ? logicalOr(found, hit) : hit;
    }
  }
  return result!;
}

function pooledShape([batch, height, width, channels]: Shape, { size, strides, padding }: Window): Shape {
  const along = (length: number, i: 0 | 1) =>
    Math.floor((length + padding[i][0] + padding[i][1] - size[i]) / strides[i]) + 1;
  return [batch!, along(height!, 0), along(width!, 1), channels!];
}

/**
 * Largest element of each window, channel by channel; padding never wins. The first of equal maxima takes the gradient.
 *
 * Shapes `x [batch, height, width, channels]` → `[batch, ⌊(height + padding − size) / stride⌋ + 1, …, channels]`.
 * @throws {ShapeError} where `x` has another rank or is smaller than the window
 * @throws {ConfigError} for sizes or strides that are not positive integers, or padding as large as the window
 * @example maxPool2d(reshape(tensor([1, 2, 3, 6]), [1, 2, 2, 1]), { size: 2 }) // [[[[6]]]]
 */
export function maxPool2d(x: Tensor, options: Pool2dOptions = {}): Tensor {
  const image = toFloat("maxPool2d", x);
  return createNode(maxPool2dPrimitive, [image], { ...resolveWindow("maxPool2d", image, options) });
}

/**
 * Mean of each window, channel by channel; padding does not count, as in Keras.
 *
 * Shapes `x [batch, height, width, channels]` → `[batch, ⌊(height + padding − size) / stride⌋ + 1, …, channels]`.
 * @throws {ShapeError} where `x` has another rank or is smaller than the window
 * @throws {ConfigError} for sizes or strides that are not positive integers, or padding as large as the window
 * @example avgPool2d(reshape(tensor([1, 2, 3, 6]), [1, 2, 2, 1]), { size: 2 }) // [[[[3]]]]
 */
export function avgPool2d(x: Tensor, options: Pool2dOptions = {}): Tensor {
  const image = toFloat("avgPool2d", x);
  const window = resolveWindow("avgPool2d", image, options);
  const { size, strides, padding } = window;
  const [batch, height, width, channels] = image.shape as [number, number, number, number];
  const [, outHeight, outWidth] = pooledShape(image.shape, window) as [number, number, number, number];
  const padded = padding.some(([before, after]) => before + after > 0);
  if (!padded && size[0] === strides[0] && size[1] === strides[1]) {
    // Windows side by side are axes of their own.
    const cropped = slice(image, [0, 0, 0, 0], [batch, outHeight * size[0], outWidth * size[1], channels]);
    return mean(reshape(cropped, [batch, outHeight, size[0], outWidth, size[1], channels]), [2, 4]);
  }
  const sums = depthwiseConv2d(image, full([...size, channels, 1], 1, image.dtype), { strides, padding });
  if (!padded) return div(sums, size[0] * size[1]);
  const rows = covered(height, outHeight, size[0], strides[0], padding[0][0]);
  const columns = covered(width, outWidth, size[1], strides[1], padding[1][0]);
  const data = allocateArray(image.dtype, outHeight * outWidth);
  rows.forEach((r, i) => {
    columns.forEach((c, j) => {
      data[i * outWidth + j] = r * c;
    });
  });
  return div(sums, constant({ shape: [outHeight, outWidth, 1], dtype: image.dtype, data }));
}

/** How many elements of the image, padding left out, each window covers along one axis. */
function covered(length: number, windows: number, size: number, stride: number, before: number): number[] {
  return Array.from({ length: windows }, (_, i) => {
    const start = i * stride - before;
    return Math.min(start + size, length) - Math.max(start, 0);
  });
}

function resolveWindow(who: string, x: Tensor, options: Pool2dOptions): Window {
  checkRank(who, "input", x, ["batch", "height", "width", "channels"]);
  const size = positivePair(who, "size", options.size ?? 2);
  const strides = positivePair(who, "strides", options.strides ?? size);
  const image: [number, number] = [x.shape[1]!, x.shape[2]!];
  const padding = resolvePadding(who, options.padding ?? "valid", image, size, strides);
  checkWindowFits(who, "window", image, size, padding);
  padding.forEach((amounts, i) => {
    if (amounts.every((amount) => amount < size[i]!)) return;
    throw new ConfigError({
      who,
      expected: `padding smaller than the window (${size[i]})`,
      received: JSON.stringify(amounts),
      fix: "A window in the padding alone has no value.",
    });
  });
  return { size, strides, padding };
}
