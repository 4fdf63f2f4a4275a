import { colors } from "./colors.js";
import type { Diagram } from "./diagram.js";

/** A diagram in the language of Graphviz: `dot -Tsvg` draws it. */
export function dot({ nodes, edges, direction = "down" }: Diagram): string {
  const name = new Map(nodes.map(({ id }, i) => [id, `n${i}`]));
  return [
    "digraph {",
    `  rankdir=${direction === "down" ? "TB" : "BT"}`,
    '  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=12]',
    '  edge [fontname="Helvetica" fontsize=10 color="#8c959f"]',
    ...nodes.map(({ id, label, details = [], kind = "operation" }) => {
      const { fill, stroke, ink } = colors.light[kind];
      const text = [label, ...details].map(escape).join("\\n");
      return `  ${name.get(id)} [label="${text}" fillcolor="${fill}" color="${stroke}" fontcolor="${ink}"]`;
    }),
    ...edges.map(({ from, to, label }) => {
      const text = label ? ` [label="${escape(label)}"]` : "";
      return `  ${name.get(from)} -> ${name.get(to)}${text}`;
    }),
    "}",
    "",
  ].join("\n");
}

function escape(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n");
}
