import { type ChartOptions, type TextStream, terminalOf } from "./terminal.js";
import { clipText, formatBytes, formatNumber, formatSeconds, textWidth } from "./text.js";

/** What a progress bar shows. */
export interface ProgressState {
  /** Shown first: `Epoch 1/5`. */
  label?: string;
  /** Steps, items or bytes done, and how many there are; without a total there is no bar. */
  done: number;
  total?: number;
  /** Seconds since the start: gives rate and time left. */
  seconds?: number;
  /** What `done` counts, in the plural: `images`. `"bytes"` are shown as kB, MB, … */
  unit?: string;
  /** Items per step, for a rate in items where `done` counts steps. */
  unitsPerStep?: number;
  /** Shown last, in order: `{ loss: 0.43, accuracy: 0.85 }`. */
  values?: Readonly<Record<string, number | string>>;
}

/** Shows progress until `done`. */
export interface ProgressWriter {
  /** Draws the state, or not, where it drew a moment ago. */
  update(state: ProgressState): void;
  /** Draws the last state and ends its line. */
  done(state: ProgressState): void;
  /** Ends an open line without drawing: where work failed or was stopped. */
  stop(): void;
}

const leastBar = 6;
const mostBar = 30;

/**
 * One line that shows how far work has come.
 *
 * `Epoch 1/5  812/1688 ━━━━━━━━╺─────────  48%  12,345 images/s  1s left  loss 0.4312  accuracy 0.8451`
 *
 * What does not fit into the width is left out, first the time, then per cent, rate and bar; the values stay longest.
 *
 * @example progressBar({ label: "Epoch 1/5", done: 812, total: 1688, values: { loss: 0.4312 } }, { width: 60 });
 */
export function progressBar(state: ProgressState, options: ChartOptions = {}): string {
  return drawLine(state, options, false);
}

/** @param mayWrap nothing is cut: a line that stays may take a second row, one that is drawn again may not */
function drawLine(state: ProgressState, options: ChartOptions, mayWrap: boolean): string {
  const { width = 80, unicode = true } = options;
  const { label, total, seconds, unit = "", unitsPerStep = 1, values = {} } = state;
  const done = total === undefined ? state.done : Math.min(state.done, total);
  const isBytes = unit === "bytes";
  const show = isBytes ? formatBytes : formatNumber;
  const head = label ? [label] : [];
  const count =
    total === undefined
      ? `${show(done)}${isBytes || !unit ? "" : ` ${unit}`}`
      : `${show(done)}/${show(total)}`;
  const share = total ? done / total : 0;
  const percent = total === undefined ? [] : [`${Math.floor(100 * share)}%`.padStart(4)];
  const speed = seconds && done > 0 ? done / seconds : 0;
  const rateText = isBytes ? formatBytes(speed) : formatNumber(Math.round(speed * unitsPerStep));
  const rate = speed > 0 && unit ? [`${rateText}${isBytes ? "" : ` ${unit}`}/s`] : [];
  const isEnded = total !== undefined && done >= total;
  const time =
    seconds === undefined || (speed === 0 && !isEnded)
      ? []
      : isEnded || total === undefined
        ? [formatSeconds(seconds)]
        : [`${formatSeconds((total - done) / speed)} left`];
  const shown = Object.entries(values).map(
    ([name, value]) => `${name} ${typeof value === "number" ? formatNumber(value) : value}`,
  );

  const layouts: { bar: boolean; parts: string[] }[] = [
    { bar: true, parts: [...percent, ...rate, ...time, ...shown] },
    { bar: true, parts: [...percent, ...rate, ...shown] },
    { bar: true, parts: [...rate, ...shown] },
    { bar: true, parts: [...percent, ...shown] },
    { bar: false, parts: [...percent, ...shown] },
    { bar: false, parts: shown },
  ];
  for (const { bar, parts } of layouts) {
    const needed = textWidth([...head, count, ...parts].join("  "));
    if (!bar || total === undefined) {
      if (needed <= width) return [...head, count, ...parts].join("  ");
      continue;
    }
    const room = Math.min(mostBar, width - needed - 1);
    if (room < leastBar) continue;
    return [...head, `${count} ${drawBar(share, room, unicode)}`, ...parts].join("  ");
  }
  if (mayWrap) return [...head, count, ...rate, ...shown].join("  ");
  return clipText([...head, count, ...shown].join("  "), width, unicode);
}

/**
 * Draws progress bars on a terminal, one line that is drawn again; elsewhere (a log file, CI) prints a plain line
 * at the end and one every ten seconds. Without a stream (a browser) it does nothing.
 *
 * @param stream standard error unless told, so that a program's output stays clean
 * @param now clock in milliseconds
 * @example
 * const progress = progressWriter();
 * progress.update({ label: "Epoch 1/5", done: 10, total: 100 });
 * progress.done({ label: "Epoch 1/5", done: 100, total: 100 });
 */
export function progressWriter(
  stream?: TextStream,
  now: () => number = () => performance.now(),
): ProgressWriter {
  const output =
    stream ?? (typeof process === "undefined" ? undefined : (process.stderr as TextStream | undefined));
  if (!output) return { update: () => undefined, done: () => undefined, stop: () => undefined };
  const isInteractive = terminalOf(output).isInteractive;
  // Not redrawn more often than the eye can follow: a write costs more than a small training step.
  const interval = isInteractive ? 50 : 10_000;
  let last = isInteractive ? Number.NEGATIVE_INFINITY : now();
  let isOpen = false;
  const draw = (state: ProgressState, isLast: boolean) => {
    const terminal = terminalOf(output);
    // One column stays free: some terminals wrap a line that is exactly full.
    const line = drawLine(state, { ...terminal, width: terminal.width - 1 }, isLast || !isInteractive);
    output.write(isInteractive ? `\r\x1b[2K${line}` : `${line}\n`);
    isOpen = isInteractive;
  };
  const stop = () => {
    if (isOpen) output.write("\n");
    isOpen = false;
  };
  return {
    update(state) {
      const time = now();
      if (time - last < interval) return;
      last = time;
      draw(state, false);
    },
    done(state) {
      draw(state, true);
      stop();
      last = isInteractive ? Number.NEGATIVE_INFINITY : now();
    },
    stop,
  };
}

function drawBar(share: number, width: number, unicode: boolean): string {
  const full = Math.floor(share * width);
  if (full >= width) return (unicode ? "━" : "=").repeat(width);
  const rest = width - full - 1;
  return unicode ? `${"━".repeat(full)}╺${"─".repeat(rest)}` : `${"=".repeat(full)}>${".".repeat(rest)}`;
}
