/**
 * Groups nodes into units; each unit becomes one step. Elementwise nodes of one shape share a loop; a reduction takes
 * the chain that feeds it as its prologue and the chain behind it as its epilogue; a matrix product takes the chain
 * behind it. Merging never makes a cycle: no path may lead out of a unit and back in.
 */
import type { Shape } from "../base/shape.js";
import { sameShape, sizeOf } from "../base/shape.js";
import type { Extent } from "../graph/primitive.js";
import type { Tensor } from "../graph/tensor.js";

export interface Unit {
  readonly id: number;
  /** The reduction, product, kernel or control node; undefined for a plain loop. */
  root: Tensor | undefined;
  /** Elementwise nodes computed before the root of a reduction. */
  prologue: Tensor[];
  /** Elementwise nodes computed after the root, or all nodes of a loop, in topological order. */
  nodes: Tensor[];
  /** The iteration shape of `nodes`: the root's shape, or that of the loop's nodes. */
  readonly space: Shape;
  readonly extent: Extent | undefined;
  /** Places of its first and its last node among all nodes. */
  first: number;
  last: number;
  /** Units this one reads from; true where the path crosses a view, so that the value must be in memory. */
  readonly needs: Map<Unit, boolean>;
  /** Merged into this unit, which stands for it. */
  mergedInto: Unit | undefined;
}

export interface Fusion {
  readonly units: readonly Unit[];
  unitOf(node: Tensor): Unit | undefined;
}

/** Bounds of one loop: the expression must fit the interpreter's registers and a reader's eye. */
const MAX_NODES = 48;
const MAX_LOADS = 24;

export interface FuseInput {
  /** All nodes, inputs before users. */
  readonly order: readonly Tensor[];
  /** Nodes whose value must be in memory at the end. */
  readonly required: ReadonlySet<Tensor>;
  readonly isLeaf: (node: Tensor) => boolean;
  /** A node's inputs and the lengths of its dynamic axes. */
  readonly needsOf: (node: Tensor) => readonly Tensor[];
  /** Whether neighbours are merged at all (off: one step per node, for comparison). */
  readonly enabled: boolean;
}

export function fuse(input: FuseInput): Fusion {
  const units: Unit[] = [];
  const byNode = new Map<Tensor, Unit>();
  const unitOf = (node: Tensor): Unit | undefined => {
    let unit = byNode.get(node);
    while (unit?.mergedInto) unit = unit.mergedInto;
    return unit;
  };
  const consumers = new Map<Tensor, Tensor[]>();
  for (const node of input.order) {
    if (input.isLeaf(node)) continue;
    for (const need of input.needsOf(node)) push(consumers, need, node);
  }
  const usedOnlyIn = (node: Tensor, inside: (consumer: Tensor) => boolean) =>
    !input.required.has(node) && (consumers.get(node) ?? []).every(inside);

  for (const [place, node] of input.order.entries()) {
    if (input.isLeaf(node) || node.primitive.kind === "view" || isVirtual(node)) continue;
    const unit: Unit = {
      id: units.length,
      root: node.primitive.kind === "elementwise" ? undefined : node,
      prologue: [],
      nodes: node.primitive.kind === "elementwise" ? [node] : [],
      space: node.shape,
      extent: node.extent,
      first: place,
      last: place,
      needs: new Map(),
      mergedInto: undefined,
    };
    units.push(unit);
    byNode.set(node, unit);
    for (const need of input.needsOf(node)) {
      for (const { base, crossed } of bases(need, input)) {
        const producer = unitOf(base);
        if (producer && producer !== unit) {
          const isInput = node.inputs.includes(need);
          unit.needs.set(
            producer,
            (unit.needs.get(producer) ?? false) ||
              crossed ||
              !isInput ||
              node.primitive.kind !== "elementwise",
          );
        }
      }
    }
    if (!input.enabled) continue;
    if (node.primitive.kind === "reduce") absorbPrologue(unit, node, unitOf, usedOnlyIn, input);
    if (node.primitive.kind === "elementwise") mergeWithProducers(node, unitOf, usedOnlyIn, input);
  }
  return { units: units.filter((unit) => !unit.mergedInto), unitOf };
}

