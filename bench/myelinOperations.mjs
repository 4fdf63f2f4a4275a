// The operations of operations.mjs as a user of Myelin writes them: one compiled call, the result given back.
import * as myelin from "../dist/index.js";
import { Unsupported } from "./protocol.mjs";

const { concat, jit, layerNormalization, normal, realize, softmax, sum, transpose } = myelin;
const { argMax, fft, rfft, sort, topK } = myelin;

const functions = {
  mulAdd: () => (a, b, c) => a.mul(b).add(c),
  chain: () => (a, b, c, d) => a.mul(b).add(c).tanh().mul(d.sigmoid()),
  softmax: () => (x) => softmax(x),
  layerNorm: () => (x, gamma, beta) => layerNormalization(x, gamma, beta),
  sum:
    ({ axis }) =>
    (x) =>
      sum(x, axis ?? undefined),
  argMax:
    ({ axis }) =>
    (x) =>
      argMax(x, axis),
  transpose:
    ({ permutation }) =>
    (x) =>
      transpose(x, permutation),
  concat:
    ({ axis }) =>
    (a, b) =>
      concat([a, b], axis),
  sort: () => (x) => sort(x),
  topK:
    ({ k }) =>
    (x) =>
      topK(x, k),
  fft: () => (real, imaginary) => fft({ real, imaginary }),
  rfft: () => (x) => rfft(x),
};

export async function operationStep(spec) {
  const make = functions[spec.name];
  if (!make) throw new Unsupported(spec.name);
  const inputs = spec.shapes.map((shape, i) => normal(i, shape));
  await realize(inputs);
  const call = jit(make(spec));
  return () => {
    const result = call(...inputs);
    for (const tensor of result instanceof myelin.Tensor ? [result] : Object.values(result)) tensor.dispose();
  };
}
