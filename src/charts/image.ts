import type { NDArray } from "../base/array.js";
import { ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { type ChartOptions, type Color, type ColorDepth, colorCode, resetCode } from "./terminal.js";
import { clipText, fitText, textWidth } from "./text.js";

export interface ImageOptions extends ChartOptions {
  /** Value shown as white; 255 for uint8 and int32, else 1, unless told. */
  max?: number;
}

export interface ImageRowOptions extends ImageOptions {
  /** Images beside each other at most; as many as fit into `width` unless told. */
  columns?: number;
  /** Empty columns between images; 2 unless told. */
  gap?: number;
}

/** An image and the lines below it. */
export interface CaptionedImage {
  readonly image: NDArray;
  readonly caption?: string | readonly string[];
}

/** Characters from dark to bright, for terminals with light text on dark ground. */
const ramp = " .:-=+*#%@";

/**
 * A picture for the terminal: two pixels per character (half blocks) with colours, else one of ten characters by
 * brightness. An image wider than `width` is shrunk by averaging, never enlarged.
 *
 * @param pixels `[height, width]` or `[height, width, 1]` grey, or `[height, width, 3 or 4]` colour (alpha is ignored)
 * @throws {ShapeError} where the shape is no image's
 * @example const image = { shape: [2, 2], dtype: "uint8", data: new Uint8Array([0, 255, 255, 0]) };
 * console.log(charts.imageToTerminal(image));
 */
export function imageToTerminal(pixels: NDArray, options: ImageOptions = {}): string {
  return imageLines(pixels, options).join("\n");
}

/**
 * Pictures beside each other with captions below, in as many rows as needed. Long captions are cut.
 *
 * @throws {ShapeError} where a shape is no image's
 * @example const image = { shape: [2, 2], dtype: "uint8", data: new Uint8Array([0, 255, 255, 0]) };
 * console.log(charts.imageGrid([{ image, caption: ["Sneaker", "93.1%"] }]));
 */
export function imageGrid(images: readonly CaptionedImage[], options: ImageRowOptions = {}): string {
  const { width = 80, unicode = true, gap = 2 } = options;
  const tiles = images.map(({ image, caption = [] }) => {
    const lines = imageLines(image, options);
    return {
      lines,
      captions: typeof caption === "string" ? [caption] : caption,
      width: textWidth(lines[0] ?? ""),
    };
  });
  const tileWidth = Math.max(1, ...tiles.map((tile) => tile.width));
  const fitting = Math.max(1, Math.floor((width + gap) / (tileWidth + gap)));
  const columns = Math.max(1, Math.min(options.columns ?? fitting, fitting));
  const rows: string[] = [];
  for (let first = 0; first < tiles.length; first += columns) {
    const row = tiles.slice(first, first + columns);
    const height = Math.max(...row.map(({ lines }) => lines.length));
    const depth = Math.max(...row.map(({ captions }) => captions.length));
    const beside = (parts: readonly string[]) => parts.join(" ".repeat(gap)).trimEnd();
    for (let i = 0; i < height; i++) {
      rows.push(
        beside(row.map(({ lines }) => (lines[i] ?? "") + " ".repeat(tileWidth - textWidth(lines[i] ?? "")))),
      );
    }
    for (let i = 0; i < depth; i++) {
      rows.push(beside(row.map(({ captions }) => fitText(captions[i] ?? "", tileWidth, "left", unicode))));
    }
    if (first + columns < tiles.length) rows.push("");
  }
  return rows.map((row) => (row.includes("\x1b") ? row : clipText(row, width, unicode))).join("\n");
}

function imageLines(pixels: NDArray, options: ImageOptions): string[] {
  const { width = 80, color = "none", unicode = true } = options;
  const { columns, rows, at } = shrinkImage(pixels, width, options.max);
  // Without colours or half blocks a character stands for two pixels, one above the other.
  const isPlain = color === "none" || !unicode;
  const lines: string[] = [];
  for (let y = 0; y < rows; y += 2) {
    const pairs = Array.from(
      { length: columns },
      (_, x) => [at(x, y), at(x, Math.min(y + 1, rows - 1))] as const,
    );
    lines.push(isPlain ? pairs.map(character).join("") : halfBlocks(pairs, color, y + 1 < rows));
  }
  return lines;
}

function character([upper, lower]: readonly [Color, Color]): string {
  // Luma of ITU-R BT.601.
  const light = ([red, green, blue]: Color) => 0.299 * red + 0.587 * green + 0.114 * blue;
  const share = (light(upper) + light(lower)) / 510;
  return ramp[Math.min(ramp.length - 1, Math.floor(share * ramp.length))]!;
}

/** Upper half block: text colour above, ground colour below; a colour is set only where it changes. */
function halfBlocks(
  pairs: readonly (readonly [Color, Color])[],
  color: ColorDepth,
  hasLower: boolean,
): string {
  let line = "";
  let previousText = "";
  let previousGround = "";
  for (const [upper, lower] of pairs) {
    const text = colorCode(upper, color, "text");
    const ground = hasLower ? colorCode(lower, color, "ground") : "";
    const codes = [text === previousText ? "" : text, ground === previousGround ? "" : ground];
    line += `${codes.join("")}▀`;
    previousText = text;
    previousGround = ground;
  }
  return line + resetCode;
}

/** The image at most `width` columns wide; each pixel the mean of the pixels it stands for, 0 to 255. */
function shrinkImage(pixels: NDArray, width: number, max?: number) {
  const { shape, data, dtype } = pixels;
  const [height = 0, fullWidth = 0, channels = 1] = shape;
  if (shape.length < 2 || shape.length > 3 || ![1, 3, 4].includes(channels) || height * fullWidth === 0) {
    throw new ShapeError({
      who: "imageToTerminal",
      expected: "an image [height, width], or [height, width, channels] with 1, 3 or 4 channels",
      received: `shape ${formatShape(shape)}`,
      fix: "Take one image of a batch, or drop other axes.",
    });
  }
  const white = max ?? (dtype === "uint8" || dtype === "int32" ? 255 : 1);
  const columns = Math.max(1, Math.min(fullWidth, Math.floor(width)));
  const rows = Math.max(1, Math.round((height * columns) / fullWidth));
  const mean = (x: number, y: number, channel: number) => {
    const left = Math.floor((x * fullWidth) / columns);
    const right = Math.max(left + 1, Math.floor(((x + 1) * fullWidth) / columns));
    const top = Math.floor((y * height) / rows);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * height) / rows));
    let sum = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++)
        sum += data[(row * fullWidth + column) * channels + channel]!;
    }
    const value = (255 * sum) / ((right - left) * (bottom - top) * white);
    return value > 255 ? 255 : value > 0 ? value : 0; // NaN is black
  };
  const at = (x: number, y: number): Color => {
    if (channels < 3) {
      const grey = mean(x, y, 0);
      return [grey, grey, grey];
    }
    return [mean(x, y, 0), mean(x, y, 1), mean(x, y, 2)];
  };
  return { columns, rows, at };
}
