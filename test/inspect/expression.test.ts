import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  ConfigError,
  expression,
  FormulaError,
  GradientError,
  grad,
  sum,
  type Tensor,
  tensor,
} from "../../src/index.js";
import {
  binary,
  call,
  type Formula,
  name,
  negative,
  number,
  printFormula,
} from "../../src/inspect/formula.js";
import { parseFormula } from "../../src/inspect/parseFormula.js";
import { simplifyFormula } from "../../src/inspect/simplifyFormula.js";
import { backends } from "../support/backends.js";
import { thrownBy } from "../support/data.js";
import { referenceBackend } from "../support/evaluate.js";

beforeEach(() => useBackend(referenceBackend));

const lines = (...text: string[]) => text.join("\n");
const derivative = (formula: string, input: string) => String(expression(formula).gradient(input));

/** A formula in doubles, by other means than the engine's. */
function valueOf(formula: Formula, values: Readonly<Record<string, number>>): number {
  switch (formula.kind) {
    case "number":
      return formula.value;
    case "name":
      return values[formula.name]!;
    case "negative":
      return -valueOf(formula.operand, values);
    case "call": {
      const [a, b] = formula.operands.map((operand) => valueOf(operand, values));
      if (formula.name === "max") return Math.max(a!, b!);
      return { sin: Math.sin, cos: Math.cos, tanh: Math.tanh }[formula.name]!(a!);
    }
    case "binary": {
      const [a, b] = [valueOf(formula.left, values), valueOf(formula.right, values)];
      return { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "^": a ** b }[formula.operator];
    }
  }
}

/** Any tree at all. */
const anyFormula = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(name("x"), name("y"), name("long_name2")),
    fc
      .oneof(fc.integer({ min: -20, max: 20 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
      .map(number),
    tie("formula").map(negative),
    fc
      .tuple(fc.constantFrom("+", "-", "*", "/", "^"), tie("formula"), tie("formula"))
      .map(([operator, left, right]) => binary(operator, left, right)),
    tie("formula").map((x) => call("sin", x)),
    fc.tuple(tie("formula"), tie("formula")).map(([x, y]) => call("max", x, y)),
  ),
})).formula;

/** Trees whose values and slopes are tame near the points they are tried at. */
const smoothFormula = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(name("x"), name("y")),
    fc.constantFrom(-3, -1, 0, 1, 2, 0.5, Math.PI).map(number),
    tie("formula").map(negative),
    fc
      .tuple(fc.constantFrom("+", "-", "*"), tie("formula"), tie("formula"))
      .map(([operator, left, right]) => binary(operator, left, right)),
    fc.tuple(tie("formula"), fc.integer({ min: 1, max: 4 })).map(([x, n]) => binary("/", x, number(n))),
    // 1 + f² is never 0
    tie("formula").map((x) => binary("/", number(1), binary("+", number(1), binary("*", x, x)))),
    fc.tuple(tie("formula"), fc.integer({ min: 0, max: 3 })).map(([x, n]) => binary("^", x, number(n))),
    fc.tuple(fc.constantFrom("sin", "cos", "tanh"), tie("formula")).map(([fn, x]) => call(fn, x)),
  ),
})).formula;

const points = [
  { x: 0.7, y: -1.3 },
  { x: -0.4, y: 0.9 },
];