/** Nodes without a step of their own: their values come with another node or from no memory at all. */
export function isVirtual(node: Tensor): boolean {
  return node.primitive.name === "pick" || node.primitive.name === "iota";
}

/** The computed nodes behind a chain of views (and picks), and the lengths of dynamic axes met on the way. */
function* bases(node: Tensor, input: FuseInput): Generator<{ base: Tensor; crossed: boolean }> {
  let crossed = false;
  let current = node;
  while (!input.isLeaf(current) && (current.primitive.kind === "view" || current.primitive.name === "pick")) {
    for (const other of input.needsOf(current).slice(1)) {
      for (const { base } of bases(other, input)) yield { base, crossed: true };
    }
    crossed = true;
    current = current.inputs[0]!;
  }
  yield { base: current, crossed };
}

function absorbPrologue(
  unit: Unit,
  root: Tensor,
  unitOf: (node: Tensor) => Unit | undefined,
  usedOnlyIn: (node: Tensor, inside: (consumer: Tensor) => boolean) => boolean,
  input: FuseInput,
): void {
  const source = root.inputs[0]!;
  if (input.isLeaf(source) || source.primitive.kind !== "elementwise") return;
  const producer = unitOf(source)!;
  if (producer.root || !sameExtent(producer.extent, source.extent)) return;
  const inside = (consumer: Tensor) => consumer === root || unitOf(consumer) === producer;
  if (
    !producer.nodes.every((node) =>
      usedOnlyIn(node, node === source ? inside : (c) => unitOf(c) === producer),
    )
  )
    return;
  unit.prologue = producer.nodes;
  unit.needs.delete(producer);
  for (const [need] of producer.needs) unit.needs.set(need, true);
  unit.first = Math.min(unit.first, producer.first);
  producer.mergedInto = unit;
}

function mergeWithProducers(
  node: Tensor,
  unitOf: (node: Tensor) => Unit | undefined,
  usedOnlyIn: (node: Tensor, inside: (consumer: Tensor) => boolean) => boolean,
  input: FuseInput,
): void {
  for (const operand of node.inputs) {
    // A reshape behind a product or a reduction only drops or splits axes: the epilogue reads through it.
    const through =
      !input.isLeaf(operand) && operand.primitive.name === "reshape" ? operand.inputs[0]! : operand;
    if (input.isLeaf(through)) continue;
    const producer = unitOf(through);
    const unit = unitOf(node)!;
    if (!producer || producer === unit) continue;
    if (through !== operand && !(producer.root === through && isFusableRoot(through))) continue;
    if (producer.root && !isFusableRoot(producer.root)) continue;
    if (unit.root && producer.root) continue;
    if (sizeOf(producer.space) !== sizeOf(unit.space)) continue;
    if (through === operand && !sameShape(node.shape, operand.shape)) continue;
    if (!producer.root && !unit.root && !sameShape(producer.space, unit.space)) continue;
    if (!extentsAgree(producer, unit, through !== operand, unitOf, usedOnlyIn, node)) continue;
    if (
      producer.nodes.length + unit.nodes.length > MAX_NODES ||
      producer.needs.size + unit.needs.size > MAX_LOADS
    )
      continue;
    const readsAcrossReshape = through !== operand;
    if (!canMerge(producer, unit, readsAcrossReshape)) continue;
    mergeUnits(producer, unit);
  }
}

function isFusableRoot(node: Tensor): boolean {
  return node.primitive.kind === "reduce" || node.primitive.name === "matmul";
}

function extentsAgree(
  producer: Unit,
  unit: Unit,
  reshaped: boolean,
  unitOf: (node: Tensor) => Unit | undefined,
  usedOnlyIn: (node: Tensor, inside: (consumer: Tensor) => boolean) => boolean,
  node: Tensor,
): boolean {
  if (reshaped)
    return !producer.extent && !unit.extent
      ? true
      : producer.extent?.axis === 0 && unit.extent?.axis === 0 && producer.space[0] === unit.space[0];
  if (sameExtent(producer.extent, unit.extent)) return true;
  // A static chain (a dropout mask, say) may run along a dynamic loop if nobody else wants it whole.
  return (
    !producer.extent &&
    !producer.root &&
    producer.nodes.every((n) =>
      usedOnlyIn(n, (consumer) => consumer === node || unitOf(consumer) === producer),
    )
  );
}

