/** Each mistake a user can make with an operation: which error, and what it says. */
import { describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { ConfigError, DataError, DTypeError, MyelinError, ShapeError } from "../../src/base/errors.js";
import { type KernelPrimitive, primitives } from "../../src/graph/primitive.js";
import * as ops from "../../src/ops/index.js";
import { placeholder } from "../../src/ops/leaf.js";

const float = (...shape: number[]) => ops.zeros(shape);
const int = (...shape: number[]) => ops.zeros(shape, "int32");

type Kind = new (...args: never[]) => MyelinError;

/** [what the user writes, class, message] */
const mistakes: readonly (readonly [name: string, call: () => unknown, kind: Kind, message: string])[] = [
  // Dtypes
  [
    "zeros of a misspelt dtype",
    () => ops.zeros([2], "flaot32" as "float32"),
    ConfigError,
    '[zeros] expected the name of a dtype (bool, uint8, int32, float32, float64), received "flaot32". Did you mean "float32"?',
  ],
  [
    "zeros with a record of options",
    () => ops.zeros([2], { dtype: "int32" } as unknown as "int32"),
    ConfigError,
    '[zeros] expected the name of a dtype (bool, uint8, int32, float32, float64), received object. Give the name itself, "int32", without an object around it.',
  ],
  [
    "full of a dtype that is none",
    () => ops.full([2], 1, 32 as unknown as "int32"),
    ConfigError,
    "[full] expected the name of a dtype (bool, uint8, int32, float32, float64), received number.",
  ],
  [
    "arange of a misspelt dtype",
    () => ops.arange(3, 5, 1, { dtype: "int23" as "int32" }),
    ConfigError,
    '[arange] expected the name of a dtype (bool, uint8, int32, float32, float64), received "int23". Did you mean "int32"?',
  ],
  [
    "cast to a misspelt dtype",
    () => ops.cast(float(2), "flaot32" as "float32"),
    ConfigError,
    '[cast] expected the name of a dtype (bool, uint8, int32, float32, float64), received "flaot32". Did you mean "float32"?',
  ],
  // Convolution
  [
    "conv2d of images without channels",
    () => ops.conv2d(float(32, 28, 28), float(3, 3, 1, 8)),
    ShapeError,
    "[conv2d] expected input of rank 4 [batch, height, width, channels], received shape [32, 28, 28]. Add a channel axis with expandDims(x, -1).",
  ],
  [
    "conv2d of one image without a batch",
    () => ops.conv2d(float(28, 28, 3), float(3, 3, 3, 8)),
    ShapeError,
    "[conv2d] expected input of rank 4 [batch, height, width, channels], received shape [28, 28, 3]. Add a batch axis with expandDims(x, 0).",
  ],
  [
    "conv2d with a kernel for other channels",
    () => ops.conv2d(float(1, 8, 8, 4), float(3, 3, 3, 8)),
    ShapeError,
    "[conv2d] expected a kernel of shape [3, 3, 4, 8] for 4 channels, received shape [3, 3, 3, 8]. The kernel's last two axes are [channels / groups, filters].",
  ],
  [
    "conv2d with a kernel larger than the image",
    () => ops.conv2d(float(1, 4, 4, 1), float(5, 5, 1, 1)),
    ShapeError,
    '[conv2d] expected an image of at least 5×5, which the kernel covers, received 4×4 with padding. Use padding: "same", or a smaller kernel.',
  ],
  [
    "conv2d with groups that do not divide the channels",
    () => ops.conv2d(float(1, 4, 4, 3), float(3, 3, 1, 4), { groups: 2 }),
    ShapeError,
    "[conv2d] expected channels and filters that 2 groups divide, received 3 channels and 4 filters.",
  ],
  [
    "conv2d with a stride of 0",
    () => ops.conv2d(float(1, 4, 4, 1), float(3, 3, 1, 1), { strides: 0 }),
    ConfigError,
    "[conv2d] expected strides of positive integers, received 0.",
  ],
  [
    "conv2d with a misspelt padding",
    () => ops.conv2d(float(1, 4, 4, 1), float(3, 3, 1, 1), { padding: "Same" as "same" }),
    ConfigError,
    '[conv2d] expected the name of a padding (valid, same), received "Same". Did you mean "same"?',
  ],
  [
    "conv2dTranspose with the channels in the wrong place",
    () => ops.conv2dTranspose(float(1, 4, 4, 8), float(2, 2, 8, 4)),
    ShapeError,
    "[conv2dTranspose] expected a kernel [height, width, filters, 8] for 8 channels, received shape [2, 2, 8, 4]. The kernel's last axis is that of the input channels.",
  ],
  [
    "depthwiseConv2d with a kernel for other channels",
    () => ops.depthwiseConv2d(float(1, 4, 4, 3), float(3, 3, 2, 1)),
    ShapeError,
    "[depthwiseConv2d] expected a kernel [height, width, 3, multiplier] for 3 channels, received shape [3, 3, 2, 1].",
  ],
  [
    "conv1d of a sequence without channels",
    () => ops.conv1d(float(2, 9), float(3, 1, 4)),
    ShapeError,
    "[conv1d] expected input of rank 3 [batch, time, channels], received shape [2, 9]. Add a channel axis with expandDims(x, -1).",
  ],
  [
    "conv1d with a kernel for other channels",
    () => ops.conv1d(float(2, 9, 3), float(5, 4, 8)),
    ShapeError,
    "[conv1d] expected a kernel of shape [5, 3, 8] for 3 channels, received shape [5, 4, 8]. The kernel's last two axes are [channels / groups, filters].",
  ],

  // Pooling
  [
    "maxPool2d of images smaller than the window",
    () => ops.maxPool2d(float(1, 2, 2, 1), { size: 3 }),
    ShapeError,
    '[maxPool2d] expected an image of at least 3×3, which the window covers, received 2×2 with padding. Use padding: "same", or a smaller window.',
  ],
  [
    "maxPool2d with padding as large as the window",
    () => ops.maxPool2d(float(1, 4, 4, 1), { padding: 2 }),
    ConfigError,
    "[maxPool2d] expected padding smaller than the window (2), received [2,2]. A window in the padding alone has no value.",
  ],

  // Classification
  [
    "sparseCrossEntropy with float labels",
    () => ops.sparseCrossEntropy(float(5, 3), float(5)),
    DTypeError,
    '[sparseCrossEntropy] expected labels of dtype int32 or uint8, received dtype float32. Convert them with cast(labels, "int32").',
  ],
  [
    "sparseCrossEntropy with one-hot labels",
    () => ops.sparseCrossEntropy(float(5, 3), int(5, 3)),
    ShapeError,
    "[sparseCrossEntropy] expected labels of shape [5] for logits of shape [5, 3], received shape [5, 3]. For one-hot labels or probabilities use crossEntropy(logits, probabilities).",
  ],
  [
    "sparseCrossEntropy with a column of labels",
    () => ops.sparseCrossEntropy(float(5, 3), int(5, 1)),
    ShapeError,
    "[sparseCrossEntropy] expected labels of shape [5] for logits of shape [5, 3], received shape [5, 1]. Drop the last axis with squeeze(labels, -1).",
  ],
  [
    "crossEntropy with class numbers",
    () => ops.crossEntropy(float(5, 3), int(5)),
    ShapeError,
    "[crossEntropy] expected probabilities of the logits' shape [5, 3], received shape [5]. For class numbers use sparseCrossEntropy.",
  ],
  [
    "binaryCrossEntropyWithLogits of [n, 1] against [n]",
    () => ops.binaryCrossEntropyWithLogits(float(5, 1), float(5)),
    ShapeError,
    "[binaryCrossEntropyWithLogits] expected targets of the logits' shape [5, 1], received shape [5]. Reshape one of them; they do not broadcast.",
  ],
  [
    "oneHot of no classes",
    () => ops.oneHot(int(2), 0),
    ConfigError,
    "[oneHot] expected a depth that is a positive integer, received 0.",
  ],
  [
    "softmax along an axis that is not there",
    () => ops.softmax(float(2, 3), 2),
    ShapeError,
    "[softmax] expected an axis from -2 to 1, received axis 2.",
  ],

  // Indexing
  [
    "gather with float indices",
    () => ops.gather(float(5, 3), float(2)),
    DTypeError,
    '[gather] expected indices of dtype int32 or uint8, received dtype float32. Convert them with cast(indices, "int32").',
  ],
  [
    "takeAlongAxis with one index per row, without its axis",
    () => ops.takeAlongAxis(float(5, 3), int(5)),
    ShapeError,
    "[takeAlongAxis] expected indices shaped like [5, 3] but for axis 1, received shape [5]. For whole rows of one number each use gather(x, indices, axis).",
  ],
  [
    "scatterAdd with too few updates",
    () => ops.scatterAdd(int(4), float(3, 2), 5),
    ShapeError,
    "[scatterAdd] expected updates whose shape begins with that of the indices [4], received shape [3, 2]. Each index needs one row of updates.",
  ],

  // Reductions
  [
    "max of nothing",
    () => ops.max(float(3, 0), 1),
    ShapeError,
    "[max] expected at least one element along axis 1, received shape [3, 0]. max of nothing is not defined.",
  ],
  [
    "argMax of nothing",
    () => ops.argMax(float(0, 3), 0),
    ShapeError,
    "[argMax] expected at least one element along axis 0, received shape [0, 3]. argMax of nothing is not defined.",
  ],
  [
    "mean of nothing",
    () => ops.mean(float(0)),
    ShapeError,
    "[mean] expected at least one element along axis 0, received shape [0]. mean of nothing is not defined.",
  ],
  [
    "std of nothing",
    () => ops.std(float(0)),
    ShapeError,
    "[std] expected at least one element along axis 0, received shape [0]. std of nothing is not defined.",
  ],
  [
    "sum along an axis twice",
    () => ops.sum(float(2, 3), [1, -1]),
    ShapeError,
    "[sum] expected axes that differ, received axes [1, -1].",
  ],
  [
    "norm of order 0",
    () => ops.norm(float(3), 0, { order: 0 }),
    ConfigError,
    "[norm] expected an order above 0, received 0.",
  ],

  // Creation and randomness
  [
    "arange in steps of 0",
    () => ops.arange(0, 3, 0),
    ConfigError,
    "[arange] expected finite numbers and a step that is not 0, received start 0, stop 3, step 0.",
  ],
  [
    "uniform with a fraction as key",
    () => ops.uniform(0.5, [3]),
    ConfigError,
    "[uniform] expected a key that is an integer, received 0.5.",
  ],
  [
    "normal with a vector as key",
    () => ops.normal(int(2), [3]),
    ShapeError,
    "[normal] expected a key that is a scalar, received shape [2].",
  ],
  [
    "uniform integers",
    () => ops.uniform(1, [3], { dtype: "int32" }),
    DTypeError,
    "[uniform] expected a float dtype, received int32. Draw floats and cast them.",
  ],
  [
    "dropout of everything",
    () => ops.dropout(float(3), 1, 7),
    ConfigError,
    "[dropout] expected a rate of at least 0 and below 1, received 1.",
  ],
  [
    "bernoulli with a probability of 2",
    () => ops.bernoulli(1, [3], { probability: 2 }),
    ConfigError,
    "[bernoulli] expected a probability from 0 to 1, received 2.",
  ],

  // Shapes and dtypes that do not meet
  [
    "add of shapes that do not broadcast",
    () => ops.add(float(2, 3), float(4)),
    ShapeError,
    "[add] expected shapes that broadcast (equal lengths or 1, aligned at the last axis), received [2, 3] and [4]. Axis -1 has lengths 3 and 4; reshape or expandDims one of them.",
  ],
  [
    "matmul of inner lengths that differ",
    () => ops.matmul(float(2, 3), float(4, 5)),
    ShapeError,
    "[matmul] expected inner lengths that agree ([…, M, K] · […, K, N]), received [2, 3] and [4, 5]. K is 3 on the left and 4 on the right; transpose one of them?",
  ],
  [
    "add of an array",
    () => ops.add([1, 2] as unknown as number, float(2)),
    DTypeError,
    "[add] expected tensors or numbers, received an array. Wrap it: tensor([…]).",
  ],
  [
    "bitwiseAnd of floats",
    () => ops.bitwiseAnd(float(2), float(2)),
    DTypeError,
    '[and] expected integer or bool tensors, received dtype float32. Convert with cast(x, "int32").',
  ],
];

describe("mistakes", () => {
  it.each(mistakes)("%s", (_, call, kind, message) => {
    const error = thrownBy(call);
    expect(error.message).toBe(message);
    expect(error).toBeInstanceOf(kind);
    expect(error.name).toBe(kind.name);
    // The parts are there for programs to read, and the message is made of them.
    for (const part of [error.who, error.expected, error.received, error.fix])
      expect(message).toContain(part);
  });
});

describe("data that do not fit are found when the operation runs", () => {
  it("a label out of range names row and label", () => {
    const error = thrownBy(() => reference("sparseCrossEntropy", floats([3, 4]), ints([3], 0, 4, 1)));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      "[sparseCrossEntropy] expected labels from 0 to 3, received label 4 in row 1. The logits need one column per class, and labels count from 0.",
    );
    expect(error.cause).toEqual({ index: 1, value: 4 });
  });

  it("an index out of range names position and index", () => {
    const error = thrownBy(() => reference("gather", floats([5, 2]), ints([2], 4, -1)));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      "[gather] expected indices from 0 to 4, received index -1 at position 1. Indices count from 0; negative ones are not counted from the end.",
    );
    expect(error.cause).toEqual({ index: 1, value: -1 });
  });
});

