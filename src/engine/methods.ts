/// <reference lib="esnext.disposable" preserve="true" />
/** Chain methods of tensors, attached in one place: `a.add(b)` beside `add(a, b)`, and reading values. */
import type { DType, TypedArrayOf } from "../base/dtype.js";
import { BackendError, ShapeError } from "../base/errors.js";
import { inspect } from "../base/inspect.js";
import { formatShape, type Shape } from "../base/shape.js";
import { Tensor, type TensorLike } from "../graph/tensor.js";
import type { DTypePolicy, UnaryResult } from "../ops/define.js";
import type { Distinct } from "../ops/distinct.js";
import * as ops from "../ops/index.js";
import { type CountedOptions, nonzero, unique } from "./counted.js";
import type { NestedArray } from "./create.js";
import { backend, ownerOf } from "./device.js";
import { formatTensor } from "./format.js";
import { readElements, realize, realizeSync } from "./realize.js";

/** Operations whose first argument is the tensor itself; each becomes a method of the same name. */
const chained = [
  "add",
  "sub",
  "mul",
  "div",
  "floorDiv",
  "mod",
  "pow",
  "maximum",
  "minimum",
  "neg",
  "abs",
  "sign",
  "reciprocal",
  "square",
  "sqrt",
  "rsqrt",
  "cbrt",
  "exp",
  "exp2",
  "expm1",
  "log",
  "log2",
  "log10",
  "log1p",
  "sin",
  "cos",
  "tan",
  "asin",
  "acos",
  "atan",
  "atan2",
  "sinh",
  "cosh",
  "tanh",
  "asinh",
  "acosh",
  "atanh",
  "erf",
  "erfc",
  "lgamma",
  "digamma",
  "sigmoid",
  "relu",
  "relu6",
  "leakyRelu",
  "prelu",
  "elu",
  "selu",
  "celu",
  "gelu",
  "silu",
  "mish",
  "softplus",
  "softsign",
  "hardSigmoid",
  "hardSwish",
  "hardTanh",
  "tanhShrink",
  "logSigmoid",
  "glu",
  "threshold",
  "floor",
  "ceil",
  "round",
  "trunc",
  "clip",
  "equal",
  "notEqual",
  "less",
  "lessEqual",
  "greater",
  "greaterEqual",
  "isNaN",
  "isInf",
  "isFinite",
  "logicalAnd",
  "logicalOr",
  "logicalXor",
  "logicalNot",
  "bitwiseAnd",
  "bitwiseOr",
  "bitwiseXor",
  "bitwiseNot",
  "shiftLeft",
  "shiftRight",
  "shiftRightLogical",
  "sum",
  "mean",
  "prod",
  "any",
  "all",
  "argMax",
  "argMin",
  "variance",
  "std",
  "logSumExp",
  "norm",
  "bincount",
  "histogram",
  "cumSum",
  "cumProd",
  "matmul",
  "dot",
  "outer",
  "tensordot",
  "trace",
  "cholesky",
  "triangularSolve",
  "solve",
  "inverse",
  "det",
  "slogDet",
  "qr",
  "eigh",
  "svd",
  "lstsq",
  "cast",
  "softmax",
  "logSoftmax",
  "gather",
  "fft",
  "ifft",
  "rfft",
  "takeAlongAxis",
  "argSort",
  "topK",
  "searchSorted",
  "quantile",
  "median",
  "scatterMaximum",
  "scatterMinimum",
  "oneHot",
  "stopGradient",
] as const;

/** The same for operations whose result, or each of whose results, has the tensor's dtype. */
const keepingDType = [
  "at",
  "broadcastTo",
  "cumMax",
  "cumMin",
  "diag",
  "diagEmbed",
  "diagonal",
  "dynamicSlice",
  "dynamicUpdateSlice",
  "expandDims",
  "flatten",
  "flip",
  "gatherNd",
  "matrixTranspose",
  "max",
  "min",
  "pad",
  "permute",
  "repeat",
  "reshape",
  "roll",
  "scatterUpdate",
  "slice",
  "sort",
  "split",
  "squeeze",
  "tile",
  "transpose",
  "tril",
  "triu",
  "unstack",
] as const;

type Chained = (typeof chained)[number];
type KeepingDType = (typeof keepingDType)[number];
type Ops = typeof ops;
type Method<F, D extends DType> = F extends (x: infer _X, ...rest: infer A) => infer R
  ? (
      ...rest: A
    ) => F extends OnElements<"float">
      ? Tensor<ResultDType["float"][D]>
      : F extends OnElements<"number">
        ? Tensor<ResultDType["number"][D]>
        : F extends OnElements<"integer">
          ? Tensor<D>
          : R
  : never;
