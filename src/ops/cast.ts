/** Conversion from one dtype to another. */
import { checkDType, type DType, isFloat } from "../base/dtype.js";
import { definePrimitive, type ElementwisePrimitive } from "../graph/primitive.js";
import { createNode, type Tensor } from "../graph/tensor.js";
import { checkTensor, scalar } from "./leaf.js";

const castPrimitive = definePrimitive<ElementwisePrimitive>({
  name: "cast",
  kind: "elementwise",
  infer: ([x], { dtype }) => ({ shape: x!.shape, dtype: dtype as DType, extent: x!.extent }),
  opcode: ([from], { dtype }) => castOpcode(from!, dtype as DType),
  reference: ([x], { dtype }) => castElement(x!, dtype as DType),
  vjp: ({ inputs: [x], gradients: [g] }) => [isFloat(x!.dtype) ? cast(g!, x!.dtype) : null],
});

/**
 * The tensor in another dtype. Float to integer truncates toward zero and saturates at the int32 range (NaN gives 0);
 * to uint8 the low byte is kept; to bool everything but 0 is true.
 *
 * @example cast(tensor([1.7, -1.7]), "int32") // [1, -1]
 * @example cast(tensor([1.5]), "float64") // [1.5]
 */
export function cast<D extends DType>(x: Tensor, dtype: D): Tensor<D> {
  checkTensor("cast", x);
  return (x.dtype === dtype ? x : converted(x, dtype)) as Tensor<D>;
}

/** A number stays a number, so that whoever looks for one finds it. */
function converted(x: Tensor, dtype: DType): Tensor {
  checkDType("cast", dtype);
  const number = x.payload.scalar;
  if (number === undefined) return createNode(castPrimitive, [x], { dtype });
  return scalar(castElement(x.dtype === "float32" ? Math.fround(number) : number, dtype), dtype);
}

function castOpcode(from: DType, to: DType): string {
  if (isFloat(to)) return isFloat(from) ? "identity" : "toFloat.i";
  if (to === "bool") return isFloat(from) ? "toBool" : "toBool.i";
  if (to === "uint8") return isFloat(from) ? "toUint8" : "toUint8.i";
  return isFloat(from) ? "toInt" : "identity";
}

function castElement(x: number, to: DType): number {
  if (isFloat(to)) return x;
  if (to === "bool") return x !== 0 ? 1 : 0;
  const integer = Number.isNaN(x) ? 0 : Math.min(2147483647, Math.max(-2147483648, Math.trunc(x)));
  return to === "uint8" ? integer & 255 : integer;
}
