/** Elementwise operations. A record is: the obvious reference, and the derivative right beside it. */
import { type DType, isFloat } from "../base/dtype.js";
import { broadcastShapes, type Shape } from "../base/shape.js";
import { createNode, type Tensor, type TensorLike } from "../graph/tensor.js";
import { broadcastTo } from "./broadcast.js";
import {
  type BinaryOperation,
  binary,
  cast,
  elementwise,
  inferElementwise,
  type UnaryOperation,
  unary,
} from "./define.js";
import { toTensors } from "./leaf.js";

export { cast };

// Arithmetic

/** Sum, element by element, with broadcasting. @example add(tensor([1, 2]), 1) // [2, 3] */
export const add = binary("add", { reference: (a, b) => a + b, vjp: (g) => [g, g] });

/** Difference, element by element, with broadcasting. @example sub(tensor([1, 2]), 1) // [0, 1] */
export const sub = binary("sub", { reference: (a, b) => a - b, vjp: (g) => [g, neg(g)] });

/** Product, element by element, with broadcasting. Integers wrap around. @example mul(tensor([1, 2]), 3) // [3, 6] */
export const mul: BinaryOperation = binary("mul", {
  reference: product,
  vjp: (g, a, b) => [mul(g, b), mul(g, a)],
});

/** Quotient, element by element; integers give float32. @example div(tensor([1, 2]), 2) // [0.5, 1] */
export const div: BinaryOperation<"float"> = binary("div", {
  policy: "float",
  reference: (a, b) => a / b,
  vjp: (g, _a, b, y) => [div(g, b), neg(div(mul(g, y), b))],
});

/** Quotient rounded down; integer division by 0 gives 0. @example floorDiv(tensor([-7], { dtype: "int32" }), 2) // [-4] */
export const floorDiv = binary("floorDiv", {
  reference: (a, b) => Math.floor(a / b),
  noGradient: "a rounded quotient is constant almost everywhere",
});

/** Remainder with the sign of the divisor, as in Python. @example mod(tensor([-7]), 3) // [2] */
export const mod = binary("mod", {
  reference: (a, b) => (b === 0 ? Number.NaN : a - b * Math.floor(a / b)),
  vjp: (g, a, b) => [g, neg(mul(g, floor(div(a, b))))],
});

/** Power `a^b` on floats. @example pow(tensor([2, 3]), 2) // [4, 9] */
export const pow: BinaryOperation<"float"> = binary("pow", {
  policy: "float",
  reference: Math.pow,
  vjp: (g, a, b, y) => [
    mul(g, mul(b, pow(a, sub(b, 1)))),
    mul(g, where(greater(a, 0), mul(y, log(where(greater(a, 0), a, 1))), 0)),
  ],
});

/** The larger of two, NaN if either is. At equal values the gradient is shared in halves. */
export const maximum = binary("maximum", {
  reference: (a, b) => Math.max(a, b),
  vjp: (g, a, b) => [mul(g, winnerShare(a, b)), mul(g, winnerShare(b, a))],
});

/** The smaller of two, NaN if either is. At equal values the gradient is shared in halves. */
export const minimum = binary("minimum", {
  reference: (a, b) => Math.min(a, b),
  vjp: (g, a, b) => [mul(g, winnerShare(b, a)), mul(g, winnerShare(a, b))],
});

/** 1 where a > b, ½ where equal, else 0. */
function winnerShare(a: Tensor, b: Tensor): Tensor {
  return where(equal(a, b), 0.5, cast(greater(a, b), a.dtype));
}

/** −x. */
export const neg: UnaryOperation<"number"> = unary("neg", {
  policy: "number",
  reference: (x) => -x,
  vjp: (g) => neg(g),
});

/** |x|. */
export const abs = unary("abs", { policy: "number", reference: Math.abs, vjp: (g, x) => mul(g, sign(x)) });

/** −1, 0 or 1. */
export const sign = unary("sign", { policy: "number", reference: Math.sign, vjp: (g) => mul(g, 0) });

