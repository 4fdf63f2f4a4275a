// The training step of W1 and W2 as a user writes it.
import { jit, layers, losses, optimizers, sequential, valueAndGrad } from "../dist/index.js";

/** Dense layers of the given sizes, ReLU between them. */
export function denseLayers(sizes, first = {}) {
  return sizes.slice(1).map((units, i) =>
    layers.dense(units, {
      ...(i < sizes.length - 2 ? { activation: "relu" } : {}),
      ...(i === 0 ? first : {}),
    }),
  );
}

/** The custom training loop: one compiled call a step, which returns the loss. */
export function trainingStep(sizes) {
  const model = sequential(denseLayers(sizes, { inputShape: [sizes[0]] }));
  const loss = losses.sparseCategoricalCrossentropy({ fromLogits: true });
  const optimizer = optimizers.adam({ learningRate: 1e-3 });
  const weights = model.trainableWeights;
  return jit((x, y) => {
    const lossOf = () => loss.call(y, model.run(x, { training: true }));
    const { value, gradients } = valueAndGrad(lossOf, weights)();
    optimizer.apply(gradients, weights);
    return value;
  });
}
