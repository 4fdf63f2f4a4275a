/** Random graphs, compiled with fusion on every backend, give what the reference gives without. */
import fc from "fast-check";
import { afterAll, describe, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import "../../src/index.js";
import { fromArray } from "../../src/engine/create.js";
import { useBackend } from "../../src/engine/device.js";
import { jit } from "../../src/engine/jit.js";
import { variable } from "../../src/engine/variable.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { type EvaluateOptions, evaluate, referenceBackend } from "../support/evaluate.js";
import {
  describeGraph,
  inputsOf,
  outputsAndGradients,
  outputsAndUpdates,
  outputsOf,
  type RandomGraph,
  randomGraphs,
} from "./randomGraph.js";

afterAll(() => useBackend(referenceBackend));

const runs = Number(process.env.MYELIN_PROPERTY_RUNS ?? 150);
const seed = Number(process.env.MYELIN_PROPERTY_SEED ?? 2026);

/** Errors of rounding grow with the numbers they come from, some of which cancel. */
function compare(actual: readonly NDArray[], expected: readonly NDArray[]): void {
  const largest = expected.flatMap(({ data }) => Array.from(data).filter(Number.isFinite).map(Math.abs));
  const scale = largest.reduce((a, b) => Math.max(a, b), 1);
  actual.forEach((array, i) => {
    expectClose(array, expected[i]!, { relative: 1e-3, absolute: 2e-5 * scale });
  });
}

function arrayOf(t: Tensor): NDArray {
  return { shape: t.shape, dtype: t.dtype, data: t.dataSync() };
}

function check(
  most: number,
  build: (graph: RandomGraph, inputs: readonly Tensor[]) => readonly Tensor[],
  variants: readonly EvaluateOptions[],
): void {
  fc.assert(
    fc.property(randomGraphs(most), (graph) => {
      const inputs = inputsOf(graph);
      const expected = evaluate(inputs, (xs) => build(graph, xs), { fusion: false, foldScalars: true });
      for (const options of variants) {
        try {
          compare(
            evaluate(inputs, (xs) => build(graph, xs), options),
            expected,
          );
        } catch (error) {
          const how = `${options.on?.name ?? "reference"}${options.foldScalars ? ", as in jit" : ""}`;
          throw new Error(`${how}: ${describeGraph(graph)}`, { cause: error });
        }
      }
    }),
    { numRuns: runs, seed },
  );
}

describe.each([referenceBackend, ...backends])("random graphs on $name", (on) => {
  it("have the values of the reference without fusion", () => {
    check(24, outputsOf, [
      { on, foldScalars: true },
      { on, foldScalars: false },
    ]);
  });

  it("update variables in place as if each new value were computed from the old ones", () => {
    fc.assert(
      fc.property(randomGraphs(12), (graph) => {
        let state = inputsOf(graph);
        useBackend(on);
        const variables = state.map((array) => variable(fromArray(array)));
        const step = jit(() => {
          const { outputs, updates } = outputsAndUpdates(
            graph,
            variables.map((v) => v.value),
          );
          variables.forEach((v, i) => {
            v.assign(updates[i]!);
          });
          return outputs;
        });
        for (let k = 0; k < 3; k++) {
          const expected = evaluate(
            state,
            (xs) => {
              const { outputs, updates } = outputsAndUpdates(graph, xs);
              return [...outputs, ...updates];
            },
            { fusion: false, foldScalars: true },
          );
          useBackend(on);
          const outputs = step();
          try {
            compare([...outputs, ...variables.map((v) => v.value)].map(arrayOf), expected);
          } catch (error) {
            throw new Error(`step ${k}: ${describeGraph(graph)}`, { cause: error });
          }
          state = expected.slice(outputs.length);
        }
      }),
      { numRuns: runs, seed },
    );
  });

  it("have the gradients of the reference without fusion", () => {
    check(10, outputsAndGradients, [{ on, foldScalars: true }]);
  });
});
