/** Tracing: a function runs once on placeholders, and the variables it touches are found on the way. */
import { ConfigError, TraceError } from "../base/errors.js";
import type { Update } from "../compile/schedule.js";
import type { TensorType } from "../graph/primitive.js";
import { Tensor } from "../graph/tensor.js";
import { type Assignment, type BodyScope, setBodyScope } from "../ops/body.js";
import { identity } from "../ops/identity.js";
import { numberPlaceholder, placeholder, variablePrimitive } from "../ops/leaf.js";

/** What a trace needs to know of a variable. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Tensor["dtype"];
  /** The value where the program stands: in a trace, a body, or outside. */
  readonly value: Tensor;
  assign(value: Tensor): void;
}

/** What variables read from and assign to while a function is recorded. */
interface Scope {
  valueOf(slot: Slot): Tensor;
  assign(slot: Slot, value: Tensor): void;
}

export class Trace implements Scope {
  /** False once the function has returned: placeholders that are seen later have leaked. */
  active = true;
  private readonly read = new Map<Slot, Tensor>();
  private readonly assigned = new Map<Slot, Tensor>();
  private arguments = 0;

  /** The placeholder of the next argument. */
  argument(type: TensorType): Tensor {
    return placeholder(type, this.arguments++, this);
  }

  /** The placeholder of the next argument, a number. */
  numberArgument(): Tensor {
    return numberPlaceholder(this.arguments++, this);
  }

  /** The value of a variable at this point of the trace. */
  valueOf(slot: Slot): Tensor {
    return this.assigned.get(slot) ?? this.leafOf(slot);
  }

  assign(slot: Slot, value: Tensor): void {
    this.leafOf(slot);
    this.assigned.set(slot, value);
  }

  /** The leaf that stands for the variable's value at the start. */
  leafOf(slot: Slot): Tensor {
    let leaf = this.read.get(slot);
    if (!leaf) {
      leaf = new Tensor(
        variablePrimitive,
        [],
        {},
        { shape: slot.shape, dtype: slot.dtype },
        { variable: slot, trace: this },
      );
      this.read.set(slot, leaf);
    }
    return leaf;
  }

  updates(): Update[] {
    return [...this.assigned].map(([slot, value]) => ({ variable: this.leafOf(slot), value }));
  }

  variables(): Slot[] {
    return [...this.read.keys()];
  }
}

/** The body of a `scan` or a side of a `cond`: what it assigns becomes a result of it. */
class BodyTrace implements Scope, BodyScope {
  private readonly inside = new Map<Slot, { before: Tensor; node: Tensor }>();
  private readonly assigned = new Map<Slot, Tensor>();

  run<T>(fn: () => T): T {
    return within(this, fn);
  }

  valueOf(slot: Slot): Tensor {
    const assigned = this.assigned.get(slot);
    if (assigned) return assigned;
    let read = this.inside.get(slot);
    if (!read) {
      const before = outside(this, () => slot.value);
      read = { before, node: identity(before) };
      this.inside.set(slot, read);
    }
    return read.node;
  }

  assign(slot: Slot, value: Tensor): void {
    this.valueOf(slot);
    this.assigned.set(slot, value);
  }

  get assignments(): Assignment[] {
    return [...this.assigned].map(([slot, after]) => {
      const { before, node } = this.inside.get(slot)!;
      return { slot, before, inside: node, after, assign: (value) => slot.assign(value) };
    });
  }
}
setBodyScope(() => new BodyTrace());

const stack: Scope[] = [];

/** What the innermost function that is being recorded reads from; undefined outside. */
export function currentScope(): Scope | undefined {
  return stack[stack.length - 1];
}

function within<T>(scope: Scope, fn: () => T): T {
  stack.push(scope);
  try {
    return fn();
  } finally {
    stack.pop();
  }
}

/** Runs `fn` as if it stood before the recording of `scope`. */
function outside<T>(scope: Scope, fn: () => T): T {
  const inner = stack.splice(stack.lastIndexOf(scope));
  try {
    return fn();
  } finally {
    stack.push(...inner);
  }
}

/** Runs `fn` with its variable reads and assignments recorded in `trace`. */
export function record<T>(trace: Trace, fn: () => T): T {
  try {
    return within(trace, fn);
  } finally {
    trace.active = false;
  }
}

/** What a traced function returned, unless it is asynchronous. */
export function atOnce<T>(value: T): T {
  if (!(value instanceof Promise)) return value;
  value.catch(() => undefined); // it will fail where it reads a value; the error thrown here says why
  throw new ConfigError({
    who: "jit",
    expected: "a function that returns at once",
    received: "an async function",
    fix: "Trace the computation only; await outside.",
  });
}

let differentiations = 0;
/** What variables showed since the outermost derivative was begun: the function must see the tensor that is differentiated. */
const shownValues = new Map<Slot, Tensor>();

/** Runs a function whose derivative is taken: what is computed meanwhile keeps the graph behind it. */
export function differentiating<T>(fn: () => T): T {
  differentiations++;
  try {
    return fn();
  } finally {
    differentiations--;
    if (differentiations === 0) shownValues.clear();
  }
}

export function isDifferentiating(): boolean {
  return differentiations > 0;
}

/** The value of a variable outside a trace: one tensor until the derivative is taken or the variable assigned. */
export function shownValue(slot: Slot, show: () => Tensor): Tensor {
  const value = shownValues.get(slot) ?? show();
  if (differentiations > 0) shownValues.set(slot, value);
  return value;
}

/** The variable was assigned. */
export function forgetShownValue(slot: Slot): void {
  shownValues.delete(slot);
}

/** Throws the error for a value that only exists inside a trace. */
export function explainTraced(leaf: Tensor): never {
  const trace = leaf.payload.trace as Trace | undefined;
  const what = leaf.payload.variable ? `variable "${(leaf.payload.variable as Slot).name}"` : "an argument";
  if (trace?.active) {
    throw new TraceError({
      who: "read",
      expected: "a tensor with a value",
      received: `a value that depends on ${what} of the function being traced`,
      fix: "Inside jit, and in the body of a scan, nothing is computed yet: return the tensor and read it outside, or use where(…) and cond(…) for decisions.",
    });
  }
  throw new TraceError({
    who: "read",
    expected: "a tensor with a value",
    received: `a tensor that leaked out of a trace (it depends on ${what})`,
    fix: "Return it from the traced function instead of keeping it in an outer variable.",
  });
}
