/**
 * The order of units: inputs before users, readers of a variable before its writer, everything that can find a fault
 * in the data before everything that writes a variable; among what is free to run, units that need no new memory
 * first, then in the order of creation. Decides which variables can be updated in place.
 */
import { dependencies, type Tensor } from "../graph/tensor.js";
import { type Fusion, resolve, type Unit } from "./fuse.js";

/** A variable's leaf and the node that becomes its value. */
export interface Update {
  readonly variable: Tensor;
  readonly value: Tensor;
}

export interface Schedule {
  readonly units: readonly Unit[];
  /** Values whose unit writes straight into the variable. The other updates are copied at the end. */
  readonly inPlace: ReadonlyMap<Tensor, Tensor>;
}

export function schedule(
  fusion: Fusion,
  updates: readonly Update[],
  isLeaf: (node: Tensor) => boolean,
): Schedule {
  const units = fusion.units;
  const after = new Map<Unit, Set<Unit>>(
    units.map((unit) => [unit, new Set([...unit.needs.keys()].map(resolve))]),
  );
  const users = new Map<Unit, Unit[]>(units.map((unit) => [unit, []]));
  for (const [unit, needs] of after) for (const need of needs) users.get(need)!.push(unit);
  const readersOf = variableReaders(units, updates, isLeaf);
  const faultable = units.filter(canFault);
  const inPlace = new Map<Tensor, Tensor>();
  const taken = new Set<Tensor>();
  for (const { variable, value } of updates) {
    const writer = isLeaf(value) ? undefined : fusion.unitOf(value);
    if (!writer || taken.has(value) || !writesElementwise(writer, value, variable, isLeaf)) continue;
    const before = [...(readersOf.get(variable) ?? []), ...faultable].filter((unit) => unit !== writer);
    if (faultable.includes(writer)) continue;
    const behind = dependents(writer, users);
    if (before.some((unit) => behind.has(unit))) continue;
    for (const unit of before) {
      if (after.get(writer)!.has(unit)) continue;
      after.get(writer)!.add(unit);
      users.get(unit)!.push(writer);
    }
    inPlace.set(value, variable);
    taken.add(value);
  }
  return { units: order(units, after, users, inPlace, fusion), inPlace };
}

function canFault(unit: Unit): boolean {
  if (!unit.root) return false;
  const { primitive } = unit.root;
  if ((primitive.kind === "kernel" && primitive.fault) || primitive.name === "hostCall") return true;
  // A body may hold a faultable node; nested programs are few, so they all count.
  return unit.root.payload.bodies !== undefined;
}

function variableReaders(
  units: readonly Unit[],
  updates: readonly Update[],
  isLeaf: (node: Tensor) => boolean,
): Map<Tensor, Unit[]> {
  const readers = new Map<Tensor, Unit[]>(updates.map(({ variable }) => [variable, []]));
  if (updates.length === 0) return readers;
  const note = (unit: Unit, node: Tensor) => {
    for (const input of dependencies(node)) {
      const leaf = leafBehind(input, isLeaf);
      const list = leaf && readers.get(leaf);
      if (list && list.at(-1) !== unit) list.push(unit);
    }
  };
  for (const unit of units) {
    for (const node of unit.prologue) note(unit, node);
    if (unit.root) note(unit, unit.root);
    for (const node of unit.nodes) note(unit, node);
  }
  return readers;
}

/** The leaf that a chain of views shows, if it shows one. */
function leafBehind(node: Tensor, isLeaf: (node: Tensor) => boolean): Tensor | undefined {
  let current = node;
  while (!isLeaf(current)) {
    if (current.primitive.kind !== "view") return undefined;
    current = current.inputs[0]!;
  }
  return current;
}

/** The unit computes the value in a loop or an epilogue and reads the variable, if at all, element by element there. */
function writesElementwise(
  unit: Unit,
  value: Tensor,
  variable: Tensor,
  isLeaf: (node: Tensor) => boolean,
): boolean {
  if (!unit.nodes.includes(value)) return false;
  const touchesOtherwise = (node: Tensor) => leafBehind(node, isLeaf) === variable;
  if (unit.root?.inputs.some(touchesOtherwise)) return false;
  if (unit.prologue.some((node) => node.inputs.some(touchesOtherwise))) return false;
  return unit.nodes.every((node) =>
    node.inputs.every((input) => input === variable || !touchesOtherwise(input)),
  );
}

/** All units that come after this one because they need it, directly or not. Writers stand near the end: few do. */
function dependents(unit: Unit, users: ReadonlyMap<Unit, readonly Unit[]>): Set<Unit> {
  const found = new Set<Unit>();
  const stack = [unit];
  while (stack.length > 0) {
    for (const user of users.get(stack.pop()!)!) {
      if (found.has(user)) continue;
      found.add(user);
      stack.push(user);
    }
  }
  return found;
}

function order(
  units: readonly Unit[],
  after: ReadonlyMap<Unit, ReadonlySet<Unit>>,
  users: ReadonlyMap<Unit, readonly Unit[]>,
  inPlace: ReadonlyMap<Tensor, Tensor>,
  fusion: Fusion,
): Unit[] {
  const waiting = new Map<Unit, number>(units.map((unit) => [unit, after.get(unit)!.size]));
  const updating = new Set([...inPlace.keys()].map((value) => fusion.unitOf(value)!));
  const created = (unit: Unit) => (unit.root ?? unit.nodes[unit.nodes.length - 1]!).id;
  const ready = units.filter((unit) => waiting.get(unit) === 0);
  const result: Unit[] = [];
  while (ready.length > 0) {
    let best = 0;
    for (let i = 1; i < ready.length; i++) {
      const [a, b] = [ready[i]!, ready[best]!];
      const rank = Number(updating.has(b)) - Number(updating.has(a)) || created(a) - created(b);
      if (rank < 0) best = i;
    }
    const [unit] = ready.splice(best, 1);
    result.push(unit!);
    for (const user of users.get(unit!)!) {
      waiting.set(user, waiting.get(user)! - 1);
      if (waiting.get(user) === 0) ready.push(user);
    }
  }
  if (result.length !== units.length) throw new Error("the units of a program form a cycle");
  return result;
}
