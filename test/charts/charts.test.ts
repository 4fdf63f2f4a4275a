import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError, ShapeError } from "../../src/base/errors.js";
import { barChart, confusionMatrix, lineChartSvg, table, terminalOf } from "../../src/charts/index.js";
import {
  clipText,
  fitText,
  formatBytes,
  formatNumber,
  formatSeconds,
  textWidth,
} from "../../src/charts/text.js";

const linesOf = (text: string) => text.split("\n");

describe("terminalOf", () => {
  const screen = { isTTY: true, columns: 100, write: () => true };
  const pipe = { write: () => true };

  it("follows NO_COLOR, FORCE_COLOR, COLORTERM and TERM", () => {
    expect(terminalOf(screen, { TERM: "xterm-256color" })).toEqual({
      width: 100,
      color: process.platform === "win32" ? "truecolor" : "256",
      unicode: true,
      isInteractive: true,
    });
    expect(terminalOf(screen, { TERM: "xterm", COLORTERM: "truecolor" }).color).toBe("truecolor");
    expect(terminalOf(screen, { COLORTERM: "truecolor", NO_COLOR: "1" }).color).toBe("none");
    expect(terminalOf(screen, { COLORTERM: "truecolor", NO_COLOR: "" }).color).toBe("truecolor");
    expect(terminalOf(screen, { FORCE_COLOR: "0" }).color).toBe("none");
    expect(terminalOf(pipe, { FORCE_COLOR: "3" }).color).toBe("truecolor");
    expect(terminalOf(screen, { TERM: "dumb" })).toMatchObject({ color: "none", isInteractive: false });
  });

  it("is plain and 80 columns wide where there is no terminal", () => {
    const plain = { width: 80, color: "none", unicode: true, isInteractive: false };
    expect(terminalOf(pipe, { COLORTERM: "truecolor" })).toEqual(plain);
    expect(terminalOf(screen, { TERM: "linux" }).unicode).toBe(false);
  });
});

describe("text", () => {
  it("measures what a terminal shows", () => {
    expect(textWidth("abc")).toBe(3);
    expect(textWidth("\x1b[31mred\x1b[0m")).toBe(3);
    expect(textWidth("日本")).toBe(4);
    expect(textWidth("e\u0301")).toBe(1);
  });

  it("pads and cuts to a width", () => {
    expect(fitText("ab", 5, "right")).toBe("   ab");
    expect(fitText("ab", 5, "center")).toBe(" ab  ");
    expect(fitText("abcdef", 4)).toBe("abc…");
    expect(fitText("日本語", 4)).toBe("日… ");
    expect(clipText("abc", 0)).toBe("");
  });

  it("writes numbers as people do", () => {
    expect([60000, 0.84512, 12.3456, 0.00001, -3, Number.NaN].map(formatNumber)).toEqual([
      "60,000",
      "0.8451",
      "12.35",
      "1.00e-5",
      "-3",
      "NaN",
    ]);
    expect([999, 1000, 26_421_880, 0].map(formatBytes)).toEqual(["999 B", "1.0 kB", "26.4 MB", "0 B"]);
    expect([5, 65, 7380].map(formatSeconds)).toEqual(["5s", "1m05s", "2h03m"]);
  });
});