/** 1 / x. */
export const reciprocal = unary("reciprocal", {
  reference: (x) => 1 / x,
  vjp: (g, _x, y) => neg(mul(g, square(y))),
});

/** x². */
export const square = unary("square", {
  policy: "number",
  reference: (x, dtype) => product(x, x, dtype),
  vjp: (g, x) => mul(g, mul(x, 2)),
});

/** √x; NaN below 0. */
export const sqrt = unary("sqrt", { reference: Math.sqrt, vjp: (g, _x, y) => div(g, mul(y, 2)) });

/** 1 / √x. */
export const rsqrt = unary("rsqrt", {
  reference: (x) => 1 / Math.sqrt(x),
  vjp: (g, x, y) => mul(g, mul(div(y, x), -0.5)),
});

// Exponential, logarithm, trigonometry

/** Exponential e^x. */
export const exp = unary("exp", { reference: Math.exp, vjp: (g, _x, y) => mul(g, y) });

/** e^x − 1, exact near 0. */
export const expm1 = unary("expm1", { reference: Math.expm1, vjp: (g, _x, y) => mul(g, add(y, 1)) });

/** Natural logarithm. `log(0) = -Infinity`, `log(x < 0) = NaN`. */
export const log = unary("log", { reference: Math.log, vjp: (g, x) => div(g, x) });

/** log(1 + x), exact near 0. */
export const log1p = unary("log1p", { reference: Math.log1p, vjp: (g, x) => div(g, add(x, 1)) });

/** Sine of radians. */
export const sin: UnaryOperation = unary("sin", { reference: Math.sin, vjp: (g, x) => mul(g, cos(x)) });

/** Cosine of radians. */
export const cos: UnaryOperation = unary("cos", { reference: Math.cos, vjp: (g, x) => neg(mul(g, sin(x))) });

/** Hyperbolic tangent. */
export const tanh = unary("tanh", { reference: Math.tanh, vjp: (g, _x, y) => mul(g, sub(1, square(y))) });

