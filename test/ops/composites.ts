/** Operations made of records, with inputs for the same generated tests as the records: parity and derivatives. */
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import type { Case, Input } from "./cases.js";
import { cumulativeComposites } from "./composites/cumulative.js";
import { linalgComposites } from "./composites/linalg.js";
import { movementComposites } from "./composites/movement.js";
import { reductionComposites } from "./composites/reductions.js";

export interface Composite extends Omit<Case, "attributes"> {
  readonly build: (...operands: Tensor[]) => Tensor;
}

const x35: Input = { shape: [3, 5] };
const image: Input = { shape: [2, 5, 6, 3] };
const positive: Input = { shape: [3, 5], low: 0.3, high: 3 };
const labels35: Input = { shape: [3], dtype: "int32", low: 0, high: 4 };
const keyed = 20240607;

export const composites: Readonly<Record<string, readonly Composite[]>> = {
  relu6: [{ inputs: [{ shape: [3, 5], low: -3, high: 9 }], build: (x) => ops.relu6(x!) }],
  prelu: [
    {
      name: "a slope for each channel",
      inputs: [image, { shape: [3], low: 0.1, high: 0.5 }],
      build: (x, slope) => ops.prelu(x!, slope!),
    },
  ],
  elu: [{ inputs: [x35], build: (x) => ops.elu(x!, 0.7) }],
  selu: [{ inputs: [x35], dtypes: ["float32", "int32"], build: (x) => ops.selu(x!) }],
  celu: [{ inputs: [x35], build: (x) => ops.celu(x!, 1.7) }],
  mish: [{ inputs: [x35], build: (x) => ops.mish(x!) }],
  softsign: [{ inputs: [x35], dtypes: ["float32", "uint8"], build: (x) => ops.softsign(x!) }],
  hardSigmoid: [{ inputs: [{ shape: [3, 5], low: -4, high: 4 }], build: (x) => ops.hardSigmoid(x!) }],
  hardSwish: [{ inputs: [{ shape: [3, 5], low: -4, high: 4 }], build: (x) => ops.hardSwish(x!) }],
  hardTanh: [{ inputs: [x35], build: (x) => ops.hardTanh(x!) }],
  tanhShrink: [{ inputs: [x35], build: (x) => ops.tanhShrink(x!) }],
  threshold: [{ inputs: [x35], build: (x) => ops.threshold(x!, 0.3, -1) }],
  glu: [
    { inputs: [{ shape: [3, 6] }], build: (x) => ops.glu(x!) },
    { name: "along a middle axis", inputs: [{ shape: [2, 4, 3] }], build: (x) => ops.glu(x!, 1) },
    { name: "of nothing", inputs: [{ shape: [3, 0] }], build: (x) => ops.glu(x!) },
  ],
  leakyRelu: [{ inputs: [x35], build: (x) => ops.leakyRelu(x) }],
  silu: [{ inputs: [x35], build: (x) => ops.silu(x) }],
  logSigmoid: [{ inputs: [x35], build: (x) => ops.logSigmoid(x) }],
  gelu: [
    { inputs: [x35], build: (x) => ops.gelu(x) },
    { name: "approximate", inputs: [x35], build: (x) => ops.gelu(x, { approximate: true }) },
  ],
  pow: [
    {
      name: "by whole numbers, through 0",
      inputs: [{ shape: [5], values: [-2, -0.5, 0, 0.5, 3] }],
      build: (x) => ops.stack([0, 1, 2, 3].map((exponent) => ops.pow(x!, exponent))),
    },
  ],
  clip: [
    { inputs: [x35], dtypes: ["float32", "int32"], build: (x) => ops.clip(x!, -0.9, 1.1) },
    {
      name: "to bounds that are tensors",
      inputs: [x35, { shape: [5], low: -1.5, high: -0.5 }, { shape: [3, 1], low: 0.5, high: 1.5 }],
      build: (x, low, high) => ops.clip(x!, low!, high!),
    },
    { name: "of integers", inputs: [x35], dtypes: ["int32", "uint8"], build: (x) => ops.clip(x!, 2, 5) },
  ],
  logicalAnd: [
    {
      name: "of numbers that are no bools",
      inputs: [x35, { shape: [5], dtype: "int32", low: -1, high: 1 }],
      dtypes: ["float32", "uint8"],
      build: (a, b) => ops.logicalAnd(a!, b!),
    },
  ],
  polygamma: [{ inputs: [positive], dtypes: ["float32", "uint8"], build: (x) => ops.polygamma(1, x!) }],
  where: [
    {
      name: "three shapes",
      inputs: [{ shape: [3, 1], dtype: "bool" }, { shape: [5] }, { shape: [] }],
      build: (c, a, b) => ops.where(c!, a!, b!),
    },
  ],
  sum: [
    { name: "of a constant", inputs: [], build: () => ops.sum(ops.ones([3, 4]), 0) },
    { name: "of positions", inputs: [], build: () => ops.sum(ops.iota([3, 4], 1)) },
    {
      name: "of bytes, beyond their range",
      inputs: [{ shape: [300] }],
      dtypes: ["uint8", "bool"],
      build: (x) => ops.sum(x!),
    },
  ],
  max: [{ name: "of a constant", inputs: [], build: () => ops.max(ops.full([3], 2)) }],
  matmul: [
    { name: "of constants", inputs: [], build: () => ops.matmul(ops.ones([3, 4]), ops.full([4, 2], 0.5)) },
    {
      name: "of a sequence with a matrix",
      inputs: [{ shape: [2, 3, 4] }, { shape: [4, 5] }],
      build: (a, b) => ops.matmul(a!, b!),
    },
    { name: "of vectors", inputs: [{ shape: [4] }, { shape: [4] }], build: (a, b) => ops.matmul(a!, b!) },
  ],
  mean: [
    { inputs: [x35], build: (x) => ops.mean(x!) },
    { inputs: [image], build: (x) => ops.mean(x!, [1, 2]) },
    { inputs: [x35], dtypes: ["int32", "uint8"], build: (x) => ops.mean(x!, 0, { keepDims: true }) },
  ],
  any: [{ inputs: [x35], dtypes: ["bool", "int32", "float32"], build: (x) => ops.any(x!, 1) }],
  all: [{ inputs: [x35], dtypes: ["bool", "int32", "float32"], build: (x) => ops.all(x!, 0) }],
  argMax: [
    { name: "over all elements", inputs: [{ shape: [3, 4], distinct: true }], build: (x) => ops.argMax(x!) },
  ],
  softmax: [{ name: "along the first axis", inputs: [image], build: (x) => ops.softmax(x!, 0) }],
  logSoftmax: [{ name: "along a middle axis", inputs: [image], build: (x) => ops.logSoftmax(x!, 1) }],
  sparseCrossEntropy: [
    {
      name: "of sequences",
      inputs: [{ shape: [2, 3, 4] }, { shape: [2, 3], dtype: "uint8", low: 0, high: 3 }],
      build: (logits, labels) => ops.sparseCrossEntropy(logits!, labels!),
    },
  ],
  crossEntropy: [
    {
      inputs: [x35, { shape: [3, 5], low: 0, high: 1 }],
      build: (logits, p) => ops.crossEntropy(logits!, p!),
    },
    {
      name: "of one-hot labels",
      inputs: [x35, labels35],
      build: (logits, labels) => ops.crossEntropy(logits!, ops.oneHot(labels!, 5, { dtype: logits!.dtype })),
    },
  ],
  binaryCrossEntropyWithLogits: [
    {
      inputs: [
        { shape: [3, 5], low: -30, high: 30 },
        { shape: [3, 5], low: 0, high: 1 },
      ],
      build: (x, y) => ops.binaryCrossEntropyWithLogits(x!, y!),
    },
  ],
  gather: [
    {
      name: "along a middle axis",
      inputs: [{ shape: [2, 5, 3] }, { shape: [2, 2], dtype: "int32", low: 0, high: 4 }],
      build: (data, indices) => ops.gather(data!, indices!, 1),
    },
    {
      name: "along the last axis",
      inputs: [{ shape: [2, 5] }, { shape: [4], dtype: "uint8", low: 0, high: 4 }],
      build: (data, indices) => ops.gather(data!, indices!, -1),
    },
  ],
  takeAlongAxis: [
    {
      inputs: [{ shape: [4, 5] }, { shape: [4, 2], dtype: "int32", low: 0, high: 4 }],
      build: (x, i) => ops.takeAlongAxis(x!, i!),
    },
    {
      name: "along the first axis",
      inputs: [{ shape: [5, 2, 3] }, { shape: [1, 2, 3], dtype: "uint8", low: 0, high: 4 }],
      build: (x, i) => ops.takeAlongAxis(x!, i!, 0),
    },
  ],
  sort: [
    {
      name: "along a middle axis, descending",
      inputs: [{ shape: [2, 5, 3], distinct: true }],
      build: (x) => ops.sort(x!, 1, { descending: true }),
    },
  ],
  argSort: [{ name: "along the first axis", inputs: [x35], build: (x) => ops.argSort(x!, 0) }],
  topK: [
    { inputs: [{ shape: [3, 9], distinct: true }], build: (x) => ops.topK(x!, 4).values },
    {
      name: "the smallest along the first axis",
      inputs: [{ shape: [9, 2], distinct: true }],
      build: (x) => ops.topK(x!, 3, 0, { smallest: true }).values,
    },
    { name: "positions", inputs: [x35], build: (x) => ops.topK(x!, 2).indices, dtypes: ["float32", "uint8"] },
  ],
  searchSorted: [
    {
      name: "a matrix of values in a vector",
      inputs: [{ shape: [5], values: [-1, 0, 0, 1, 2] }, { shape: [3, 4] }],
      build: (sorted, values) => ops.searchSorted(sorted!, values!),
    },
    {
      name: "in the rows of a batch",
      inputs: [{ shape: [2, 2, 5], values: [-1, 0, 0, 1, 2] }, { shape: [2, 2, 4] }],
      build: (sorted, values) => ops.searchSorted(sorted!, values!, { side: "right" }),
    },
  ],
  scatterUpdate: [
    {
      name: "of one value",
      inputs: [{ shape: [4, 3] }, { shape: [2], dtype: "int32", values: [3, 1] }],
      build: (x, indices) => ops.scatterUpdate(x!, indices!, 0.5),
    },
    {
      name: "of a matrix of indices",
      inputs: [
        { shape: [5, 2] },
        { shape: [2, 2], dtype: "int32", values: [3, 1, 0, 3] },
        { shape: [2, 2, 2] },
      ],
      build: (x, indices, updates) => ops.scatterUpdate(x!, indices!, updates!),
    },
  ],
  gatherNd: [
    {
      name: "elements",
      inputs: [{ shape: [2, 4] }, { shape: [3, 2], dtype: "int32", values: [1, 3, 0, 0, 1, 3] }],
      build: (x, indices) => ops.gatherNd(x!, indices!),
    },
    {
      name: "rows of a block",
      inputs: [{ shape: [2, 3, 4] }, { shape: [2, 2, 2], dtype: "uint8", low: 0, high: 1 }],
      build: (x, indices) => ops.gatherNd(x!, indices!),
    },
    {
      name: "of no axes",
      inputs: [x35, { shape: [2, 0], dtype: "int32" }],
      build: (x, indices) => ops.gatherNd(x!, indices!),
    },
  ],
  dynamicSlice: [
    {
      name: "of rows",
      inputs: [{ shape: [5, 3] }, { shape: [], dtype: "int32", values: [2] }],
      build: (x, start) => ops.dynamicSlice(x!, [start!, 0], [2, 3]),
      dtypes: ["float32", "uint8"],
    },
    {
      name: "of all axes, moved inside",
      inputs: [{ shape: [4, 5, 3] }, { shape: [3], dtype: "int32", values: [9, -2, 1] }],
      build: (x, starts) => ops.dynamicSlice(x!, starts!, [2, 3, 2]),
    },
    { name: "of nothing", inputs: [x35], build: (x) => ops.dynamicSlice(x!, [1, 2], [0, 2]) },
  ],
  dynamicUpdateSlice: [
    {
      name: "of rows",
      inputs: [{ shape: [5, 3] }, { shape: [2, 3] }, { shape: [], dtype: "int32", values: [2] }],
      build: (x, update, start) => ops.dynamicUpdateSlice(x!, update!, [start!, 0]),
      dtypes: ["float32", "uint8"],
    },
    {
      name: "of all axes, moved inside",
      inputs: [
        { shape: [4, 5, 3] },
        { shape: [2, 3, 2] },
        { shape: [3], dtype: "int32", values: [9, -2, 1] },
      ],
      build: (x, update, starts) => ops.dynamicUpdateSlice(x!, update!, starts!),
    },
    {
      name: "of the whole",
      inputs: [x35, x35],
      build: (x, update) => ops.dynamicUpdateSlice(x!, update!, [0, 7]),
    },
  ],
  quantile: [
    {
      inputs: [{ shape: [3, 7], distinct: true }],
      build: (x) => ops.quantile(x!, [0, 0.1, 0.5, 0.9, 1], 1),
    },
    {
      name: "over two axes",
      inputs: [{ shape: [3, 2, 4], distinct: true }],
      build: (x) => ops.quantile(x!, 0.3, [0, 2], { keepDims: true }),
    },
    {
      name: "of whole numbers, midpoint",
      inputs: [{ shape: [3, 4] }],
      dtypes: ["int32", "uint8", "bool"],
      build: (x) => ops.quantile(x!, 0.4, 0, { interpolation: "midpoint" }),
    },
  ],
  median: [
    { inputs: [{ shape: [3, 6], distinct: true }], build: (x) => ops.median(x!) },
    { inputs: [{ shape: [5, 2], distinct: true }], build: (x) => ops.median(x!, 0) },
  ],
  scatterAdd: [
    {
      name: "of a matrix of indices",
      inputs: [{ shape: [2, 3], dtype: "uint8", low: 0, high: 3 }, { shape: [2, 3, 4] }],
      build: (indices, updates) => ops.scatterAdd(indices!, updates!, 4),
    },
  ],
  conv2d: [
    {
      name: "same, stride 2",
      inputs: [image, { shape: [3, 3, 3, 4] }],
      build: (x, k) => ops.conv2d(x!, k!, { padding: "same", strides: 2 }),
      absolute: 1e-5,
    },
  ],
  conv1d: [
    {
      name: "causal",
      inputs: [{ shape: [2, 7, 3] }, { shape: [3, 3, 4] }],
      build: (x, k) => ops.conv1d(x!, k!, { padding: [4, 0], dilation: 2 }),
      absolute: 1e-5,
    },
  ],
  conv2dTranspose: [
    {
      name: "stride 2",
      inputs: [{ shape: [2, 3, 4, 5] }, { shape: [2, 2, 3, 5] }],
      build: (x, k) => ops.conv2dTranspose(x!, k!, { strides: 2 }),
      absolute: 1e-5,
    },
    {
      name: "same, overlapping",
      inputs: [{ shape: [1, 3, 4, 2] }, { shape: [3, 3, 3, 2] }],
      build: (x, k) => ops.conv2dTranspose(x!, k!, { strides: 2, padding: "same" }),
      absolute: 1e-5,
    },
    {
      name: "gaps",
      inputs: [{ shape: [1, 3, 2, 2] }, { shape: [1, 2, 1, 2] }],
      build: (x, k) => ops.conv2dTranspose(x!, k!, { strides: 3 }),
      absolute: 1e-5,
    },
  ],
  depthwiseConv2d: [
    {
      inputs: [image, { shape: [3, 3, 3, 2] }],
      build: (x, k) => ops.depthwiseConv2d(x!, k!, { padding: "same" }),
      absolute: 1e-5,
    },
  ],
  maxPool2d: [
    {
      name: "same",
      inputs: [{ ...image, distinct: true }],
      build: (x) => ops.maxPool2d(x!, { size: 3, strides: 2, padding: "same" }),
    },
  ],
  avgPool2d: [
    { inputs: [image], build: (x) => ops.avgPool2d(x!) },
    { name: "overlapping", inputs: [image], build: (x) => ops.avgPool2d(x!, { size: 3, strides: 1 }) },
    {
      name: "same",
      inputs: [image],
      build: (x) => ops.avgPool2d(x!, { size: [2, 3], strides: 2, padding: "same" }),
    },
  ],
  arange: [
    { inputs: [], build: () => ops.arange(7) },
    { inputs: [], build: () => ops.arange(5, -4, -3) },
    { inputs: [], build: () => ops.arange(0.5, 2, 0.25) },
    { name: "as bytes", inputs: [], build: () => ops.arange(250, 262, 1, { dtype: "uint8" }) },
  ],
  linspace: [
    { inputs: [], build: () => ops.linspace(-1, 2, 7) },
    { name: "without the end", inputs: [], build: () => ops.linspace(0, 1, 4, { endpoint: false }) },
  ],
  eye: [{ inputs: [], build: () => ops.eye(3, 5, { diagonal: 1 }) }],
  uniform: [{ inputs: [], build: () => ops.uniform(keyed, [3, 50], { min: -2, max: 3 }) }],
  normal: [
    {
      inputs: [],
      build: () => ops.normal(keyed, [3, 50], { mean: 1, standardDeviation: 2 }),
      absolute: 1e-5,
    },
  ],
  truncatedNormal: [{ inputs: [], build: () => ops.truncatedNormal(keyed, [150]), absolute: 1e-5 }],
  bernoulli: [{ inputs: [], build: () => ops.bernoulli(keyed, [150], { probability: 0.3 }) }],
  exponential: [{ inputs: [positive], build: (rate) => ops.exponential(keyed, [3, 5], { rate: rate! }) }],
  gumbel: [{ inputs: [x35], build: (x) => ops.gumbel(keyed, [3, 5], { location: x!, scale: 0.7 }) }],
  categorical: [
    { inputs: [x35], build: (x) => ops.categorical(keyed, x!) },
    { inputs: [x35], build: (x) => ops.categorical(keyed, x!, { samples: 4 }) },
  ],
  gamma: [
    { name: "of rates", inputs: [positive], build: (rate) => ops.gamma(keyed, [3, 5], 1.7, { rate: rate! }) },
    {
      name: "of concentrations",
      inputs: [positive],
      build: (alpha) => ops.gamma(keyed, [4, 3, 5], alpha!),
      differentiable: false,
      relative: 1e-4,
    },
  ],
  beta: [
    {
      inputs: [positive],
      build: (a) => ops.beta(keyed, [3, 5], a!, 2),
      differentiable: false,
      relative: 1e-4,
    },
  ],
  dirichlet: [
    {
      inputs: [positive],
      build: (a) => ops.dirichlet(keyed, [3, 5], a!),
      differentiable: false,
      relative: 1e-4,
    },
  ],
  ifft: [
    {
      name: "along the first axis, filled up",
      inputs: [{ shape: [5, 3] }, { shape: [5, 3] }],
      build: (a, b) => {
        const { real, imaginary } = ops.ifft({ real: a!, imaginary: b! }, { axis: 0, length: 8 });
        return ops.stack([real, imaginary]);
      },
    },
  ],
  rfft: [{ name: "cut", inputs: [x35], build: (x) => ops.rfft(x!, { length: 4, norm: "ortho" }).imaginary }],
  irfft: [
    { name: "odd", inputs: [x35], build: (x) => ops.irfft(x!, { length: 9 }) },
    {
      name: "of a product of spectra",
      inputs: [
        { shape: [2, 16], low: -0.1, high: 0.1 },
        { shape: [16], low: -0.1, high: 0.1 },
      ],
      build: (x, kernel) => {
        const [a, b] = [ops.rfft(x!), ops.rfft(kernel!)];
        const real = ops.sub(ops.mul(a.real, b.real), ops.mul(a.imaginary, b.imaginary));
        return ops.irfft({
          real,
          imaginary: ops.add(ops.mul(a.real, b.imaginary), ops.mul(a.imaginary, b.real)),
        });
      },
    },
  ],
  rfft2: [{ inputs: [{ shape: [2, 6, 4] }], build: (x) => ops.rfft2(x!).real }],
  irfft2: [{ inputs: [{ shape: [2, 6, 4] }], build: (x) => ops.irfft2(x!) }],
  fft2: [{ inputs: [{ shape: [4, 3, 5] }], build: (x) => ops.fft2(x!, { axes: [0, 1] }).imaginary }],
  ifft2: [{ inputs: [{ shape: [3, 5] }], build: (x) => ops.ifft2(x!, { lengths: [2, 8] }).real }],
  randomInt: [{ inputs: [], build: () => ops.randomInt(keyed, [150], { min: -3, max: 12 }) }],
  splitKey: [{ inputs: [], build: () => ops.stack(ops.splitKey(keyed, 5)) }],
  shuffle: [{ inputs: [x35], build: (x) => ops.shuffle(keyed, x!, 1) }],
  permutation: [{ inputs: [], build: () => ops.permutation(keyed, 150) }],
  foldIn: [{ inputs: [], build: () => ops.foldIn(keyed, 17) }],
  dropout: [{ inputs: [x35], build: (x) => ops.dropout(x!, 0.4, keyed, 3) }],
  ...linalgComposites,
  ...cumulativeComposites,
  ...movementComposites,
  ...reductionComposites,
};
