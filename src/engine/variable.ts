import { checkDType, type DType, isFloat } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import { inspect } from "../base/inspect.js";
import { formatShape, type Shape, sameShape } from "../base/shape.js";
import { formatType, isTensor, type Storage, Tensor, type TensorLike } from "../graph/tensor.js";
import { identity } from "../ops/identity.js";
import { broadcastTo, cast } from "../ops/index.js";
import { dataPrimitive, scalar } from "../ops/leaf.js";
import { backend, copyStorage, ownerOf } from "./device.js";
import { type Holder, holdsGraph, realizeSync } from "./realize.js";
import { currentScope, forgetShownValue, isDifferentiating, type Slot, shownValue } from "./trace.js";

let counter = 0;

export interface VariableOptions {
  /** Default: `variable_<number>`. */
  readonly name?: string;
  /** Whether optimizers change it. Default true. */
  readonly trainable?: boolean;
}

/**
 * A named tensor that can be replaced: weights, optimizer slots, counters.
 *
 * Compiled programs update it in place. A tensor taken from `value` outside a trace is a snapshot: it keeps its
 * elements whatever happens to the variable later.
 * @example
 * const w = variable(tensor([1, 2]), { name: "w" });
 * w.assign(add(w.value, 1));
 * w.value // [2, 3]
 */
export class Variable<D extends DType = DType> implements Slot, Holder {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: D;
  trainable: boolean;
  /** Memory of its own, which no other variable has; a run may write it. */
  private storage: Storage | undefined;
  /** A value that was assigned and not computed yet. */
  private pending: Tensor | undefined;
  /** Whether anybody was given `pending`. */
  private isPendingShown = false;
  private snapshots: Snapshots = { count: 0 };

  constructor(initial: Tensor<D>, options: VariableOptions = {}) {
    if (!isTensor(initial)) {
      throw new ConfigError({
        who: "variable",
        expected: "a tensor or a number",
        received: Array.isArray(initial) ? "an array" : String(initial),
        fix: "Wrap arrays: variable(tensor([…])).",
      });
    }
    this.name = options.name ?? `variable_${counter++}`;
    this.shape = initial.shape;
    this.dtype = initial.dtype;
    this.trainable = options.trainable ?? true;
    this.take(initial);
  }

  /** The current value: in a trace the value at that point, outside a snapshot. */
  get value(): Tensor<D> {
    const scope = currentScope();
    if (scope) return scope.valueOf(this) as Tensor<D>;
    return shownValue(this, () => {
      if (this.pending) {
        this.isPendingShown = true;
        return this.pending;
      }
      const tensor = new Tensor(dataPrimitive, [], {}, { shape: this.shape, dtype: this.dtype });
      tensor.storage = this.storage;
      this.show(tensor);
      return tensor;
    }) as Tensor<D>;
  }

  /** What Node's `console.log` shows. */
  [inspect](): string {
    return `Variable "${this.name}" ${formatType(this)}`;
  }

  /**
   * Replaces the value; in a trace, when the program runs.
   *
   * @throws {ShapeError} where the shape differs, {DTypeError} where a float would lose its fraction
   */
  assign(value: TensorLike): void {
    const tensor = this.fitted(value);
    const scope = currentScope();
    if (scope) scope.assign(this, tensor);
    else this.take(tensor);
  }

  /** A value that was assigned and not computed yet. Engine only. */
  get unread(): Tensor | undefined {
    return this.pending?.storage === undefined ? this.pending : undefined;
  }

  /** Computes a value that is still pending, so that later runs find it in memory. Engine only. */
  storageForRead(): Storage {
    if (this.pending) {
      const value = this.pending;
      realizeSync([value]);
      this.pending = undefined;
      this.use(value.storage!);
      if (this.isPendingShown) this.show(value);
    }
    if (ownerOf(this.storage!) !== backend()) this.use(copyStorage(this.storage!));
    return this.storage!;
  }

