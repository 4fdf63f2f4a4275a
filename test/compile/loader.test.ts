/** Programs as words: what was damaged on the way is refused by the native loader, or is another program; nothing crashes. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import { loadAddon } from "../../src/backends/cpu/addon.js";
import { encode } from "../../src/backends/cpu/encode.js";
import { compile } from "../../src/compile/compile.js";
import { Tensor } from "../../src/graph/tensor.js";
import { gather, greater, iota, less, scan, sparseCrossEntropy, whileLoop } from "../../src/index.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { add, cast, concat, cond, conv2d, maxPool2d, mean, mul, softmax, sum } from "../../src/ops/index.js";
import { dataPrimitive } from "../../src/ops/leaf.js";
import { outputsAndGradients, randomGraphs } from "./randomGraph.js";

const { addon } = loadAddon();

const leaf = (shape: readonly number[], dtype: "float32" | "int32" = "float32") =>
  new Tensor(dataPrimitive, [], {}, { shape, dtype });

function wordsOf(outputs: readonly Tensor[]): Int32Array {
  const graph = { outputs, updates: [], isLeaf: (node: Tensor) => node.primitive.kind === "leaf" };
  const names = { backend: "native", kernels: addon!.kernels(), opcodes: addon!.opcodes() };
  return encode(compile(graph, { foldScalars: true }), names).words;
}

/** Loads the words; the message where they are refused. */
function load(words: Int32Array): string | undefined {
  try {
    addon!.unload(addon!.load(words));
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "Error") throw error;
    return error.message;
  }
}

/** A valid program with a few words replaced, cut short, or lengthened. */
function damaged(valid: fc.Arbitrary<Int32Array>): fc.Arbitrary<Int32Array> {
  const word = fc.oneof(
    fc.integer({ min: -3, max: 40 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 2 ** 30, 255, 256, 65536),
  );
  const change = fc.tuple(fc.nat(), word);
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat({ max: 30 }), fc.nat())
    .map(([words, changes, fate, at]) => {
      const copy = words.slice();
      for (const [index, value] of changes) copy[index % copy.length] = value;
      if (fate === 0) return copy.subarray(0, at % copy.length);
      return fate === 1 ? Int32Array.of(...copy, ...copy.subarray(0, at % copy.length)) : copy;
    });
}

const runs = Number(process.env.MYELIN_PROPERTY_RUNS ?? 3000);
const seed = Number(process.env.MYELIN_PROPERTY_SEED ?? 2026);

describe.skipIf(!addon)("the native loader", () => {
  const fixed: Readonly<Record<string, () => Tensor[]>> = {
    "a convolution with pooling and loss": () => {
      const image = leaf([2, 6, 6, 3]);
      const y = maxPool2d(conv2d(image, leaf([3, 3, 3, 4])));
      return [mean(sparseCrossEntropy(sum(y, [1, 2]), leaf([2], "int32")))];
    },
    "a scan inside a scan": () => {
      const [last, ys] = scan(
        (s: Tensor, row: Tensor) => {
          const [t] = scan((u: Tensor, e: Tensor) => [add(mul(u, 0.5), e), []], s, row);
          return [t, mul(t, 2)];
        },
        leaf([3]),
        leaf([4, 5, 3]),
      );
      return [last, ys];
    },
    "a while with a bound, its derivative, and one inside it": () => {
      const x = leaf([3]);
      const outer = whileLoop(
        (s) => less(sum(s), 10),
        (s) =>
          whileLoop(
            (t) => less(sum(t), 5),
            (t) => add(mul(t, 1.5), x),
            s,
            { maxIterations: 4 },
          ),
        x,
        { maxIterations: 7 },
      );
      return [outer, ...(vjp([outer], [x]) as Tensor[])];
    },
    "a cond, a call of the host, joined parts and rows by number": () => {
      const x = leaf([4, 3]);
      const side = cond(
        greater(sum(x), 0),
        () => softmax(x),
        () => mul(x, 2),
      );
      const called = hostCall((inputs) => inputs, [side], [{ shape: [4, 3], dtype: "float32" }])[0]!;
      return [concat([called, gather(x, leaf([2], "int32")), cast(iota([1, 3], 1), "float32")])];
    },
  };

  it.each(Object.keys(fixed))("takes %s, and survives its damaged copies", (name) => {
    const words = wordsOf(fixed[name]!());
    expect(load(words)).toBeUndefined();
    fc.assert(
      fc.property(damaged(fc.constant(words)), (copy) => {
        load(copy);
      }),
      { numRuns: runs, seed },
    );
  });

  it("survives damaged copies of random programs", () => {
    const valid = randomGraphs(10).map((graph) =>
      wordsOf(
        outputsAndGradients(
          graph,
          graph.shapes.map((s) => leaf(s)),
        ),
      ),
    );
    fc.assert(
      fc.property(damaged(valid), (copy) => {
        load(copy);
      }),
      { numRuns: runs, seed },
    );
  });

  it.each([
    ["nothing", (_: Int32Array) => new Int32Array(0)],
    ["another magic number", (w: Int32Array) => w.with(0, 7)],
    ["another version", (w: Int32Array) => w.with(1, 1000)],
    ["one word less", (w: Int32Array) => w.subarray(0, -1)],
    ["one word more", (w: Int32Array) => Int32Array.of(...w, 0)],
    ["a negative number of buffers", (w: Int32Array) => w.with(2, -1)],
    ["more steps than there are", (w: Int32Array) => w.with(4, 1000)],
  ])("refuses %s, with words that say what", (_, damage) => {
    const words = wordsOf([add(leaf([2]), leaf([2]))]);
    expect(load(words)).toBeUndefined();
    expect(load(damage(words))).toMatch(/invalid program: .{5,}/);
  });
});
