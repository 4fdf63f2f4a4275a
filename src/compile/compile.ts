import type { Extent } from "../graph/primitive.js";
import type { Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { mul } from "../ops/index.js";
import { lower } from "./lower.js";
import { planMemory } from "./memory.js";
import type { Program } from "./program.js";
import type { Update } from "./schedule.js";
import { simplify } from "./simplify.js";

/** A graph to compile: what to compute, and which variables get new values. */
export interface Graph {
  readonly outputs: readonly Tensor[];
  readonly updates: readonly Update[];
  /** Nodes that are not computed but bound: arguments, variables, data. */
  readonly isLeaf: (node: Tensor) => boolean;
}

export interface CompileOptions {
  /** Numbers in the graph are fixed (a trace); else they are read at run time. */
  readonly foldScalars: boolean;
  /** Merge neighbours into one step. Default true. */
  readonly fusion?: boolean;
}

/** Leaves of a graph in the order the program's bindings count them. */
export function leavesOf(graph: Graph): Tensor[] {
  const results = [...graph.outputs, ...graph.updates.flatMap(({ variable, value }) => [variable, value])];
  let order = topologicalOrder(results, graph.isLeaf);
  // A leaf brings the length of its dynamic axis along, also where no result has such an axis.
  const lengths = order.flatMap((node) => (node.extent && graph.isLeaf(node) ? [node.extent.length] : []));
  if (lengths.length > 0) order = topologicalOrder([...results, ...lengths], graph.isLeaf);
  return order.filter((node) => graph.isLeaf(node) || node.payload.scalar !== undefined);
}

/** Graph → program: simplify, fuse, schedule, lower, plan memory. */
export function compile(graph: Graph, options: CompileOptions): Program {
  const leafNumber = new Map(leavesOf(graph).map((leaf, index) => [leaf, index]));
  const isLeaf = (node: Tensor) => leafNumber.has(node) || node.primitive.kind === "leaf";
  const roots = [...graph.outputs, ...graph.updates.map((update) => update.value)];
  const simple = simplify(roots, { foldScalars: options.foldScalars, isLeaf });
  const outputs = simple.slice(0, graph.outputs.length);
  const updates = graph.updates.map(({ variable }, i) => ({
    variable,
    value: simple[graph.outputs.length + i]!,
  }));
  const lengthOf = scaledLengths();
  const lowered = lower({
    outputs,
    updates,
    isLeaf,
    leafNumber: (leaf) => leafNumber.get(leaf)!,
    foldScalars: options.foldScalars,
    fusion: options.fusion ?? true,
    lengthOf,
  });
  const memory = planMemory(lowered);
  return {
    buffers: memory.buffers,
    operands: lowered.operands,
    bindings: lowered.bindings,
    scalars: lowered.scalars,
    steps: lowered.steps,
    arenaBytes: memory.arenaBytes,
    outputs: graph.outputs.map(({ shape, dtype }) => ({ shape, dtype })),
  };
}

/** A merged dynamic axis has `length · factor` rows at run time: that product as a node of the program, one for each. */
function scaledLengths(): (extent: Extent) => Tensor {
  const scaled = new Map<string, Tensor>();
  return ({ length, factor }) => {
    if (factor === 1) return length;
    const key = `${length.id}*${factor}`;
    const known = scaled.get(key) ?? mul(length, factor);
    scaled.set(key, known);
    return known;
  };
}
