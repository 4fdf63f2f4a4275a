import { describe, expect, it } from "vitest";
import { firstOfEachClass, judge } from "../../src/cli/predictions.js";

describe("the judgement of a classifier", () => {
  const probabilities = [
    [0.7, 0.2, 0.1], // 0: right
    [0.1, 0.6, 0.3], // taken for 1 instead of 2
    [0.8, 0.15, 0.05], // taken for 0 instead of 2: the worst
    [0.3, 0.4, 0.3], // 1: right
  ];
  const judgement = judge(probabilities.flat(), [0, 2, 2, 1], 3);

  it("counts which class is taken for which", () => {
    expect(judgement.confusion).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [1, 1, 0],
    ]);
    expect(judgement.accuracy).toBe(0.5);
  });

  it("lists the mistakes, least probability of the true class first", () => {
    expect(judgement.mistakes).toEqual([
      { index: 2, label: 2, predicted: 0, confidence: 0.8, probability: 0.05 },
      { index: 1, label: 2, predicted: 1, confidence: 0.6, probability: 0.3 },
    ]);
  });
});

describe("the first row of each class", () => {
  it("stands in the order of the set", () => {
    expect(firstOfEachClass([4, 4, 1, 4, 0, 1, 2], 3)).toEqual([0, 2, 4]);
    expect(firstOfEachClass([1, 1], 3)).toEqual([0]);
  });
});