  /** Memory that a run may overwrite: what a snapshot still shows is copied away first, once. Engine only. */
  storageForWrite(): Storage {
    this.storageForRead();
    if (this.snapshots.count > 0) this.use(copyStorage(this.storage!));
    return this.storage!;
  }

  private take(value: Tensor): void {
    forgetShownValue(this);
    this.pending = undefined;
    this.isPendingShown = false;
    if (value.storage === undefined || isDifferentiating()) {
      // A node of its own: whoever else has the value may compute it, keep it, or dispose of it.
      this.pending = identity(value);
      this.pending.isBorrowed = true;
      holdsGraph(this);
    } else if (value.isBorrowed)
      this.use(copyStorage(value.storage)); // another variable writes there
    else {
      this.use(value.storage);
      this.show(value);
    }
  }

  /** From now on the elements are there; snapshots keep the memory that they show. */
  private use(storage: Storage): void {
    this.storage = storage;
    this.snapshots = { count: 0 };
  }

  /** From now on the tensor shows the variable's memory. */
  private show(tensor: Tensor): void {
    tensor.isBorrowed = true;
    this.snapshots.count++;
    collected.register(tensor, this.snapshots);
  }

  private fitted(value: TensorLike): Tensor {
    const who = `variable "${this.name}"`;
    const tensor = isTensor(value) ? value : broadcastTo(numberAs(who, value, this.dtype), this.shape);
    if (!sameShape(tensor.shape, this.shape)) {
      throw new ShapeError({
        who,
        expected: `a value of shape ${formatShape(this.shape)}`,
        received: formatShape(tensor.shape),
      });
    }
    if (tensor.dtype !== this.dtype && this.dtype !== "float32" && this.dtype !== "float64") {
      throw new DTypeError({
        who,
        expected: `a value of dtype ${this.dtype}`,
        received: tensor.dtype,
        fix: `Convert it with cast(x, "${this.dtype}").`,
      });
    }
    return cast(tensor, this.dtype);
  }
}

/** A number as a scalar, if the dtype can hold it. */
function numberAs(who: string, value: number | boolean, dtype: DType): Tensor {
  if (!isFloat(dtype) && !Number.isInteger(Number(value))) {
    throw new DTypeError({
      who,
      expected: `a whole number for dtype ${dtype}`,
      received: String(value),
      fix: "Round it first, or make the variable float32.",
    });
  }
  return scalar(value, dtype);
}

/**
 * How many tensors show the memory of a variable. Counted, because a weak reference would keep each of them alive to the
 * end of a synchronous loop.
 */
interface Snapshots {
  count: number;
}
const collected = new FinalizationRegistry<Snapshots>((snapshots) => {
  snapshots.count--;
});

/**
 * Creates a variable from its first value.
 *
 * Shape: that of the value. Dtype: `dtype` where it is given, to which a tensor is converted as by `cast`; else that of
 * the tensor, float32 for a number.
 * @throws {DTypeError} for an unknown dtype, or a number with a fraction where the dtype holds integers
 * @example variable(3.5).value // 3.5
 * @example variable(tensor([1, 2]), { dtype: "int32", name: "steps" }).value // [1, 2]
 */
export function variable<D extends DType>(
  initial: Tensor | number,
  options: VariableOptions & { readonly dtype: D },
): Variable<D>;
export function variable<D extends DType = "float32">(
  initial: Tensor<D> | number,
  options?: VariableOptions,
): Variable<D>;
export function variable(
  initial: Tensor | number,
  options: VariableOptions & { readonly dtype?: DType } = {},
): Variable {
  if (options.dtype !== undefined) checkDType("variable", options.dtype);
  if (isTensor(initial)) return new Variable(cast(initial, options.dtype ?? initial.dtype), options);
  if (typeof initial !== "number") return new Variable(initial, options); // which says what is wrong with it
  const dtype = options.dtype ?? "float32";
  return new Variable(numberAs("variable", initial, dtype), options);
}
