/** What `fit`, `evaluate` and `predict` take as data, and what they say of data that does not fit. */
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  ConfigError,
  cast,
  type DataArgument,
  DataError,
  expandDims,
  functional,
  layers,
  losses,
  type Model,
  MyelinError,
  mul,
  reshape,
  ShapeError,
  sequential,
  setSeed,
  type Tensor,
  tensor,
} from "../../src/index.js";
import { type Counted, useCounted } from "../engine/counting.js";
import { rejectionOf } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

const silent = { verbose: 0 } as const;
const rows = 10;
const inputs = Array.from({ length: rows }, (_, i) => [i / 10, 1 - i / 10, (i % 3) / 2]);
const targets = inputs.map(([a, b]) => [a! - 2 * b!]);

let backend: Counted;
beforeEach(() => {
  backend = useCounted();
});
afterAll(() => useBackend(referenceBackend));

function regression(): Model {
  setSeed(4);
  const model = sequential([layers.dense(1, { inputShape: [3] })]);
  model.compile({ optimizer: "adam", loss: "meanSquaredError" });
  return model;
}

/** Two inputs and two outputs with names. */
function branched(): Model {
  setSeed(4);
  const left = layers.input({ shape: [3], name: "left" });
  const right = layers.input({ shape: [1], name: "right" });
  const both = layers.concatenate().apply([left, right]);
  const model = functional({
    inputs: { left, right },
    outputs: {
      sum: layers.dense(1, { name: "sum" }).apply(both),
      kind: layers.dense(2, { name: "kind" }).apply(both),
    },
  });
  model.compile({
    optimizer: "adam",
    loss: { sum: "meanSquaredError", kind: losses.sparseCategoricalCrossentropy({ fromLogits: true }) },
  });
  return model;
}

async function weightsAfter(model: Model, x: DataArgument, y: DataArgument): Promise<number[]> {
  await model.fit(x, y, { ...silent, epochs: 2, batchSize: 4 });
  const parts = await Promise.all(model.weights.map((w) => w.value.data()));
  return parts.flatMap((part) => [...part]);
}

const flat = (nested: readonly (readonly number[])[]) => Float32Array.from(nested.flat());
const asArray = (nested: number[][]): NDArray => ({
  shape: [nested.length, nested[0]!.length],
  dtype: "float32",
  data: flat(nested),
});

describe("the same data in other forms gives the same bits", () => {
  const forms: Readonly<Record<string, [DataArgument, DataArgument]>> = {
    tensors: [tensor(inputs), tensor(targets)],
    "arrays with a shape": [asArray(inputs), asArray(targets)],
    "records by name": [{ input: inputs }, { dense: targets }],
    "lists in order": [[tensor(inputs)], [asArray(targets)]],
    "tensors that are not computed yet": [
      add(mul(tensor(inputs), 2), mul(tensor(inputs), -1)),
      mul(tensor(targets), 1),
    ],
    "a flat typed array as targets": [inputs, flat(targets)],
  };
  it.each(Object.keys(forms))("%s", async (name) => {
    const expected = await weightsAfter(regression(), inputs, targets);
    const [x, y] = forms[name]!;
    const model = regression();
    if (name.startsWith("records")) {
      expect([model.inputNames, model.outputNames]).toEqual([["input"], ["dense"]]);
    }
    expect(await weightsAfter(model, x, y)).toEqual(expected);
  });

  it("labels as 64-bit, 32-bit or 8-bit integers, whole floats or arrays", async () => {
    const classes = (i: number) => i % 2;
    const train = (labels: DataArgument) => {
      setSeed(4);
      const model = sequential([layers.dense(2, { inputShape: [3] })]);
      model.compile({ optimizer: "sgd", loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }) });
      return weightsAfter(model, inputs, labels);
    };
    const expected = await train(Int32Array.from({ length: rows }, (_, i) => classes(i)));
    expect(await train(BigInt64Array.from({ length: rows }, (_, i) => BigInt(classes(i))))).toEqual(expected);
    expect(await train(Uint8Array.from({ length: rows }, (_, i) => classes(i)))).toEqual(expected);
    expect(await train(Array.from({ length: rows }, (_, i) => classes(i)))).toEqual(expected);
    const error = await rejectionOf(train(BigInt64Array.from({ length: rows }, () => 2n ** 40n)));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain("1099511627776 at element 0");
  });

  it("several inputs and outputs by name or in order", async () => {
    const right = inputs.map(([, , c]) => [c!]);
    const labels = Int32Array.from({ length: rows }, (_, i) => i % 2);
    const named = await weightsAfter(branched(), { right, left: inputs }, { kind: labels, sum: targets });
    const ordered = await weightsAfter(
      branched(),
      [tensor(inputs), tensor(right)],
      [tensor(targets), tensor(labels)],
    );
    expect(ordered).toEqual(named);
  });
});

