/** Tracing: a function runs once on placeholders, and the variables it touches are found on the way. */
import { ConfigError, TraceError } from "../base/errors.js";
import type { Update } from "../compile/schedule.js";
import type { TensorType } from "../graph/primitive.js";
import { Tensor } from "../graph/tensor.js";
import { placeholder, variablePrimitive } from "../ops/leaf.js";

/** What a trace needs to know of a variable. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Tensor["dtype"];
}

export class Trace {
  /** False once the function has returned: placeholders that are seen later have leaked. */
  active = true;
  private readonly read = new Map<Slot, Tensor>();
  private readonly assigned = new Map<Slot, Tensor>();
  private arguments = 0;

  /** The placeholder of the next argument. */
  argument(type: TensorType): Tensor {
    return placeholder(type, this.arguments++, this);
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

const stack: Trace[] = [];

/** The innermost trace that is being recorded. */
export function currentTrace(): Trace | undefined {
  return stack[stack.length - 1];
}

/** Runs `fn` with its variable reads and assignments recorded in `trace`. */
export function record<T>(trace: Trace, fn: () => T): T {
  stack.push(trace);
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new ConfigError({
        who: "jit",
        expected: "a function that returns at once",
        received: "an async function",
        fix: "Trace the computation only; await outside.",
      });
    }
    return result;
  } finally {
    stack.pop();
    trace.active = false;
  }
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
