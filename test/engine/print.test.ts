/** What is printed is what `numpy.array2string(a, separator=", ")` (2.4) prints, in JavaScript's words. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import "../../src/index.js";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  jit,
  type NestedArray,
  print,
  type Tensor,
  TraceError,
  tensor,
  variable,
} from "../../src/index.js";
import { type GoldenArray, golden, goldenNumbers } from "../golden/golden.js";
import { referenceBackend } from "../support/evaluate.js";

beforeAll(() => useBackend(referenceBackend));

/** The elements as printed, without dtype and shape. */
function printed(data: NestedArray, dtype?: "float32" | "int32" | "float64"): string {
  return tensor<"float32" | "int32" | "float64">(data, dtype ? { dtype } : {})
    .toString()
    .replace(/ {2}\w+ \[[\d, ]*\]$/, "");
}

const thirds = Array.from({ length: 40 }, (_, i) => Math.fround(i / 3));
const count = (n: number) => Array.from({ length: n }, (_, i) => i);
const grid = (rows: number, columns: number) =>
  count(rows).map((row) => count(columns).map((column) => row * columns + column));

describe("a tensor prints", () => {
  it("its elements, then dtype and shape", () => {
    expect(
      tensor([
        [1, 2],
        [3, 4],
      ]).toString(),
    ).toBe("[[1., 2.],\n [3., 4.]]  float32 [2, 2]");
    expect(`${tensor(3, { dtype: "int32" })}`).toBe("3  int32 []");
  });

  it.each([
    { data: [1.5, -2, 0.25], text: "[ 1.5 , -2.  ,  0.25]" },
    { data: [0, 0], text: "[0., 0.]" },
    { data: [-0, 1], text: "[-0.,  1.]" },
    { data: [Number.NaN, 1], text: "[NaN,  1.]" },
    { data: [-1.5, Number.NaN], text: "[-1.5,  NaN]" },
    { data: [0.1, 100, 1234.5], text: "[1.0000e-01, 1.0000e+02, 1.2345e+03]" },
    { data: [1e-5, 1, 2], text: "[1.e-05, 1.e+00, 2.e+00]" },
    { data: [1e-3, 1000.5, 1001], text: "[1.0000e-03, 1.0005e+03, 1.0010e+03]" },
    { data: [1e30, 1e-30, 0], text: "[1.e+30, 1.e-30, 0.e+00]" },
    { data: [1.2345678e-7, 3], text: "[1.2345679e-07, 3.0000000e+00]" },
    { data: 3.5, text: "3.5" },
    { data: 0.1, text: "0.1" },
    { data: 1e10, text: "1.e+10" },
    { data: 123456789, text: "1.2345679e+08" },
    { data: [1 / 3, 2 / 3], text: "[0.33333334, 0.6666667 ]" },
  ])("floats with as many digits as tell them apart: $text", ({ data, text }) => {
    expect(printed(data)).toBe(text);
  });

  it("infinities in JavaScript's words, aligned like the rest", () => {
    expect(printed([Infinity, 1, -Infinity])).toBe("[ Infinity,        1., -Infinity]");
  });

  it("float64 with its own digits", () => {
    expect(printed([1 / 3, 2 / 3], "float64")).toBe("[0.33333333, 0.66666667]");
  });

  it("integers aligned to the right, and booleans", () => {
    expect(printed([1, 20, -300], "int32")).toBe("[   1,   20, -300]");
    expect(printed([true, false])).toBe("[ true, false]");
  });

  it("nested axes with empty lines between blocks", () => {
    expect(printed([grid(3, 4), grid(3, 4).map((row) => row.map((x) => x + 12))], "int32")).toBe(
      "[[[ 0,  1,  2,  3],\n  [ 4,  5,  6,  7],\n  [ 8,  9, 10, 11]],\n\n" +
        " [[12, 13, 14, 15],\n  [16, 17, 18, 19],\n  [20, 21, 22, 23]]]",
    );
  });

  it("long rows on several lines", () => {
    expect(printed(thirds)).toBe(
      [
        "[ 0.        ,  0.33333334,  0.6666667 ,  1.        ,  1.3333334 ,",
        "  1.6666666 ,  2.        ,  2.3333333 ,  2.6666667 ,  3.        ,",
        "  3.3333333 ,  3.6666667 ,  4.        ,  4.3333335 ,  4.6666665 ,",
        "  5.        ,  5.3333335 ,  5.6666665 ,  6.        ,  6.3333335 ,",
        "  6.6666665 ,  7.        ,  7.3333335 ,  7.6666665 ,  8.        ,",
        "  8.333333  ,  8.666667  ,  9.        ,  9.333333  ,  9.666667  ,",
        " 10.        , 10.333333  , 10.666667  , 11.        , 11.333333  ,",
        " 11.666667  , 12.        , 12.333333  , 12.666667  , 13.        ]",
      ].join("\n"),
    );
  });

  it("more than a thousand elements by the first and last three of each axis", () => {
    expect(printed(grid(30, 40), "int32")).toBe(
      [
        "[[   0,    1,    2, …,   37,   38,   39],",
        " [  40,   41,   42, …,   77,   78,   79],",
        " [  80,   81,   82, …,  117,  118,  119],",
        " …,",
        " [1080, 1081, 1082, …, 1117, 1118, 1119],",
        " [1120, 1121, 1122, …, 1157, 1158, 1159],",
        " [1160, 1161, 1162, …, 1197, 1198, 1199]]",
      ].join("\n"),
    );
    expect(printed(count(2000))).toBe(
      "[0.000e+00, 1.000e+00, 2.000e+00, …, 1.997e+03, 1.998e+03, 1.999e+03]",
    );
    expect(printed(count(1000), "int32")).not.toContain("…");
  });

  it("empty brackets where it has no elements", () => {
    expect(tensor([[], []]).toString()).toBe("[]  float32 [2, 0]");
  });

  it("that it is not computed, and stays so", () => {
    const sum = add(tensor([1]), 1);
    expect(sum.toString()).toBe("Tensor(float32 [1], not computed yet: await print(x) shows it)");
    expect(sum.storage).toBeUndefined();
    sum.dataSync();
    expect(sum.toString()).toBe("[2.]  float32 [1]");
  });

  it("why it has no elements to show", () => {
    let inside = "";
    jit((x: Tensor) => {
      inside = String(add(x, 1));
      return x;
    })(tensor([1]));
    expect(inside).toBe("Tensor(float32 [1], known when the compiled function runs)");
    const gone = tensor([1]);
    gone.dispose();
    expect(gone.toString()).toBe("Tensor(float32 [1], disposed)");
  });
});

