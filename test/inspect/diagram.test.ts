import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Diagram } from "../../src/inspect/diagram.js";
import { dot } from "../../src/inspect/dot.js";
import { html } from "../../src/inspect/html.js";
import { placeLayers } from "../../src/inspect/layout.js";
import { mermaid } from "../../src/inspect/mermaid.js";
import { svg } from "../../src/inspect/svg.js";
import { textTree } from "../../src/inspect/textTree.js";

/** (a + 7) · (a + 7), the sum shared. */
const shared: Diagram = {
  direction: "up",
  nodes: [
    { id: "a", label: "a", kind: "input", details: ["= 1"] },
    { id: "seven", label: "7", kind: "constant" },
    { id: "sum", label: "+" },
    { id: "product", label: "*", kind: "result", details: ["= 64", "gradient 1"] },
  ],
  edges: [
    { from: "a", to: "sum" },
    { from: "seven", to: "sum" },
    { from: "sum", to: "product", label: 'say "once"' },
    { from: "sum", to: "product" },
  ],
};

const hostile: Diagram = {
  nodes: [
    { id: "<x>", label: `<b>&"'\u0001`, details: ["]]>", "a\\b"] },
    { id: "y", label: "- list" },
  ],
  edges: [{ from: "<x>", to: "y", label: "</svg>" }],
};

/** Diagrams without cycles: edges run from smaller numbers to larger ones. */
const diagrams = fc
  .record({
    count: fc.integer({ min: 0, max: 14 }),
    pairs: fc.array(fc.tuple(fc.nat(13), fc.nat(13)), { maxLength: 25 }),
    labels: fc.array(fc.string(), { minLength: 14, maxLength: 14 }),
  })
  .map(({ count, pairs, labels }): Diagram => {
    const nodes = labels.slice(0, count).map((label, i) => ({ id: `${i}`, label }));
    const edges = pairs
      .filter(([a, b]) => a < b && b < count)
      .map(([a, b]) => ({ from: `${a}`, to: `${b}` }));
    return { nodes, edges };
  });

describe("a diagram as text", () => {
  it("prints what is shared once and refers to it", () => {
    expect(textTree(shared)).toBe(
      ["*  = 64  gradient 1", "├─ + #1", "│  ├─ a  = 1", "│  └─ 7", "└─ + ↑1"].join("\n"),
    );
  });

  it("needs no stack for deep graphs", () => {
    const nodes = Array.from({ length: 5000 }, (_, i) => ({ id: `${i}`, label: `f${i}` }));
    const edges = nodes.slice(1).map((_, i) => ({ from: `${i}`, to: `${i + 1}` }));
    const lines = textTree({ nodes, edges }).split("\n");
    expect(lines).toHaveLength(5000);
    expect(lines.slice(0, 3)).toEqual(["f4999", "└─ f4998", "   └─ f4997"]);
  });
});

describe("a diagram as Mermaid", () => {
  it("has a node a line, then its edges, then the colours of its kinds", () => {
    expect(mermaid(shared).split("\n")).toEqual([
      "flowchart BT",
      '  n0(["a<br/>= 1"]):::input',
      '  n1(["#55;"]):::constant',
      '  n2("#43;"):::operation',
      '  n3(["#42;<br/>= 64<br/>gradient 1"]):::result',
      "  n0 --> n2",
      "  n1 --> n2",
      '  n2 -->|"say #34;once#34;"| n3',
      "  n2 --> n3",
      "  classDef input fill:#ddf4ff,stroke:#54aeff,color:#0a3069",
      "  classDef constant fill:#f6f8fa,stroke:#afb8c1,color:#424a53",
      "  classDef operation fill:#ffffff,stroke:#6e7781,color:#1f2328",
      "  classDef result fill:#dafbe1,stroke:#4ac26b,color:#044f1e",
      "",
    ]);
  });

  it("escapes what would end a text or begin a list", () => {
    const [, first, second] = mermaid(hostile).split("\n");
    expect(first).toContain(`("#60;b#62;#38;#34;'\u0001<br/>#93;#93;#62;<br/>a#92;b")`);
    expect(second).toContain('("#45; list")');
  });
});

describe("a diagram as DOT", () => {
  it("names nodes by number and escapes texts", () => {
    const lines = dot(hostile).split("\n");
    expect(lines[0]).toBe("digraph {");
    expect(lines).toContain("  rankdir=TB");
    expect(lines[4]).toContain(`n0 [label="<b>&\\"'\u0001\\n]]>\\na\\\\b"`);
    expect(lines).toContain('  n0 -> n1 [label="</svg>"]');
    expect(dot(shared)).toContain("rankdir=BT");
  });
});

