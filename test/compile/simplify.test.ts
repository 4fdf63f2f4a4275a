import { beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import { add, linspace, neg, reshape, sub, transpose } from "../../src/index.js";
import { referenceBackend } from "../support/evaluate.js";

beforeEach(() => useBackend(referenceBackend));

describe("a tensor that was read", () => {
  // Its own inputs are gone from the graph: a view of it or its negative must not reach behind it.
  it("can be reshaped, transposed and negated again", () => {
    const x = reshape(linspace(1, 6, 6), [2, 3]);
    expect(Array.from(x.dataSync())).toEqual([1, 2, 3, 4, 5, 6]);
    expect(reshape(x, [3, 2]).arraySync()).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const turned = transpose(x);
    turned.dataSync();
    expect(transpose(turned).arraySync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const negative = neg(add(x, 0.5));
    negative.dataSync();
    expect(sub(neg(negative), 0.5).arraySync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});