/** The dtype of a result from that of the tensor, in a form that leaves `Tensor` covariant. */
interface ResultDType {
  readonly float: { [D in DType]: D extends "float64" ? D : "float32" };
  readonly number: { [D in DType]: D extends "bool" ? "int32" : D };
}
/** An operation on each element of one tensor, whose result dtype follows from the policy. */
type OnElements<P extends DTypePolicy> = <X extends TensorLike>(x: X, ...rest: never[]) => UnaryResult<P, X>;
/** Unusable where the operation does not keep the dtype after all. */
type KeepingMethod<F, D extends DType> = F extends (
  x: Tensor<"uint8">,
  ...rest: never[]
) => Tensor<"uint8"> | Tensor<"uint8">[]
  ? F extends (x: infer _X, ...rest: infer A) => infer R
    ? (...rest: A) => R extends readonly unknown[] ? Tensor<D>[] : Tensor<D>
    : never
  : never;
type ChainMethods<D extends DType> = { readonly [N in Chained & keyof Ops]: Method<Ops[N], D> } & {
  readonly [N in KeepingDType & keyof Ops]: KeepingMethod<Ops[N], D>;
};

declare module "../graph/tensor.js" {
  interface Tensor<D extends DType = DType> extends ChainMethods<D> {
    /** The elements, row-major, as a copy. */
    data(): Promise<TypedArrayOf[D]>;
    /** The elements as nested arrays; booleans for bool. */
    array(): Promise<NestedArray>;
    /** The only element. @throws {ShapeError} where there is not exactly one */
    item(): Promise<number>;
    /** `data` at once. @throws {BackendError} where the backend can't */
    dataSync(): TypedArrayOf[D];
    /** `array` at once. */
    arraySync(): NestedArray;
    /** `item` at once. */
    itemSync(): number;
    /** `nonzero(x, options)`: the coordinates of the elements that are not zero. */
    nonzero(options?: CountedOptions): Tensor<"int32">;
    /** `unique(x, options)`: the distinct elements, their counts, and which one each element is. */
    unique(options?: CountedOptions): Distinct<D>;
    /**
     * Gives the elements' memory back at once instead of when the tensor is collected; the tensor can't be used after.
     * Never needed, but large results in a tight loop reuse their memory that way. `using y = …` does the same. What
     * belongs to a variable stays.
     */
    dispose(): void;
    [Symbol.dispose](): void;
    /** Elements, shape and dtype, as NumPy prints. */
    toString(): string;
    /** What Node's `console.log` shows. */
    [inspect](): string;
  }
}

const registry = ops as unknown as Readonly<Record<string, (x: TensorLike, ...rest: unknown[]) => unknown>>;
for (const name of [...chained, ...keepingDType]) {
  const fn = registry[name];
  if (!fn) throw new Error(`no operation ${name} for the chain method`);
  define(name, function (this: Tensor, ...rest: unknown[]) {
    return fn(this, ...rest);
  });
}

define("nonzero", function (this: Tensor, options?: CountedOptions) {
  return nonzero(this, options);
});
define("unique", function (this: Tensor, options?: CountedOptions) {
  return unique(this, options);
});
define("data", async function (this: Tensor) {
  await realize([this]);
  return readElements(this);
});
define("dataSync", function (this: Tensor) {
  if (!backend().synchronous) {
    throw new BackendError({
      who: "dataSync",
      expected: "a backend that can answer at once",
      received: backend().name,
      fix: "Use await x.data().",
    });
  }
  realizeSync([this]);
  return readElements(this);
});
define("array", async function (this: Tensor) {
  return nest(await this.data(), this.shape, this.dtype);
});
define("arraySync", function (this: Tensor) {
  return nest(this.dataSync(), this.shape, this.dtype);
});
define("item", async function (this: Tensor) {
  checkSingle(this);
  return (await this.data())[0]!;
});
define("itemSync", function (this: Tensor) {
  checkSingle(this);
  return this.dataSync()[0]!;
});
function dispose(this: Tensor): void {
  if (this.isBorrowed) return; // the variable goes on
  if (this.storage) ownerOf(this.storage).release(this.storage);
  this.storage = undefined;
  this.isDisposed = true;
}
define("dispose", dispose);
if (Symbol.dispose) define(Symbol.dispose, dispose);

const print = function (this: Tensor) {
  return formatTensor(this, this.storage && backend().synchronous ? this.dataSync() : undefined);
};
define("toString", print);
define(inspect, print);

function define(name: string | symbol, value: (this: Tensor, ...args: never[]) => unknown): void {
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}

function checkSingle(t: Tensor): void {
  if (t.size === 1) return;
  throw new ShapeError({
    who: "item",
    expected: "a tensor of one element",
    received: `shape ${formatShape(t.shape)}`,
    fix: "Use data() or array().",
  });
}

function nest(data: ArrayLike<number>, shape: Shape, dtype: DType): NestedArray {
  const element = (i: number): NestedArray => (dtype === "bool" ? data[i] !== 0 : data[i]!);
  const walk = (axis: number, start: number, size: number): NestedArray => {
    if (axis === shape.length) return element(start);
    const step = shape[axis] === 0 ? 0 : size / shape[axis]!;
    return Array.from({ length: shape[axis]! }, (_, i) => walk(axis + 1, start + i * step, step));
  };
  return walk(0, 0, data.length);
}