/** Error function 2/√π ∫₀ˣ e^(−t²) dt. */
export const erf = unary("erf", {
  reference: erfReference,
  vjp: (g, x) => mul(g, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
});

// Activations

/** Logistic function 1 / (1 + e^(−x)). */
export const sigmoid = unary("sigmoid", {
  reference: (x) => 1 / (1 + Math.exp(-x)),
  vjp: (g, _x, y) => mul(g, mul(y, sub(1, y))),
});

/** max(x, 0); the derivative at 0 is 0. */
export const relu = unary("relu", {
  policy: "float",
  reference: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  vjp: (g, _x, y) => where(greater(y, 0), g, 0),
});

/** log(1 + e^x), without overflow. */
export const softplus = unary("softplus", {
  reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  vjp: (g, x) => mul(g, sigmoid(x)),
});

/** log(sigmoid(x)) = −softplus(−x). */
export function logSigmoid(x: TensorLike): Tensor {
  return neg(softplus(neg(x)));
}

/** x · sigmoid(x), also called swish. */
export function silu(x: TensorLike): Tensor {
  return mul(x, sigmoid(x));
}

/** Exponential linear unit: x above 0, α(e^x − 1) below. */
export function elu(x: TensorLike, alpha = 1): Tensor {
  return where(greater(x, 0), x, mul(expm1(minimum(x, 0)), alpha));
}

/** x above 0, `slope` · x below. */
export function leakyRelu(x: TensorLike, slope = 0.3): Tensor {
  return where(greater(x, 0), x, mul(x, slope));
}

/** Gaussian error linear unit x · Φ(x), exact, or by the usual tanh formula where `approximate`. */
export function gelu(x: TensorLike, options: { approximate?: boolean } = {}): Tensor {
  if (options.approximate) {
    const inner = mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
    return mul(mul(x, 0.5), add(tanh(inner), 1));
  }
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

// Rounding: derivative 0 almost everywhere

const flat = { vjp: (g: Tensor) => mul(g, 0) };

/** Largest integer ≤ x. */
export const floor = unary("floor", { reference: Math.floor, ...flat });
/** Smallest integer ≥ x. */
export const ceil = unary("ceil", { reference: Math.ceil, ...flat });
/** Nearest integer, halves to even. */
export const round = unary("round", { reference: roundHalfEven, ...flat });
/** Nearest integer toward 0. */
export const trunc = unary("trunc", { reference: Math.trunc, ...flat });

/** The value limited to [low, high]. */
export function clip(x: TensorLike, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high);
}

// Comparison: bool results, no derivative

function comparison(name: string, reference: (a: number, b: number) => boolean) {
  return binary(name, {
    policy: "any",
    result: "bool",
    reference: (a, b) => Number(reference(a, b)),
    noGradient: "a comparison is constant almost everywhere",
  });
}

/** a = b as bool. */
export const equal = comparison("equal", (a, b) => a === b);
/** a ≠ b as bool. */
export const notEqual = comparison("notEqual", (a, b) => a !== b);
/** a < b as bool. */
export const less = comparison("less", (a, b) => a < b);
/** a ≤ b as bool. */
export const lessEqual = comparison("lessEqual", (a, b) => a <= b);
/** a > b as bool. */
export const greater = comparison("greater", (a, b) => a > b);
/** a ≥ b as bool. */
export const greaterEqual = comparison("greaterEqual", (a, b) => a >= b);

function test(name: string, reference: (x: number) => boolean) {
  return unary(name, {
    result: "bool",
    reference: (x) => Number(reference(x)),
    noGradient: "a test is constant almost everywhere",
  });
}

/** Whether x is NaN. */
export const isNaN = test("isNaN", Number.isNaN);
/** Whether x is ±∞. */
export const isInf = test("isInf", (x) => x === Infinity || x === -Infinity);
/** Whether x is neither NaN nor ±∞. */
export const isFinite = test("isFinite", Number.isFinite);

// Logic and bits

const logical = { noGradient: "logic has no derivative" } as const;

const and = binary("and", { policy: "integer", reference: (a, b) => a & b, ...logical });
const or = binary("or", { policy: "integer", reference: (a, b) => a | b, ...logical });
const xor = binary("xor", { policy: "integer", reference: (a, b) => a ^ b, ...logical });
const not = unary("logicalNot", { policy: "integer", reference: (x) => (x === 0 ? 1 : 0), ...logical });

/** Both are true (not 0). */
export function logicalAnd(a: TensorLike, b: TensorLike): Tensor {
  return and(truth(a), truth(b));
}
/** One or both are true. */
export function logicalOr(a: TensorLike, b: TensorLike): Tensor {
  return or(truth(a), truth(b));
}
/** Exactly one is true. */
export function logicalXor(a: TensorLike, b: TensorLike): Tensor {
  return xor(truth(a), truth(b));
}
/** Not true. */
export function logicalNot(x: TensorLike): Tensor {
  return not(truth(x));
}

function truth(x: TensorLike): Tensor {
  return cast(toTensors("logical", [x]).tensors[0]!, "bool");
}

/** Bits set in both, on integers. */
export const bitwiseAnd = and;
/** Bits set in one or both, on integers. */
export const bitwiseOr = or;
/** Bits set in exactly one, on integers. */
export const bitwiseXor = xor;
/** Bits moved up, on integers. */
export const shiftLeft = binary("shiftLeft", { policy: "integer", reference: (a, b) => a << b, ...logical });
/** Bits moved down with the sign, on integers. */
export const shiftRight = binary("shiftRight", {
  policy: "integer",
  reference: (a, b) => a >> b,
  ...logical,
});

// Choice

const selectPrimitive = elementwise("select", 3, {}, ([condition, a, b]) => (condition !== 0 ? a! : b!), {
  opcode: ([, value]) => (value === "float32" || value === "float64" ? "select" : "select.i"),
  infer: (inputs) => inferElementwise("where", 3, inputs),
  vjp: ({ inputs: [condition], gradients: [g] }) => [
    null,
    where(condition!, g!, 0),
    where(condition!, 0, g!),
  ],
});

/**
 * `a` where the condition holds, else `b`, with broadcasting of all three.
 *
 * @example where(greater(x, 0), x, 0)
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const test = truth(condition);
  const { tensors, dtype } = toTensors("where", [a, b]);
  const shape = tensors.reduce<Shape>((meet, t) => broadcastShapes("where", meet, t.shape), test.shape);
  const [x, y] = tensors.map((t) => broadcastTo(cast(t, dtype), shape));
  return createNode(selectPrimitive, [broadcastTo(test, shape), x!, y!]);
}

/** The value as it is, as a node of its own: differentiation with respect to it sees only what is built from it. */
export function identity(x: Tensor): Tensor {
  return createNode(identityPrimitive, [x]);
}
const identityPrimitive = elementwise("identity", 1, {}, ([x]) => x!, {
  opcode: () => "identity",
  vjp: ({ gradients: [g] }) => [g!],
});

/** The value, treated as a constant by differentiation. */
export function stopGradient(x: Tensor): Tensor {
  return createNode(stopGradientPrimitive, [x]);
}
const stopGradientPrimitive = elementwise("stopGradient", 1, {}, ([x]) => x!, {
  opcode: () => "identity",
  vjp: () => [null],
});

// Optimizer updates: one instruction each, because the optimizer's sweep over all weights is bound by instructions

/**
 * Exponential average of the gradient: m + share · (g − m) with share = 1 − β, taken as it is because 1 − β in float32
 * would be off by up to 3e-5. Values below 1e-30 become 0 (denormals are slow).
 */
export const adamMoment = ternary("adamMoment", (m, g, share) => flush(m + share * (g - m)));
/** Exponential average of the squared gradient: v + share · (g² − v); values below 1e-30 become 0. */
export const adamVelocity = ternary("adamVelocity", (v, g, share) => flush(v + share * (g * g - v)));
/** p − rate · m / (√v + ε). */
export const adamUpdate = update(
  "adamUpdate",
  5,
  ([p, m, v, rate, epsilon]) => p! - (rate! * m!) / (Math.sqrt(v!) + epsilon!),
);

function ternary(name: string, reference: (a: number, b: number, c: number) => number) {
  return update(name, 3, ([a, b, c]) => reference(a!, b!, c!));
}

function update(name: string, arity: number, reference: (args: readonly number[]) => number) {
  const primitive = elementwise(
    name,
    arity,
    { noGradient: "an optimizer update is not differentiated; use plain operations" },
    reference,
  );
  return (...values: readonly TensorLike[]): Tensor => {
    const { tensors, dtype } = toTensors(name, values);
    const shape = tensors.reduce<Shape>((meet, t) => broadcastShapes(name, meet, t.shape), []);
    const target: DType = dtype === "float64" ? dtype : "float32";
    return createNode(
      primitive,
      tensors.map((t) => broadcastTo(cast(t, target), shape)),
    );
  };
}

/** Integers wrap around at 32 bits, which a product of doubles would round. */
function product(a: number, b: number, dtype: DType): number {
  return isFloat(dtype) ? a * b : Math.imul(a, b);
}

function flush(x: number): number {
  return Math.abs(x) < 1e-30 ? 0 : x;
}

function roundHalfEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/** erf by its Taylor series below 3, by the continued fraction of erfc above: about 1e-15. */
function erfReference(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (z < 3) {
    let term = z;
    let total = z;
    for (let n = 1; n < 100 && Math.abs(term) > 1e-17 * Math.abs(total); n++) {
      term *= -(z * z) / n;
      total += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * total) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / ((z + fraction) * Math.sqrt(Math.PI)));
}
