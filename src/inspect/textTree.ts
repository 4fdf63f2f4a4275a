import type { Diagram, DiagramNode } from "./diagram.js";

/**
 * A diagram as a tree of text: each result with its operands below it. What several nodes use is printed once, with a
 * number, and referred to afterwards as `↑1`; nodes without operands are simply repeated.
 *
 * ```
 * *
 * ├─ 2
 * └─ + #1
 *    ├─ a
 *    └─ x
 * ```
 */
export function textTree({ nodes, edges }: Diagram): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const operands = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
  const uses = new Map<string, number>();
  for (const { from, to } of edges) {
    operands.get(to)!.push(from);
    uses.set(from, (uses.get(from) ?? 0) + 1);
  }
  const lines: string[] = [];
  const numbers = new Map<string, number>();
  const roots = nodes.filter(({ id }) => !uses.has(id)).reverse();
  // Depth first without recursion: graphs may be deeper than the stack.
  const stack = roots.map(({ id }) => ({ id, lead: "", indent: "" }));
  while (stack.length > 0) {
    const { id, lead, indent } = stack.pop()!;
    const node = byId.get(id)!;
    const below = operands.get(id)!;
    const known = numbers.get(id);
    if (known !== undefined) {
      lines.push(`${lead}${node.label} ↑${known}`);
      continue;
    }
    let mark = "";
    if (below.length > 0 && (uses.get(id) ?? 0) > 1) {
      numbers.set(id, numbers.size + 1);
      mark = ` #${numbers.size}`;
    }
    lines.push(`${lead}${node.label}${mark}${detailsOf(node)}`);
    for (let i = below.length - 1; i >= 0; i--) {
      const last = i === below.length - 1;
      stack.push({
        id: below[i]!,
        lead: `${indent}${last ? "└─ " : "├─ "}`,
        indent: `${indent}${last ? "   " : "│  "}`,
      });
    }
  }
  return lines.join("\n");
}

function detailsOf({ details = [] }: DiagramNode): string {
  return details.length > 0 ? `  ${details.join("  ")}` : "";
}
