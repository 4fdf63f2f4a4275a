import { formatBytes } from "../charts/text.js";

/** `1.05 MFLOP`, powers of 1000; an empty text where there is nothing to count. */
export function formatFlop(flop: number): string {
  if (flop === 0) return "";
  const units = ["", "k", "M", "G", "T"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, flop)) / 3));
  return `${(flop / 1000 ** power).toPrecision(3)} ${units[power]}FLOP`;
}

/** `26.4 MB`; an empty text for none. */
export function formatMoved(bytes: number): string {
  return bytes === 0 ? "" : formatBytes(bytes);
}

/** `12.3 µs`, `1.23 ms`, `4.56 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return `${(milliseconds * 1e3).toPrecision(3)} µs`;
  if (milliseconds < 1e3) return `${milliseconds.toPrecision(3)} ms`;
  return `${(milliseconds / 1e3).toPrecision(3)} s`;
}

/** `87 %`. */
export function formatShare(part: number): string {
  return `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
}
