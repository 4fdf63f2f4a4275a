/** The dtype of a result is part of its type. The compiler checks these lines; the tests check that it is right. */
import { describe, expect, expectTypeOf, it } from "vitest";
import "../../src/engine/index.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";

const bytes = ops.zeros([2, 3], "uint8");
const ints = ops.zeros([2, 3], "int32");
const floats = ops.zeros([2, 3]);
const bools = ops.zeros([2, 3], "bool");

describe("the type of a result", () => {
  it("has the dtype that was asked for, or the usual one", () => {
    expectTypeOf(floats).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(ints).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.full([2], 1, "bool")).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(ops.eye(2, 2, { dtype: "uint8" })).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(ops.linspace(0, 1, 3)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(ops.arange(3)).toEqualTypeOf<Tensor<"int32" | "float32">>();
    expectTypeOf(ops.arange(3, 5, 1, { dtype: "uint8" })).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(ops.iota([3])).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.zerosLike(bytes)).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(ops.onesLike(bytes, "int32")).toEqualTypeOf<Tensor<"int32">>();
    expect(ops.zerosLike(bytes).dtype).toBe("uint8");
  });

  it("keeps the dtype where elements only move, as functions and as chain methods", () => {
    expectTypeOf(ops.reshape(bytes, [6])).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(ops.transpose(ints)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.concat([ints, ints])).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.concat([ints, floats])).toEqualTypeOf<Tensor<"int32" | "float32">>();
    expectTypeOf(ops.stack([bools, bools])).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(ops.split(bytes, 2)).toEqualTypeOf<Tensor<"uint8">[]>();
    expectTypeOf(bytes.at(0, [1])).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(bools.tril().flip(1).roll(1)).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(ints.unstack(1)).toEqualTypeOf<Tensor<"int32">[]>();
    expectTypeOf(ints.at(0).pad([[1, 1]], { mode: "edge" })).toEqualTypeOf<Tensor<"int32">>();
    expect(bools.tril().flip(1).roll(1).dtype).toBe("bool");
    expect(ops.concat([ints, floats]).dtype).toBe("float32");
  });

  it("is that in which reductions compute", () => {
    expectTypeOf(ops.sum(bytes)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.sum(floats)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(ops.mean(ints)).toEqualTypeOf<Tensor<"float32">>();
    expectTypeOf(ops.max(bytes, 0)).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(bytes.max(0).min()).toEqualTypeOf<Tensor<"uint8">>();
    expectTypeOf(ops.any(floats)).toEqualTypeOf<Tensor<"bool">>();
    expectTypeOf(ops.argMax(floats, 1)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.cumSum(bools, 1)).toEqualTypeOf<Tensor<"int32">>();
    expectTypeOf(ops.cumMax(bytes, 1)).toEqualTypeOf<Tensor<"uint8">>();
    expect(ops.sum(bytes).dtype).toBe("int32");
    expect(ops.cumMax(bytes, 1).dtype).toBe("uint8");
  });
});
