import { DataError, ShapeError } from "../base/errors.js";
import { formatShape } from "../base/shape.js";
import { contour } from "./contour.js";
import { type CurvePoint, isFinitePoint, pointsOf, type Series } from "./lineChartSvg.js";
import { axisBetween, colorOf, type PlotOptions, plot, round } from "./plotFrame.js";

export interface ContourChartOptions extends PlotOptions {
  /** Heights: a row for each y, a column for each x. */
  values: readonly ArrayLike<number>[];
  /** Evenly spaced, rising, as many as columns. */
  x: ArrayLike<number>;
  /** Evenly spaced, rising, as many as rows. */
  y: ArrayLike<number>;
  /** Ways over the surface, such as the weights after each step: `values` over `x`. */
  paths?: readonly Series[];
  /** Heights of the contour lines; unless told, twelve whose distances grow as those of a parabola do. */
  levels?: readonly number[];
}

/** Without the blue, which is the surface's. */
const pathColor = (i: number) => colorOf(i + 1);

/** From high to low. */
const shades = ["#f7fbff", "#c6dbef", "#85bcdb", "#3f8fc5", "#13558f"];

/**
 * A surface from above, darker where it is lower, with contour lines and the ways that optimizers took, as a
 * standalone SVG.
 *
 * @throws {ShapeError} where the numbers of rows and columns are not those of y and x, or below two
 * @throws {DataError} where the heights are all alike or none is finite
 * @example
 * const svg = charts.contourChartSvg({ x: [-1, 0, 1], y: [-1, 0, 1], values: [[2, 1, 2], [1, 0, 1], [2, 1, 2]] });
 * svg.slice(0, 4) // "<svg"
 */
export function contourChartSvg(options: ContourChartOptions): string {
  const { values, x, y, paths = [] } = options;
  if (
    x.length < 2 ||
    y.length < 2 ||
    values.length !== y.length ||
    values.some((row) => row.length !== x.length)
  ) {
    throw new ShapeError({
      who: "contourChartSvg",
      expected: `values of shape ${formatShape([y.length, x.length])}, for at least two y and two x`,
      received: formatShape([values.length, values[0]?.length ?? 0]),
      fix: "Give one row of heights for each y, with one height for each x.",
    });
  }
  const heights = values.flatMap((row) => Array.from(row)).filter(Number.isFinite);
  const low = heights.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = heights.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (!(low < high)) {
    throw new DataError({
      who: "contourChartSvg",
      expected: "heights that differ",
      received: heights.length === 0 ? "none that is finite" : `${low} everywhere`,
    });
  }
  const levels =
    options.levels ?? Array.from({ length: 12 }, (_, i) => low + (high - low) * ((i + 1) / 13) ** 2);
  const curves = paths.map((path) => pointsOf("contourChartSvg", path).filter(isFinitePoint));
  const ends = (values: ArrayLike<number>) => [values[0]!, values[values.length - 1]!] as const;
  const [[left, right], [bottom, top]] = [ends(x), ends(y)];
  return plot(
    { height: 480, ...options },
    axisBetween(left, right, 8),
    axisBetween(bottom, top, 8),
    paths.map(({ name }, i) => ({ name, color: pathColor(i) })),
    (toX, toY) => {
      const toPixel = ([column, row]: readonly [number, number]) =>
        `${toX(left + ((right - left) * column) / (x.length - 1))},${toY(bottom + ((top - bottom) * row) / (y.length - 1))}`;
      const region = (level: number, shade: string) => {
        const rims = contour(values, level).map((rim) => `M${rim.map(toPixel).join(" ")}Z`);
        return `<path d="${rims.join("")}" fill="${shade}" fill-rule="evenodd" stroke="#fff" stroke-opacity="0.7"/>`;
      };
      const sorted = [...levels].sort((a, b) => b - a);
      const frame = [toX(left), toY(top), round(toX(right) - toX(left)), round(toY(bottom) - toY(top))];
      const area = `x="${frame[0]}" y="${frame[1]}" width="${frame[2]}" height="${frame[3]}"`;
      return [
        `<clipPath id="area"><rect ${area}/></clipPath>`,
        `<rect ${area} fill="${shades[0]}"/>`,
        ...sorted.map((level, i) => region(level, shadeAt((i + 1) / sorted.length))),
        '<g clip-path="url(#area)">',
        ...curves.map((curve, i) => drawPath(curve, toX, toY, pathColor(i))),
        "</g>",
      ];
    },
  );
}

/** A line with a light rim, a dot at each of the first steps, and a ring where it ends. */
function drawPath(
  curve: readonly CurvePoint[],
  toX: (x: number) => number,
  toY: (y: number) => number,
  color: string,
): string {
  const pixels = curve.map(([x, y]) => [toX(x), toY(y)] as const);
  const line = pixels.map(([x, y]) => `${x},${y}`).join(" ");
  const stroke = (width: number, ink: string) =>
    `<polyline points="${line}" fill="none" stroke="${ink}" stroke-width="${width}" stroke-linejoin="round"/>`;
  const end = pixels.at(-1);
  return [
    stroke(4, "#fff"),
    stroke(2, color),
    ...pixels.slice(0, 60).map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.2" fill="${color}"/>`),
    ...(end
      ? [`<circle cx="${end[0]}" cy="${end[1]}" r="5" fill="${color}" stroke="#fff" stroke-width="1.5"/>`]
      : []),
  ].join("");
}

/** Between the shades, 0 for the highest. */
function shadeAt(depth: number): string {
  const place = depth * (shades.length - 1);
  const before = Math.min(shades.length - 2, Math.floor(place));
  const share = place - before;
  const parts = [1, 3, 5].map((start) => {
    const [a, b] = [shades[before]!, shades[before + 1]!].map((shade) =>
      Number.parseInt(shade.slice(start, start + 2), 16),
    );
    return Math.round(a! + share * (b! - a!))
      .toString(16)
      .padStart(2, "0");
  });
  return `#${parts.join("")}`;
}
