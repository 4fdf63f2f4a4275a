import { ConfigError } from "../base/errors.js";
import { flatten, type Tree } from "../base/tree.js";
import { type Cell, table } from "../charts/table.js";
import { formatBytes } from "../charts/text.js";
import { type Cost, costOfProgram } from "../compile/cost.js";
import type { Binding, Program } from "../compile/program.js";
import type { CompiledFunction, Jitted } from "../engine/jit.js";
import { printGraph } from "../graph/print.js";
import { formatType, isTensor, type Tensor } from "../graph/tensor.js";
import { formatDuration, formatFlop, formatMoved, formatShare } from "./amounts.js";
import { touchedBy } from "./dataflow.js";
import type { Diagram } from "./diagram.js";
import { Explanation } from "./explanation.js";
import type { DataTable } from "./html.js";
import { diagramOf } from "./programDiagram.js";
import { type ProgramStep, stepsOf } from "./programSteps.js";
import { timesOf } from "./stepTimes.js";

/** Memory of a program. */
export interface ProgramBuffer {
  /** `argument 0`, `variable "kernel"`, `result 0`, `constant`, `numbers`, or its place in the arena. */
  readonly name: string;
  readonly bytes: number;
  /** The first and the last step that touch it; steps are numbered from 0, those in bodies count with their scan. */
  readonly steps: readonly [first: number, last: number];
}

/** A compiled program, laid open; see {@link explainProgram}. */
export class ProgramExplanation extends Explanation {
  override readonly title: string;
  override readonly tables: readonly DataTable[];
  override readonly diagram: Diagram;

  constructor(
    /** What was recorded, one operation a line. */
    readonly graph: string,
    /** What became of it, in the order in which it runs. */
    readonly steps: readonly ProgramStep[],
    readonly buffers: readonly ProgramBuffer[],
    /** Bytes of the memory in which intermediate results live, one after the other in the same places. */
    readonly arenaBytes: number,
    /** All that one run costs. */
    readonly cost: Cost,
    private readonly program: Program,
    names: readonly string[],
  ) {
    super();
    this.title = `Program of ${steps.length} step${steps.length === 1 ? "" : "s"}`;
    this.tables = [stepTable(steps), bufferTable(buffers)];
    this.diagram = diagramOf(this.program, steps, names);
  }

  override toString(): string {
    const { flop, bytesRead, bytesWritten } = this.cost;
    const summary = [
      this.title,
      `arena ${formatBytes(this.arenaBytes)}`,
      formatFlop(flop) || "0 FLOP",
      `${formatBytes(bytesRead)} read`,
      `${formatBytes(bytesWritten)} written`,
    ].join(", ");
    const text = ({ header, rows, caption }: DataTable) =>
      table(rows, { header, width: 120, ...(caption ? { title: caption } : {}) });
    return [summary, ...this.tables.map(text)].join("\n\n");
  }
}

/**
 * What a compiled function became: the recorded graph, its steps with the operations fused into each, buffers, arena,
 * floating-point operations and bytes moved. Nothing is computed; the function is compiled for the arguments if need be.
 *
 * After `profile` has watched the function, each step also has its measured time beside its bound: the least time this
 * machine needs for the step's arithmetic and bytes, from rates measured once. Operations are counted as one for each
 * element and instruction, two for a multiply-add; bytes as each element read or written once.
 *
 * `toMermaid`, `toDot`, `toSvg` and `toHtml` draw what flows between the steps; those that take a fifth of the time or
 * more stand out.
 * @param jitted a function made by `jit`
 * @param args arguments as for a call; they choose the program
 * @throws {ConfigError} where the function was not made by `jit`
 * @example
 * const layer = jit((x, w) => relu(matmul(x, w)));
 * explainProgram(layer, zeros([32, 784]), zeros([784, 128])).steps.map((step) => `${step.computes}: ${step.flop}`)
 * // ["matmul → relu: 6426624"]
 */