describe("a formula", () => {
  it("is printed with the parentheses that its tree needs", () => {
    for (const [written, printed] of [
      ["(a + 7) + y", "a + 7 + y"],
      ["a+(7+y)", "a + (7 + y)"],
      ["a-(b-c)-d", "a - (b - c) - d"],
      ["(a*b)/c*(d/e)", "a*b/c*(d/e)"],
      ["2*(a*x^2+b*x)", "2*(a*x^2 + b*x)"],
      ["(x^y)^z", "(x^y)^z"],
      ["x^(y^z)", "x^y^z"],
      ["x^(-2)", "x^-2"],
      ["(-2)^2", "(-2)^2"],
      ["-2^2", "-2^2"],
      ["(-x)^2", "(-x)^2"],
      ["-(x^2)", "-x^2"],
      ["a*-b", "a*(-b)"],
      ["a - -3", "a - (-3)"],
      ["-(a+b)", "-(a + b)"],
      ["-(a*b)", "-(a*b)"],
      ["-a*b", "-a*b"],
      ["maximum(a, add(b, 1))", "max(a, b + 1)"],
      ["ln(2*pi)", "log(2*pi)"],
      ["1.50e2 + .5", "150 + 0.5"],
    ] as const) {
      expect(String(expression(written))).toBe(printed);
    }
  });

  it("is the same tree when it is read again", () => {
    fc.assert(
      fc.property(anyFormula, (formula) => {
        expect(parseFormula(printFormula(formula))).toEqual(formula);
      }),
    );
  });

  it("has the same value when it is read again, whatever computes it", () => {
    fc.assert(
      fc.property(smoothFormula, (formula) => {
        for (const values of points) {
          const expected = valueOf(formula, values);
          if (Math.abs(expected) > 1e4) continue;
          const again = expression(printFormula(formula), { inputs: ["x", "y"] });
          expect(valueOf(parseFormula(String(again)), values)).toBe(expected);
          const computed = again.evaluate(values).itemSync() as number;
          expect(Math.abs(computed - expected)).toBeLessThan(1e-2 * Math.max(1, Math.abs(expected)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("keeps its value when it is simplified, and is simple then", () => {
    fc.assert(
      fc.property(smoothFormula, (formula) => {
        const simple = simplifyFormula(formula);
        for (const values of points) {
          const expected = valueOf(formula, values);
          if (Math.abs(expected) > 1e6) continue;
          expect(Math.abs(valueOf(simple, values) - expected)).toBeLessThan(
            1e-6 * Math.max(1, Math.abs(expected)),
          );
        }
        expect(printFormula(parseFormula(printFormula(simple)))).toBe(printFormula(simple));
      }),
    );
  });
});

describe("simplify", () => {
  it.each([
    ["x + x", "2*x"],
    ["x*2*x + 3*x^2 - 0*y", "5*x^2"],
    ["x/x", "1"],
    ["x - x", "0"],
    ["x*y/x", "y"],
    ["(2*x)^3", "8*x^3"],
    ["x/3 + x/6", "x/2"],
    ["2/4*x", "x/2"],
    ["-(-x)", "x"],
    ["1 - x^2", "1 - x^2"],
    ["(x^2)^0.5", "(x^2)^0.5"], // |x|, not x
    ["b*a + a*b", "2*a*b"],
    ["(a + b)*x + (a + b)*y", "(a + b)*(x + y)"],
    ["where(greater(3, 2), x, y)", "x"],
    ["3*where(less(3, 2), x, 2*y)", "6*y"],
    ["1/x^-2", "x^2"],
    ["pi*2*x", "2*pi*x"],
  ])("makes %s to %s", (formula, simple) => {
    expect(String(expression(formula).simplify())).toBe(simple);
  });
});

describe("the derivative of a formula", () => {
  it.each([
    ["2*(a*x^2+b*x)", "x", "4*a*x + 2*b"],
    ["2*(a*x^2+b*x)", "a", "2*x^2"],
    ["(a*x^2+b*x+c-y)^2", "a", "2*x^2*(a*x^2 + b*x + c - y)"],
    ["(a*x^2+b*x+c-y)^2", "c", "2*(a*x^2 + b*x + c - y)"],
    ["tanh(w*x)", "w", "x*(1 - tanh(w*x)^2)"],
    ["sin(x)/x", "x", "cos(x)/x - sin(x)/x^2"],
    ["exp(-x^2/2)", "x", "-x*exp(-x^2/2)"],
    ["sqrt(x)", "x", "1/(2*sqrt(x))"],
    ["log(x)", "x", "1/x"],
    ["1/x^2", "x", "-2/x^3"],
    ["x^3", "x", "3*x^2"],
    ["2^x", "x", "log(2)*2^x"],
    ["a*sin(2*pi*x/12+p)", "x", "pi*a*cos(pi*x/6 + p)/6"],
    ["relu(3*x)", "x", "3*where(greater(relu(3*x), 0), 1, 0)"],
    ["a*b", "c", "0"],
  ])("of %s by %s is %s", (formula, input, expected) => {
    expect(String(expression(formula, { inputs: ["a", "b", "c", "p", "w", "x", "y"] }).gradient(input))).toBe(
      expected,
    );
  });

  it("can be taken again, and is zero where nothing is left", () => {
    const second = expression("a*x^3").gradient("x").gradient("x");
    expect(String(second)).toBe("6*a*x");
    expect(String(second.gradient("x").gradient("x"))).toBe("0");
    expect(second.evaluate({ a: 2, x: 3 }).itemSync()).toBe(36);
  });

  it("is the slope of the function", () => {
    fc.assert(
      fc.property(smoothFormula, fc.constantFrom("x", "y"), (formula, input) => {
        const slope = parseFormula(
          String(expression(printFormula(formula), { inputs: ["x", "y"] }).gradient(input)),
        );
        for (const values of points) {
          const h = 1e-5;
          const at = (shift: number) =>
            valueOf(formula, { ...values, [input]: values[input as "x"] + shift });
          if (Math.abs(at(0)) > 1e3) continue;
          const expected = (at(h) - at(-h)) / (2 * h);
          const curvature = Math.abs(at(h) - 2 * at(0) + at(-h)) / (h * h);
          const tolerance = 1e-4 * Math.max(1, Math.abs(expected), Math.abs(at(0)), curvature);
          expect(Math.abs(valueOf(slope, values) - expected)).toBeLessThan(tolerance);
        }
      }),
    );
  });

  it("agrees with grad of the same computation", () => {
    const formula = expression("sigmoid(a*x) + max(x, 0.5)*gelu(x) - mod(x, 3) + (x^2)^a");
    const x = tensor([0.3, 1.2, -0.7]);
    const expected = grad((x: Tensor) => sum(formula.evaluate({ a: 1.5, x })))(x).arraySync() as number[];
    const actual = formula.gradient("x").evaluate({ a: 1.5, x }).arraySync() as number[];
    for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });

  it("is refused where there is none, with the reason", () => {
    const error = thrownBy(() => expression("greater(x, 2)").gradient("x"));
    expect(error).toBeInstanceOf(GradientError);
    expect(error.message).toMatch(/only through greater: a comparison is constant almost everywhere/);
    expect(() => expression("floorDiv(x, 2)").gradient("x")).toThrow(GradientError);
    expect(() => expression("x*slope").gradient("slop")).toThrow('Did you mean "slope"?');
  });
});

describe.each([referenceBackend, ...backends])("an expression on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("computes numbers and columns", () => {
    const parabola = expression("2*(a*x^2 + b*x)");
    expect(parabola.inputs).toEqual(["a", "x", "b"]);
    expect(parabola.evaluate({ a: 1, b: 2, x: 3 }).itemSync()).toBe(30);
    expect(parabola.evaluate({ a: 1, b: 2, x: tensor([0, 1, 3]) }).arraySync()).toEqual([0, 6, 30]);
    expect(expression("1 + 2*3").evaluate().itemSync()).toBe(7);
    expect(expression("5").evaluate().itemSync()).toBe(5);
    expect(
      expression("where(greater(x, 0), x, -x)")
        .evaluate({ x: tensor([-2, 3]) })
        .arraySync(),
    ).toEqual([2, 3]);
  });

  it("compiles", () => {
    const parabola = expression("a*x^2 + c").compile();
    const x = tensor([1, 2, 3]);
    expect(parabola({ a: 2, x, c: 1 }).arraySync()).toEqual([3, 9, 19]);
    expect(parabola({ a: 3, x, c: 0 }).arraySync()).toEqual([3, 12, 27]);
    expect(() => parabola({ a: 3, x })).toThrow(ConfigError);
  });

  it("shows its tree, with values where they are given", async () => {
    const shown = await expression("a + 7*y").toTree({ a: 1, y: 2 }).withValues();
    expect(String(shown)).toBe(lines("+  = 15", "├─ a  = 1", "└─ *  = 14", "   ├─ 7", "   └─ y  = 2"));
    expect(shown.title).toBe("a + 7*y");
    expect(String(expression("a + 7*y").toTree())).toBe(lines("+", "├─ a", "└─ *", "   ├─ 7", "   └─ y"));
  });
});

describe("a formula that can't be read", () => {
  const message = (formula: string, inputs?: readonly string[]) => {
    const error = thrownBy(() => expression(formula, inputs && { inputs })) as FormulaError;
    expect(error).toBeInstanceOf(FormulaError);
    expect(error.formula).toBe(formula);
    return error.message;
  };

  it("shows an open parenthesis where it stands", () => {
    expect(message("2*(a*x^2+b*x")).toBe(
      lines(
        "[expression] expected a ) for each (, received a ( that is never closed. Close it.",
        "  2*(a*x^2+b*x",
        "    ^",
      ),
    );
    expect(message("sin(x")).toMatch(/never closed.*\n {2}sin\(x\n {5}\^$/);
  });

  it("shows a parenthesis too much", () => {
    expect(message("(a+b))*c")).toBe(
      lines(
        '[expression] expected an operator, received ")". It closes nothing: leave it out, or open it.',
        "  (a+b))*c",
        "       ^",
      ),
    );
  });

  it("suggests the nearest function and the nearest input", () => {
    expect(message("1 + sinn(x)")).toBe(
      lines(
        '[expression] expected the name of a function before (, received "sinn". Did you mean "sin"? A product is written sinn*(…).',
        "  1 + sinn(x)",
        "      ^",
      ),
    );
    expect(message("slope*x + ofset", ["slope", "offset", "x"])).toBe(
      lines(
        '[expression] expected one of the inputs (slope, offset, x), received "ofset". Did you mean "offset"?',
        "  slope*x + ofset",
        "            ^",
      ),
    );
  });

  it.each([
    ["2x", 1, /an operator, received "x". Products are written with \*/],
    ["2 (a+b)", 2, /an operator, received "\(". Products/],
    ["(a) b", 4, /an operator, received "b". Products/],
    ["a $ b", 2, /received "\$"/],
    ["a·b", 1, /received "·". Write \* for a product/],
    ["x²", 1, /Write \^2/],
    ["a**2", 2, /Powers are written with \^/],
    ["a+", 2, /a number, a name or \(, received the end of the formula/],
    ["", 0, /the end of the formula/],
    ["  ", 0, /the end of the formula/],
    ["sin x", 4, /\( behind the function sin, received "x"/],
    ["max(a)", 0, /2 operands of max, received 1/],
    ["sin()", 0, /1 operand of sin, received 0/],
    ["a, b", 1, /an operator, received ","/],
    ["1e999", 0, /a number below 1.8e308/],
    ["a = b", 2, /one side/],
  ])("marks the place in %j", (formula, position, pattern) => {
    const error = thrownBy(() => expression(formula)) as FormulaError;
    expect(error).toBeInstanceOf(FormulaError);
    expect(error.message).toMatch(pattern);
    expect(error.position).toBe(position);
    expect(error.message.split("\n").at(-1)).toBe(`  ${" ".repeat(error.position)}^`);
  });

  it("is refused where it is too long for a tree, not by the stack", () => {
    expect(() => expression(`${"(".repeat(5000)}x${")".repeat(5000)}`)).toThrow(/at most 2000/);
    const longest = `x${"+x".repeat(990)}`;
    expect(String(expression(longest).gradient("x"))).toBe("991");
    expect(expression(longest).evaluate({ x: 1 }).itemSync()).toBe(991);
  });

  it("throws nothing but FormulaError, whatever the text", () => {
    const texts = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.constantFrom(
            "x",
            "2",
            "+",
            "-",
            "*",
            "/",
            "^",
            "(",
            ")",
            ",",
            "sin",
            "max",
            " ",
            "pi",
            "é",
            "🙂",
          ),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expression(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FormulaError);
        }
      }),
    );
  });
});

describe("values", () => {
  it("are needed for every input that occurs, and refused for others", () => {
    const line = expression("slope*x + offset");
    expect(() => line.evaluate({ slope: 1, x: 2 })).toThrow(
      "[expression] expected values for slope, x, offset, received none for offset.",
    );
    expect(() => line.evaluate({ slope: 1, x: 2, ofset: 3 })).toThrow(
      'received "ofset". Did you mean "offset"?',
    );
    // an input that the derivative no longer needs may still be given
    expect(line.gradient("x").evaluate({ slope: 4, x: 2, offset: 3 }).itemSync()).toBe(4);
    expect(derivative("slope*x", "x")).toBe("slope");
  });
});
