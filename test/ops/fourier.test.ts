/** Properties of Fourier transforms, for lengths of every kind, on every backend. */
import { describe, expect, it } from "vitest";
import { vjp } from "../../src/autodiff/vjp.js";
import type { NDArray } from "../../src/base/array.js";
import { ConfigError, DTypeError, type MyelinError, ShapeError } from "../../src/base/errors.js";
import { useBackend } from "../../src/engine/device.js";
import { jit } from "../../src/engine/index.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";
import { placeholder } from "../../src/ops/leaf.js";
import { type GoldenArray, golden, goldenNumbers } from "../golden/golden.js";
import { backends } from "../support/backends.js";
import { expectCloseValues } from "../support/close.js";
import { evaluate, referenceBackend } from "../support/evaluate.js";
import { backendsByThreads } from "../support/threads.js";
import { elementsOf } from "./cases.js";

const complexOf = (real: Tensor | undefined, imaginary: Tensor | undefined): ops.Complex => ({
  real: real!,
  imaginary: imaginary!,
});
const planesOf = ({ real, imaginary }: ops.Complex): Tensor[] => [real, imaginary];
const random = (seed: number, ...shape: number[]): NDArray => elementsOf({ shape }, "float32", seed);

/** The definition, in float64. */
function direct(
  re: ArrayLike<number>,
  im: ArrayLike<number> | undefined,
  sign: 1 | -1,
): [number[], number[]] {
  const n = re.length;
  const [real, imaginary]: [number[], number[]] = [[], []];
  for (let k = 0; k < n; k++) {
    let [a, b] = [0, 0];
    for (let j = 0; j < n; j++) {
      const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
      a += re[j]! * Math.cos(angle) - (im?.[j] ?? 0) * Math.sin(angle);
      b += re[j]! * Math.sin(angle) + (im?.[j] ?? 0) * Math.cos(angle);
    }
    real.push(a);
    imaginary.push(b);
  }
  return [real, imaginary];
}

const tolerance = { relative: 1e-5, absolute: 1e-5 };

type Signal = ops.Complex | Tensor;
type Options = ops.FourierOptions & ops.Fourier2Options;

/** What a case of each name computes. */
const compute = {
  fft: (x: Signal, options: Options) => ops.fft(x, options),
  ifft: (x: Signal, options: Options) => ops.ifft(x, options),
  rfft: (x: Signal, options: Options) => ops.rfft(x as Tensor, options),
  irfft: (x: Signal, options: Options): Signal => ops.irfft(x, options),
  fft2: (x: Signal, options: Options) => ops.fft2(x, options),
  ifft2: (x: Signal, options: Options) => ops.ifft2(x, options),
  rfft2: (x: Signal, options: Options) => ops.rfft2(x as Tensor, options),
  irfft2: (x: Signal, options: Options): Signal => ops.irfft2(x, options),
};

interface FourierCase {
  readonly name: keyof typeof compute;
  readonly inputs: Readonly<Record<string, GoldenArray>>;
  readonly options: Options;
  readonly outputs: Readonly<Record<string, GoldenArray>>;
}

