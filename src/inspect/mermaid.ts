import { colors } from "./colors.js";
import type { Diagram, NodeKind } from "./diagram.js";

/** A diagram in the language of Mermaid, which GitHub and many editors draw inside of Markdown. */
export function mermaid({ nodes, edges, direction = "down" }: Diagram): string {
  const name = new Map(nodes.map(({ id }, i) => [id, `n${i}`]));
  const kinds = [...new Set(nodes.map(({ kind = "operation" }) => kind))];
  return [
    `flowchart ${direction === "down" ? "TB" : "BT"}`,
    ...nodes.map(({ id, label, details = [], kind = "operation" }) => {
      const text = withoutList([label, ...details].map(escape).join("<br/>"));
      const [open, close] = isRound(kind) ? ["([", "])"] : ["(", ")"];
      return `  ${name.get(id)}${open}"${text}"${close}:::${kind}`;
    }),
    ...edges.map(({ from, to, label }) => {
      const arrow = label ? `-->|"${withoutList(escape(label))}"|` : "-->";
      return `  ${name.get(from)} ${arrow} ${name.get(to)}`;
    }),
    ...kinds.map((kind) => {
      const { fill, stroke, ink } = colors.light[kind];
      return `  classDef ${kind} fill:${fill},stroke:${stroke},color:${ink}`;
    }),
    "",
  ].join("\n");
}

const isRound = (kind: NodeKind) => kind !== "operation" && kind !== "hot";

/** What would end a text or begin another thing, as Mermaid's entities. */
function escape(text: string): string {
  return text.replace(/[&<>"#`\\[\]{}|]/g, entity);
}

/** A sign or a number at the start would be taken for a list of Markdown. */
function withoutList(text: string): string {
  return text.replace(/^[-+*=\d](?=$|\s|\.|<)/, entity);
}

const entity = (character: string) => `#${character.charCodeAt(0)};`;
