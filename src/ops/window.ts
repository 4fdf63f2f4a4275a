/** Windows that move over images: their size, step and padding, and the errors for those that do not fit. */

import { ConfigError, ShapeError, unknownName } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { checkTensor } from "./leaf.js";

/** One number for both image axes, or `[height, width]`. */
export type Pair = number | readonly [number, number];

/**
 * `"valid"`: no padding; `"same"`: as much that the output has ⌈n / stride⌉ elements, the odd one at the end, as in
 * Keras; a number or `[[top, bottom], [left, right]]`: that many.
 */
export type Padding =
  | "valid"
  | "same"
  | number
  | readonly [readonly [number, number], readonly [number, number]];

/** A number, or one for height and one for width. @throws {ConfigError} where one is no positive integer */
export function positivePair(who: string, name: string, value: Pair): [number, number] {
  const pair: readonly number[] = typeof value === "number" ? [value, value] : value;
  if (pair.length !== 2 || pair.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new ConfigError({ who, expected: `${name} of positive integers`, received: JSON.stringify(value) });
  }
  return [pair[0]!, pair[1]!];
}

/** Elements added before and after height and width, for a window that reaches over `reach` elements. */
export function resolvePadding(
  who: string,
  padding: Padding,
  size: readonly [number, number],
  reach: readonly [number, number],
  strides: readonly [number, number],
): [[number, number], [number, number]] {
  const none: [number, number] = [0, 0];
  if (padding === "valid") return [none, none];
  if (padding === "same") {
    const along = (i: 0 | 1): [number, number] => {
      const total = Math.max((Math.ceil(size[i] / strides[i]) - 1) * strides[i] + reach[i] - size[i], 0);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    };
    return [along(0), along(1)];
  }
  if (typeof padding === "string") throw unknownName(who, "a padding", padding, ["valid", "same"]);
  const [height, width] =
    typeof padding === "number"
      ? [
          [padding, padding],
          [padding, padding],
        ]
      : padding;
  const amounts = [...(height ?? []), ...(width ?? [])];
  if (amounts.length !== 4 || amounts.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ConfigError({
      who,
      expected: 'padding "valid", "same", an integer ≥ 0 or [[top, bottom], [left, right]]',
      received: JSON.stringify(padding),
    });
  }
  return [
    [amounts[0]!, amounts[1]!],
    [amounts[2]!, amounts[3]!],
  ];
}

/** @throws {ShapeError} where the window is larger than the padded image */
export function checkWindowFits(
  who: string,
  what: string,
  size: readonly [number, number],
  reach: readonly [number, number],
  padding: readonly [readonly [number, number], readonly [number, number]],
): void {
  const padded = [size[0] + padding[0][0] + padding[0][1], size[1] + padding[1][0] + padding[1][1]];
  if (padded[0]! >= reach[0] && padded[1]! >= reach[1]) return;
  throw new ShapeError({
    who,
    expected: `an image of at least ${reach[0]}×${reach[1]}, which the ${what} covers`,
    received: `${padded[0]}×${padded[1]} with padding`,
    fix: `Use padding: "same", or a smaller ${what}.`,
  });
}

/** @throws {ShapeError} where the rank is not that of the named axes */
export function checkRank(who: string, what: string, x: Tensor, axes: readonly string[]): void {
  checkTensor(who, x);
  if (x.rank === axes.length) return;
  throw new ShapeError({
    who,
    expected: `${what} of rank ${axes.length} [${axes.join(", ")}]`,
    received: `shape ${formatShape(x.shape)}`,
    fix: rankFix(x, what, axes),
  });
}

function rankFix(x: Tensor, what: string, axes: readonly string[]): string {
  if (what === "input" && x.rank === axes.length - 1) {
    // Three axes ending in 1, 3 or 4 look like one image with channels, others like a batch without.
    const single = [1, 3, 4].includes(x.shape.at(-1)!);
    return single ? "Add a batch axis with expandDims(x, 0)." : "Add a channel axis with expandDims(x, -1).";
  }
  return "Bring it there with reshape or expandDims.";
}
