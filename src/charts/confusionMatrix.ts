import { ShapeError } from "../base/errors.js";
import { type ChartOptions, type Color, type ColorDepth, colorCode, resetCode } from "./terminal.js";
import { fitText, formatNumber, textWidth } from "./text.js";

/** Ground colours of a full row: what was right, what was mistaken; black for nothing. */
const right: Color = [20, 110, 50];
const wrong: Color = [170, 40, 40];
/** Mistakes listed where the matrix is wider than the terminal. */
const listed = 20;

/**
 * How often each class was taken for which: one row per true class, one column per predicted class, and the share
 * of the row that is right. Columns are named by number; the rows say which class a number is. With colours the
 * ground shows the share of the row. Where the matrix is wider than `width`, the most frequent mistakes are listed.
 *
 * @param matrix `matrix[true][predicted]` counts, square
 * @param names one per class; the numbers themselves unless told
 * @throws {ShapeError} where the matrix is not square or the names are not as many
 * @example console.log(confusionMatrix([[50, 2], [1, 47]], ["cat", "dog"], terminalOf()));
 */
export function confusionMatrix(
  matrix: readonly ArrayLike<number>[],
  names: readonly string[] = matrix.map((_, i) => String(i)),
  options: ChartOptions = {},
): string {
  const { width = 80, color = "none", unicode = true } = options;
  const classes = matrix.length;
  if (names.length !== classes || matrix.some((row) => row.length !== classes)) {
    throw new ShapeError({
      who: "confusionMatrix",
      expected: "a square matrix and one name per class",
      received: `${classes} rows of ${matrix.map((row) => row.length).join(", ")} and ${names.length} names`,
    });
  }
  const rows = matrix.map((row) => Array.from(row));
  const numbers = names.map((_, i) => String(i));
  const cell =
    Math.max(...rows.flat().map((count) => String(count).length), String(classes - 1).length, 1) + 1;
  const recall = 8;
  const nameRoom = width - classes * cell - recall - numbers.at(-1)!.length - 1;
  const corner = unicode ? "true ╲ pred." : "true";
  const nameWidth = Math.min(
    Math.max(...names.map(textWidth), corner.length - numbers.at(-1)!.length - 1),
    nameRoom,
  );
  if (nameRoom < 4) return mostMistaken(rows, names, width, unicode);

  const lead = numbers.at(-1)!.length + 1 + nameWidth;
  const header = `${fitText(corner, lead, "left", unicode)}${numbers
    .map((number) => number.padStart(cell))
    .join("")}${"right".padStart(recall)}`;
  const body = rows.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const counts = row.map((count, j) => {
      const text = (count === 0 && i !== j ? (unicode ? "·" : ".") : String(count)).padStart(cell);
      const share = total > 0 ? count / total : 0;
      return i === j ? shade(text, right, share, color) : shade(text, wrong, 2 * Math.sqrt(share), color);
    });
    const share = total > 0 ? `${((100 * row[i]!) / total).toFixed(1)}%` : "-";
    const name = `${numbers[i]!.padStart(numbers.at(-1)!.length)} ${fitText(names[i]!, nameWidth, "left", unicode)}`;
    return `${name}${counts.join("")}${share.padStart(recall)}`;
  });
  return [header, ...body].join("\n");
}

/** Text on a ground of the given strength; shares of mistakes come as square roots, so that rare ones show too. */
function shade(text: string, full: Color, strength: number, color: ColorDepth): string {
  if (color === "none" || strength === 0) return text;
  const [red, green, blue] = full.map((part) => part * Math.min(1, strength)) as [number, number, number];
  const ground: Color = [red, green, blue];
  return `${colorCode(ground, color, "ground")}${colorCode([255, 255, 255], color, "text")}${text}${resetCode}`;
}

function mostMistaken(
  rows: readonly number[][],
  names: readonly string[],
  width: number,
  unicode: boolean,
): string {
  const mistakes = rows.flatMap((row, i) =>
    row.flatMap((count, j) => (count > 0 && i !== j ? [{ count, from: names[i]!, to: names[j]! }] : [])),
  );
  const total = rows.flat().reduce((sum, count) => sum + count, 0);
  const hits = rows.reduce((sum, row, i) => sum + row[i]!, 0);
  const arrow = unicode ? "→" : "->";
  mistakes.sort((a, b) => b.count - a.count);
  return [
    `${formatNumber(hits)} of ${formatNumber(total)} right; most frequent mistakes:`,
    ...mistakes
      .slice(0, listed)
      .map(({ count, from, to }) => `${String(count).padStart(7)}  ${from} ${arrow} ${to}`),
  ]
    .map((line) => fitText(line, width, "left", unicode).trimEnd())
    .join("\n");
}
