import { DataError } from "../base/errors.js";
import { escapeXml } from "./escapeXml.js";
import { formatNumber } from "./text.js";

/** One curve: values over `x`, or over 1, 2, 3, … where no `x` is given. Values that are not finite leave a gap. */
export interface Series {
  readonly name: string;
  readonly values: ArrayLike<number>;
  readonly x?: ArrayLike<number>;
}

export interface LineChartOptions {
  series: readonly Series[];
  title?: string;
  xLabel?: string;
  yLabel?: string;
  /** Size in pixels; 640 × 360 unless told. */
  width?: number;
  height?: number;
}

/** Colours that stay apart for colour-blind readers (Okabe and Ito 2008). */
const palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/**
 * Learning curves as a standalone SVG: axes with round numbers, a legend, no script, no font to load.
 *
 * @throws {DataError} where there is no finite value, or `x` and `values` differ in length
 * @example
 * const svg = lineChartSvg({ series: [{ name: "loss", values: history.loss }], title: "Training", xLabel: "epoch" });
 */
export function lineChartSvg(options: LineChartOptions): string {
  const { series, title, xLabel, yLabel, width = 640, height = 360 } = options;
  const curves = series.map(toCurve);
  const points = curves.flatMap((curve) => curve.filter(isFinitePoint));
  if (points.length === 0) {
    throw new DataError({
      who: "lineChartSvg",
      expected: "at least one finite value",
      received: `${series.length} series without one`,
    });
  }
  const xs = points.map(([x]) => x);
  const xTicks = ticksOver(xs, 8, xs.every(Number.isInteger) ? 1 : 0);
  const ys = points.map(([, y]) => y);
  const yTicks = ticksOver(ys, 6);
  const yTexts = yTicks.map((tick) => formatTick(tick, yTicks[1]! - yTicks[0]!));
  const left = 20 + 7 * Math.max(...yTexts.map((text) => text.length)) + (yLabel ? 18 : 0);
  const legend = legendOver(series, left, width - 16, title ? 46 : 20);
  const top = legend.bottom + 14;
  const bottom = height - (xLabel ? 48 : 30);
  const right = width - 16;
  const scale = (ticks: readonly number[], from: number, to: number) => {
    const [low, high] = [ticks[0]!, ticks.at(-1)!];
    return (value: number) => round(from + ((value - low) / (high - low)) * (to - from));
  };
  const toX = scale(xTicks, left, right);
  const toY = scale(yTicks, bottom, top);

  const text = (x: number, y: number, content: string, more = "") =>
    `<text x="${round(x)}" y="${round(y)}"${more}>${escapeXml(content)}</text>`;
  const middle = ' text-anchor="middle"';
  const centerX = (left + right) / 2;
  const centerY = (top + bottom) / 2;
  const grid = yTicks.map((tick, i) => {
    const y = toY(tick);
    const line = `<line x1="${left}" y1="${y}" x2="${right}" y2="${y}" stroke="#ddd"/>`;
    return line + text(left - 6, y + 4, yTexts[i]!, ' text-anchor="end"');
  });
  const xNumbers = xTicks.map((tick) =>
    text(toX(tick), bottom + 18, formatTick(tick, xTicks[1]! - xTicks[0]!), middle),
  );
  const lines = curves.map((curve, i) => drawCurve(curve, toX, toY, palette[i % palette.length]!));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="sans-serif" font-size="12" fill="#222">`,
    ...(title ? [`<title>${escapeXml(title)}</title>`] : []),
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...(title ? [text(centerX, 24, title, `${middle} font-size="15" font-weight="bold"`)] : []),
    ...grid,
    `<line x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}" stroke="#222"/>`,
    ...xNumbers,
    ...(xLabel ? [text(centerX, height - 10, xLabel, middle)] : []),
    ...(yLabel ? [text(16, centerY, yLabel, `${middle} transform="rotate(-90 16 ${round(centerY)})"`)] : []),
    ...lines,
    ...legend.marks,
    "</svg>",
    "",
  ].join("\n");
}

/** Names in rows above the plot, where no curve runs: a short line in the colour, then the text. */
function legendOver(series: readonly Series[], left: number, right: number, top: number) {
  const marks: string[] = [];
  let x = left;
  let y = top;
  for (const [i, { name }] of series.entries()) {
    const length = 36 + 7 * name.length;
    if (x > left && x + length > right) {
      x = left;
      y += 18;
    }
    const color = palette[i % palette.length];
    marks.push(
      `<line x1="${x}" y1="${y}" x2="${x + 20}" y2="${y}" stroke="${color}" stroke-width="2"/>`,
      `<text x="${x + 26}" y="${y + 4}">${escapeXml(name)}</text>`,
    );
    x += length;
  }
  return { marks, bottom: y };
}

type CurvePoint = readonly [x: number, y: number];

function toCurve({ name, values, x }: Series): CurvePoint[] {
  if (x && x.length !== values.length) {
    throw new DataError({
      who: "lineChartSvg",
      expected: `as many x as values in series ${JSON.stringify(name)}`,
      received: `${x.length} x and ${values.length} values`,
    });
  }
  return Array.from(values, (value, i) => [x ? x[i]! : i + 1, value]);
}

/** Values near the end of the number range would make the axis overflow. */
const isFinitePoint = ([x, y]: CurvePoint) => Math.abs(x) < 1e300 && Math.abs(y) < 1e300;

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
      if (run.length === 1)
        return `<circle cx="${toX(run[0]![0])}" cy="${toY(run[0]![1])}" r="3" fill="${color}"/>`;
      const path = run.map(([x, y]) => `${toX(x)},${toY(y)}`).join(" ");
      return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`;
    })
    .join("");
}

/** Round numbers, 1, 2 or 5 times a power of ten and at least `leastStep` apart, that reach over all values. */
function ticksOver(values: readonly number[], most: number, leastStep = 0): number[] {
  let low = values.reduce((a, b) => Math.min(a, b));
  let high = values.reduce((a, b) => Math.max(a, b));
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= Math.max(1e-290, 1e-9 * largest)) {
    const margin = leastStep || (largest > 1e-290 ? largest / 2 : 1);
    [low, high] = [low - margin, high + margin];
  }
  const rough = Math.max(leastStep, (high - low) / most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** As many digits as the step between two ticks needs. */
function formatTick(value: number, step: number): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (digits > 6 || Math.abs(value) >= 1e7) return value === 0 ? "0" : value.toExponential(1);
  return digits === 0 ? formatNumber(Math.round(value)) : value.toFixed(digits);
}

const round = (value: number) => Math.round(value * 100) / 100;