describe("data stays in memory as it came", () => {
  /** Bound arrays of all rows that the training step reads. */
  function residents(): string[] {
    const step = backend.programs.find(({ steps }) => steps.some(({ kind }) => kind === "matmul"))!;
    const bound = step.operands.filter(({ buffer, shape }) => buffer >= 0 && shape[0] === rows);
    return [...new Set(bound.map(({ dtype, shape }) => `${dtype} [${shape}]`))].sort();
  }
  const bytes = Uint8Array.from({ length: rows * 4 }, (_, i) => i * 5);
  const labels = Uint8Array.from({ length: rows }, (_, i) => i % 2);
  const classifier = (inputShape: number[]) => {
    const model = sequential([layers.flatten({ inputShape }), layers.dense(2)]);
    model.compile({ optimizer: "sgd", loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }) });
    return model;
  };

  it("bytes as bytes, converted in the step", async () => {
    await classifier([4]).fit(tensor(bytes, { shape: [rows, 4] }), labels, { ...silent, batchSize: 5 });
    expect(residents()).toEqual(["uint8 [10,4]", "uint8 [10]"].sort());
  });

  it("arithmetic with numbers and another shape of the rows is done batch by batch", async () => {
    const images = tensor(bytes, { shape: [rows, 2, 2] });
    const x = expandDims(images.cast("float32").div(255).sub(0.5), -1);
    await classifier([2, 2, 1]).fit(x, tensor(labels), { ...silent, batchSize: 5 });
    expect(residents()).toEqual(["uint8 [10,2,2]", "uint8 [10]"].sort());
    expect(x.storage).toBeUndefined();
  });

  it("anything else is computed once", async () => {
    const images = tensor(bytes, { shape: [rows, 2, 2] });
    const x = images.transpose([0, 2, 1]).div(255);
    await classifier([2, 2]).fit(x, tensor(labels), { ...silent, epochs: 3, batchSize: 5 });
    expect(residents()).toEqual(["float32 [10,2,2]", "uint8 [10]"].sort());
  });

  it("and the result is that of converted data", async () => {
    const images = tensor(bytes, { shape: [rows, 2, 2] });
    const lazy = expandDims(images.div(255), -1);
    const eager = tensor(
      Float32Array.from(bytes, (b) => b / 255),
      { shape: [rows, 2, 2, 1] },
    );
    const weights = async (x: Tensor) => {
      setSeed(1);
      return weightsAfter(classifier([2, 2, 1]), x, labels);
    };
    const expected = await weights(eager);
    (await weights(lazy)).forEach((w, i) => {
      expect(w).toBeCloseTo(expected[i]!, 6);
    });
  });
});

/** A typed error that says who, what was expected, what came and how to mend it. */
async function expectError(
  work: Promise<unknown>,
  type: new (...args: never[]) => MyelinError,
  parts: { who: string; expected: RegExp; received: RegExp; fix: RegExp },
): Promise<void> {
  const error = (await rejectionOf(work)) as MyelinError;
  expect(error).toBeInstanceOf(type);
  expect(error.who).toBe(parts.who);
  expect(error.expected).toMatch(parts.expected);
  expect(error.received).toMatch(parts.received);
  expect(error.fix).toMatch(parts.fix);
}

