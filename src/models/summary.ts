import { ConfigError } from "../base/errors.js";
import { classNameOf } from "../base/lookup.js";
import { formatShape, sizeOf } from "../base/shape.js";
import { table } from "../charts/table.js";
import { terminalOf } from "../charts/terminal.js";
import type { Variable } from "../engine/variable.js";
import type { AnyLayer, SymbolicShape } from "../layers/index.js";
import { isParameter } from "../layers/layer.js";

/** Options of `summary`. */
export interface SummaryOptions {
  /** Takes the text; `console.log` by default. */
  readonly print?: (text: string) => void;
  /** Columns of the table; the terminal's by default. */
  readonly width?: number;
}

/** One row of a summary. */
export interface SummaryRow {
  readonly layer: AnyLayer;
  readonly outputShape: SymbolicShape | undefined;
  /** Names of the layers whose results it takes; undefined in a chain. */
  readonly from?: readonly string[];
}

/** What a summary needs of a model. */
export interface Summarized {
  readonly name: string;
  readonly built: boolean;
  readonly layers: readonly AnyLayer[];
  readonly weights: readonly Variable[];
  readonly trainableWeights: readonly Variable[];
  /** Where the model knows more about its layers than their order. */
  summaryRows?(): readonly SummaryRow[];
}

/** The table of a model's layers. */
export function summarize(model: Summarized, options: SummaryOptions): string {
  if (!model.built) {
    throw new ConfigError({
      who: "summary",
      expected: "a model that knows the shape of its input",
      received: `"${model.name}", which is not built yet`,
      fix: "Give the first layer { inputShape }, or call model.buildFor([[null, …]]).",
    });
  }
  const rows =
    model.summaryRows?.() ?? model.layers.map((layer): SummaryRow => ({ layer, outputShape: undefined }));
  const isGraph = rows.some((row) => row.from);
  const cells = rows.map(({ layer, outputShape, from }) => [
    `${layer.name} (${classNameOf(layer)})`,
    outputShape ? formatShape(outputShape) : "?",
    layer.countParams(),
    ...(isGraph ? [from?.join(", ") ?? "-"] : []),
  ]);
  const trainable = count(model.trainableWeights);
  const total = count(model.weights);
  const terminal = terminalOf();
  const text = table(cells, {
    title: `Model: "${model.name}"`,
    header: ["Layer (type)", "Output shape", "Parameters", ...(isGraph ? ["Connected to"] : [])],
    footer: [
      `Total parameters: ${format(total)} (${formatBytes(bytes(model.weights))})`,
      `Trainable parameters: ${format(trainable)}`,
      `Non-trainable parameters: ${format(total - trainable)}`,
    ],
    width: options.width ?? terminal.width,
    unicode: terminal.unicode,
  });
  (options.print ?? console.log)(text);
  return text;
}

function count(weights: readonly Variable[]): number {
  return weights.filter(isParameter).reduce((sum, v) => sum + sizeOf(v.shape), 0);
}

function bytes(weights: readonly Variable[]): number {
  return 4 * count(weights);
}

function format(n: number): string {
  return n.toLocaleString("en-US");
}

function formatBytes(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ["KB", "MB", "GB", "TB"];
  const power = Math.min(units.length, Math.floor(Math.log2(n) / 10));
  return `${(n / 1024 ** power).toFixed(2)} ${units[power - 1]}`;
}
