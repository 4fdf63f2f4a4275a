import { describe, expect, it } from "vitest";
import { ConfigError, ShapeError } from "../../src/base/errors.js";
import { keyFor, setSeed } from "../../src/engine/seed.js";
import * as initializers from "../../src/initializers/index.js";
import * as layers from "../../src/layers/index.js";
import { golden } from "../golden/golden.js";
import { thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

interface Distribution {
  readonly name: string;
  readonly shape: number[];
  readonly fanIn: number;
  readonly fanOut: number;
  readonly limit: number;
  readonly deviation: number;
}

describeOnEachBackend("initializers", () => {
  for (const { name, shape, fanIn, fanOut, limit, deviation } of golden<Distribution>("keras-initializers")) {
    it(`${name} of [${shape}] has the limit and deviation of Keras's`, async () => {
      expect(initializers.computeFans(shape)).toEqual({ fanIn, fanOut });
      const values = Array.from(await initializers.get(name).call(shape, "float32", 12345).data(), Number);
      const n = values.length;
      const mean = values.reduce((a, b) => a + b, 0) / n;
      const spread = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(limit * (1 + 1e-6));
      // Five standard errors: of the mean σ / √n, of the deviation at most σ / √n too.
      expect(Math.abs(mean)).toBeLessThan((5 * deviation) / Math.sqrt(n));
      expect(Math.abs(spread - deviation)).toBeLessThan((5 * deviation) / Math.sqrt(n));
    });
  }

  it("constants, the identity and ranges are what they say", async () => {
    const values = (initializer: initializers.Initializer, shape: number[]) =>
      initializer.call(shape, "float32", 1).array();
    expect(await values(initializers.zeros(), [2])).toEqual([0, 0]);
    expect(await values(initializers.ones(), [2])).toEqual([1, 1]);
    expect(await values(initializers.constant(0.5), [1, 2])).toEqual([[0.5, 0.5]]);
    expect(await values(initializers.identity(2), [2, 2])).toEqual([
      [2, 0],
      [0, 2],
    ]);
    const uniform = await initializers
      .randomUniform({ minval: 2, maxval: 3 })
      .call([1000], "float32", 1)
      .data();
    expect(uniform.every((v) => v >= 2 && v < 3)).toBe(true);
  });

  it.each([[[6, 4]], [[4, 6]], [[5, 5]], [[2, 3, 4]]])(
    "orthogonal weights of %j have orthonormal columns or rows",
    async (shape) => {
      const w = initializers.orthogonal().call(shape, "float32", 7);
      const columns = shape.at(-1)!;
      const matrix = w.reshape([-1, columns]);
      const tall = matrix.shape[0]! >= columns;
      const product = await (tall
        ? matrix.transpose().matmul(matrix)
        : matrix.matmul(matrix.transpose())
      ).data();
      const n = Math.sqrt(product.length);
      product.forEach((value, i) => {
        expect(value).toBeCloseTo(i % (n + 1) === 0 ? 1 : 0, 5);
      });
    },
  );

  it("equal keys give equal values, an own seed does not depend on the key", async () => {
    const draw = async (options: { seed?: number }, key: number) =>
      Array.from(await initializers.glorotUniform(options).call([3, 2], "float32", key).data());
    expect(await draw({}, 1)).toEqual(await draw({}, 1));
    expect(await draw({}, 1)).not.toEqual(await draw({}, 2));
    expect(await draw({ seed: 5 }, 1)).toEqual(await draw({ seed: 5 }, 2));
  });

  it("the same program after setSeed makes the same weights, layers of one shape differ", async () => {
    const kernels = async () => {
      setSeed(11);
      return Promise.all(
        [0, 1].map(async () => {
          const layer = layers.dense(3);
          layer.build([null, 2]);
          return [layer.name, ...(await layer.kernel.value.data())];
        }),
      );
    };
    const [first, second] = await kernels();
    expect(await kernels()).toEqual([first, second]);
    expect(first![0]).toBe("dense");
    expect(second![0]).toBe("dense_1");
    expect(first!.slice(1)).not.toEqual(second!.slice(1));
    setSeed(0);
  });
});

describe("names and errors of initializers", () => {
  it("Keras's snake case finds an initializer", () => {
    expect(initializers.get("he_normal")).toBeInstanceOf(initializers.VarianceScaling);
  });

  it("an unknown name suggests the nearest", () => {
    expect(thrownBy(() => initializers.get("glorotUnifrom")).message).toContain(
      'Did you mean "glorotUniform"?',
    );
  });

  it("a scale that is not positive, a scalar weight and a vector for orthogonal are errors", () => {
    expect(thrownBy(() => initializers.varianceScaling({ scale: 0 }))).toBeInstanceOf(ConfigError);
    expect(thrownBy(() => initializers.heNormal().call([], "float32", 1))).toBeInstanceOf(ConfigError);
    expect(thrownBy(() => initializers.orthogonal().call([3], "float32", 1))).toBeInstanceOf(ShapeError);
  });

  it("a seed that is no integer is an error", () => {
    expect(thrownBy(() => setSeed(0.5))).toBeInstanceOf(ConfigError);
  });

  it("keys of one path differ each time, and repeat after setSeed", () => {
    setSeed(3);
    const keys = [keyFor("a"), keyFor("a"), keyFor("b")];
    expect(new Set(keys).size).toBe(3);
    setSeed(3);
    expect([keyFor("a"), keyFor("a"), keyFor("b")]).toEqual(keys);
    setSeed(0);
  });
});