describe.each([referenceBackend, ...backends])("Fourier transforms on $name", (on) => {
  it("are the sums that define them, for every length to 70", () => {
    for (let n = 1; n <= 70; n++) {
      const [re, im] = [random(n, n), random(n + 100, n)];
      const [real, imaginary, half, halfImaginary] = evaluate(
        [re, im],
        ([a, b]) => [...planesOf(ops.fft(complexOf(a, b))), ...planesOf(ops.rfft(a!))],
        { on },
      ).map(({ data }) => Array.from(data));
      const [expectedReal, expectedImaginary] = direct(re.data, im.data, -1);
      expectCloseValues(real!, expectedReal, tolerance);
      expectCloseValues(imaginary!, expectedImaginary, tolerance);
      const ofReal = direct(re.data, undefined, -1).map((plane) => plane.slice(0, Math.floor(n / 2) + 1));
      expectCloseValues(half!, ofReal[0]!, tolerance);
      expectCloseValues(halfImaginary!, ofReal[1]!, tolerance);
    }
  });

  it.each([1, 2, 31, 64, 67, 100, 127, 243, 512, 521])("are undone by their inverses, length %i", (n) => {
    const [re, im] = [random(1, 3, n), random(2, 3, n)];
    const [real, imaginary, again] = evaluate(
      [re, im],
      ([a, b]) => [...planesOf(ops.ifft(ops.fft(complexOf(a, b)))), ops.irfft(ops.rfft(a!), { length: n })],
      { on },
    );
    expectCloseValues(real!.data, re.data, tolerance);
    expectCloseValues(imaginary!.data, im.data, tolerance);
    expectCloseValues(again!.data, re.data, tolerance);
  });

  it.each([6, 49, 122, 256])("keep the energy with norm ortho (Parseval), length %i", (n) => {
    const [re, im] = [random(3, n), random(4, n)];
    const [energy] = evaluate(
      [re, im],
      ([a, b]) => {
        const { real, imaginary } = ops.fft(complexOf(a, b), { norm: "ortho" });
        return [ops.sum(ops.add(ops.square(real), ops.square(imaginary)))];
      },
      { on },
    );
    const expected = [...re.data, ...im.data].reduce((sum, v) => sum + v * v, 0);
    expect(energy!.data[0]! / expected).toBeCloseTo(1, 5);
  });

  it("turn a shift into a turn: linear, and a delay multiplies by e^(−2πik/n)", () => {
    const n = 12;
    const x = random(5, n);
    const moved = { ...x, data: Float32Array.from({ length: n }, (_, j) => x.data[(j + n - 1) % n]!) };
    const [real, imaginary, movedReal, movedImaginary] = evaluate(
      [x, moved],
      ([a, b]) => [...planesOf(ops.fft(ops.mul(a!, 2))), ...planesOf(ops.fft(b!))],
      { on },
    ).map(({ data }) => Array.from(data));
    const turned = real!.map((re, k) => {
      const angle = (-2 * Math.PI * k) / n;
      return [
        (re * Math.cos(angle) - imaginary![k]! * Math.sin(angle)) / 2,
        (re * Math.sin(angle) + imaginary![k]! * Math.cos(angle)) / 2,
      ];
    });
    expectCloseValues(
      movedReal!,
      turned.map(([re]) => re!),
      tolerance,
    );
    expectCloseValues(
      movedImaginary!,
      turned.map(([, im]) => im!),
      tolerance,
    );
  });

  it("are those of NumPy, along any axis, cut, filled up and scaled", () => {
    for (const { name, inputs, options, outputs } of golden<FourierCase>("numpy-fourier")) {
      const arrays = Object.values(inputs).map(
        (array): NDArray => ({
          shape: array.shape,
          dtype: "float32",
          data: Float32Array.from(goldenNumbers(array)),
        }),
      );
      const results = evaluate(
        arrays,
        ([real, imaginary]) => {
          const result = compute[name](imaginary ? complexOf(real, imaginary) : real!, options);
          return "real" in result ? planesOf(result) : [result];
        },
        { on },
      );
      Object.values(outputs).forEach((expected, i) => {
        expect(results[i]!.shape, `${name} ${JSON.stringify(options)}`).toEqual(expected.shape);
        expectCloseValues(results[i]!.data, goldenNumbers(expected), tolerance);
      });
    }
  });
});

describe.each(backends)("long transforms on $name", (on) => {
  it.each([4096, 6000, 2 ** 15, 10007])("of length %i are right where it is checked, and undone", (n) => {
    const x = random(6, n);
    const [half, halfImaginary, again, real] = evaluate(
      [x],
      ([a]) => {
        const spectrum = ops.rfft(a!);
        return [...planesOf(spectrum), ops.irfft(spectrum, { length: n }), ops.fft(a!).real];
      },
      { on },
    );
    for (const k of [0, 1, 7, Math.floor(n / 3), Math.floor(n / 2)]) {
      let [a, b] = [0, 0];
      for (let j = 0; j < n; j++) {
        const angle = (-2 * Math.PI * ((j * k) % n)) / n;
        a += x.data[j]! * Math.cos(angle);
        b += x.data[j]! * Math.sin(angle);
      }
      const size = Math.sqrt(n);
      expect(Math.abs(half!.data[k]! - a) / size).toBeLessThan(1e-5);
      expect(Math.abs(halfImaginary!.data[k]! - b) / size).toBeLessThan(1e-5);
      expect(Math.abs(real!.data[(n - k) % n]! - a) / size).toBeLessThan(1e-5);
    }
    expectCloseValues(again!.data, x.data, { relative: 1e-5, absolute: 3e-6 });
  });
});

