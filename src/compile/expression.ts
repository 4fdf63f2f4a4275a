import type { DType } from "../base/dtype.js";
import { type Attributes, type ElementwisePrimitive, primitives } from "../graph/primitive.js";
import type { Tensor } from "../graph/tensor.js";
import type { Expression, Instruction } from "./program.js";
import { roundTo } from "./simplify.js";

/** Where an input of an expression comes from. */
export type Source =
  | { readonly kind: "load"; readonly operand: number }
  | { readonly kind: "constant"; readonly value: number; readonly dtype: DType };

/**
 * Builds the expression of a list of nodes. Values get their final numbers (loads, constants, instructions) when it
 * is finished, because loads and constants turn up while the nodes are walked.
 */
export class ExpressionBuilder {
  /** Operands to load, in order. */
  readonly loads: number[] = [];
  private readonly constants: { value: number; dtype: DType }[] = [];
  private readonly instructions: {
    opcode: string;
    primitive: ElementwisePrimitive;
    attributes: Attributes;
    args: Value[];
    dtype: DType;
  }[] = [];
  private readonly values = new Map<Tensor, Value>();

  /** @param reserved values before the loads that no operand feeds (the reduced value of an epilogue) */
  constructor(private readonly reserved = 0) {}

  /** Value 0 of an epilogue: what was reduced. */
  bindReserved(node: Tensor): void {
    this.values.set(node, { kind: "load", index: 0 });
  }

  has(node: Tensor): boolean {
    return this.values.has(node);
  }

  /** The value of an input that is not computed here. */
  source(node: Tensor, source: Source): void {
    if (source.kind === "load") {
      let index = this.loads.indexOf(source.operand);
      if (index < 0) index = this.loads.push(source.operand) - 1;
      this.values.set(node, { kind: "load", index: index + this.reserved });
      return;
    }
    const value = roundTo(source.value, source.dtype);
    let index = this.constants.findIndex((c) => Object.is(c.value, value) && c.dtype === source.dtype);
    if (index < 0) index = this.constants.push({ value, dtype: source.dtype }) - 1;
    this.values.set(node, { kind: "constant", index });
  }

  /** Appends the node; all its inputs are known. */
  compute(node: Tensor): void {
    const primitive = node.primitive as ElementwisePrimitive;
    const args = node.inputs.map((input) => this.values.get(input)!);
    const opcode = primitive.opcode(
      node.inputs.map((input) => input.dtype),
      node.attributes,
    );
    if (opcode === "identity") {
      this.values.set(node, args[0]!);
      return;
    }
    this.push(node, { opcode, primitive, attributes: node.attributes, args, dtype: node.dtype });
    // Integer lanes are 32 bits wide: a uint8 result that could leave 0 … 255 wraps at once.
    if (
      node.dtype === "uint8" &&
      opcode.endsWith(".i") &&
      !opcode.startsWith("toUint8") &&
      !opcode.startsWith("select")
    ) {
      const cast = primitives().get("cast") as ElementwisePrimitive;
      this.push(node, {
        opcode: "toUint8.i",
        primitive: cast,
        attributes: { dtype: "uint8" },
        args: [this.values.get(node)!],
        dtype: "uint8",
      });
    }
  }

  finish(results: readonly Tensor[]): Expression {
    const loads = this.reserved + this.loads.length;
    const number = (value: Value) => {
      if (value.kind === "load") return value.index;
      return loads + value.index + (value.kind === "instruction" ? this.constants.length : 0);
    };
    return {
      loads,
      constants: this.constants,
      instructions: this.instructions.map((i): Instruction => ({ ...i, args: i.args.map(number) })),
      results: results.map((node) => number(this.values.get(node)!)),
    };
  }

  private push(node: Tensor, instruction: (typeof this.instructions)[number]): void {
    this.values.set(node, { kind: "instruction", index: this.instructions.push(instruction) - 1 });
  }
}

type Value = { readonly kind: "load" | "constant" | "instruction"; readonly index: number };
