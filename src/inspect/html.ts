import { escapeXml } from "../charts/escapeXml.js";
import type { Cell } from "../charts/table.js";
import { formatNumber } from "../charts/text.js";
import { colors } from "./colors.js";

/** Rows of cells under a header. */
export interface DataTable {
  readonly caption?: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A standalone page of a title, pictures and tables: no script, nothing to load, light or dark. */
export function html(title: string, pictures: readonly string[], tables: readonly DataTable[]): string {
  return [
    "<!doctype html>",
    '<html lang="en">',
    `<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeXml(title)}</title><style>${style}</style></head>`,
    "<body>",
    `<h1>${escapeXml(title)}</h1>`,
    ...pictures.map((picture) => `<figure>${picture}</figure>`),
    ...tables.map(htmlTable),
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

function htmlTable({ caption, header, rows }: DataTable): string {
  const isNumeric = header.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number"));
  const cell = (tag: "td" | "th") => (content: Cell, i: number) => {
    const text = typeof content === "number" ? formatNumber(content) : content;
    return `<${tag}${isNumeric[i] ? ' class="number"' : ""}>${escapeXml(text)}</${tag}>`;
  };
  const line = (cells: readonly string[]) => `<tr>${cells.join("")}</tr>`;
  return [
    '<div class="scroll"><table>',
    ...(caption ? [`<caption>${escapeXml(caption)}</caption>`] : []),
    `<thead>${line(header.map(cell("th")))}</thead>`,
    `<tbody>${rows.map((row) => line(row.map(cell("td")))).join("\n")}</tbody>`,
    "</table></div>",
  ].join("\n");
}

const { light, dark } = colors;
const style = `
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;margin:2rem auto;padding:0 1rem;max-width:72rem;background:${light.ground};color:${light.ink}}
h1{font-size:1.3rem}
figure,.scroll{margin:1rem 0;overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{padding:.25rem .8rem;border-bottom:1px solid ${light.constant.stroke};text-align:left;white-space:pre}
th{color:${light.faint}}
.number{text-align:right}
@media (prefers-color-scheme:dark){body{background:${dark.ground};color:${dark.ink}}th,td{border-color:${dark.constant.stroke}}th{color:${dark.faint}}}
`;
