/** Rows of one mean and one size: layer normalization and RMS normalization. */
import type { NDArray } from "../base/array.js";
import { allocateArray } from "../base/dtype.js";
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, sizeOf } from "../base/shape.js";
import {
  type Attributes,
  definePrimitive,
  type KernelPrimitive,
  type TensorType,
} from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { add, div, mul, rsqrt, square, sub } from "./arithmetic.js";
import { broadcastTo, sum } from "./broadcast.js";
import { cast } from "./cast.js";
import { toFloat } from "./convert.js";
import { ones, zeros } from "./create.js";
import { checkFixedShape } from "./fixedAxes.js";
import { checkStaticRow } from "./lastAxis.js";
import { results } from "./pick.js";

/** Attributes of both records. */
interface Normalization {
  readonly epsilon: number;
  /** Whether the mean is taken away first. */
  readonly centred: boolean;
}
const normalizationOf = (attributes: Attributes) => attributes as unknown as Normalization;

/** What the native kernel reads: epsilon as float32 bits, and the flag. */
function words(attributes: Attributes): number[] {
  const { epsilon, centred } = normalizationOf(attributes);
  return [new Int32Array(Float32Array.of(epsilon).buffer)[0]!, centred ? 1 : 0];
}

const normalizeRowsPrimitive = definePrimitive<KernelPrimitive>({
  name: "normalizeRows",
  kind: "kernel",
  // x [rows…, n], gamma [n], beta [n] → [rows…, n]
  infer: ([x, gamma, beta]) => {
    checkStaticRow("normalizeRows", x!);
    for (const perColumn of [gamma!, beta!]) checkFixedShape("normalizeRows", "gamma and beta", perColumn);
    return { shape: x!.shape, dtype: x!.dtype, extent: x!.extent };
  },
  reference: ([x, gamma, beta], attributes) => {
    const data = allocateArray(x!.dtype, x!.data.length);
    forEachRow(x!, normalizationOf(attributes), (start, normal) => {
      normal.forEach((value, i) => {
        data[start + i] = value * gamma!.data[i]! + beta!.data[i]!;
      });
    });
    return [{ ...x!, data }];
  },
  words,
  flop: ([x]) => 8 * sizeOf(x!.shape), // mean; difference, square, sum; difference, scale, multiply-add
  vjp: ({ node, inputs: [x, gamma], gradients: [g] }) =>
    results(createNode(normalizeRowsGradientPrimitive, [x!, gamma!, g!], node.attributes)),
});

const normalizeRowsGradientPrimitive: KernelPrimitive = definePrimitive<KernelPrimitive>({
  name: "normalizeRowsGradient",
  kind: "kernel",
  // x, gamma, g → dx = r · (h − mean h − x̂ · mean(h · x̂)) with h = g · γ;  dγ = Σ g · x̂;  dβ = Σ g
  infer: ([x, gamma]) => {
    checkStaticRow("normalizeRowsGradient", x!);
    checkFixedShape("normalizeRowsGradient", "gamma", gamma!);
    const perColumn: TensorType = { shape: gamma!.shape, dtype: gamma!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype, extent: x!.extent }, perColumn, perColumn];
  },
  reference: ([x, gamma, g], attributes) => {
    const { centred } = normalizationOf(attributes);
    const n = gamma!.data.length;
    const [dx, dGamma, dBeta] = [x!.data.length, n, n].map((length) => allocateArray(x!.dtype, length));
    forEachRow(x!, normalizationOf(attributes), (start, normal, scale) => {
      const h = normal.map((_, i) => g!.data[start + i]! * gamma!.data[i]!);
      const mean = centred ? h.reduce((a, b) => a + b, 0) / n : 0;
      const along = h.reduce((total, value, i) => total + value * normal[i]!, 0) / n;
      normal.forEach((value, i) => {
        dx![start + i] = scale * (h[i]! - mean - value * along);
        dGamma![i]! += g!.data[start + i]! * value;
        dBeta![i]! += g!.data[start + i]!;
      });
    });
    const perColumn = { shape: gamma!.shape, dtype: gamma!.dtype };
    return [
      { ...x!, data: dx! },
      { ...perColumn, data: dGamma! },
      { ...perColumn, data: dBeta! },
    ];
  },
  words,
  flop: ([x]) => 20 * sizeOf(x!.shape),
  // Of L = Σ a·dx + b·dγ + c·dβ with the gradients a, b, c that arrive; P is the map from h to dx.
  vjp: ({ node, inputs: [x, gamma, g], gradients: [a, b, c] }) => {
    const { epsilon, centred } = normalizationOf(node.attributes);
    const mean = (v: Tensor) => div(sum(v, -1, { keepDims: true }), gamma!.shape[0]!);
    const centre = (v: Tensor) => (centred ? sub(v, mean(v)) : v);
    const scale = rsqrt(add(mean(square(centre(x!))), epsilon)); // r
    const normal = mul(centre(x!), scale); // x̂
    const project = (v: Tensor) => mul(scale, sub(centre(v), mul(normal, mean(mul(v, normal)))));
    const h = mul(g!, gamma!);
    const rows = x!.shape.slice(0, -1).map((_, axis) => axis);
    const ofX: Tensor[] = [];
    const ofGamma: Tensor[] = [];
    const ofG: Tensor[] = [];
    if (a) {
      const [alongA, alongH] = [mean(mul(a, normal)), mean(mul(h, normal))];
      const pa = project(a);
      ofG.push(mul(gamma!, pa));
      ofGamma.push(sum(mul(g!, pa), rows));
      // Through x̂ while r is held, then through r: ∂r/∂x = −r² · x̂ / n.
      ofX.push(project(mul(mul(scale, -1), add(mul(a, alongH), mul(h, alongA)))));
      const ofScale = sub(mean(mul(a, centre(h))), mul(alongA, alongH)); // ∂L/∂r, divided by n
      ofX.push(mul(mul(ofScale, mul(square(scale), normal)), -1));
    }
    if (b) {
      ofG.push(mul(b, normal));
      ofX.push(project(mul(b, g!)));
    }
    if (c) ofG.push(broadcastTo(c, g!.shape, g!.extent));
    const total = (terms: readonly Tensor[]) =>
      terms.length === 0 ? null : terms.reduce((s, t) => add(s, t));
    return [total(ofX), total(ofGamma), total(ofG)];
  },
});

