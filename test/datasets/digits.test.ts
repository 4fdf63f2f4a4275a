import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.js";
import { digits } from "../../src/datasets/digits.js";
import { bytesOf } from "./pixels.js";

const pixels = 28 * 28;

describe("digits", () => {
  it("gives images, labels, names and its seed", () => {
    const { train, test, classNames, source } = digits({ train: 30, test: 20, seed: 3 });
    expect(train.images).toMatchObject({ shape: [30, 28, 28], dtype: "float32" });
    expect(train.labels).toMatchObject({ shape: [30], dtype: "uint8" });
    expect(test.images).toMatchObject({ shape: [20, 28, 28], dtype: "float32" });
    expect(classNames).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(source).toEqual({ kind: "generated", location: "digits, seed 3" });
  });

  it("holds every digit once in each ten", () => {
    const labels = digits({ train: 50, test: 1 }).train.labels.dataSync();
    for (let i = 0; i < 50; i += 10) {
      expect([...labels.subarray(i, i + 10)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it("is a function of the seed; a shorter set is the start of a longer one", () => {
    const made = (train: number, seed: number) => {
      const { images, labels } = digits({ train, test: 5, seed }).train;
      return { images: bytesOf(images), labels: labels.dataSync() };
    };
    const long = made(40, 1);
    const short = made(25, 1);
    expect(short.images).toEqual(long.images.subarray(0, 25 * pixels));
    expect(short.labels).toEqual(long.labels.subarray(0, 25));
    for (const seed of [2, -1, 2 ** 32 + 1]) expect(made(25, seed).images).not.toEqual(short.images);
  });

  it("has other images in the test set than in the training set", () => {
    const { train, test } = digits({ train: 100, test: 100 });
    const images = (data: Uint8Array) =>
      Array.from({ length: 100 }, (_, i) => data.subarray(i * pixels, (i + 1) * pixels).join());
    const trained = new Set(images(bytesOf(train.images)));
    expect(trained.size).toBe(100);
    expect(images(bytesOf(test.images)).filter((image) => trained.has(image))).toEqual([]);
  });

  it("draws bright strokes on a dark ground, away from the border", () => {
    const images = bytesOf(digits({ train: 200, test: 1 }).train.images);
    for (let i = 0; i < 200; i++) {
      const image = images.subarray(i * pixels, (i + 1) * pixels);
      const ink = image.filter((value) => value > 100).length;
      expect(ink).toBeGreaterThan(12);
      expect(ink).toBeLessThan(pixels / 3);
      const top = image.subarray(0, 28);
      expect(top.filter((value) => value > 100)).toHaveLength(0);
    }
  });

  it("can be learnt, but not by comparing with the mean of each class", () => {
    const { train, test } = digits({ train: 2000, test: 500 });
    const [trained, tested] = [bytesOf(train.images), bytesOf(test.images)];
    const means = Array.from({ length: 10 }, () => new Float64Array(pixels));
    train.labels.dataSync().forEach((label, i) => {
      for (let p = 0; p < pixels; p++) means[label]![p]! += trained[i * pixels + p]! / 200;
    });
    let right = 0;
    test.labels.dataSync().forEach((label, i) => {
      const distances = means.map((mean) =>
        mean.reduce((sum, value, p) => sum + (value - tested[i * pixels + p]!) ** 2, 0),
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
