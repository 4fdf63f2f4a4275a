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

  // Movement
  [
    "reshape to another number of elements",
    () => ops.reshape(float(2, 3), [4, 2]),
    ShapeError,
    "[reshape] expected a shape of 6 elements, received [4, 2]. The input has shape [2, 3]; use −1 for the length that should be computed.",
  ],
  [
    "reshape with two lengths to compute",
    () => ops.reshape(float(2, 3), [-1, -1]),
    ShapeError,
    "[reshape] expected a shape of 6 elements, received [-1, -1]. The input has shape [2, 3]; use −1 for the length that should be computed.",
  ],
  [
    "reshape to nine axes",
    () => ops.reshape(float(2), [2, 1, 1, 1, 1, 1, 1, 1, 1]),
    ShapeError,
    "[reshape] expected at most 8 axes, received 9 axes, shape [2, 1, 1, 1, 1, 1, 1, 1, 1]. Merge neighbouring axes with reshape.",
  ],
  [
    "zeros of nine axes",
    () => float(1, 1, 1, 1, 1, 1, 1, 1, 1),
    ShapeError,
    "[zeros] expected at most 8 axes, received 9 axes, shape [1, 1, 1, 1, 1, 1, 1, 1, 1]. Merge neighbouring axes with reshape.",
  ],
  [
    "zeros of a negative length",
    () => float(2, -1),
    ShapeError,
    "[zeros] expected axis lengths that are integers ≥ 0, received shape [2, -1].",
  ],
  [
    "permute that names an axis twice",
    () => ops.permute(float(2, 3), [0, -2]),
    ShapeError,
    "[permute] expected a permutation of the 2 axes, received [0, -2]. The input has shape [2, 3].",
  ],
  [
    "transpose of an axis that is not there",
    () => ops.transpose(float(2, 3), [0, 2]),
    ShapeError,
    "[transpose] expected an axis from -2 to 1, received axis 2.",
  ],
  [
    "matrixTranspose of a vector",
    () => ops.matrixTranspose(float(3)),
    ShapeError,
    "[matrixTranspose] expected matrices […, rows, columns], received shape [3]. Add an axis with expandDims(x, 0).",
  ],
  [
    "squeeze of a longer axis",
    () => ops.squeeze(float(2, 3), 1),
    ShapeError,
    "[squeeze] expected axis 1 of length 1, received shape [2, 3].",
  ],
  [
    "flatten from an axis that is not there",
    () => ops.flatten(float(2, 3), 3),
    ShapeError,
    "[flatten] expected an axis from -2 to 1, received axis 3.",
  ],
  [
    "broadcastTo a negative length",
    () => ops.broadcastTo(float(1), [-1]),
    ShapeError,
    "[broadcastTo] expected axis lengths that are integers ≥ 0, received shape [-1].",
  ],
  [
    "slice beyond the end",
    () => ops.slice(float(5), [3], [3]),
    ShapeError,
    "[slice] expected elements inside axis 0 of length 5, received start 3, size 3, step 1.",
  ],
  [
    "concat of nothing",
    () => ops.concat([]),
    ShapeError,
    "[concat] expected at least one tensor, received an empty list.",
  ],
  [
    "concat of lengths that differ",
    () => ops.concat([float(2, 3), float(2, 4)]),
    ShapeError,
    "[concat] expected shapes that agree but for axis 0, received [2, 3], [2, 4].",
  ],
  [
    "stack of shapes that differ",
    () => ops.stack([float(2), float(3)]),
    ShapeError,
    "[stack] expected tensors of one shape, received [2], [3]. Tensors that differ along one axis are joined by concat.",
  ],
  [
    "split into parts that do not fit",
    () => ops.split(float(7, 2), 3),
    ShapeError,
    "[split] expected parts that add up to 7, received 3 equal parts. The input has shape [7, 2].",
  ],
  [
    "split into no parts",
    () => ops.split(float(4), -1),
    ConfigError,
    "[split] expected a number of parts that is an integer ≥ 1, received -1.",
  ],
  [
    "split into a negative part",
    () => ops.split(float(4), [5, -1]),
    ShapeError,
    "[split] expected axis lengths that are integers ≥ 0, received shape [5, -1].",
  ],
  [
    "roll with too few axes",
    () => ops.roll(float(2, 3), [1, 2], 0),
    ShapeError,
    "[roll] expected one shift for each of axes that differ, received shifts [1, 2] for axes [0].",
  ],
  [
    "roll by a fraction",
    () => ops.roll(float(4), 0.5),
    ConfigError,
    "[roll] expected shifts that are integers, received 0.5.",
  ],
  [
    "pad of too few axes",
    () => ops.pad(float(2, 3), [[1, 1]]),
    ShapeError,
    "[pad] expected [before, after] ≥ 0 for each of 2 axes, received [[1,1]].",
  ],
  [
    "pad by a negative width",
    () => ops.pad(float(2), [[1, -1]]),
    ShapeError,
    "[pad] expected [before, after] ≥ 0 for each of 1 axes, received [[1,-1]].",
  ],
  [
    "pad in an unknown mode",
    () => ops.pad(float(2), [[1, 1]], { mode: "reflected" as "reflect" }),
    ConfigError,
    '[pad] expected the name of a mode (constant, edge, reflect, symmetric), received "reflected". Did you mean "reflect"?',
  ],
  [
    "pad that reflects nothing",
    () => ops.pad(float(0), [[1, 1]], { mode: "reflect" }),
    ShapeError,
    '[pad] expected elements along axis 0 to pad with, received shape [0]. Use the mode "constant".',
  ],
  [
    "pad of integers with a fraction",
    () => ops.pad(int(2), [[1, 1]], { value: 0.5 }),
    ConfigError,
    '[pad] expected a value that int32 can hold, received 0.5. Convert the tensor first: cast(x, "float32").',
  ],
  [
    "tile with too few numbers",
    () => ops.tile(float(2, 3), [2]),
    ShapeError,
    "[tile] expected one repetition for each of 2 axes, received [2]. The input has shape [2, 3].",
  ],
  [
    "repeat with too few numbers",
    () => ops.repeat(float(3), [1, 2], 0),
    ShapeError,
    "[repeat] expected one number for each of 3 elements of axis 0, received 2 numbers. The input has shape [3].",
  ],
  [
    "diag of a batch",
    () => ops.diag(float(2, 3, 3)),
    ShapeError,
    "[diag] expected a vector or a matrix, received shape [2, 3, 3]. For batches use diagEmbed or diagonal.",
  ],
  [
    "tril of a vector",
    () => ops.tril(float(3)),
    ShapeError,
    "[tril] expected matrices […, rows, columns], received shape [3]. Add an axis with expandDims(x, 0).",
  ],
  [
    "triu with half an offset",
    () => ops.triu(float(3, 3), { offset: 0.5 }),
    ConfigError,
    "[triu] expected an integer offset, received 0.5.",
  ],
  [
    "meshgrid of matrices",
    () => ops.meshgrid([float(2), float(2, 3)]),
    ShapeError,
    "[meshgrid] expected vectors, received shape [2, 3]. Flatten it with reshape(x, [-1]).",
  ],
  [
    "at with an index out of range",
    () => ops.at(float(2, 3), 0, -4),
    ShapeError,
    "[at] expected an index from -3 to 2 for axis 1, received index -4.",
  ],
  [
    "at with too many indices",
    () => ops.at(float(2, 3), 0, 0, 0),
    ShapeError,
    "[at] expected at most 2 indices or ranges, received 3. The tensor has shape [2, 3].",
  ],
  [
    "at with a range that stands still",
    () => ops.at(float(2, 3), [0, 2, 0]),
    ConfigError,
    "[at] expected an index or a range [start, stop, step] of integers with a step that is not 0 for axis 0, received [0,2,0].",
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
    "variance of a sample of one",
    () => ops.variance(float(1, 3), 0, { correction: 1 }),
    ShapeError,
    "[variance] expected more than 1 elements for a correction of 1, received 1 of shape [1, 3].",
  ],
  [
    "std with a negative correction",
    () => ops.std(float(3), 0, { correction: -1 }),
    ConfigError,
    "[std] expected a correction ≥ 0, received -1.",
  ],
  [
    "any along an axis that is not there",
    () => ops.any(float(3), 1),
    ShapeError,
    "[any] expected an axis from -1 to 0, received axis 1.",
  ],
  [
    "bincount of floats",
    () => ops.bincount(float(3), 4),
    DTypeError,
    '[bincount] expected numbers of dtype int32 or uint8, received dtype float32. Convert them with cast(numbers, "int32").',
  ],
  [
    "bincount without a length",
    () => ops.bincount(int(3), Number.NaN),
    ConfigError,
    "[bincount] expected a length that is an integer ≥ 0, received NaN.",
  ],
  [
    "histogram of no bins",
    () => ops.histogram(float(3), 0),
    ConfigError,
    "[histogram] expected a number of bins that is an integer ≥ 1, or a list of edges, received 0.",
  ],
  [
    "histogram with edges that decrease",
    () => ops.histogram(float(3), [0, 2, 1]),
    ConfigError,
    "[histogram] expected at least two edges in increasing order, received [0,2,1].",
  ],
  [
    "histogram with too few weights",
    () => ops.histogram(float(3), 2, { weights: float(2) }),
    ShapeError,
    "[histogram] expected weights shaped like the elements, [3], received shape [2].",
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
    '[bitwiseAnd] expected integer or bool tensors, received dtype float32. Convert with cast(x, "int32").',
  ],
  // Sorting and indexing
  [
    "sort of a scalar",
    () => ops.sort(float()),
    ShapeError,
    "[sort] expected no axis (the tensor is a scalar), received axis -1.",
  ],
  [
    "topK of more than there are",
    () => ops.topK(float(3), 4),
    ConfigError,
    "[topK] expected a number of elements from 0 to 3, received 4.",
  ],
  [
    "searchSorted on a side that is none",
    () => ops.searchSorted(float(3), 1, { side: "middle" as "left" }),
    ConfigError,
    '[searchSorted] expected a side, "left" or "right", received "middle".',
  ],
  [
    "searchSorted in rows of another batch",
    () => ops.searchSorted(float(2, 3), float(3, 3)),
    ShapeError,
    "[searchSorted] expected values of shape [2, …], received shape [3, 3]. A sorted vector takes values of any shape, sorted rows take a row of values each.",
  ],
  [
    "quantile beyond 1",
    () => ops.quantile(float(3), [0.5, 1.5]),
    ConfigError,
    "[quantile] expected shares from 0 to 1, received 1.5.",
  ],
  [
    "quantile without shares",
    () => ops.quantile(float(3), []),
    ConfigError,
    "[quantile] expected a share from 0 to 1, or a list of them, received [].",
  ],
  [
    "quantile of a misspelt interpolation",
    () => ops.quantile(float(3), 0.5, 0, { interpolation: "liner" as "linear" }),
    ConfigError,
    '[quantile] expected the name of an interpolation (linear, lower, higher, nearest, midpoint), received "liner". Did you mean "linear"?',
  ],
  [
    "median of nothing",
    () => ops.median(float(2, 0), 1),
    ShapeError,
    "[median] expected axes with elements, received shape [2, 0]. There is no quantile of nothing.",
  ],
  [
    "scatterUpdate of whole numbers by floats",
    () => ops.scatterUpdate(int(3), int(2), float(2)),
    DTypeError,
    "[scatterUpdate] expected updates that int32 holds, received dtype float32. Cast one of the two: cast(x, …).",
  ],
  [
    "scatterUpdate by rows of another number",
    () => ops.scatterUpdate(float(4, 2), int(3), float(2, 2)),
    ShapeError,
    "[scatterUpdate] expected updates of shape [3, 2], or what broadcasts to it, received shape [2, 2]. There are indices of shape [3], and each row has shape [2].",
  ],
  [
    "scatterUpdate of a scalar",
    () => ops.scatterUpdate(float(), int(), 1),
    ShapeError,
    "[scatterUpdate] expected a tensor of rows [n, inner…], received a scalar.",
  ],
  [
    "gatherNd of more axes than there are",
    () => ops.gatherNd(float(2, 2), int(4, 3)),
    ShapeError,
    "[gatherNd] expected indices of shape [rows…, d] with d up to 2, the rank of the tensor, received shape [4, 3].",
  ],
  [
    "dynamicSlice with too few starts",
    () => ops.dynamicSlice(float(2, 3), [0], [1, 1]),
    ShapeError,
    "[dynamicSlice] expected a start for each of 2 axes, received 1. The input has shape [2, 3].",
  ],
  [
    "dynamicSlice at a fraction",
    () => ops.dynamicSlice(float(3), [0.5], [1]),
    DTypeError,
    "[dynamicSlice] expected starts that are integers, received 0.5.",
  ],
  [
    "dynamicUpdateSlice by more than the whole",
    () => ops.dynamicUpdateSlice(float(3), float(4), [0]),
    ShapeError,
    "[dynamicUpdateSlice] expected a part of shape [3]: 1 lengths, none larger than its axis, received [4].",
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
      ops.polygamma(1, x),
      ops.prelu(x, float(3)),
      ops.clip(x, float(8, 3), 1),
      ops.where(ops.greater(x, 0), 1, float(3)),
      ops.glu(x, 1),
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

  it("stays on the batch axis through movement of the others", () => {
    const x = batch(32, 3, 4);
    const results = [
      ops.stack([x, x], 0),
      ops.stack([x, x], -1),
      ops.concat([x, float(32, 3, 1)], 2),
      ops.split(x, 3, 1)[0]!,
      ops.unstack(x, 1)[0]!,
      ops.at(x, [], 0, [null, null, -1]),
      ops.pad(
        x,
        [
          [0, 0],
          [1, 1],
          [0, 2],
        ],
        { mode: "edge" },
      ),
      ops.roll(x, 1, 1),
      ops.tril(x),
      ops.diagonal(x),
      ops.diagEmbed(batch(32, 3)),
      ops.tile(x, [1, 2, 2]),
      ops.zerosLike(x),
      ops.permute(x, [1, 0, 2]),
    ];
    for (const result of results) {
      const axis = result.shape.indexOf(32);
      expect(result.extent).toMatchObject({ axis, length, factor: 1 });
    }
    expect(ops.repeat(x, 2, 0).extent).toMatchObject({ axis: 0, length, factor: 2 });
  });

  it("is not cut, padded, rolled, turned round or stretched", () => {
    const x = batch(32, 3);
    const one = batch(1, 3);
    for (const call of [
      () => ops.slice(x, [0, 0], [4, 3]),
      () => ops.at(x, -1),
      () => ops.at(x, [null, 5]),
      () => ops.split(x, 2),
      () => ops.unstack(x),
      () => ops.flip(x, 0),
      () => ops.roll(x, 1, 0),
      () => ops.roll(x, 1),
      () =>
        ops.pad(x, [
          [0, 1],
          [0, 0],
        ]),
      () =>
        ops.pad(
          x,
          [
            [0, 1],
            [0, 0],
          ],
          { mode: "edge" },
        ),
      () => ops.concat([x, x], 0),
      () => ops.tile(x, [2, 1]),
      () => ops.broadcastTo(one, [5, 3]),
      () => ops.diagEmbed(batch(32)),
      () => ops.diag(x),
    ]) {
      expect(thrownBy(call), String(call)).toBeInstanceOf(ShapeError);
    }
  });

  it("goes with the batch axis where that is reduced", () => {
    expect(ops.mean(batch(32, 8)).extent).toBeUndefined();
    expect(ops.max(batch(32, 8), 0).extent).toBeUndefined();
    expect(ops.std(batch(32, 8), 0).extent).toBeUndefined();
    expect(ops.scatterAdd(ops.cast(batch(32), "int32"), batch(32, 4), 7).extent).toBeUndefined();
  });

  it("can't be two axes of a product, or of what is picked", () => {
    const x = batch(32, 8);
    expect(thrownBy(() => ops.matmul(x, ops.transpose(x))).message).toBe(
      "[matmul] expected a product with one axis of a run-time length, received [32, 8] and [8, 32], whose axes 0 and 1 have one. A product of all rows of a batch with all others needs a fixed length: compile without batchBound.",
    );
    expect(ops.matmul(ops.transpose(x), x).extent).toBeUndefined();
    const numbers = ops.cast(batch(32), "int32");
    expect(thrownBy(() => ops.gather(x, numbers, 1)).message).toContain(
      "[gather] expected data or indices of a fixed shape, received [32, 8] and [32]",
    );
  });

  it("can't be that of rows and of their number when they are scattered, or of a sequence that is scanned", () => {
    const columns = ops.transpose(batch(32, 8));
    const numbers = ops.cast(batch(32), "int32");
    expect(thrownBy(() => ops.scatterUpdate(columns, numbers, 5)).message).toContain(
      "[scatterUpdate] expected updates whose rows are as long as those of the tensor, received rows of a run-time length, axis 1 of [8, 32], and others of a fixed length.",
    );
    expect(thrownBy(() => ops.scan((c, x) => [c, x], float(8), batch(32, 8))).message).toContain(
      "[scan] expected sequences of a fixed length, received shape [32, 8], whose first axis has a run-time length.",
    );
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