describe("as NumPy prints", () => {
  for (const { name, x, text } of golden<{ name: string; x: GoldenArray; text: string }>("numpy-printing")) {
    it(name, () => {
      const values = tensor(goldenNumbers(x), { dtype: x.dtype }).reshape(x.shape);
      values.dataSync();
      expect(values.toString()).toBe(`${text}  ${x.dtype} [${x.shape.join(", ")}]`);
    });
  }
});

describe("print", () => {
  const lines: unknown[][] = [];
  beforeEach(() => {
    lines.length = 0;
    vi.spyOn(console, "log").mockImplementation((...parts) => void lines.push(parts));
  });
  afterEach(() => vi.restoreAllMocks());

  it("computes tensors and shows them among other values", async () => {
    const x = add(tensor([1, 20]), 1);
    await print("x", x, 3);
    expect(lines).toEqual([["x", "[ 2., 21.]  float32 [2]", 3]]);
  });

  it("shows the value of a variable", async () => {
    await print(variable(tensor([1, 2]), { dtype: "int32" }));
    expect(lines).toEqual([["[1, 2]  int32 [2]"]]);
  });

  it("says that a value inside a compiled function is not known", async () => {
    let failure: Promise<void> | undefined;
    jit((x: Tensor) => {
      failure = print(x);
      failure.catch(() => {});
      return x;
    })(tensor([1]));
    await expect(failure).rejects.toThrow(TraceError);
  });
});
