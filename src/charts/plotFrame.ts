/** What plots share: axes with round numbers, a title, labels, a legend above the plot where no curve runs. */
import { escapeXml } from "./escapeXml.js";
import { lineWidth } from "./lineWidth.js";
import { formatNumber } from "./text.js";

const fontSize = 12;

/** What the user may say about any plot. */
export interface PlotOptions {
  title?: string;
  xLabel?: string;
  yLabel?: string;
  /** Size in pixels; 640 × 360 unless told. */
  width?: number;
  height?: number;
}

/** An axis: what it reaches over, and where its numbers stand. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
}

export interface LegendEntry {
  readonly name: string;
  readonly color: string;
}

/** Colours that stay apart for colour-blind readers (Okabe and Ito 2008). */
const palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

export const colorOf = (i: number): string => palette[i % palette.length]!;

/**
 * A standalone SVG: no script, no font to load.
 *
 * @param draw what lies on the grid and under the axes, from functions of values to pixels
 */
export function plot(
  options: PlotOptions,
  x: Axis,
  y: Axis,
  entries: readonly LegendEntry[],
  draw: (toX: (value: number) => number, toY: (value: number) => number) => readonly string[],
): string {
  const { title, xLabel, yLabel, width = 640, height = 360 } = options;
  const yTexts = y.ticks.map((tick) => formatTick(tick, stepOf(y)));
  const left = 20 + 7 * Math.max(...yTexts.map((text) => text.length)) + (yLabel ? 18 : 0);
  const right = width - 16;
  const legend = legendOver(entries, left, right, title ? 46 : 20);
  const top = legend.bottom + 14;
  const bottom = height - (xLabel ? 48 : 30);
  const toX = scale(x, left, right);
  const toY = scale(y, bottom, top);

  const text = (x: number, y: number, content: string, more = "") =>
    `<text x="${round(x)}" y="${round(y)}"${more}>${escapeXml(content)}</text>`;
  const middle = ' text-anchor="middle"';
  const centerX = (left + right) / 2;
  const centerY = (top + bottom) / 2;
  const grid = y.ticks.map((tick, i) => {
    const y = toY(tick);
    const line = `<line x1="${left}" y1="${y}" x2="${right}" y2="${y}" stroke="#ddd"/>`;
    return line + text(left - 6, y + 4, yTexts[i]!, ' text-anchor="end"');
  });
  const xNumbers = x.ticks.map((tick) => text(toX(tick), bottom + 18, formatTick(tick, stepOf(x)), middle));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="Helvetica, Arial, sans-serif" font-size="${fontSize}" fill="#222">`,
    ...(title ? [`<title>${escapeXml(title)}</title>`] : []),
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...(title ? [text(centerX, 24, title, `${middle} font-size="15" font-weight="bold"`)] : []),
    ...grid,
    `<line x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}" stroke="#222"/>`,
    ...xNumbers,
    ...(xLabel ? [text(centerX, height - 10, xLabel, middle)] : []),
    ...(yLabel ? [text(16, centerY, yLabel, `${middle} transform="rotate(-90 16 ${round(centerY)})"`)] : []),
    ...draw(toX, toY),
    ...legend.marks,
    "</svg>",
    "",
  ].join("\n");
}

function scale({ low, high }: Axis, from: number, to: number): (value: number) => number {
  return (value) => round(from + ((value - low) / (high - low)) * (to - from));
}

/** Names in rows above the plot, where no curve runs: a short line in the colour, then the text. */
function legendOver(entries: readonly LegendEntry[], left: number, right: number, top: number) {
  const marks: string[] = [];
  let x = left;
  let y = top;
  for (const { name, color } of entries) {
    const length = 26 + lineWidth(name, fontSize) + 16;
    if (x > left && x + length > right) {
      x = left;
      y += 18;
    }
    marks.push(
      `<line x1="${round(x)}" y1="${y}" x2="${round(x + 20)}" y2="${y}" stroke="${color}" stroke-width="2"/>`,
      `<text x="${round(x + 26)}" y="${y + 4}">${escapeXml(name)}</text>`,
    );
    x += length;
  }
  return { marks, bottom: y };
}

/** An axis that reaches over all values and ends at round numbers: 1, 2 or 5 times a power of ten, at least `leastStep` apart. */
export function axisOver(values: readonly number[], most: number, leastStep = 0): Axis {
  let low = values.reduce((a, b) => Math.min(a, b));
  let high = values.reduce((a, b) => Math.max(a, b));
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= Math.max(1e-290, 1e-9 * largest)) {
    const margin = leastStep || (largest > 1e-290 ? largest / 2 : 1);
    [low, high] = [low - margin, high + margin];
  }
  const step = roundStep(low, high, most, leastStep);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low: ticks[0]!, high: ticks.at(-1)!, ticks };
}

/** An axis from `low` to `high` exactly, with the round numbers in between. */
export function axisBetween(low: number, high: number, most: number): Axis {
  const step = roundStep(low, high, most, 0);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return { low, high, ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step) };
}

function roundStep(low: number, high: number, most: number, least: number): number {
  const rough = Math.max(least, (high - low) / most);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
}

const stepOf = ({ ticks, high, low }: Axis) => (ticks.length > 1 ? ticks[1]! - ticks[0]! : high - low);

/** As many digits as the step between two ticks needs. */
function formatTick(value: number, step: number): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (digits > 6 || Math.abs(value) >= 1e7) return value === 0 ? "0" : value.toExponential(1);
  return digits === 0 ? formatNumber(Math.round(value)) : value.toFixed(digits);
}

export const round = (value: number) => Math.round(value * 100) / 100;