describe.each(backendsByThreads)("on $name", ({ threads, use }) => {
  it("a transform has the same bits for any number of threads", async () => {
    const shapes = [
      [40, 512],
      [1, 65536],
      [3, 1021],
      [5, 96, 33],
    ];
    const bits = [];
    for (const count of threads) {
      use(count);
      const spectrum = jit((x: Tensor) => planesOf(ops.rfft(x, { axis: 1 })));
      const all = [];
      for (const shape of shapes) {
        const planes = spectrum(ops.uniform(1, shape)) as Tensor[];
        for (const plane of planes) all.push(new Uint32Array((await plane.data()).slice().buffer));
      }
      bits.push(all);
    }
    for (const other of bits) expect(other).toEqual(bits[0]);
  });
});

describe("the gradient of a spectrum's energy", () => {
  it("is n times the signal, twice", () => {
    useBackend(referenceBackend);
    const x = random(7, 9);
    const [gradient] = evaluate([x], ([a]) => {
      const { real, imaginary } = ops.fft(a!);
      return [vjp([ops.sum(ops.add(ops.square(real), ops.square(imaginary)))], [a!])[0]!];
    });
    expectCloseValues(
      gradient!.data,
      Array.from(x.data, (v) => 18 * v),
      tolerance,
    );
  });
});

describe("a batch of run-time length", () => {
  it("stays one along another axis and is refused along its own", () => {
    const length = placeholder({ shape: [], dtype: "int32" }, 0, {});
    const batch = placeholder(
      { shape: [8, 6], dtype: "float32", extent: { axis: 0, length, factor: 1 } },
      1,
      {},
    );
    const { real } = ops.rfft(batch);
    expect(real.shape).toEqual([8, 4]);
    expect(real.extent).toEqual({ axis: 0, length, factor: 1 });
    expect(ops.irfft({ real, imaginary: real }).extent).toEqual(real.extent);
    expect(() => ops.fft(batch, { axis: 0 })).toThrow(
      "[fft] expected an axis of a fixed length, received axis 0, whose length is known at run time only. Transform another axis than the batch axis.",
    );
    expect(() => ops.rfft(batch, { axis: 0, length: 16 })).toThrow(
      "[rfft] expected an axis of a fixed length",
    );
  });
});

describe("mistakes", () => {
  const x = () => ops.zeros([2, 4]);
  it.each<readonly [string, () => unknown, new (...args: never[]) => MyelinError, string]>([
    [
      "a misspelt norm",
      () => ops.fft(x(), { norm: "orto" as "ortho" }),
      ConfigError,
      '[fft] expected the name of a norm (backward, ortho, forward), received "orto". Did you mean "ortho"?',
    ],
    [
      "half a length",
      () => ops.ifft(x(), { length: 2.5 }),
      ConfigError,
      "[ifft] expected a length that is an integer ≥ 1, received 2.5.",
    ],
    [
      "parts that differ",
      () => ops.irfft({ real: x(), imaginary: ops.zeros([2, 3]) }),
      ShapeError,
      "[irfft] expected a real and an imaginary part of one shape, received [2, 4] and [2, 3].",
    ],
    [
      "a complex signal for rfft",
      () => ops.rfft({ real: x(), imaginary: x() } as unknown as Tensor),
      DTypeError,
      "[rfft] expected a real tensor, received a record of two. A complex tensor is transformed by fft.",
    ],
    [
      "an empty axis",
      () => ops.rfft(ops.zeros([2, 0])),
      ShapeError,
      "[rfft] expected an axis of 1 to 2²³ elements, received length 0 along axis 1.",
    ],
    [
      "an array",
      () => ops.fft([1, 2] as unknown as Tensor),
      DTypeError,
      "[fft] expected a tensor, or a record { real, imaginary } of two, received an array. Wrap it: tensor([…]).",
    ],
    [
      "a record without an imaginary part",
      () => ops.irfft({ real: x() } as unknown as ops.Complex),
      DTypeError,
      "[irfft] expected a tensor, or a record { real, imaginary } of two, received object.",
    ],
    [
      "two axes of a vector",
      () => ops.ifft2(ops.zeros([4])),
      ShapeError,
      "[ifft2] expected an axis from -1 to 0, received axis -2.",
    ],
    ["a scalar", () => ops.fft(ops.zeros([])), ShapeError, "[fft]"],
    ["an axis out of range", () => ops.fft(x(), { axis: 2 }), ShapeError, "[fft]"],
    [
      "one axis twice",
      () => ops.fft2(x(), { axes: [1, -1] }),
      ConfigError,
      "[fft2] expected two different axes, received axes 1 and -1.",
    ],
  ])("%s", (_, call, kind, message) => {
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });
});
