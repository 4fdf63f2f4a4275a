// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with a control character
const escapes = /\x1b\[[0-9;?]*[A-Za-z]/g;
const invisible = /\p{Mark}|\p{Format}|\p{Control}/u;
/** Ranges of Unicode's East Asian Width W and F, and of pictures shown two columns wide. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

export type Align = "left" | "right" | "center";

/** Columns a text takes on a terminal: no escape sequences, no combining marks, two for wide characters. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text.replace(escapes, "")) {
    if (!invisible.test(character)) width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** The text in exactly `width` columns: padded, or cut with an ellipsis (its colours are then dropped). */
export function fitText(text: string, width: number, align: Align = "left", unicode = true): string {
  const clipped = clipText(text, width, unicode);
  const room = width - textWidth(clipped);
  const before = align === "left" ? 0 : align === "right" ? room : room >> 1;
  return " ".repeat(before) + clipped + " ".repeat(room - before);
}

/** The text in at most `width` columns, cut with an ellipsis. */
export function clipText(text: string, width: number, unicode = true): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return "";
  let clipped = "";
  for (const character of text.replace(escapes, "")) {
    if (textWidth(clipped + character) > width - 1) break;
    clipped += character;
  }
  return clipped + (unicode ? "…" : ".");
}

/** An integer with thousands separators, `60,000`; other numbers with four significant digits. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2);
  return size >= 1 ? value.toPrecision(4) : value.toFixed(4);
}

/** `26.4 MB`, powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `5s`, `1m05s`, `2h03m`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (!Number.isFinite(whole)) return "?";
  const pad = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${pad(Math.floor(whole / 60) % 60)}m`;
}
