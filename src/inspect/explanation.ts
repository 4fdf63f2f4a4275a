import { inspect } from "../base/inspect.js";
import type { Diagram } from "./diagram.js";
import { dot } from "./dot.js";
import { type DataTable, html } from "./html.js";
import { mermaid } from "./mermaid.js";
import { svg } from "./svg.js";

/**
 * Something about a computation that can be looked at: as text, Mermaid, DOT, SVG or HTML.
 *
 * `console.log` prints the text. The others are strings that stand on their own: no script, nothing to load.
 */
export abstract class Explanation {
  /** One line that says what is shown. */
  abstract readonly title: string;
  abstract readonly diagram: Diagram;
  /** What a page shows below the picture. */
  readonly tables: readonly DataTable[] = [];

  /** The text that `console.log` prints. */
  abstract toString(): string;

  /** A flowchart of Mermaid, which GitHub draws where it stands in a Markdown block of that name. */
  toMermaid(): string {
    return mermaid(this.diagram);
  }

  /** A graph for Graphviz. */
  toDot(): string {
    return dot(this.diagram);
  }

  /** A picture that stands on its own, light or dark as the reader's page is. */
  toSvg(): string {
    return svg(this.diagram, this.title);
  }

  /** A page that stands on its own: the picture and the tables. */
  toHtml(): string {
    return html(this.title, [this.toSvg()], this.tables);
  }

  [inspect](): string {
    return this.toString();
  }
}
