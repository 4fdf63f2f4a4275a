import { type ChartOptions, type Color, paint } from "./terminal.js";
import { fitText, textWidth } from "./text.js";

/** One bar: its name, its length, whether it stands out. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly isMarked?: boolean;
}

export interface BarChartOptions extends ChartOptions {
  /** The value of a full bar; 1 unless told (probabilities). */
  max?: number;
  /** How a value is written; per cent with one digit unless told. */
  format?: (value: number) => string;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const plain: Color = [88, 166, 255];
const marked: Color = [63, 185, 80];

/**
 * One line per value: name, bar, number. Bars grow in eighths of a column; NaN has none.
 *
 * @example barChart([{ label: "Sneaker", value: 0.07 }, { label: "Ankle boot", value: 0.93, isMarked: true }]);
 */
export function barChart(bars: readonly Bar[], options: BarChartOptions = {}): string {
  const { width = 80, color = "none", unicode = true, max = 1 } = options;
  const format = options.format ?? ((value: number) => `${(100 * value).toFixed(1)}%`);
  const numbers = bars.map(({ value }) => format(value));
  const numberWidth = Math.max(0, ...numbers.map(textWidth));
  const longest = Math.max(0, ...bars.map(({ label }) => textWidth(label)));
  const labelWidth = Math.min(longest, Math.max(1, Math.floor((width - numberWidth - 4) / 2)));
  const room = Math.max(1, Math.min(40, width - labelWidth - numberWidth - 4)); // two spaces, a space, the mark
  return bars
    .map(({ label, value, isMarked }, i) => {
      const share = max > 0 && value > 0 ? Math.min(1, value / max) : 0;
      const bar = fitText(drawBar(share * room, unicode), room);
      const mark = isMarked ? (unicode ? "◀" : "<") : "";
      const name = fitText(label, labelWidth, "left", unicode);
      const line = `${name} ${paint(bar, isMarked ? marked : plain, color)} ${fitText(numbers[i]!, numberWidth, "right")}`;
      return mark ? `${line} ${mark}` : line;
    })
    .join("\n");
}

function drawBar(columns: number, unicode: boolean): string {
  if (!unicode) return "#".repeat(Math.round(columns));
  const steps = Math.round(columns * 8);
  return "█".repeat(steps >> 3) + eighths[steps & 7];
}
