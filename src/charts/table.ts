import type { ChartOptions } from "./terminal.js";
import { type Align, clipText, fitText, formatNumber, textWidth } from "./text.js";

export type Cell = string | number;

export interface TableOptions extends ChartOptions {
  /** Line above the table. */
  title?: string;
  /** Heads of the columns. */
  header?: readonly string[];
  /** Per column; a column of numbers stands right, text left, unless told. */
  align?: readonly (Align | undefined)[];
  /** Lines below the table. */
  footer?: readonly string[];
  /** A line between all rows, not only below the header. */
  lines?: boolean;
}

const leastColumn = 3;
const boxes = {
  unicode: { top: "┌─┬┐", head: "╞═╪╡", row: "├─┼┤", bottom: "└─┴┘", side: "│" },
  ascii: { top: "+-++", head: "+=++", row: "+-++", bottom: "+-++", side: "|" },
} as const;

/**
 * A table with lines around its cells, for model summaries and results.
 *
 * Numbers get thousands separators. Where the table is wider than `width`, the widest columns are cut with an
 * ellipsis; rows may be of different length.
 *
 * @example
 * table([["dense", "[batch, 10]", 1290]], { header: ["Layer", "Output shape", "Parameters"] });
 */
export function table(rows: readonly (readonly Cell[])[], options: TableOptions = {}): string {
  const { header, title, footer = [], lines = false, width = 80, unicode = true } = options;
  const box = unicode ? boxes.unicode : boxes.ascii;
  const columns = Math.max(header?.length ?? 0, ...rows.map((row) => row.length));
  const texts = rows.map((row) =>
    Array.from({ length: columns }, (_, i) =>
      typeof row[i] === "number" ? formatNumber(row[i]) : (row[i] ?? ""),
    ),
  );
  const heads = header && Array.from({ length: columns }, (_, i) => header[i] ?? "");
  const aligns = Array.from({ length: columns }, (_, i): Align => {
    const told = options.align?.[i];
    if (told) return told;
    return rows.length > 0 && rows.every((row) => typeof row[i] === "number") ? "right" : "left";
  });
  const natural = Array.from({ length: columns }, (_, i) =>
    Math.max(...[...(heads ? [heads] : []), ...texts].map((row) => textWidth(row[i]!)), 0),
  );
  const widths = shrink(natural, width - 3 * columns - 1);

  const rule = ([left, line, cross, right]: Iterable<string> & { [index: number]: string }) =>
    left! + widths.map((columnWidth) => line!.repeat(columnWidth + 2)).join(cross!) + right!;
  const cells = (row: readonly string[]) =>
    box.side +
    row.map((text, i) => ` ${fitText(text, widths[i]!, aligns[i], unicode)} `).join(box.side) +
    box.side;
  const body = texts.flatMap((row, i) => (lines && i > 0 ? [rule(box.row), cells(row)] : [cells(row)]));
  return [
    ...(title ? [clipText(title, width, unicode)] : []),
    rule(box.top),
    ...(heads ? [cells(heads), ...(rows.length > 0 ? [rule(box.head)] : [])] : []),
    ...body,
    rule(box.bottom),
    ...footer.map((line) => clipText(line, width, unicode)),
  ].join("\n");
}

/** Widths that fit into `room` together: the widest columns give first, none below three columns. */
function shrink(natural: readonly number[], room: number): number[] {
  const widths = [...natural];
  for (let excess = widths.reduce((sum, width) => sum + width, 0) - room; excess > 0; excess--) {
    const widest = Math.max(...widths);
    if (widest <= leastColumn) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}