export function sameExtent(a: Extent | undefined, b: Extent | undefined): boolean {
  return (
    a === b ||
    (a !== undefined &&
      b !== undefined &&
      a.axis === b.axis &&
      a.factor === b.factor &&
      a.length === b.length)
  );
}

/** Neither a value that must be in memory between the two, nor a path from one to the other through a third. */
function canMerge(producer: Unit, consumer: Unit, readsAcrossReshape: boolean): boolean {
  if (edge(consumer, producer) === "memory" && !readsAcrossReshape) return false;
  if (readsAcrossReshape && crossesMoreThanOnce(producer, consumer)) return false;
  if (edge(producer, consumer)) return false;
  return !reaches(consumer, producer) && !reaches(producer, consumer);
}

/** How `unit` reads from `target`: elementwise, through memory, or not at all. */
function edge(unit: Unit, target: Unit): "elementwise" | "memory" | undefined {
  let found: "elementwise" | undefined;
  for (const [need, memory] of unit.needs) {
    if (resolve(need) !== target) continue;
    if (memory) return "memory";
    found = "elementwise";
  }
  return found;
}

/** Across a reshape only the root's own value may be read, and only elementwise. */
function crossesMoreThanOnce(producer: Unit, consumer: Unit): boolean {
  for (const node of [...consumer.nodes, ...consumer.prologue]) {
    for (const input of node.inputs) {
      if (input.primitive.kind !== "view") continue;
      let base = input;
      let steps = 0;
      while (base.primitive.kind === "view") {
        base = base.inputs[0]!;
        steps++;
      }
      const isProducer = base === producer.root || producer.nodes.includes(base);
      if (isProducer && !(base === producer.root && steps === 1 && input.primitive.name === "reshape"))
        return true;
    }
  }
  return consumer.root !== undefined;
}

/**
 * Whether `from` needs `target` through at least one other unit. What needs the target has a node behind the target's
 * first one, so the search never enters what ends before it.
 */
function reaches(from: Unit, target: Unit): boolean {
  const seen = new Set<Unit>([from, target]);
  const stack: Unit[] = [];
  const visit = (unit: Unit, isStart: boolean): boolean => {
    for (const [raw] of unit.needs) {
      const need = resolve(raw);
      if (need === target && !isStart) return true;
      if (need.last < target.first || seen.has(need)) continue;
      seen.add(need);
      stack.push(need);
    }
    return false;
  };
  if (visit(from, true)) return true;
  while (stack.length > 0) if (visit(stack.pop()!, false)) return true;
  return false;
}

export function resolve(unit: Unit): Unit {
  let current = unit;
  while (current.mergedInto) current = current.mergedInto;
  return current;
}

/** The unit with a root stands; between two loops the consumer joins the producer. */
function mergeUnits(producer: Unit, consumer: Unit): void {
  const [keep, gone] = consumer.root ? [consumer, producer] : [producer, consumer];
  keep.nodes = [...producer.nodes, ...consumer.nodes].sort((a, b) => a.id - b.id);
  keep.first = Math.min(keep.first, gone.first);
  keep.last = Math.max(keep.last, gone.last);
  gone.mergedInto = keep;
  const merged = new Map<Unit, boolean>();
  for (const [raw, memory] of [...keep.needs, ...gone.needs]) {
    const need = resolve(raw);
    if (need !== keep) merged.set(need, (merged.get(need) ?? false) || memory);
  }
  keep.needs.clear();
  for (const [need, memory] of merged) keep.needs.set(need, memory);
  if (!keep.root && gone.extent && !keep.extent)
    (keep as { extent: Extent | undefined }).extent = gone.extent;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
