import { describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { ShapeError } from "../../src/base/errors.js";
import { imageGrid, imageToTerminal } from "../../src/charts/index.js";
import { textWidth } from "../../src/charts/text.js";

const grey = (rows: number[][]): NDArray<"uint8"> => ({
  shape: [rows.length, rows[0]!.length],
  dtype: "uint8",
  data: Uint8Array.from(rows.flat()),
});
const checks = grey([
  [255, 0],
  [255, 0],
]);

describe("imageToTerminal", () => {
  it("draws two pixels per half block in 24-bit colours, a code only where the colour changes", () => {
    const image = grey([
      [255, 255],
      [0, 100],
    ]);
    const white = "\x1b[38;2;255;255;255m";
    expect(imageToTerminal(image, { color: "truecolor" })).toBe(
      `${white}\x1b[48;2;0;0;0m▀\x1b[48;2;100;100;100m▀\x1b[0m`,
    );
  });

  it("keeps the ground of the terminal below an odd last row", () => {
    expect(imageToTerminal(grey([[255]]), { color: "truecolor" })).toBe("\x1b[38;2;255;255;255m▀\x1b[0m");
  });

  it("uses the palette of 256 colours: greys and the cube", () => {
    // 128 grey: 8 + 10·12 = 128 is palette 244; pure red is 16 + 36·5 = 196
    expect(imageToTerminal(grey([[128]]), { color: "256" })).toBe("\x1b[38;5;244m▀\x1b[0m");
    const red: NDArray = { shape: [1, 1, 3], dtype: "float32", data: new Float32Array([1, 0, 0]) };
    expect(imageToTerminal(red, { color: "256" })).toBe("\x1b[38;5;196m▀\x1b[0m");
  });

  it("draws characters by brightness without colours", () => {
    expect(imageToTerminal(checks)).toBe("@ ");
    // the mean of 255 and 0 is half the ramp " .:-=+*#%@": its sixth character
    expect(imageToTerminal(grey([[255], [0]]))).toBe("+");
    expect(imageToTerminal(checks, { color: "truecolor", unicode: false })).toBe("@ ");
  });

  it("shrinks to the width by averaging, keeping the proportions", () => {
    const wide = grey(Array.from({ length: 8 }, () => [255, 255, 255, 255, 0, 0, 0, 0]));
    expect(imageToTerminal(wide, { width: 4 })).toBe("@@  \n@@  ");
    expect(imageToTerminal(checks, { width: 50 })).toBe("@ ");
  });

  it("reads floats from 0 to 1, clips, and shows NaN black", () => {
    const data = new Float32Array([2, Number.NaN, -1, 1]);
    expect(imageToTerminal({ shape: [1, 4, 1], dtype: "float32", data })).toBe("@  @");
    expect(
      imageToTerminal({ shape: [1, 1], dtype: "float32", data: new Float32Array([8]) }, { max: 16 }),
    ).toBe("+");
  });

  it("refuses what is no image", () => {
    for (const shape of [[4], [1, 2, 2], [2, 2, 1, 1], [0, 4]]) {
      expect(() => imageToTerminal({ shape, dtype: "uint8", data: new Uint8Array(4) })).toThrow(ShapeError);
    }
  });
});

describe("imageGrid", () => {
  const tiles = ["ab", "c", "too long"].map((caption) => ({ image: checks, caption }));

  it("puts images beside each other with their captions", () => {
    expect(imageGrid(tiles).split("\n")).toEqual(["@   @   @", "ab  c   t…"]);
  });

  it("breaks into rows at the width or at a number of columns", () => {
    const rows = ["@   @", "ab  c", "", "@", "t…"];
    expect(imageGrid(tiles, { width: 9 }).split("\n")).toEqual(rows);
    expect(imageGrid(tiles, { columns: 2 }).split("\n")).toEqual(rows);
  });

  it("stays within the width in colour, with several caption lines", () => {
    const image = grey(Array.from({ length: 28 }, () => new Array<number>(28).fill(200)));
    const tile = { image, caption: ["predicted Sneaker", "true Sandal"] };
    const lines = imageGrid([tile, tile, tile], { width: 70, color: "256" }).split("\n");
    expect(lines).toHaveLength(2 * 16 + 1);
    expect(Math.max(...lines.map(textWidth))).toBe(58); // two images of 28 columns and a gap of 2
  });
});
