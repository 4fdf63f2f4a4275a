import { expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { serialize, withCustomObjects } from "../../src/base/lookup.js";
import type { Shape } from "../../src/base/shape.js";
import { tensor } from "../../src/engine/create.js";
import { valueAndGrad } from "../../src/engine/gradients.js";
import { jit } from "../../src/engine/jit.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { layerFromConfig } from "../../src/layers/fromConfig.js";
import {
  type AnyLayer,
  input,
  type Layer,
  type LayerInput,
  type SymbolicTensor,
} from "../../src/layers/index.js";
import { functional } from "../../src/models/index.js";
import { mean, square } from "../../src/ops/index.js";
import { sgd } from "../../src/optimizers/index.js";
import { modelFromBytes } from "../../src/saving/index.js";
import { expectClose } from "./close.js";
import { arrayOf } from "./data.js";

/** What a layer promises. */
export interface LayerCase {
  readonly name: string;
  /** A new layer each time. */
  readonly make: () => Layer | AnyLayer;
  /** One input or several, each a batch of 4. */
  readonly input: NDArray | readonly NDArray[];
  /** Shape of the result for that batch. */
  readonly outputShape: Shape;
  /** Numbers of weights and of those that optimizers change. Default 0. */
  readonly weights?: number;
  readonly trainable?: number;
  /** Number of parameters. */
  readonly parameters?: number;
  /** Own classes the configuration refers to. */
  readonly customObjects?: Readonly<Record<string, unknown>>;
}

const batch = 4;

/** The conformance test of a layer: shapes, weights, configuration, tail batches, training, files. */
export function testLayer(layerCase: LayerCase): void {
  const { name, outputShape, weights = 0, trainable = 0, customObjects = {} } = layerCase;
  const arrays = Array.isArray(layerCase.input)
    ? (layerCase.input as readonly NDArray[])
    : [layerCase.input as NDArray];
  const make = layerCase.make as () => AnyLayer;
  const inputs = () => arrays.map((array) => tensor(array));
  const join = <T>(list: readonly T[]) => (list.length === 1 ? list[0]! : list);
  const run = (layer: AnyLayer, training = false) => layer.run(join(inputs()) as LayerInput, { training });
  const symbolic = () => arrays.map(({ shape, dtype }) => input({ shape: shape.slice(1), dtype }));
  const modelOf = (layer: AnyLayer) => {
    const ends = symbolic();
    return functional({ inputs: ends, outputs: layer.apply(join<SymbolicTensor>(ends)) });
  };

  it(`${name}: the result has the stated shape, for data and for symbols`, async () => {
    const layer = make();
    const result = await arrayOf(run(layer));
    expect(result.shape).toEqual(outputShape);
    expect(result.dtype).toBe("float32");
    const stated = [null, ...outputShape.slice(1)];
    expect(make().apply(join<SymbolicTensor>(symbolic())).shape).toEqual(stated);
  });

  it(`${name}: has the stated weights, named after the layer`, () => {
    const layer = make();
    run(layer);
    expect(layer.weights.length).toBe(weights);
    expect(layer.trainableWeights.length).toBe(trainable);
    expect(layer.nonTrainableWeights.length).toBe(weights - trainable);
    for (const weight of layer.ownVariables) expect(weight.name.startsWith(`${layer.name}/`)).toBe(true);
    if (layerCase.parameters !== undefined) expect(layer.countParams()).toBe(layerCase.parameters);
    layer.trainable = false;
    expect(layer.trainableWeights).toEqual([]);
    expect(layer.weights.length).toBe(weights);
  });

  it(`${name}: its configuration makes an equal layer`, async () => {
    const layer = make();
    const first = await arrayOf(run(layer));
    const json = JSON.parse(JSON.stringify(serialize(layer)));
    const copy = withCustomObjects(customObjects, () => layerFromConfig(json));
    expect(JSON.parse(JSON.stringify(serialize(copy)))).toEqual(json);
    run(copy);
    copy.weights.forEach((weight, i) => {
      weight.assign(layer.weights[i]!.value);
    });
    expectClose(await arrayOf(run(copy)), first, { relative: 0, absolute: 0 });
  });

  it(`${name}: a shorter batch gives the same rows without compiling anew`, async () => {
    const layer = make();
    const full = await arrayOf(run(layer));
    const compiled = jit((...tensors: Tensor[]) => layer.run(join(tensors) as LayerInput), {
      batchBound: batch,
    });
    const rows = 3;
    const part = arrays.map(({ shape, dtype, data }) => {
      const elements = (data.length / batch) * rows;
      return tensor({ shape: [rows, ...shape.slice(1)], dtype, data: data.slice(0, elements) });
    });
    const short = await arrayOf(compiled(...part));
    const elements = (full.data.length / batch) * rows;
    expectClose(
      { ...short, data: short.data.slice(0, elements) },
      { shape: [rows, ...outputShape.slice(1)], dtype: "float32", data: full.data.slice(0, elements) },
    );
    // Training mode works on such batches too.
    await jit((...tensors: Tensor[]) => layer.run(join(tensors) as LayerInput, { training: true }), {
      batchBound: batch,
    })(...part).data();
  });

  if (trainable > 0) {
    it(`${name}: training changes each trainable weight and lowers the loss`, async () => {
      const layer = make();
      run(layer);
      const variables = layer.trainableWeights;
      const before = await Promise.all(variables.map((v) => v.value.data()));
      const optimizer = sgd({ learningRate: 0.05 });
      const step = jit((...tensors: Tensor[]) => {
        const { value, gradients } = valueAndGrad(
          () => mean(square(layer.run(join(tensors) as LayerInput, { training: true }).sub(0.3))),
          variables,
        )();
        optimizer.apply(gradients, variables);
        return value;
      });
      const losses: number[] = [];
      for (let i = 0; i < 5; i++) losses.push(await step(...inputs()).item());
      expect(losses.at(-1)!).toBeLessThan(losses[0]!);
      for (const [i, variable] of variables.entries()) {
        const after = await variable.value.data();
        expect(
          after.some((value, k) => value !== before[i]![k]),
          variable.name,
        ).toBe(true);
      }
    });
  }

  it(`${name}: a model with it comes back from a file with the same bits`, async () => {
    const model = modelOf(make());
    const before = await arrayOf(model.run(join(inputs()) as LayerInput));
    const again = modelFromBytes(await model.toBytes(), "test", { customObjects });
    expectClose(await arrayOf(again.run(join(inputs()) as LayerInput)), before, { relative: 0, absolute: 0 });
    expect(again.weights.map((w) => w.shape)).toEqual(model.weights.map((w) => w.shape));
    expect(again.layers.map((layer) => layer.name)).toEqual(model.layers.map((layer) => layer.name));
  });
}