describe("data that does not fit is refused", () => {
  const x = () => tensor(inputs);
  const y = () => tensor(targets);

  it("where inputs and targets differ in length", async () => {
    const short = tensor(targets.slice(1));
    const parts = { expected: /10 rows/, received: /9 rows/, fix: /same samples/ };
    await expectError(regression().fit(x(), short, silent), DataError, { who: "fit", ...parts });
    await expectError(regression().evaluate(x(), short), DataError, { who: "evaluate", ...parts });
    await expectError(regression().fit(x(), y(), { ...silent, validationData: [x(), short] }), DataError, {
      who: "fit",
      ...parts,
    });
  });

  it("where inputs differ in length among themselves", async () => {
    await expectError(
      branched().fit(
        { left: inputs, right: [[1], [2]] },
        { sum: targets, kind: new Uint8Array(rows) },
        silent,
      ),
      DataError,
      { who: "fit", expected: /one length.*10 rows in "left"/, received: /2 rows in "right"/, fix: /./ },
    );
  });

  it("where there is none", async () => {
    const none = tensor(new Float32Array(0), { shape: [0, 3] });
    const parts = { expected: /at least one row/, received: /\[0, 3\]/, fix: /./ };
    await expectError(regression().fit(none, y(), silent), DataError, { who: "fit", ...parts });
    await expectError(regression().predict(none), DataError, { who: "predict", ...parts });
    await expectError(regression().fit([], y(), silent), DataError, {
      who: "fit",
      expected: /at least one row/,
      received: /\[0\]/,
      fix: /./,
    });
  });

  it("where it is nothing at all", async () => {
    for (const nothing of [undefined, null, "data", 3]) {
      const error = await rejectionOf(regression().fit(nothing as unknown as Tensor, y(), silent));
      expect(error).toBeInstanceOf(MyelinError);
    }
  });

  it("where a row has another shape", async () => {
    const wide = tensor([[1, 2, 3, 4]]);
    for (const [who, work] of [
      ["fit", () => regression().fit(wide, tensor([[1]]), silent)],
      ["evaluate", () => regression().evaluate(wide, tensor([[1]]))],
      ["predict", () => regression().predict(wide)],
    ] as const) {
      await expectError(work(), ShapeError, {
        who,
        expected: /"input".*\[batch, 3\]/,
        received: /\[1, 4\]/,
        fix: /./,
      });
    }
  });

  it("where an axis is missing or too many", async () => {
    await expectError(regression().predict(tensor([1, 2, 3])), ShapeError, {
      who: "predict",
      expected: /\[batch, 3\]/,
      received: /^\[3\]$/,
      fix: /expandDims\(x, 0\)/,
    });
    await expectError(regression().predict(reshape(x(), [rows, 3, 1])), ShapeError, {
      who: "predict",
      expected: /\[batch, 3\]/,
      received: /\[10, 3, 1\]/,
      fix: /./,
    });
  });

  it("where the targets have another shape than the outputs", async () => {
    await expectError(regression().fit(x(), tensor(inputs), silent), ShapeError, {
      who: "mean_squared_error",
      expected: /\[.*1\]/,
      received: /3\]/,
      fix: /one target for each prediction/,
    });
  });

  it("where labels are one-hot, with the loss that takes them", async () => {
    const model = sequential([layers.dense(2, { inputShape: [3] })]);
    model.compile({ optimizer: "sgd", loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }) });
    const oneHot = tensor(inputs.map((_, i) => [i % 2, 1 - (i % 2)]));
    await expectError(model.fit(x(), oneHot, silent), ShapeError, {
      who: "sparse_categorical_crossentropy",
      expected: /class numbers/,
      received: /2\]/,
      fix: /categoricalCrossentropy/,
    });
  });

  it("where it holds NaN, if asked to look, by row and name", async () => {
    const spoiled = inputs.map((row, i) => (i === 7 ? [0, Number.NaN, 0] : row));
    await expectError(regression().fit(spoiled, y(), { ...silent, checkFinite: true }), DataError, {
      who: "fit",
      expected: /finite/,
      received: /NaN in row 7 of "input"/,
      fix: /drop/,
    });
    const infinite = cast(tensor(inputs), "float32").div(tensor(inputs.map((_, i) => [i === 2 ? 0 : 1])));
    await expectError(regression().fit(infinite, y(), { ...silent, checkFinite: true }), DataError, {
      who: "fit",
      expected: /finite/,
      received: /(Infinity|NaN) in row 2/,
      fix: /./,
    });
    await expect(regression().fit(x(), y(), { ...silent, checkFinite: true })).resolves.toBeDefined();
    await expect(regression().fit(spoiled, y(), silent)).resolves.toBeDefined(); // nobody asked
  });

  it("where a name is unknown or missing, with the nearest one", async () => {
    const labels = new Uint8Array(rows);
    await expectError(
      branched().fit({ left: inputs, rigth: [[1]] }, { sum: targets, kind: labels }, silent),
      DataError,
      {
        who: "fit",
        expected: /inputs named left, right/,
        received: /no "right".*"rigth"/,
        fix: /Did you mean "right"\?/,
      },
    );
    await expectError(
      branched().evaluate({ left: inputs, right: targets }, { sum: targets } as DataArgument),
      DataError,
      { who: "evaluate", expected: /targets named sum, kind/, received: /no "kind"/, fix: /./ },
    );
    await expectError(branched().predict(tensor(inputs)), DataError, {
      who: "predict",
      expected: /inputs for left, right/,
      received: /one array/,
      fix: /record by name/,
    });
    await expectError(branched().predict([tensor(inputs)]), DataError, {
      who: "predict",
      expected: /2 arrays of inputs \(left, right\)/,
      received: /1/,
      fix: /./,
    });
  });

  it("where the model is not compiled, or a name is unknown in compile", async () => {
    const model = sequential([layers.dense(1, { inputShape: [3] })]);
    await expectError(model.fit(x(), y(), silent), ConfigError, {
      who: "fit",
      expected: /compiled/,
      received: /which is not/,
      fix: /model\.compile/,
    });
    const nearest = (compile: () => void, name: RegExp) => expect(compile).toThrow(name);
    nearest(() => model.compile({ optimizer: "adan", loss: "meanSquaredError" }), /Did you mean "adam"/);
    nearest(
      () => model.compile({ optimizer: "adam", loss: "meanSquareError" }),
      /Did you mean "meanSquaredError"/,
    );
    nearest(
      () => model.compile({ optimizer: "adam", loss: "meanSquaredError", metrics: ["acuracy"] }),
      /Did you mean "accuracy"/,
    );
  });

  it("where a split leaves nothing on one side", async () => {
    const one = tensor([[1, 2, 3]]);
    await expectError(regression().fit(one, tensor([[1]]), { ...silent, validationSplit: 0.5 }), DataError, {
      who: "fit",
      expected: /at least one row on each side/,
      received: /1 rows split at 0\.5/,
      fix: /./,
    });
    for (const validationSplit of [-0.1, 1, Number.NaN]) {
      await expectError(regression().fit(x(), y(), { ...silent, validationSplit }), ConfigError, {
        who: "fit",
        expected: /validationSplit from 0 to below 1/,
        received: /./,
        fix: /./,
      });
    }
  });
});
