import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../src/base/errors.js";
import { serialize } from "../../src/base/lookup.js";
import { tensor } from "../../src/engine/create.js";
import { valueAndGrad } from "../../src/engine/gradients.js";
import { jit } from "../../src/engine/jit.js";
import { type Variable, variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as layers from "../../src/layers/index.js";
import * as losses from "../../src/losses/index.js";
import { sequential } from "../../src/models/index.js";
import { mul, sub } from "../../src/ops/index.js";
import * as optimizers from "../../src/optimizers/index.js";
import * as schedules from "../../src/schedules/index.js";
import { type GoldenArray, type GoldenArrays, golden } from "../golden/golden.js";
import { goldenTensor, thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";
import { expectGolden } from "../support/golden.js";

interface Shared {
  readonly name: "shared";
  readonly initial: GoldenArrays;
  readonly gradients: readonly GoldenArrays[];
}

interface OptimizerCase {
  readonly name: string;
  readonly options: Record<string, unknown>;
  readonly after: readonly GoldenArrays[];
}

interface TrainingCase {
  readonly name: string;
  readonly options: Record<string, unknown>;
  readonly losses: readonly number[];
  readonly final: GoldenArrays;
}

interface TrainingShared {
  readonly name: "shared";
  readonly x: GoldenArray;
  readonly y: GoldenArray;
  readonly initial: GoldenArrays;
}

const make = (name: string, options: Record<string, unknown>) =>
  optimizers.get({ className: name, config: options });

describeOnEachBackend("optimizers against Keras", () => {
  const [shared, ...cases] = golden<Shared | OptimizerCase>("keras-optimizers") as [
    Shared,
    ...OptimizerCase[],
  ];
  for (const { name, options, after } of cases) {
    it(`${name} ${JSON.stringify(options)}`, async () => {
      const names = Object.keys(shared.initial);
      const weights = names.map((key) => variable(goldenTensor(shared.initial[key]!), { name: key }));
      const optimizer = make(name, options);
      const step = jit((...gradients: Tensor[]) => optimizer.apply(gradients, weights));
      for (const [i, expected] of after.entries()) {
        step(...names.map((key) => goldenTensor(shared.gradients[i]![key]!)));
        for (const [k, key] of names.entries()) await expectGolden(weights[k]!.value, expected[key]!);
      }
      expect(await optimizer.iterations.value.item()).toBe(after.length);
    });
  }
});

describeOnEachBackend("training loops against Keras", () => {
  const [shared, ...cases] = golden<TrainingShared | TrainingCase>("keras-training") as [
    TrainingShared,
    ...TrainingCase[],
  ];
  for (const { name, options, losses: expected, final } of cases) {
    it(`a custom loop with ${name} ${JSON.stringify(options)}`, async () => {
      const hidden = layers.dense(5, { activation: "tanh", inputShape: [4] });
      const last = layers.dense(3);
      const model = sequential([hidden, last]);
      const { initial } = shared;
      const weights: Record<string, Variable> = {
        kernel1: hidden.kernel,
        bias1: hidden.bias!,
        kernel2: last.kernel,
        bias2: last.bias!,
      };
      for (const [key, value] of Object.entries(initial)) weights[key]!.assign(goldenTensor(value));
      const loss = losses.sparseCategoricalCrossentropy({ fromLogits: true });
      const optimizer = make(name, options);
      const variables = model.trainableWeights;
      const step = jit((x: Tensor, y: Tensor) => {
        const { value, gradients } = valueAndGrad(
          () => loss.call(y, model.run(x, { training: true })),
          variables,
        )();
        optimizer.apply(gradients, variables);
        return value;
      });
      const x = goldenTensor(shared.x);
      const y = goldenTensor(shared.y);
      for (const value of expected) {
        expect(Math.abs((await step(x, y).item()) / value - 1)).toBeLessThan(2e-6);
      }
      for (const [key, value] of Object.entries(final)) {
        await expectGolden(weights[key]!.value, value, { scale: 2e-5 });
      }
    });
  }
});

describeOnEachBackend("optimizers", () => {
  it("a learning rate can be changed while training", async () => {
    const w = variable(tensor([1]));
    const optimizer = optimizers.sgd({ learningRate: 0.5 });
    const step = jit((g: Tensor) => optimizer.apply([g], [w]));
    step(tensor([1]));
    expect(await w.value.array()).toEqual([0.5]);
    (optimizer.learningRate as Variable).assign(0.25);
    step(tensor([1]));
    expect(await w.value.array()).toEqual([0.25]);
  });

  it("a schedule is a function of the updates made so far", async () => {
    const w = variable(tensor([0]));
    const optimizer = optimizers.sgd({ learningRate: schedules.exponentialDecay(1, 1, 0.5) });
    const step = jit((g: Tensor) => optimizer.apply([g], [w]));
    const path: number[] = [];
    for (let i = 0; i < 3; i++) {
      step(tensor([-1]));
      path.push(await w.value.item());
    }
    expect(path).toEqual([1, 1.5, 1.75]);
  });

  it("the moving average starts as the weights and can take their place", async () => {
    const w = variable(tensor([0]));
    const optimizer = optimizers.sgd({ learningRate: 1, useEma: true, emaMomentum: 0.5 });
    const step = jit((g: Tensor) => optimizer.apply([g], [w]));
    for (let i = 0; i < 3; i++) step(tensor([-1])); // w = 1, 2, 3; average = 1, 1.5, 2.25
    expect(await w.value.item()).toBe(3);
    optimizer.finalizeVariableValues([w]);
    expect(await w.value.item()).toBe(2.25);
  });

  it("works outside of a trace too", async () => {
    const w = variable(tensor([3, -2]));
    const optimizer = optimizers.adam({ learningRate: 0.1 });
    for (let i = 0; i < 200; i++) {
      const { gradients } = valueAndGrad(() => mul(w.value, w.value).sum(), [w])();
      optimizer.apply(gradients, [w]);
    }
    const [a, b] = await w.value.data();
    expect(Math.abs(a!)).toBeLessThan(0.05);
    expect(Math.abs(b!)).toBeLessThan(0.05);
  });

  it("state is named after the weights and starts at zero", async () => {
    const w = variable(tensor([[1, 2]]), { name: "dense/kernel" });
    const optimizer = optimizers.adam();
    optimizer.build([w]);
    expect(optimizer.variables.map((v) => v.name)).toEqual([
      "adam/iterations",
      "adam/learningRate",
      "adam/dense/kernel/moment",
      "adam/dense/kernel/velocity",
    ]);
    expect(await optimizer.variables[2]!.value.array()).toEqual([[0, 0]]);
  });

  it("an optimizer of one's own writes updateStep", async () => {
    class SignDescent extends optimizers.Optimizer {
      protected readonly slotNames = [];
      protected updateStep(gradient: Tensor, weight: Variable, rate: Tensor) {
        weight.assign(sub(weight.value, mul(gradient.sign(), rate)));
      }
    }
    const w = variable(tensor([1, 1]));
    new SignDescent({ learningRate: 0.5 }).apply([tensor([7, -0.1])], [w]);
    expect(await w.value.array()).toEqual([0.5, 1.5]);
  });
});

describe("configuration and errors of optimizers", () => {
  it("a configuration makes an equal optimizer, its schedule included", () => {
    const optimizer = optimizers.adam({
      learningRate: schedules.cosineDecay(0.1, 100, { alpha: 0.1 }),
      clipValue: 1,
    });
    const json = JSON.parse(JSON.stringify(serialize(optimizer)));
    const again = optimizers.get(json);
    expect(again).toBeInstanceOf(optimizers.Adam);
    expect(serialize(again)).toEqual(json);
    expect(again.learningRate).toBeInstanceOf(schedules.CosineDecay);
  });

  it("an unknown name suggests the nearest", () => {
    const error = thrownBy(() => optimizers.get("adamm"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain('Did you mean "adam"?');
  });

  it.each([
    [{ learningRate: -1 }, "a learning rate of at least 0"],
    [{ momentum: 1 }, "momentum of at least 0 and below 1"],
    [{ clipNorm: 1, clipValue: 1 }, "at most one of clipNorm"],
  ])("options %j are an error", (options, message) => {
    const error = thrownBy(() => optimizers.sgd(options));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain(message);
  });

  it("gradients of another shape or number are an error", () => {
    const w = variable(tensor([1, 2]), { name: "w" });
    expect(thrownBy(() => optimizers.sgd().apply([tensor([1])], [w]))).toBeInstanceOf(ShapeError);
    expect(thrownBy(() => optimizers.sgd().apply([], [w]))).toBeInstanceOf(ConfigError);
  });

  it("other variables than it was built for are an error", () => {
    const [a, b] = [variable(tensor([1])), variable(tensor([1]))];
    const optimizer = optimizers.adam();
    optimizer.build([a]);
    expect(thrownBy(() => optimizer.build([b])).message).toContain("call compile again");
  });
});
