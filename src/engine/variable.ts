import { bytesPerElement, type DType } from "../base/dtype.js";
import { ConfigError, DTypeError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape, sameShape, sizeOf } from "../base/shape.js";
import { isTensor, type Storage, Tensor, type TensorLike } from "../graph/tensor.js";
import { broadcastTo } from "../ops/broadcast.js";
import { cast } from "../ops/define.js";
import { dataPrimitive, scalar } from "../ops/leaf.js";
import { allocate, backend, ownerOf } from "./device.js";
import { realizeSync } from "./realize.js";
import { currentTrace, type Slot } from "./trace.js";

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
 * @example const w = variable(zeros([2, 3]), { name: "w" }); w.assign(add(w.value, 1));
 */
export class Variable<D extends DType = DType> implements Slot {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: D;
  trainable: boolean;
  /** Memory of its own; a run may write it. */
  private storage: Storage | undefined;
  /** A value that was assigned and not computed yet. */
  private pending: Tensor | undefined;
  /** The tensor that shares `storage`, if anybody still holds it. */
  private snapshot: WeakRef<Tensor> | undefined;

  constructor(initial: Tensor<D>, options: VariableOptions = {}) {
    this.name = options.name ?? `variable_${counter++}`;
    this.shape = initial.shape;
    this.dtype = initial.dtype;
    this.trainable = options.trainable ?? true;
    this.pending = initial;
  }

  /** The current value: in a trace the value at that point, outside a snapshot. */
  get value(): Tensor<D> {
    const trace = currentTrace();
    if (trace) return trace.valueOf(this) as Tensor<D>;
    if (this.pending) return this.pending as Tensor<D>;
    const shared = this.snapshot?.deref();
    if (shared) return shared as Tensor<D>;
    const tensor = new Tensor(dataPrimitive, [], {}, { shape: this.shape, dtype: this.dtype });
    tensor.storage = this.storage;
    tensor.isBorrowed = true;
    this.snapshot = new WeakRef(tensor);
    return tensor as Tensor<D>;
  }

  /**
   * Replaces the value; in a trace, when the program runs.
   *
   * @throws {ShapeError} where the shape differs, {DTypeError} where a float would lose its fraction
   */
  assign(value: TensorLike): void {
    const tensor = this.fitted(value);
    const trace = currentTrace();
    if (trace) trace.assign(this, tensor);
    else this.pending = tensor;
  }

  /** Computes a value that is still pending, so that later runs find it in memory. Engine only. */
  storageForRead(): Storage {
    if (this.pending) this.adopt(this.pending);
    if (ownerOf(this.storage!) !== backend()) {
      const moved = allocate(this.storage!.bytes);
      backend().write(moved, ownerOf(this.storage!).read(this.storage!).slice(0, moved.bytes));
      this.storage = moved;
      this.snapshot = undefined;
    }
    return this.storage!;
  }

  /** Memory that a run may overwrite: what a snapshot still shows is copied away first, once. Engine only. */
  storageForWrite(): Storage {
    const storage = this.storageForRead();
    if (this.snapshot?.deref()) {
      this.storage = allocate(sizeOf(this.shape) * bytesPerElement(this.dtype));
      backend().copy(storage, this.storage);
    }
    this.snapshot = undefined;
    return this.storage!;
  }

  private adopt(value: Tensor): void {
    realizeSync([value]);
    this.storage = value.storage!;
    value.isBorrowed = true;
    this.snapshot = new WeakRef(value);
    this.pending = undefined;
  }

  private fitted(value: TensorLike): Tensor {
    const tensor = isTensor(value) ? value : broadcastTo(scalar(value, this.dtype), this.shape);
    const who = `variable "${this.name}"`;
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

/** Creates a variable. @example const step = variable(0, { dtype: "int32" }) */
export function variable<D extends DType = "float32">(
  initial: Tensor<D> | number,
  options: VariableOptions & { readonly dtype?: D } = {},
): Variable<D> {
  if (isTensor(initial)) return new Variable(initial as Tensor<D>, options);
  if (typeof initial !== "number") {
    throw new ConfigError({
      who: "variable",
      expected: "a tensor or a number",
      received: typeof initial,
      fix: "Wrap arrays: variable(tensor([…])).",
    });
  }
  return new Variable(scalar(initial, options.dtype ?? "float32") as Tensor<D>, options);
}
