/** Sorting and what stands on it: NumPy's and PyTorch's values, and what holds for any row. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import type { DType } from "../../src/base/dtype.js";
import { nonzero, unique } from "../../src/engine/counted.js";
import { fromArray } from "../../src/engine/create.js";
import { useBackend } from "../../src/engine/device.js";
import { readElements, realizeSync } from "../../src/engine/realize.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { type GoldenArray, type GoldenArrays, golden } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectClose } from "../support/close.js";
import { goldenArray } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";
import { backendsByThreads } from "../support/threads.js";

const everywhere = [referenceBackend, ...backends];
afterEach(() => useBackend(referenceBackend));

/** What the tensors hold, computed in one program. */
function valuesOf(...tensors: Tensor[]): NDArray[] {
  realizeSync(tensors);
  return tensors.map((t) => ({ shape: t.shape, dtype: t.dtype, data: readElements(t) }));
}

// ---- NumPy and PyTorch ---------------------------------------------------------------------------------------------

interface SortingCase {
  readonly name: string;
  readonly inputs: GoldenArrays;
  readonly options?: Options;
  readonly outputs: GoldenArrays;
}
interface Options {
  readonly axis?: number;
  readonly descending?: boolean;
  readonly k?: number;
  readonly smallest?: boolean;
  readonly side?: "left" | "right";
  readonly q?: number[];
  readonly interpolation?: "linear";
}
type Named = Readonly<Record<string, Tensor>>;

const computed: Readonly<Record<string, (inputs: Named, options: Options) => Named>> = {
  sort: ({ x }, { axis, descending }) => ({ values: ops.sort(x!, axis, { descending: descending! }) }),
  argSort: ({ x }, { axis, descending }) => ({ places: ops.argSort(x!, axis, { descending: descending! }) }),
  topK: ({ x }, { k, smallest }) => ({ ...ops.topK(x!, k!, -1, { smallest: smallest! }) }),
  searchSorted: ({ x, v }, { side }) => ({ places: ops.searchSorted(x!, v!, { side: side! }) }),
  median: ({ x }, { axis }) => ({ value: ops.median(x!, axis) }),
  quantile: ({ x }, { q, axis, interpolation }) => ({
    value: ops.quantile(x!, q!, axis, { interpolation: interpolation! }),
  }),
  nonzero: ({ x }) => ({ coordinates: nonzero(x!) }),
  unique: ({ x }) => ({ ...unique(x!) }),
  sortGradient: withGradient((x) => ops.sort(x)),
  topKGradient: withGradient((x) => ops.topK(x, 3).values),
  medianGradient: withGradient((x) => ops.median(x, -1)),
  quantileGradient: withGradient((x) => ops.quantile(x, 0.3, -1)),
};

function withGradient(build: (x: Tensor) => Tensor) {
  return ({ x, upstream }: Named): Named => {
    const value = build(x!);
    return { value, gradient: vjp([value], [x!], [upstream!])[0]! };
  };
}

describe("sorting as NumPy and PyTorch do it", () => {
  for (const [number, { name, inputs, options = {}, outputs }] of golden<SortingCase>("sorting").entries()) {
    it.each(everywhere)(`$name: ${name} ${number} ${JSON.stringify(options)}`, (on) => {
      useBackend(on);
      const given = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, tensorOf(value)]));
      const results = computed[name]!(given, options);
      const names = Object.keys(outputs);
      valuesOf(...names.map((key) => results[key]!)).forEach((actual, i) => {
        expectClose(actual, goldenArray(outputs[names[i]!]!));
      });
    });
  }
});

function tensorOf(array: GoldenArray): Tensor {
  return fromArray(goldenArray(array));
}

// ---- What holds for any row ----------------------------------------------------------------------------------------

const special = [NaN, 0, -0, Infinity, -Infinity, 1e-45, -1e-45, 3.4e38, 1, 1];
const element = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...special) },
  { weight: 3, arbitrary: fc.float({ noNaN: false }) },
  { weight: 2, arbitrary: fc.integer({ min: -5, max: 5 }) },
);
const row = fc.oneof(
  fc.array(element, { maxLength: 60 }),
  fc.array(element, { minLength: 200, maxLength: 5000 }),
);

/** Equal elements; zeros of both signs are equal, and NaN to itself. */
function isSame(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((x, i) => x === b[i] || Object.is(x, b[i]));
}

