/**
 * From virtual buffers to an arena: a buffer lives from the first to the last step that touches it (around a whole
 * scan, if it crosses its border), and buffers whose lives do not overlap share memory. A loop whose input dies
 * writes over it. Then barriers: one before each step that touches memory which a step since the last barrier wrote,
 * or writes what such a step read.
 */
import { bytesPerElement } from "../base/dtype.js";
import { sizeOf } from "../base/shape.js";
import { isContiguous } from "../graph/layout.js";
import type { Lowered } from "./places.js";
import { type BufferSpec, bodiesOf, INDEX_GENERATOR, type Operand, type Step } from "./program.js";

const ALIGNMENT = 256;
/** Buffers up to this size keep their memory for some steps after their last use. */
const LINGERING = 1 << 20;
const LINGER = 3;

export interface MemoryPlan {
  readonly buffers: BufferSpec[];
  readonly arenaBytes: number;
}

interface Life {
  first: number;
  last: number;
  /** Until when the memory stays reserved; default: `last`. */
  linger?: number;
}

export function planMemory(lowered: Lowered): MemoryPlan {
  const flat = flatten(lowered.steps);
  const lives = lifetimes(lowered, flat);
  const owner = shareInPlace(lowered, flat, lives);
  const offsets = allocate(lowered, lives, owner);
  let arenaBytes = 0;
  const buffers = lowered.buffers.map((buffer, index): BufferSpec => {
    if (buffer.binding !== undefined) return { kind: "bound", bytes: buffer.bytes, binding: buffer.binding };
    const offset = offsets.get(owner(index)) ?? 0;
    arenaBytes = Math.max(arenaBytes, offset + buffer.bytes);
    return { kind: "arena", bytes: buffer.bytes, offset };
  });
  placeBarriers(lowered.steps, lowered.operands, buffers);
  return { buffers, arenaBytes: align(arenaBytes) };
}

interface FlatStep {
  readonly step: Step;
  /** Spans (first and last position) of the loops and conds around it, outermost first. */
  readonly around: readonly Life[];
}

function flatten(steps: readonly Step[]): FlatStep[] {
  const flat: FlatStep[] = [];
  const walk = (list: readonly Step[], around: readonly Life[]) => {
    for (const step of list) {
      const start = flat.push({ step, around }) - 1;
      const span: Life = { first: start, last: start };
      for (const body of bodiesOf(step)) walk(body, [...around, span]);
      span.last = flat.length - 1;
    }
  };
  walk(steps, []);
  return flat;
}

/** Operands a step touches: its own and the lengths of dynamic axes. */
function touched(step: Step, operands: readonly Operand[]): number[] {
  const own = [...step.reads, ...step.writes];
  const lengths = own.flatMap((index) => operands[index]!.extent?.operand ?? []);
  return [...own, ...lengths];
}

function lifetimes(lowered: Lowered, flat: readonly FlatStep[]): Map<number, Life> {
  const uses = new Map<number, number[]>();
  flat.forEach(({ step }, position) => {
    for (const index of touched(step, lowered.operands)) {
      const { buffer } = lowered.operands[index]!;
      if (buffer === INDEX_GENERATOR || lowered.buffers[buffer]!.binding !== undefined) continue;
      const list = uses.get(buffer);
      if (list) list.push(position);
      else uses.set(buffer, [position]);
    }
  });
  const inLoops = new Set(lowered.operands.filter(({ loops }) => loops).map(({ buffer }) => buffer));
  const lives = new Map<number, Life>();
  for (const [buffer, positions] of uses) {
    const life: Life = { first: positions[0]!, last: positions[0]! };
    // A use inside a body keeps the buffer for the whole loop if another use lies outside that body, or if the
    // buffer carries a value from one iteration to the next.
    const carried = inLoops.has(buffer);
    for (const position of positions) {
      let { first, last } = { first: position, last: position };
      for (const span of flat[position]!.around) {
        const contained = !carried && positions.every((p) => p >= span.first && p <= span.last);
        if (!contained) {
          first = Math.min(first, span.first);
          last = Math.max(last, span.last);
          break;
        }
      }
      life.first = Math.min(life.first, first);
      life.last = Math.max(life.last, last);
    }
    // Memory that is reused at once forces a barrier; small buffers wait a few steps longer.
    if (lowered.buffers[buffer]!.bytes <= LINGERING) life.linger = life.last + LINGER;
    lives.set(buffer, life);
  }
  return lives;
}

