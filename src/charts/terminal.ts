/** Colours a terminal can show: none, the 256-colour palette, or 24 bits. */
export type ColorDepth = "none" | "256" | "truecolor";

/** Options of every chart for terminals. Charts are pure: what the terminal can do is told, not looked up. */
export interface ChartOptions {
  /** Most columns a line may take; 80 unless told. */
  width?: number;
  /** `"none"` unless told. */
  color?: ColorDepth;
  /** Box-drawing and block characters; true unless told. */
  unicode?: boolean;
}

/** What a terminal can do; give it to a chart as its options. */
export interface Terminal extends Required<ChartOptions> {
  /** A line that was written can be drawn again. */
  readonly isInteractive: boolean;
}

/** The part of a Node stream that writers need. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the terminal behind a stream can do, from the stream and the environment: `NO_COLOR`, `FORCE_COLOR`,
 * `COLORTERM`, `TERM`. Not a terminal, or a browser: 80 columns without colour.
 *
 * @param stream standard output unless told
 * @example console.log(barChart([{ label: "cat", value: 0.9 }], terminalOf()));
 */
export function terminalOf(stream?: TextStream, environment?: Environment): Terminal {
  const host = typeof process === "undefined" ? undefined : process;
  const output = stream ?? (host?.stdout as TextStream | undefined);
  const env = environment ?? host?.env ?? {};
  const isTerminal = output?.isTTY === true && env.TERM !== "dumb";
  return {
    width: output?.columns && output.columns > 0 ? output.columns : 80,
    color: colorDepth(isTerminal, env, host?.platform === "win32"),
    unicode: env.TERM !== "linux", // the kernel's console has few glyphs
    isInteractive: isTerminal,
  };
}

function colorDepth(isTerminal: boolean, env: Environment, isWindows: boolean): ColorDepth {
  if (env.NO_COLOR) return "none";
  const forced = env.FORCE_COLOR;
  if (forced === "0" || forced === "false") return "none";
  if (forced === "3") return "truecolor";
  if (!isTerminal && forced === undefined) return "none";
  if (/truecolor|24bit/.test(env.COLORTERM ?? "") || isWindows) return "truecolor";
  return "256";
}

export type Color = readonly [red: number, green: number, blue: number];

/** The escape sequence that sets a colour (each part 0 to 255) for text or ground; empty where there are no colours. */
export function colorCode(color: Color, depth: ColorDepth, layer: "text" | "ground"): string {
  if (depth === "none") return "";
  const kind = layer === "text" ? 38 : 48;
  if (depth === "truecolor") return `\x1b[${kind};2;${color.map((part) => Math.round(part)).join(";")}m`;
  return `\x1b[${kind};5;${paletteIndex(color)}m`;
}

/** Text in a colour, reset afterwards; plain where there are no colours. */
export function paint(text: string, color: Color, depth: ColorDepth): string {
  return depth === "none" ? text : `${colorCode(color, depth, "text")}${text}${resetCode}`;
}

export const resetCode = "\x1b[0m";

/** xterm's palette: 16–231 a cube of six levels, 232–255 greys from 8 in steps of 10. */
function paletteIndex([red, green, blue]: Color): number {
  if (Math.max(red, green, blue) - Math.min(red, green, blue) < 8) {
    const grey = (red + green + blue) / 3;
    if (grey < 4) return 16;
    if (grey > 246) return 231;
    return 232 + Math.min(23, Math.max(0, Math.round((grey - 8) / 10)));
  }
  const level = (part: number) =>
    part < 48 ? 0 : part < 115 ? 1 : Math.min(5, Math.round((part - 55) / 40));
  return 16 + 36 * level(red) + 6 * level(green) + level(blue);
}