export function explainProgram<A extends readonly unknown[], R>(
  jitted: Jitted<A, R>,
  ...args: A
): ProgramExplanation {
  if (typeof (jitted as Partial<Jitted<A, R>>)?.compile !== "function") {
    throw new ConfigError({
      who: "explainProgram",
      expected: "a function made by jit",
      received: typeof jitted === "function" ? "a plain function" : String(jitted),
      fix: "Wrap it: explainProgram(jit(fn), …).",
    });
  }
  const compiled = jitted.compile(...args);
  const { program } = compiled;
  const options = { fill: fillOf(compiled, args) };
  const names = program.bindings.map((binding) => nameOf(binding, compiled.leafNames));
  return new ProgramExplanation(
    printGraph(compiled.graph),
    stepsOf(program, options, timesOf(program)),
    buffersOf(program, names),
    program.arenaBytes,
    costOfProgram(program, options),
    program,
    names,
  );
}

function nameOf(binding: Binding, leafNames: readonly string[]): string {
  switch (binding.kind) {
    case "leaf":
      return leafNames[binding.leaf]!;
    case "output":
      return `result ${binding.output}`;
    case "scalars":
      return "numbers";
    case "host":
      return "JavaScript";
    case "constant":
      return `constant ${formatType(binding.array)}`;
  }
}

/** The part of the bound that a batch of these arguments uses. */
function fillOf<R>({ batchBound }: CompiledFunction<R>, args: readonly unknown[]): number {
  if (batchBound === undefined) return 1;
  const { leaves } = flatten<Tensor>(args as Tree<Tensor>, isTensor);
  const batched = leaves.find(({ rank }) => rank > 0);
  return batched ? batched.shape[0]! / batchBound : 1;
}

function buffersOf(program: Program, names: readonly string[]): ProgramBuffer[] {
  const touched = program.steps.map((step) =>
    touchedBy(step).map((operand) => program.operands[operand]!.buffer),
  );
  return program.buffers.flatMap((buffer, index): ProgramBuffer[] => {
    const users = touched.flatMap((buffers, step) => (buffers.includes(index) ? [step] : []));
    if (users.length === 0) return [];
    const name = buffer.kind === "arena" ? `arena + ${buffer.offset}` : names[buffer.binding]!;
    return [{ name, bytes: buffer.bytes, steps: [users[0]!, users.at(-1)!] }];
  });
}

// ---- Tables ----------------------------------------------------------------------------------------------------

function stepTable(steps: readonly ProgramStep[]): DataTable {
  const isMeasured = steps.some((step) => step.calls !== undefined);
  const header = ["Step", "Computes", "Result", "FLOP", "Read", "Written"];
  if (isMeasured) header.push("Calls", "Time", "Bound", "Of bound");
  const rows = steps.map((step, i): Cell[] => {
    const { kind, computes, depth, results, flop, bytesRead, bytesWritten, calls, milliseconds, bound } =
      step;
    const what = computes.startsWith(kind) ? computes : `${kind}: ${computes}`;
    const row: Cell[] = [
      i,
      `${"  ".repeat(depth)}${what}`,
      results.join(", "),
      formatFlop(flop).replace("FLOP", "").trimEnd(),
      formatMoved(bytesRead),
      formatMoved(bytesWritten),
    ];
    if (!isMeasured) return row;
    const isBounded = bound !== undefined && milliseconds !== undefined;
    return [
      ...row,
      calls ?? 0,
      milliseconds === undefined ? "" : formatDuration(milliseconds),
      isBounded ? formatDuration(bound) : "",
      isBounded ? formatShare(bound / milliseconds) : "",
    ];
  });
  return { caption: "Steps", header, rows };
}

function bufferTable(buffers: readonly ProgramBuffer[]): DataTable {
  return {
    caption: "Buffers",
    header: ["Buffer", "Bytes", "Used by steps"],
    rows: buffers.map(({ name, bytes, steps: [first, last] }) => [
      name,
      bytes,
      first === last ? String(first) : `${first} to ${last}`,
    ]),
  };
}
