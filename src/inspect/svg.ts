import { escapeXml } from "../charts/escapeXml.js";
import { lineWidth } from "../charts/lineWidth.js";
import { colors, type Theme } from "./colors.js";
import type { Diagram, DiagramNode, NodeKind } from "./diagram.js";
import { type Point, placeLayers } from "./layout.js";

const labelSize = 14;
const detailSize = 11;
const labelLine = 18;
const detailLine = 15;
const margin = 16;

/**
 * A diagram as a standalone SVG: no script, no font to load, light or dark as the reader's page is.
 *
 * @param title for readers who can't see the picture
 */
export function svg(diagram: Diagram, title = "diagram"): string {
  const { nodes, edges, direction = "down" } = diagram;
  const number = new Map(nodes.map(({ id }, i) => [id, i]));
  const boxes = nodes.map(boxOf);
  const links = edges.map(({ from, to }) => ({ from: number.get(from)!, to: number.get(to)! }));
  const between = edges.some(({ label }) => label) ? 58 : 40;
  const placement = placeLayers(boxes, links, { beside: 22, between });
  const [width, height] = [placement.width + 2 * margin, placement.height + 2 * margin];
  const at = ({ x, y }: Point): Point => ({
    x: round(x + margin),
    y: round(direction === "down" ? y + margin : height - margin - y),
  });
  const paths = placement.routes.map((route) => route.map(at));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" role="img" class="myelin-diagram" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${darkStyle}</style>`,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="arrow" d="M0,0.5 L8,4 L0,7.5 Z" fill="${colors.light.line}"/></marker></defs>`,
    `<rect class="ground" width="100%" height="100%" fill="${colors.light.ground}"/>`,
    ...paths.map(
      (points) =>
        `<path class="edge" d="${smooth(points)}" fill="none" stroke="${colors.light.line}" stroke-width="1.4" marker-end="url(#arrow)"/>`,
    ),
    ...nodes.map((node, i) => drawBox(node, boxes[i]!, at(placement.centers[i]!))),
    ...edges.flatMap(({ label }, i) => (label ? [drawEdgeLabel(label, paths[i]!)] : [])),
    "</svg>",
    "",
  ].join("\n");
}

function boxOf({ label, details = [] }: DiagramNode): { width: number; height: number } {
  const widest = details.reduce(
    (most, line) => Math.max(most, lineWidth(line, detailSize)),
    lineWidth(label, labelSize) * 1.08, // semibold
  );
  return { width: Math.max(40, widest + 24), height: labelLine + detailLine * details.length + 14 };
}

function drawBox(node: DiagramNode, box: { width: number; height: number }, center: Point): string {
  const { label, details = [], kind = "operation" } = node;
  const { fill, stroke, ink } = colors.light[kind];
  const [x, y] = [round(center.x - box.width / 2), round(center.y - box.height / 2)];
  const corner = isOperation(kind) ? 6 : Math.min(box.height / 2, 17);
  const text = (line: string, i: number) => {
    const baseline = round(y + 7 + (i === 0 ? 14 : labelLine + detailLine * i - 4));
    const style =
      i === 0
        ? `font-size="${labelSize}" font-weight="600" fill="${ink}" class="ink"`
        : `font-size="${detailSize}" fill="${colors.light.faint}" class="faint"`;
    return `<text x="${center.x}" y="${baseline}" text-anchor="middle" ${style}>${escapeXml(line)}</text>`;
  };
  return [
    `<g class="${kind}">`,
    `<rect class="box" x="${x}" y="${y}" width="${round(box.width)}" height="${box.height}" rx="${corner}" fill="${fill}" stroke="${stroke}" stroke-width="1.4"/>`,
    ...[label, ...details].map(text),
    "</g>",
  ].join("");
}

const isOperation = (kind: NodeKind) => kind === "operation" || kind === "hot";

/** Beside the last stretch of the edge, with a rim in the colour of the ground. */
function drawEdgeLabel(label: string, points: readonly Point[]): string {
  const [from, to] = [points.at(-2)!, points.at(-1)!];
  const [x, y] = [round((from.x + to.x) / 2), round((from.y + to.y) / 2 + 4)];
  return `<text class="edge-label" x="${x}" y="${y}" text-anchor="middle" font-size="${detailSize}" fill="${colors.light.faint}" stroke="${colors.light.ground}" stroke-width="4" stroke-linejoin="round" paint-order="stroke">${escapeXml(label)}</text>`;
}

/** Through all points, leaving and meeting each of them vertically. */
function smooth(points: readonly Point[]): string {
  const [start, ...rest] = points;
  let previous = start!;
  let path = `M${previous.x},${previous.y}`;
  for (const point of rest) {
    const middle = round((previous.y + point.y) / 2);
    path +=
      previous.x === point.x
        ? ` L${point.x},${point.y}`
        : ` C${previous.x},${middle} ${point.x},${middle} ${point.x},${point.y}`;
    previous = point;
  }
  return path;
}

const darkStyle = ((theme: Theme) => {
  const kinds: readonly NodeKind[] = ["input", "parameter", "constant", "operation", "hot", "result"];
  const rules = [
    `.ground{fill:${theme.ground}}`,
    `.edge{stroke:${theme.line}}`,
    `.arrow{fill:${theme.line}}`,
    `.faint{fill:${theme.faint}}`,
    `.edge-label{fill:${theme.faint};stroke:${theme.ground}}`,
    ...kinds.flatMap((kind) => [
      `.${kind} .box{fill:${theme[kind].fill};stroke:${theme[kind].stroke}}`,
      `.${kind} .ink{fill:${theme[kind].ink}}`,
    ]),
  ].map((rule) => `.myelin-diagram ${rule}`);
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
})(colors.dark);

const round = (value: number) => Math.round(value * 10) / 10;