describe("table", () => {
  it("aligns text left and numbers right", () => {
    const text = table(
      [
        ["dense", 100480],
        ["dense_1", 1290],
      ],
      { header: ["Layer", "Parameters"], title: "Model", footer: ["Total: 101,770"] },
    );
    expect(linesOf(text)).toEqual([
      "Model",
      "┌─────────┬────────────┐",
      "│ Layer   │ Parameters │",
      "╞═════════╪════════════╡",
      "│ dense   │    100,480 │",
      "│ dense_1 │      1,290 │",
      "└─────────┴────────────┘",
      "Total: 101,770",
    ]);
  });

  it("draws in ASCII, with lines between rows, and fills short rows", () => {
    const text = table([["a", "b"], ["c"]], { unicode: false, lines: true, align: ["right"] });
    expect(linesOf(text)).toEqual(["+---+---+", "| a | b |", "+---+---+", "| c |   |", "+---+---+"]);
  });

  it("cuts the widest columns to fit", () => {
    const text = table([["a long name of a layer", "short"]], { width: 24 });
    expect(linesOf(text)[1]).toBe("│ a long name… │ short │");
  });

  it("keeps all lines equally wide and within the width", () => {
    const rows = fc.array(
      fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.integer()), { minLength: 1, maxLength: 4 }),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(rows, fc.integer({ min: 25, max: 90 }), (cells, width) => {
        const widths = linesOf(
          table(
            cells.map((row) => row.map((c) => (typeof c === "string" ? c.replace(/\s/g, "_") : c))),
            { width },
          ),
        ).map(textWidth);
        expect(new Set(widths).size).toBe(1);
        expect(widths[0]).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("barChart", () => {
  it("grows in eighths of a column", () => {
    // 30 columns: label 2, numbers 6, two spaces and the mark leave 18 for the bar
    const text = barChart(
      [
        { label: "ab", value: 1 },
        { label: "c", value: 0.5 + 1 / 144, isMarked: true },
        { label: "d", value: 0 },
      ],
      { width: 30 },
    );
    expect(linesOf(text)).toEqual([
      `ab ${"█".repeat(18)} 100.0%`,
      `c  ${"█".repeat(9)}▏${" ".repeat(8)}  50.7% ◀`,
      `d  ${" ".repeat(18)}   0.0%`,
    ]);
  });

  it("draws in ASCII, with its own scale, and colours on request", () => {
    const options = { width: 24, unicode: false, max: 10, format: String };
    expect(barChart([{ label: "x", value: 5 }], options)).toBe(`x ${"#".repeat(9)}${" ".repeat(9)} 5`);
    expect(barChart([{ label: "x", value: 5 }], { ...options, color: "truecolor" })).toContain("\x1b[38;2;");
  });

  it("gives no bar to NaN and a full one beyond the scale", () => {
    const [nan, over] = linesOf(
      barChart(
        [
          { label: "n", value: Number.NaN },
          { label: "o", value: 7 },
        ],
        { width: 24 },
      ),
    );
    expect(nan).not.toContain("█");
    expect(over).toContain("█");
    expect(textWidth(over!)).toBeLessThanOrEqual(24);
  });
});

describe("confusionMatrix", () => {
  const matrix = [
    [50, 2],
    [1, 47],
  ];

  it("shows counts by true and predicted class and the share that is right", () => {
    expect(linesOf(confusionMatrix(matrix, ["cat", "dog"]))).toEqual([
      "true ╲ pred.  0  1   right",
      "0 cat        50  2   96.2%", // 50 / 52
      "1 dog         1 47   97.9%", // 47 / 48
    ]);
  });

  it("shades the ground on request", () => {
    const text = confusionMatrix(matrix, ["cat", "dog"], { color: "256" });
    expect(text).toContain("\x1b[48;5;");
    expect(linesOf(text).map(textWidth)).toEqual([26, 26, 26]);
  });

  it("lists the most frequent mistakes where the matrix is too wide", () => {
    const names = Array.from({ length: 40 }, (_, i) => `class ${i}`);
    const big = names.map((_, i) => names.map((_, j): number => (i === j ? 10 : 0)));
    big[3]![4] = 7;
    big[5]![6] = 9;
    expect(linesOf(confusionMatrix(big, names))).toEqual([
      "400 of 416 right; most frequent mistakes:",
      "      9  class 5 → class 6",
      "      7  class 3 → class 4",
    ]);
  });

  it("refuses a matrix that is not square", () => {
    expect(() => confusionMatrix([[1, 2]], ["a"])).toThrow(ShapeError);
    expect(() => confusionMatrix(matrix, ["a"])).toThrow(ShapeError);
  });
});

describe("lineChartSvg", () => {
  it("draws each series through its points on round axes", () => {
    const svg = lineChartSvg({ series: [{ name: "loss", values: [0, 1, 2] }], width: 400, height: 200 });
    // x ticks 1 2 3, y ticks 0.0 0.5 1.0 1.5 2.0; plot from 41 to 384 and from 34 to 170
    expect(svg).toContain('<polyline points="41,170 212.5,102 384,34"');
    for (const tick of ["1", "2", "3", "0.0", "0.5", "1.0", "1.5", "2.0"])
      expect(svg).toContain(`>${tick}</text>`);
    expect(svg).not.toContain(">2.5</text>");
  });

  it("leaves a gap at values that are not finite and dots single points", () => {
    const svg = lineChartSvg({
      series: [{ name: "a", values: [1, 2, Number.NaN, 4, Number.POSITIVE_INFINITY, 3, 5] }],
    });
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg.match(/<circle/g)).toHaveLength(1);
  });

  it("escapes text", () => {
    const svg = lineChartSvg({
      series: [{ name: "<b>&\u0001", values: [1] }],
      title: "a < b",
      xLabel: '"x"',
      yLabel: "'y'",
    });
    for (const part of ["&lt;b&gt;&amp;<", "a &lt; b", "&quot;x&quot;", "&apos;y&apos;"])
      expect(svg).toContain(part);
  });

  it("holds no NaN whatever the values are", () => {
    const values = fc
      .array(fc.double(), { minLength: 1, maxLength: 12 })
      .filter((list) => list.some((v) => Math.abs(v) < 1e300));
    fc.assert(
      fc.property(values, (list) => {
        expect(lineChartSvg({ series: [{ name: "s", values: list }] })).not.toMatch(/NaN|Infinity|undefined/);
      }),
    );
  });

  it("draws measurements as dots without a line", () => {
    const svg = lineChartSvg({ series: [{ name: "measured", values: [1, Number.NaN, 2], style: "points" }] });
    expect(svg.match(/<circle/g)).toHaveLength(2);
    expect(svg).not.toContain("<polyline");
  });

  it("refuses series without a value or with other x", () => {
    expect(() => lineChartSvg({ series: [] })).toThrow(DataError);
    expect(() => lineChartSvg({ series: [{ name: "a", values: [Number.NaN] }] })).toThrow(DataError);
    expect(() => lineChartSvg({ series: [{ name: "a", values: [1, 2], x: [1] }] })).toThrow(DataError);
  });
});
