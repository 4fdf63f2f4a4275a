import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.js";
import { digits } from "../../src/datasets/digits.js";

const pixels = 28 * 28;

describe("digits", () => {
  it("gives images, labels, names and its seed", () => {
    const { train, test, classNames, source } = digits({ train: 30, test: 20, seed: 3 });
    expect(train.images).toMatchObject({ shape: [30, 28, 28], dtype: "uint8" });
    expect(train.labels).toMatchObject({ shape: [30], dtype: "uint8" });
    expect(test.images.data).toHaveLength(20 * pixels);
    expect(classNames).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(source).toEqual({ kind: "generated", location: "digits, seed 3" });
  });

  it("holds every digit once in each ten", () => {
    const { labels } = digits({ train: 50, test: 1 }).train;
    for (let i = 0; i < 50; i += 10) {
      expect([...labels.data.subarray(i, i + 10)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it("is a function of the seed; a shorter set is the start of a longer one", () => {
    const long = digits({ train: 40, test: 5, seed: 1 }).train;
    const short = digits({ train: 25, test: 5, seed: 1 }).train;
    expect(short.images.data).toEqual(long.images.data.subarray(0, 25 * pixels));
    expect(short.labels.data).toEqual(long.labels.data.subarray(0, 25));
    for (const seed of [2, -1, 2 ** 32 + 1]) {
      expect(digits({ train: 25, test: 5, seed }).train.images.data).not.toEqual(short.images.data);
    }
  });

  it("has other images in the test set than in the training set", () => {
    const { train, test } = digits({ train: 100, test: 100 });
    const images = (data: Uint8Array) =>
      Array.from({ length: 100 }, (_, i) => data.subarray(i * pixels, (i + 1) * pixels).join());
    const trained = new Set(images(train.images.data));
    expect(trained.size).toBe(100);
    expect(images(test.images.data).filter((image) => trained.has(image))).toEqual([]);
  });

  it("draws bright strokes on a dark ground, away from the border", () => {
    const { images } = digits({ train: 200, test: 1 }).train;
    for (let i = 0; i < 200; i++) {
      const image = images.data.subarray(i * pixels, (i + 1) * pixels);
      const ink = image.filter((value) => value > 100).length;
      expect(ink).toBeGreaterThan(12);
      expect(ink).toBeLessThan(pixels / 3);
      const top = image.subarray(0, 28);
      expect(top.filter((value) => value > 100)).toHaveLength(0);
    }
  });

  it("can be learnt, but not by comparing with the mean of each class", () => {
    const { train, test } = digits({ train: 2000, test: 500 });
    const means = Array.from({ length: 10 }, () => new Float64Array(pixels));
    train.labels.data.forEach((label, i) => {
      for (let p = 0; p < pixels; p++) means[label]![p]! += train.images.data[i * pixels + p]! / 200;
    });
    let right = 0;
    test.labels.data.forEach((label, i) => {
      const distances = means.map((mean) =>
        mean.reduce((sum, value, p) => sum + (value - test.images.data[i * pixels + p]!) ** 2, 0),
      );
      if (distances.indexOf(Math.min(...distances)) === label) right++;
    });
    expect(right / 500).toBeGreaterThan(0.4);
    expect(right / 500).toBeLessThan(0.9);
  });

  it("refuses counts and seeds that are none", () => {
    for (const options of [{ train: 0 }, { test: -1 }, { train: 1.5 }, { seed: Number.NaN }]) {
      expect(() => digits(options)).toThrow(ConfigError);
    }
  });
});
