import { DataError } from "../base/errors.js";
import { axisOver, colorOf, type PlotOptions, plot } from "./plotFrame.js";

/** One curve: values over `x`, or over 1, 2, 3, … where no `x` is given. Values that are not finite leave a gap. */
export interface Series {
  readonly name: string;
  readonly values: ArrayLike<number>;
  readonly x?: ArrayLike<number>;
  /** A line through the points, or the points alone, for measurements. `line` unless told. */
  readonly style?: "line" | "points";
}

export interface LineChartOptions extends PlotOptions {
  series: readonly Series[];
}

/**
 * Learning curves, functions and measurements as a standalone SVG: axes with round numbers, a legend, no script, no
 * font to load.
 *
 * @throws {DataError} where there is no finite value, or `x` and `values` differ in length
 * @example
 * const svg = charts.lineChartSvg({ series: [{ name: "loss", values: [2, 1, 0.5] }], title: "Training", xLabel: "epoch" });
 * svg.slice(0, 4) // "<svg"
 */
export function lineChartSvg(options: LineChartOptions): string {
  const { series } = options;
  const curves = series.map((one) => pointsOf("lineChartSvg", one));
  const points = curves.flatMap((curve) => curve.filter(isFinitePoint));
  if (points.length === 0) {
    throw new DataError({
      who: "lineChartSvg",
      expected: "at least one finite value",
      received: `${series.length} series without one`,
    });
  }
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return plot(
    options,
    axisOver(xs, 8, xs.every(Number.isInteger) ? 1 : 0),
    axisOver(ys, 6),
    series.map(({ name }, i) => ({ name, color: colorOf(i) })),
    (toX, toY) =>
      curves.map((curve, i) =>
        series[i]!.style === "points"
          ? drawPoints(curve, toX, toY, colorOf(i))
          : drawCurve(curve, toX, toY, colorOf(i)),
      ),
  );
}

export type CurvePoint = readonly [x: number, y: number];

export function pointsOf(who: string, { name, values, x }: Series): CurvePoint[] {
  if (x && x.length !== values.length) {
    throw new DataError({
      who,
      expected: `as many x as values in series ${JSON.stringify(name)}`,
      received: `${x.length} x and ${values.length} values`,
    });
  }
  return Array.from(values, (value, i) => [x ? x[i]! : i + 1, value]);
}

/** Values near the end of the number range would make the axis overflow. */
export const isFinitePoint = ([x, y]: CurvePoint) => Math.abs(x) < 1e300 && Math.abs(y) < 1e300;

/** Runs of finite points as lines; a point without neighbours as a dot. */
function drawCurve(
  curve: readonly CurvePoint[],
  toX: (x: number) => number,
  toY: (y: number) => number,
  color: string,
): string {
  const runs: CurvePoint[][] = [[]];
  for (const point of curve) {
    if (isFinitePoint(point)) runs.at(-1)!.push(point);
    else runs.push([]);
  }
  return runs
    .filter((run) => run.length > 0)
    .map((run) => {
      if (run.length === 1) return drawPoints(run, toX, toY, color);
      const path = run.map(([x, y]) => `${toX(x)},${toY(y)}`).join(" ");
      return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`;
    })
    .join("");
}

function drawPoints(
  points: readonly CurvePoint[],
  toX: (x: number) => number,
  toY: (y: number) => number,
  color: string,
): string {
  return points
    .filter(isFinitePoint)
    .map(([x, y]) => `<circle cx="${toX(x)}" cy="${toY(y)}" r="3" fill="${color}"/>`)
    .join("");
}
