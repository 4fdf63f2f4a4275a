import { obstacle } from "../autodiff/obstacle.js";
import { vjp } from "../autodiff/vjp.js";
import { ConfigError, nearestName } from "../base/errors.js";
import { inspect } from "../base/inspect.js";
import { jit } from "../engine/jit.js";
import { differentiating, record, Trace } from "../engine/trace.js";
import { isTensor, type Tensor, type TensorLike } from "../graph/tensor.js";
import { scalar } from "../ops/leaf.js";
import { type Formula, namesIn, number, printFormula } from "./formula.js";
import { buildGraph } from "./formulaFunctions.js";
import { formulaOfGraph } from "./formulaOfGraph.js";
import { parseFormula } from "./parseFormula.js";
import { Recording } from "./recording.js";
import { simplifyFormula } from "./simplifyFormula.js";
import { ExpressionTree } from "./toTree.js";

/** Values of the inputs of an expression, by name: numbers, or tensors that broadcast. */
export type ExpressionValues = Readonly<Record<string, TensorLike>>;

/** A formula with named inputs; see {@link expression}. */
export class Expression {
  /** The names that values may be given for. */
  readonly inputs: readonly string[];
  private readonly used: readonly string[];

  constructor(
    private readonly formula: Formula,
    inputs: readonly string[] = namesIn(formula),
  ) {
    this.inputs = inputs;
    this.used = namesIn(formula);
  }

  /** The formula with no more parentheses than it needs. */
  toString(): string {
    return printFormula(this.formula);
  }

  /**
   * The value for given inputs. Tensors broadcast, so that a whole column is computed at once.
   *
   * @throws {ConfigError} where a value is missing, or there is no input of that name
   * @example expression("a*x^2 + 1").evaluate({ a: 2, x: tensor([1, 2, 3]) }) // [3, 9, 19]
   */
  evaluate(values: ExpressionValues = {}): Tensor {
    this.check(values);
    return this.build(values);
  }

  /**
   * The derivative with respect to one input, as a formula, simplified as in algebra (`x/x` is 1). For tensors it is
   * the derivative element by element.
   *
   * @throws {ConfigError} where there is no input of that name
   * @throws {GradientError} where the formula has no derivative, like a comparison
   * @example String(expression("2*(a*x^2 + b*x)").gradient("x")) // "4*a*x + 2*b"
   */
  gradient(input: string): Expression {
    if (!this.inputs.includes(input)) throw this.unknown(input);
    const { root, leaves } = this.graph();
    const target = leaves.get(input);
    const gradient = target && differentiating(() => vjp([root], [target]))[0];
    if (target && !gradient) {
      const error = obstacle("expression", [root], [target]);
      if (error) throw error;
    }
    const names = new Map([...leaves].map(([name, leaf]) => [leaf, name]));
    const formula = gradient ? simplifyFormula(formulaOfGraph(gradient, names)) : number(0);
    return new Expression(formula, this.inputs);
  }

  /**
   * The same value with numbers worked out, like terms and equal factors gathered, as in algebra.
   *
   * @example String(expression("x*2*x + 3*x^2 - 0*y").simplify()) // "5*x^2"
   */
  simplify(): Expression {
    return new Expression(simplifyFormula(this.formula), this.inputs);
  }

  /**
   * A compiled function of the inputs: one program for each signature of shapes and dtypes.
   *
   * @example
   * const parabola = expression("a*x^2 + c").compile();
   * parabola({ a: 2, x: tensor([1, 2, 3]), c: 1 }) // [3, 9, 19]
   */
  compile(): (values: ExpressionValues) => Tensor {
    const compiled = jit((values: ExpressionValues) => this.build(values));
    return (values) => {
      this.check(values);
      return compiled(values);
    };
  }

  /**
   * The expression tree, as `toTree` gives it; with values for the inputs, `withValues` shows all others.
   *
   * @example String(expression("a + 7*y").toTree()) // "+\n├─ a\n└─ *\n   ├─ 7\n   └─ y"
   */
  toTree(values?: ExpressionValues): ExpressionTree {
    if (values) this.check(values);
    const given = values ?? Object.fromEntries(this.used.map((name) => [name, 0]));
    return new ExpressionTree(
      this.toString(),
      new Recording(
        "expression",
        ((inner: ExpressionValues) => this.build(inner)) as (...args: never[]) => Tensor,
        [given],
      ),
    );
  }

  [inspect](): string {
    return this.toString();
  }

  private build(values: ExpressionValues): Tensor {
    const result = buildGraph(this.formula, values);
    return isTensor(result) ? result : scalar(result, "float32");
  }

  /** The formula on placeholders of numbers. */
  private graph(): { root: Tensor; leaves: Map<string, Tensor> } {
    const trace = new Trace();
    return record(trace, () => {
      const leaves = new Map(
        this.used.map((name) => [name, trace.argument({ shape: [], dtype: "float32" })]),
      );
      return { root: this.build(Object.fromEntries(leaves)), leaves };
    });
  }

  private check(values: ExpressionValues): void {
    for (const name of Object.keys(values)) if (!this.inputs.includes(name)) throw this.unknown(name);
    const missing = this.used.filter((name) => !Object.hasOwn(values, name));
    if (missing.length > 0) {
      throw new ConfigError({
        who: "expression",
        expected: `values for ${this.used.join(", ")}`,
        received: `none for ${missing.join(", ")}`,
      });
    }
  }

  private unknown(name: string): ConfigError {
    const near = nearestName(name, this.inputs);
    return new ConfigError({
      who: "expression",
      expected: this.inputs.length > 0 ? `one of the inputs ${this.inputs.join(", ")}` : "no inputs",
      received: JSON.stringify(name),
      ...(near ? { fix: `Did you mean ${JSON.stringify(near)}?` } : {}),
    });
  }
}

export interface ExpressionOptions {
  /** The names that may occur; another one is an error. Any where it is not given. */
  readonly inputs?: readonly string[];
}

/**
 * A formula as something that can be computed, differentiated, compiled and looked at.
 *
 * It is made of numbers, names, `+ - * / ^`, minus, parentheses, `pi`, and the elementwise operations as functions
 * (`sin`, `exp`, `log`, `relu`, `max(a, b)`, `where(greater(x, 0), x, 0)`, …). `^` binds strongest and is read from the
 * right; `-x^2` is `-(x^2)`. Products are written out: `2*x`, not `2x`.
 *
 * @throws {FormulaError} where it can't be read, with the place marked
 * @example
 * const parabola = expression("2*(a*x^2 + b*x)");
 * parabola.evaluate({ a: 1, b: 2, x: 3 }) // 30
 */
export function expression(formula: string, options: ExpressionOptions = {}): Expression {
  const parsed = parseFormula(formula, options.inputs);
  return new Expression(parsed, options.inputs ?? namesIn(parsed));
}