/** Visits each row with its normalized elements `x̂` and the factor `r`. */
function forEachRow(
  { data, shape }: NDArray,
  { epsilon, centred }: Normalization,
  visit: (start: number, normal: readonly number[], scale: number) => void,
): void {
  const n = shape.at(-1)!;
  for (let start = 0; start < data.length; start += n) {
    const row = Array.from(data.subarray(start, start + n));
    const mean = centred ? row.reduce((a, b) => a + b, 0) / n : 0;
    const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / n;
    const scale = 1 / Math.sqrt(variance + epsilon);
    visit(
      start,
      row.map((value) => (value - mean) * scale),
      scale,
    );
  }
}

/** Options of `layerNormalization` and `rmsNormalization`. */
export interface NormalizationOptions {
  /** Added to the mean square, so that a row of equal numbers does not divide by 0. Default 1e-5, as in PyTorch. */
  readonly epsilon?: number;
}

/**
 * The last axis brought to mean 0 and variance 1, then scaled and shifted: `(x − μ) / √(σ² + ε) · γ + β`.
 *
 * Shapes `x [rows…, n]`, `gamma [n]` (default ones), `beta [n]` (default zeros) → `[rows…, n]`. Dtype: float, integers
 * give float32. One pass over memory, and one for all three gradients.
 *
 * Ba, Kiros and Hinton 2016, "Layer normalization".
 * @throws {ShapeError} for a scalar, or where `gamma` or `beta` is no vector of the last axis
 * @throws {ConfigError} where `epsilon` is negative
 * @example layerNormalization(tensor([[1, 2, 3]])) // [[-1.2247, 0, 1.2247]]
 */
export function layerNormalization(
  x: Tensor,
  gamma?: Tensor,
  beta?: Tensor,
  options: NormalizationOptions = {},
): Tensor {
  return normalize("layerNormalization", x, gamma, beta, options, true);
}

/**
 * The last axis divided by its root mean square, then scaled: `x / √(mean x² + ε) · γ`.
 *
 * Shapes `x [rows…, n]`, `gamma [n]` (default ones) → `[rows…, n]`. Dtype: float, integers give float32.
 *
 * Zhang and Sennrich 2019, "Root mean square layer normalization".
 * @throws {ShapeError} for a scalar, or where `gamma` is no vector of the last axis
 * @throws {ConfigError} where `epsilon` is negative
 * @example rmsNormalization(tensor([[3, 4]])) // [[0.8485, 1.1314]]
 */
export function rmsNormalization(x: Tensor, gamma?: Tensor, options: NormalizationOptions = {}): Tensor {
  return normalize("rmsNormalization", x, gamma, undefined, options, false);
}

function normalize(
  who: string,
  x: Tensor,
  gamma: Tensor | undefined,
  beta: Tensor | undefined,
  { epsilon = 1e-5 }: NormalizationOptions,
  centred: boolean,
): Tensor {
  const rows = toFloat(who, x);
  if (rows.rank === 0) {
    throw new ShapeError({
      who,
      expected: "input of rank 1 or more [rows…, n]",
      received: "a scalar",
    });
  }
  if (!(epsilon >= 0)) {
    throw new ConfigError({ who, expected: "an epsilon of 0 or more", received: String(epsilon) });
  }
  checkStaticRow(who, rows);
  const shape = rows.shape.slice(-1);
  const scale = column(who, "gamma", gamma ?? ones(shape), rows);
  const shift = column(who, "beta", beta ?? zeros(shape), rows);
  return createNode(normalizeRowsPrimitive, [rows, scale, shift], { epsilon, centred });
}

function column(who: string, name: string, v: Tensor, rows: Tensor): Tensor {
  const n = rows.shape.at(-1)!;
  if (v.rank === 1 && v.shape[0] === n) return cast(v, rows.dtype);
  throw new ShapeError({
    who,
    expected: `${name} of shape ${formatShape([n])} for input of shape ${formatShape(rows.shape)}`,
    received: `shape ${formatShape(v.shape)}`,
  });
}