describe("a diagram as SVG", () => {
  it("holds every text, escaped, and one path for each edge", () => {
    const picture = svg(hostile, "a < b");
    for (const part of ["<title>a &lt; b</title>", "&lt;b&gt;&amp;&quot;&apos;<", "]]&gt;", "&lt;/svg&gt;"])
      expect(picture).toContain(part);
    expect(picture.match(/class="edge"/g)).toHaveLength(1);
    expect(svg(shared).match(/class="edge"/g)).toHaveLength(4);
  });

  it("follows the reader's choice of light or dark, without a script", () => {
    expect(svg(shared)).toContain("@media (prefers-color-scheme:dark)");
    expect(svg(shared)).not.toContain("<script");
  });

  it("puts results on top where the diagram points up, and below where it points down", () => {
    const heightOf = (diagram: Diagram, text: string) =>
      Number(new RegExp(` y="([\\d.]+)"[^>]*>${text}</text>`).exec(svg(diagram))![1]);
    expect(heightOf(shared, "\\*")).toBeLessThan(heightOf(shared, "7"));
    const down: Diagram = { ...shared, direction: "down" };
    expect(heightOf(down, "\\*")).toBeGreaterThan(heightOf(down, "7"));
  });

  it("is made of finite numbers whatever the graph", () => {
    fc.assert(
      fc.property(diagrams, (diagram) => {
        expect(svg(diagram)).not.toMatch(/="[^"]*(NaN|Infinity)/);
      }),
    );
  });
});

describe("a page", () => {
  it("holds picture and tables with numbers to the right", () => {
    const page = html("T & T", [svg(shared)], [{ header: ["op", "n"], rows: [["<add>", 1234]] }]);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain("<h1>T &amp; T</h1>");
    expect(page).toContain('<td>&lt;add&gt;</td><td class="number">1,234</td>');
    expect(page).toContain('<th class="number">n</th>');
  });
});

describe("the layered layout", () => {
  const spacing = { beside: 10, between: 30 };
  const placed = ({ nodes, edges }: Diagram) => {
    const boxes = nodes.map(({ label }) => ({ width: 20 + 7 * label.length, height: 20 }));
    const links = edges.map(({ from, to }) => ({ from: Number(from), to: Number(to) }));
    return { boxes, links, ...placeLayers(boxes, links, spacing) };
  };

  it("overlaps no boxes, and links run downwards from box to box", () => {
    fc.assert(
      fc.property(diagrams, (diagram) => {
        const { boxes, links, centers, routes, width, height } = placed(diagram);
        for (const [i, a] of centers.entries()) {
          expect(a.x - boxes[i]!.width / 2).toBeGreaterThanOrEqual(-1e-6);
          expect(a.x + boxes[i]!.width / 2).toBeLessThanOrEqual(width + 1e-6);
          expect(a.y + 10).toBeLessThanOrEqual(height + 1e-6);
          for (const [j, b] of centers.entries()) {
            if (i >= j || a.y !== b.y) continue;
            const between = Math.abs(a.x - b.x) - (boxes[i]!.width + boxes[j]!.width) / 2;
            expect(between).toBeGreaterThanOrEqual(spacing.beside - 1e-6);
          }
        }
        for (const [k, { from, to }] of links.entries()) {
          const route = routes[k]!;
          expect(route[0]).toEqual({ x: centers[from]!.x, y: centers[from]!.y + 10 });
          expect(route.at(-1)!.y).toBeCloseTo(centers[to]!.y - 10, 6);
          for (let p = 1; p < route.length; p++) expect(route[p]!.y).toBeGreaterThanOrEqual(route[p - 1]!.y);
        }
      }),
    );
  });

  it("keeps the order of operands in a tree", () => {
    // 0, 1 → 4; 2, 3 → 5; 4, 5 → 6
    const links = [
      [0, 4],
      [1, 4],
      [2, 5],
      [3, 5],
      [4, 6],
      [5, 6],
    ].map(([from, to]) => ({ from: from!, to: to! }));
    const boxes = Array.from({ length: 7 }, () => ({ width: 20, height: 20 }));
    const { centers } = placeLayers(boxes, links, spacing);
    const xs = centers.map(({ x }) => x);
    expect(xs.slice(0, 4)).toEqual([...xs.slice(0, 4)].sort((a, b) => a - b));
    expect(xs[6]).toBeCloseTo((xs[4]! + xs[5]!) / 2, 0);
  });

  it("untangles what the given order crosses", () => {
    // 0 → 3, 1 → 2 with users in the wrong order, and 2, 3 → 4 in the order that forces nothing
    const { centers } = placeLayers(
      Array.from({ length: 4 }, () => ({ width: 20, height: 20 })),
      [
        { from: 0, to: 3 },
        { from: 1, to: 2 },
      ],
      spacing,
    );
    expect(Math.sign(centers[0]!.x - centers[1]!.x)).toBe(Math.sign(centers[3]!.x - centers[2]!.x));
  });
});
