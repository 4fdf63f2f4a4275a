import { describe, expect, it } from "vitest";
import { primitives } from "../../src/graph/primitive.js";
import "../../src/ops/allReduce.js"; // what models alone use: not in the index
import "../../src/ops/index.js";
import { cases, testedElsewhere } from "./cases.js";

describe("the table of cases", () => {
  it("has a line for every record", () => {
    const missing = [...primitives().keys()].filter((name) => !cases[name] && !testedElsewhere[name]);
    expect(missing).toEqual([]);
  });

  it("has no line without a record", () => {
    const unknown = [...Object.keys(cases), ...Object.keys(testedElsewhere)].filter(
      (name) => !primitives().has(name),
    );
    expect(unknown).toEqual([]);
  });
});

describe("every record", () => {
  it("has a derivative, or no float result, or says why there is none", () => {
    const silent = [...primitives().values()].filter(
      (p) =>
        !p.vjp &&
        !p.noGradient &&
        p.kind !== "leaf" &&
        !["pick", "iota", "hostCall", "allReduce"].includes(p.name),
    );
    expect(silent.map((p) => p.name)).toEqual([]);
  });
});
