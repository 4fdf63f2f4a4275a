import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../src/engine/gradients.js";
import { jit } from "../../src/engine/jit.js";
import { Variable, variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { layerFromConfig } from "../../src/layers/fromConfig.js";
import type { AnyLayer } from "../../src/layers/index.js";
import { mul, sum } from "../../src/ops/index.js";
import { type GoldenArray, type GoldenArrays, golden } from "../golden/golden.js";
import { goldenTensor } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";
import { expectGolden } from "../support/golden.js";

/** One call of a layer in a golden file. */
interface Call {
  readonly x: GoldenArray;
  readonly mask?: GoldenArray;
  readonly upstream: GoldenArray;
  readonly output: GoldenArray;
  readonly gradients: GoldenArrays;
}

interface LayerCase extends Call {
  readonly name: string;
  readonly options: Record<string, unknown>;
  readonly weights: GoldenArrays;
}

interface NormalizationCase {
  readonly name: string;
  readonly options: Record<string, unknown>;
  readonly weights: GoldenArrays;
  readonly training: readonly (Call & { readonly moving: GoldenArrays })[];
  readonly inference: { readonly x: GoldenArray; readonly output: GoldenArray };
}

const classNames: Readonly<Record<string, string>> = {
  dense: "Dense",
  conv2d: "Conv2D",
  maxPooling2d: "MaxPooling2D",
  simpleRNN: "SimpleRNN",
  batchNormalization: "BatchNormalization",
};

/** A layer with the weights of a golden case. */
function layerOf({ name, options, weights, x }: Pick<LayerCase, "name" | "options" | "weights" | "x">) {
  const className = classNames[name];
  if (!className) throw new Error(`no layer for the golden case ${name}`);
  const layer = layerFromConfig({ className, config: options });
  layer.run(goldenTensor(x));
  const fields = layer as unknown as Record<string, Variable>;
  for (const [field, value] of Object.entries(weights)) {
    expect(fields[field], field).toBeInstanceOf(Variable);
    fields[field]!.assign(goldenTensor(value));
  }
  expect(layer.weights.length).toBe(Object.keys(weights).length);
  return { layer, fields };
}

async function checkCall(
  layer: AnyLayer,
  fields: Record<string, Variable>,
  call: Call,
  training: boolean,
): Promise<void> {
  const x = variable(goldenTensor(call.x));
  const upstream = goldenTensor(call.upstream);
  const mask = call.mask && goldenTensor(call.mask);
  const names = Object.keys(call.gradients);
  const targets = names.map((name) => (name === "x" ? x : fields[name]!));
  const run = jit(() => {
    let output: Tensor | undefined;
    const { gradients } = valueAndGrad(() => {
      output = layer.run(x.value, { training, mask });
      return sum(mul(output, upstream));
    }, targets)();
    return [output!, ...gradients];
  });
  const [output, ...gradients] = run();
  await expectGolden(output!, call.output);
  for (const [i, name] of names.entries()) await expectGolden(gradients[i]!, call.gradients[name]!);
}

describeOnEachBackend("layers against Keras", () => {
  for (const file of ["keras-dense", "keras-convolution", "keras-pooling", "keras-recurrent"]) {
    describe(file, () => {
      for (const [number, layerCase] of golden<LayerCase>(file).entries()) {
        it(`${number}: ${layerCase.name} ${JSON.stringify(layerCase.options)}`, async () => {
          const { layer, fields } = layerOf(layerCase);
          await checkCall(layer, fields, layerCase, false);
        });
      }
    });
  }

  for (const [number, normalization] of golden<NormalizationCase>("keras-normalization").entries()) {
    it(`${number}: ${normalization.name} ${JSON.stringify(normalization.options)}`, async () => {
      const { layer, fields } = layerOf({ ...normalization, x: normalization.training[0]!.x });
      for (const call of normalization.training) {
        await checkCall(layer, fields, call, true);
        for (const [name, value] of Object.entries(call.moving)) {
          await expectGolden(fields[name]!.value, value);
        }
      }
      const { x, output } = normalization.inference;
      await expectGolden(layer.run(goldenTensor(x)), output);
      layer.trainable = false;
      await expectGolden(layer.run(goldenTensor(x), { training: true }), output);
    });
  }
});