function isPermutation(places: ArrayLike<number>, n: number): boolean {
  const seen = new Set(Array.from(places).filter((i) => i >= 0 && i < n));
  return places.length === n && seen.size === n;
}

describe.each(everywhere)("any row, sorted on $name", (on) => {
  const runs = on === referenceBackend ? 10 : 30;

  it("is a permutation in order, equal elements in their order, and the values stand at the positions", () => {
    fc.assert(
      fc.property(row, fc.boolean(), (elements, descending) => {
        useBackend(on);
        const x = fromArray(vector(elements));
        const [values, places] = valuesOf(ops.sort(x, 0, { descending }), ops.argSort(x, 0, { descending }));
        const data = Float32Array.from(elements);
        expect(isPermutation(places!.data, elements.length)).toBe(true);
        const moved = Float32Array.from(places!.data, (i: number) => data[i]!);
        expect(isSame(values!.data, moved), "values at the positions").toBe(true);
        const wrong = moved.findIndex((value, i) => {
          if (i === 0) return false;
          const [low, high] = descending ? [value, moved[i - 1]!] : [moved[i - 1]!, value];
          const isTied = low === high || (Number.isNaN(low) && Number.isNaN(high));
          if (isTied) return places!.data[i - 1]! > places!.data[i]!;
          return Number.isNaN(low) || low > high;
        });
        expect(wrong, "first place out of order").toBe(-1);
      }),
      { numRuns: runs },
    );
  });

  it("begins with its k best, which topK gives", () => {
    fc.assert(
      fc.property(row, fc.nat(), fc.boolean(), (elements, n, smallest) => {
        useBackend(on);
        const x = fromArray(vector(elements));
        const k = n % (elements.length + 1);
        const [best, places] = valuesOf(
          ops.topK(x, k, 0, { smallest }).indices,
          ops.argSort(x, 0, { descending: !smallest }),
        );
        expect(isSame(best!.data, places!.data.subarray(0, k))).toBe(true);
      }),
      { numRuns: runs },
    );
  });

  it("has its elements where searchSorted says they are", () => {
    fc.assert(
      fc.property(row, (elements) => {
        useBackend(on);
        const sorted = ops.sort(fromArray(vector(elements)));
        const [left, right, values] = valuesOf(
          ops.searchSorted(sorted, sorted),
          ops.searchSorted(sorted, sorted, { side: "right" }),
          sorted,
        );
        const wrong = values!.data.findIndex(
          (_: number, i: number) => left!.data[i]! > i || right!.data[i]! <= i,
        );
        expect(wrong).toBe(-1);
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });

  it("is made again of its distinct elements and their counts", () => {
    fc.assert(
      fc.property(row, (elements) => {
        useBackend(on);
        const x = fromArray(vector(elements));
        const { values, inverse, counts } = unique(x);
        const [again, distinct, times] = valuesOf(ops.gather(values, inverse), values, counts);
        expect(isSame(again!.data, Float32Array.from(elements))).toBe(true);
        expect(new Set(distinct!.data).size).toBe(distinct!.data.length);
        expect([...times!.data].reduce((a, b) => a + b, 0)).toBe(elements.length);
      }),
      { numRuns: Math.ceil(runs / 4) },
    );
  });
});

describe.each(backendsByThreads)("sorting on $name", ({ use, threads }) => {
  it.each<[string, (x: Tensor) => Tensor]>([
    ["sort", (x) => ops.sort(x)],
    ["argSort", (x) => ops.argSort(x, -1, { descending: true })],
    ["topK", (x) => ops.topK(x, 1000).indices],
    ["scatterUpdate", (x) => ops.scatterUpdate(x, ops.cast(ops.mul(ops.abs(x), 1e4), "int32"), x)],
  ])("%s gives the same bits for any number of threads", (_, build) => {
    const elements = Array.from({ length: 150_000 }, (_, i) => Math.fround(Math.sin(i * 12.9898) * 4));
    const results = threads.map((count) => {
      use(count);
      const [y] = valuesOf(build(fromArray(vector(elements))));
      return Buffer.from(y!.data.buffer).toString("base64");
    });
    expect(new Set(results).size).toBe(1);
  });
});

function vector(elements: readonly number[], dtype: DType = "float32"): NDArray {
  return { shape: [elements.length], dtype, data: Float32Array.from(elements) };
}
