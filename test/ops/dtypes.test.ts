/** The dtype that the types promise is the one that comes; this file has to compile for that. */
import { describe, expect, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import "../../src/engine/methods.js";
import type { Tensor } from "../../src/graph/tensor.js";
import * as ops from "../../src/ops/index.js";

const truth = ops.zeros([2], "bool");
const bytes = ops.zeros([2], "uint8");
const whole = ops.zeros([2], "int32");
const float = ops.zeros([2], "float32");
const wide = ops.zeros([2], "float64");

/** `D` is written out by the caller, so that the compiler compares it with the type of `x`. */
function is<D extends DType = never>(x: Tensor<D>, dtype: NoInfer<D>): void {
  expect(x.dtype).toBe(dtype);
}

describe("functions", () => {
  it("on floats give floats", () => {
    is<"float32">(ops.sin(bytes), "float32");
    is<"float32">(ops.lgamma(float), "float32");
    is<"float64">(ops.cbrt(wide), "float64");
    is<"float32">(ops.mish(whole), "float32");
    is<"float64">(ops.celu(wide, 2), "float64");
    is<"float32">(ops.polygamma(1, truth), "float32");
    is<"float32">(ops.pow(whole, 2), "float32");
    is<"float32">(ops.prelu(whole, bytes), "float32");
  });

  it("on numbers keep the dtype, but for bool", () => {
    is<"uint8">(ops.neg(bytes), "uint8");
    is<"int32">(ops.abs(truth), "int32");
    is<"int32">(ops.floor(whole), "int32");
    is<"uint8">(ops.shiftLeft(truth, bytes), "uint8");
    is<"bool">(ops.bitwiseNot(truth), "bool");
  });

  it("of two tensors meet in the later dtype", () => {
    is<"int32">(ops.add(truth, truth), "int32");
    is<"uint8">(ops.add(truth, bytes), "uint8");
    is<"int32">(ops.mod(bytes, whole), "int32");
    is<"float32">(ops.maximum(whole, float), "float32");
    is<"float64">(ops.sub(float, wide), "float64");
    is<"bool">(ops.bitwiseAnd(truth, truth), "bool");
    is<"uint8">(ops.where(truth, bytes, truth), "uint8");
    is<"float32">(ops.clip(bytes, whole, float), "float32");
  });

  it("that compare give bool", () => {
    is<"bool">(ops.less(whole, float), "bool");
    is<"bool">(ops.isNaN(float), "bool");
    is<"bool">(ops.logicalAnd(float, bytes), "bool");
    is<"bool">(ops.logicalNot(float), "bool");
  });
});

describe("chain methods", () => {
  it("of one tensor carry the dtype", () => {
    is<"float32">(whole.sin(), "float32");
    is<"float64">(wide.gelu(), "float64");
    is<"float32">(truth.celu(2), "float32");
    is<"int32">(truth.neg(), "int32");
    is<"uint8">(bytes.round(), "uint8");
    is<"bool">(truth.bitwiseNot(), "bool");
    is<"bool">(float.isFinite(), "bool");
  });
});

describe("a number beside a tensor", () => {
  const meets = (x: Tensor, number: number | boolean) => ops.add(x, number).dtype;

  it("takes the tensor's dtype where it fits", () => {
    expect(meets(bytes, 255)).toBe("uint8");
    expect(meets(whole, -7)).toBe("int32");
    expect(meets(float, 1)).toBe("float32");
    expect(meets(wide, 0.1)).toBe("float64");
    expect(meets(bytes, true)).toBe("uint8");
  });

  it("widens the dtype where it would lose its fraction or its range", () => {
    expect(meets(bytes, 256)).toBe("int32");
    expect(meets(bytes, -1)).toBe("int32");
    expect(meets(whole, 0.5)).toBe("float32");
    expect(meets(truth, 1)).toBe("int32");
    expect(meets(truth, 0.5)).toBe("float32");
  });

  it("alone is a float", () => {
    expect(ops.add(1, 2).dtype).toBe("float32");
  });
});
