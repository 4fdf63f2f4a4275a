/** What the compiler knows of a functional model: the names of its inputs and outputs. The calls are not run. */
import { expect, it } from "vitest";
import { functional, layers, type Tensor, zeros } from "../../src/index.js";

const image = layers.input({ shape: [4, 4] });
const length = layers.input({ shape: [1] });
const features = layers.concatenate().apply([layers.flatten().apply(image), length]);
const model = functional({
  inputs: { image, length },
  outputs: { digit: layers.dense(10).apply(features), isEven: layers.dense(1).apply(features) },
});
const [x, l] = [zeros([2, 4, 4]), zeros([2, 1])];
const targets = { digit: zeros([2], "int32"), isEven: zeros([2, 1]) };

it("records of data are checked against the names", () => {
  const calls = [
    () => model.fit({ image: x, length: l }, targets),
    // @ts-expect-error no input of this name
    () => model.fit({ image: x, lenght: l }, targets),
    // @ts-expect-error an input is missing
    () => model.evaluate({ image: x }, targets),
    // @ts-expect-error no output of this name
    () => model.fit({ image: x, length: l }, { digit: targets.digit, even: targets.isEven }),
    // @ts-expect-error an input is missing
    () => model.predict({ length: l }),
    () => model.fit([x, l], targets, { validationData: [{ image: x, length: l }, targets] }),
    // @ts-expect-error no output of this name
    () => model.compile({ optimizer: "adam", loss: { digits: "meanSquaredError" } }),
    async () => (await model.predict({ image: x, length: l })).isEven satisfies Tensor,
  ];
  expect(model.inputNames).toEqual(["image", "length"]);
  expect(calls).toHaveLength(8);
});

it("models whose ends have no names take any record", () => {
  const plain = functional({ inputs: [image, length], outputs: layers.dense(2).apply(features) });
  const calls = [
    () => plain.fit({ anything: x }, zeros([2, 2])),
    async () => (await plain.predict([x, l])) satisfies Tensor,
  ];
  expect(calls).toHaveLength(2);
});
