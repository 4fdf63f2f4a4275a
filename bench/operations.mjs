// Operations bound by memory, and sorting and Fourier transforms: each a workload of kind "operation", whose name the
// contenders look up in their tables. All inputs are float32 and drawn at random; a call makes the whole result.
//
// `bytes` counts each input once and each result once.

const MEBI = 1 << 20;
const size = (shape) => shape.reduce((product, n) => product * n, 1);

function operation(id, title, name, shapes, { result, limit, aim, ...rest }) {
  const elements = shapes.reduce((sum, shape) => sum + size(shape), 0) + size(result);
  return {
    id,
    title,
    spec: { kind: "operation", name, shapes, ...rest },
    bytes: 4 * elements,
    ...(limit ? { limit } : {}),
    aim,
  };
}

const vector = [16 * MEBI];
const square = [4096, 4096];
const cube = [64, 256, 1024];

function sums() {
  const aim = { share: 0.7 };
  const row = (id, title, shape, axis) =>
    operation(id, title, "sum", [shape], {
      axis,
      result: shape.filter((_, a) => axis !== null && a !== axis),
      limit: "read",
      aim,
    });
  return [
    row("SUMall", "sum of 4096 × 4096", square, null),
    row("SUM0", "sum along axis 0 of 4096 × 4096", square, 0),
    row("SUM1", "sum along axis 1 of 4096 × 4096", square, 1),
    row("SUMa0", "sum along axis 0 of 64 × 256 × 1024", cube, 0),
    row("SUMa1", "sum along axis 1 of 64 × 256 × 1024", cube, 1),
    row("SUMa2", "sum along axis 2 of 64 × 256 × 1024", cube, 2),
    operation("ARGMAX0", "argMax along axis 0 of 4096 × 4096", "argMax", [square], {
      axis: 0,
      result: [4096],
      limit: "read",
      aim,
    }),
    operation("ARGMAX1", "argMax along axis 1 of 4096 × 4096", "argMax", [square], {
      axis: 1,
      result: [4096],
      limit: "read",
      aim,
    }),
  ];
}

function moves() {
  const aim = { share: 0.6 };
  const transpose = (id, shape, permutation) =>
    operation(id, `transpose ${shape.join(" × ")} to (${permutation})`, "transpose", [shape], {
      permutation,
      result: shape,
      limit: "copy",
      aim,
    });
  const concat = (id, axis) => {
    const half = square.map((n, a) => (a === axis ? n / 2 : n));
    return operation(id, `concat of two ${half.join(" × ")} along axis ${axis}`, "concat", [half, half], {
      axis,
      result: square,
      limit: "copy",
      aim,
    });
  };
  return [
    transpose("TR10", square, [1, 0]),
    transpose("TR102", cube, [1, 0, 2]),
    transpose("TR021", cube, [0, 2, 1]),
    transpose("TR210", cube, [2, 1, 0]),
    concat("CAT0", 0),
    concat("CAT1", 1),
  ];
}

function transforms() {
  const aim = { ratio: 0.5 };
  const rows = (id, count, length) =>
    operation(
      id,
      `FFT of ${count} × ${length}, complex`,
      "fft",
      [
        [count, length],
        [count, length],
      ],
      {
        result: [count, 2 * length],
        aim,
      },
    );
  return [
    rows("FFT512", 1024, 512),
    rows("FFT1000", 256, 1000),
    rows("FFT1021", 64, 1021),
    rows("FFT4096", 64, 4096),
    rows("FFT1M", 1, MEBI),
    operation("RFFT512", "FFT of 1024 × 512, real", "rfft", [[1024, 512]], { result: [1024, 514], aim }),
  ];
}

export const operations = [
  operation("MULADD", "a · b + c, 16 Mi elements each", "mulAdd", [vector, vector, vector], {
    result: vector,
    limit: "triad",
    aim: { share: 0.8 },
  }),
  operation("CHAIN", "tanh(a · b + c) · sigmoid(d), 16 Mi each", "chain", [vector, vector, vector, vector], {
    result: vector,
    limit: "triad",
    aim: { share: 0.6, ratio: 3 },
  }),
  operation("SOFTMAX", "softmax over rows of 4096 × 4096", "softmax", [square], {
    result: square,
    limit: "copy",
    aim: { ratio: 1.2 },
  }),
  operation(
    "LAYERNORM",
    "layer norm over rows of 4096 × 1024, scale and shift",
    "layerNorm",
    [[4096, 1024], [1024], [1024]],
    {
      result: [4096, 1024],
      limit: "copy",
      aim: { ratio: 1.1 },
    },
  ),
  ...sums(),
  ...moves(),
  operation("SORT", "sort of 1,000,000", "sort", [[1e6]], { result: [1e6], aim: { ratio: 1 / 1.2 } }),
  operation("TOPK", "the 100 largest of 1,000,000, with their places", "topK", [[1e6]], {
    k: 100,
    result: [200],
    aim: { ratio: 1 / 1.2 },
  }),
  ...transforms(),
];