describe("a length known at run time only", () => {
  const length = placeholder({ shape: [], dtype: "int32" }, 0, {});
  const batch = (...shape: number[]) =>
    placeholder({ shape, dtype: "float32", extent: { axis: 0, length, factor: 1 } }, 1, {});

  it("stays on the batch axis through convolution, pooling, softmax, gather and reductions of other axes", () => {
    const x = batch(32, 8, 8, 3);
    const results = [
      ops.conv2d(x, float(3, 3, 3, 4)),
      ops.maxPool2d(x),
      ops.avgPool2d(x),
      ops.avgPool2d(x, { size: 3, strides: 2, padding: "same" }),
      ops.softmax(x),
      ops.mean(x, [1, 2]),
      ops.max(x, -1),
      ops.variance(x, [1, 2, 3]),
      ops.dropout(x, 0.5, 1),
      ops.gather(float(10, 4), ops.cast(batch(32), "int32")),
      ops.sparseCrossEntropy(batch(32, 10), ops.cast(batch(32), "int32")),
      ops.oneHot(ops.cast(batch(32), "int32"), 10),
    ];
    for (const result of results) {
      expect(result.extent).toMatchObject({ axis: 0, length, factor: 1 });
    }
  });

  it("goes with the batch axis where that is reduced", () => {
    expect(ops.mean(batch(32, 8)).extent).toBeUndefined();
    expect(ops.max(batch(32, 8), 0).extent).toBeUndefined();
    expect(ops.std(batch(32, 8), 0).extent).toBeUndefined();
    expect(ops.scatterAdd(ops.cast(batch(32), "int32"), batch(32, 4), 7).extent).toBeUndefined();
  });

  it("can't be the axis of a softmax", () => {
    expect(thrownBy(() => ops.softmax(batch(32, 8), 0)).message).toBe(
      "[softmax] expected an axis of a fixed length, received shape [8, 32] whose last axis has a run-time length. Apply it along another axis than the batch axis.",
    );
  });
});

function thrownBy(call: () => unknown): MyelinError {
  try {
    call();
  } catch (error) {
    if (error instanceof MyelinError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

function reference(name: string, ...inputs: NDArray[]): NDArray[] {
  return (primitives().get(name) as KernelPrimitive).reference(inputs, {}, []);
}

function floats(shape: number[]): NDArray {
  return { shape, dtype: "float32", data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
}

function ints(shape: number[], ...values: number[]): NDArray {
  return { shape, dtype: "int32", data: Int32Array.from(values) };
}