/** Lets the result of a loop (or of an epilogue) take over the memory of an input that dies there. */
function shareInPlace(
  lowered: Lowered,
  flat: readonly FlatStep[],
  lives: Map<number, Life>,
): (buffer: number) => number {
  const parent = new Map<number, number>();
  const find = (buffer: number): number => {
    let root = buffer;
    while (parent.has(root)) root = parent.get(root)!;
    return root;
  };
  flat.forEach(({ step, around }, position) => {
    if (step.kind !== "loop" && step.kind !== "matmul") return;
    const elementwiseReads = step.kind === "loop" ? step.reads : step.reads.slice(2);
    const product = step.kind === "matmul" ? lowered.operands[step.writes[0]!]!.buffer : -2;
    for (const written of step.writes) {
      const target = lowered.operands[written]!;
      const own = lives.get(target.buffer);
      if (
        !own ||
        own.first !== position ||
        parent.has(target.buffer) ||
        target.buffer === product ||
        !isWhole(target, lowered)
      )
        continue;
      for (const read of elementwiseReads) {
        const source = lowered.operands[read]!;
        if (source.buffer === INDEX_GENERATOR || source.buffer === target.buffer || source.buffer === product)
          continue;
        const root = find(source.buffer);
        const life = lives.get(root);
        const dies = life && life.last === position && around.every((span) => life.first >= span.first);
        const sole = step.reads.filter((r) => lowered.operands[r]!.buffer === source.buffer).length === 1;
        if (!dies || !sole || !isWhole(source, lowered) || source.dtype !== target.dtype) continue;
        if (lowered.buffers[root]!.bytes !== lowered.buffers[target.buffer]!.bytes) continue;
        parent.set(target.buffer, root);
        life.last = own.last;
        break;
      }
    }
  });
  return find;
}

/** The operand covers its whole buffer in row-major order, the same in every iteration. */
function isWhole(operand: Operand, lowered: Lowered): boolean {
  const bytes = sizeOf(operand.shape) * bytesPerElement(operand.dtype);
  return (
    !operand.loops &&
    !operand.packed &&
    operand.offset === 0 &&
    isContiguous(operand) &&
    lowered.buffers[operand.buffer]!.bytes === bytes
  );
}

/** First fit, largest first among those that are alive together: close to the lower bound on real graphs. */
function allocate(
  lowered: Lowered,
  lives: ReadonlyMap<number, Life>,
  owner: (buffer: number) => number,
): Map<number, number> {
  const roots = [...lives.keys()].filter((buffer) => owner(buffer) === buffer);
  roots.sort((a, b) => lowered.buffers[b]!.bytes - lowered.buffers[a]!.bytes || a - b);
  const placed: { first: number; last: number; offset: number; end: number }[] = []; // by offset
  const offsets = new Map<number, number>();
  for (const buffer of roots) {
    const { first, last: lastUse, linger = lastUse } = lives.get(buffer)!;
    const last = Math.max(lastUse, linger);
    const bytes = align(lowered.buffers[buffer]!.bytes);
    let offset = 0;
    for (const other of placed) {
      if (other.last < first || last < other.first) continue;
      if (offset + bytes <= other.offset) break;
      offset = Math.max(offset, other.end);
    }
    let at = placed.length;
    while (at > 0 && placed[at - 1]!.offset > offset) at--;
    placed.splice(at, 0, { first, last, offset, end: offset + bytes });
    offsets.set(buffer, offset);
  }
  return offsets;
}

interface Range {
  readonly space: string;
  readonly from: number;
  readonly to: number;
}

function placeBarriers(
  steps: readonly Step[],
  operands: readonly Operand[],
  buffers: readonly BufferSpec[],
): void {
  let reads: Range[] = [];
  let writes: Range[] = [];
  const rangesOf = (indices: readonly number[]) =>
    indices
      .filter((index) => operands[index]!.buffer !== INDEX_GENERATOR)
      .map((index) => rangeOf(operands[index]!, buffers));
  let afterBody = false;
  steps.forEach((step, position) => {
    const stepReads = rangesOf(
      touched(step, operands).filter((index) => !step.writes.includes(index) || step.reads.includes(index)),
    );
    const stepWrites = rangesOf(step.writes);
    const bodies = bodiesOf(step);
    const nested = bodies.length > 0 || step.kind === "yield";
    const conflict =
      overlaps(stepReads, writes) || overlaps(stepWrites, writes) || overlaps(stepWrites, reads);
    step.barrier = position > 0 && (nested || afterBody || conflict);
    if (step.barrier) {
      reads = [];
      writes = [];
    }
    reads.push(...stepReads);
    writes.push(...stepWrites);
    afterBody = nested;
    for (const body of bodies) {
      placeBarriers(body, operands, buffers);
      if (body[0]) body[0].barrier = true;
    }
  });
  if (steps[0]) steps[0].barrier = true;
}

/** The bytes an operand may touch; operands that move with a loop touch their whole buffer. */
function rangeOf(operand: Operand, buffers: readonly BufferSpec[]): Range {
  const spec = buffers[operand.buffer]!;
  const space = spec.kind === "arena" ? "arena" : `bound ${operand.buffer}`;
  const base = spec.kind === "arena" ? spec.offset : 0;
  if (operand.loops) return { space, from: base, to: base + spec.bytes };
  let low = operand.offset;
  let high = operand.offset;
  operand.shape.forEach((length, axis) => {
    const reach = Math.max(0, length - 1) * operand.strides[axis]!;
    if (reach > 0) high += reach;
    else low += reach;
  });
  const size = bytesPerElement(operand.dtype);
  return { space, from: base + low * size, to: base + (high + 1) * size };
}

function overlaps(a: readonly Range[], b: readonly Range[]): boolean {
  return a.some((x) => b.some((y) => x.space === y.space && x.from < y.to && y.from < x.to));
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
