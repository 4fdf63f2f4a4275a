export type Operator = "+" | "-" | "*" | "/" | "^";

/** A formula as a tree; a minus before a number belongs to the number. */
export type Formula =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "negative"; readonly operand: Formula }
  | {
      readonly kind: "binary";
      readonly operator: Operator;
      readonly left: Formula;
      readonly right: Formula;
    }
  | { readonly kind: "call"; readonly name: string; readonly operands: readonly Formula[] };

export const number = (value: number): Formula => ({ kind: "number", value });
export const name = (text: string): Formula => ({ kind: "name", name: text });
export const call = (fn: string, ...operands: Formula[]): Formula => ({ kind: "call", name: fn, operands });
export const binary = (operator: Operator, left: Formula, right: Formula): Formula => ({
  kind: "binary",
  operator,
  left,
  right,
});
export const negative = (operand: Formula): Formula =>
  operand.kind === "number" && !isNegativeNumber(operand)
    ? number(-operand.value)
    : { kind: "negative", operand };

/** How strongly a formula holds together; what binds less strongly than its place asks for gets parentheses. */
const strength = { sum: 1, product: 2, minus: 3, power: 4, atom: 5 } as const;

function strengthOf(formula: Formula): number {
  switch (formula.kind) {
    case "number":
      return isNegativeNumber(formula) ? strength.minus : strength.atom;
    case "negative":
      return strength.minus;
    case "binary":
      return operatorStrength(formula.operator);
    default:
      return strength.atom;
  }
}

function operatorStrength(operator: Operator): number {
  if (operator === "^") return strength.power;
  return operator === "*" || operator === "/" ? strength.product : strength.sum;
}

/**
 * A formula as text with no more parentheses than its tree needs: `(a + 7) + y` is printed `a + 7 + y`, and
 * `a + (7 + y)` as it is. What is parsed again is the same tree.
 */
export function printFormula(formula: Formula): string {
  switch (formula.kind) {
    case "number":
      return numeral(formula.value);
    case "name":
      return formula.name;
    case "negative":
      return `-${enclosed(formula.operand, strength.power)}`;
    case "call":
      return `${formula.name}(${formula.operands.map(printFormula).join(", ")})`;
    case "binary": {
      const { operator, left, right } = formula;
      const own = operatorStrength(operator);
      if (operator === "^") return `${enclosed(left, strength.atom)}^${enclosed(right, strength.minus)}`;
      // Operators are read from the left; a minus behind another sign is easier to read in parentheses.
      const second =
        strengthOf(right) === strength.minus ? `(${printFormula(right)})` : enclosed(right, own + 1);
      const sign = own === strength.sum ? ` ${operator} ` : operator;
      return `${enclosed(left, own)}${sign}${second}`;
    }
  }
}

function enclosed(formula: Formula, least: number): string {
  const text = printFormula(formula);
  return strengthOf(formula) < least ? `(${text})` : text;
}

function numeral(value: number): string {
  if (Math.abs(value) === Math.PI) return value < 0 ? "-pi" : "pi";
  return Object.is(value, -0) ? "-0" : String(value);
}

function isNegativeNumber(formula: Formula): boolean {
  return formula.kind === "number" && (formula.value < 0 || Object.is(formula.value, -0));
}

/** The names in a formula, in the order in which they stand there. */
export function namesIn(formula: Formula): string[] {
  const names = new Set<string>();
  const walk = (part: Formula): void => {
    if (part.kind === "name") names.add(part.name);
    else if (part.kind === "negative") walk(part.operand);
    else if (part.kind === "call") part.operands.forEach(walk);
    else if (part.kind === "binary") {
      walk(part.left);
      walk(part.right);
    }
  };
  walk(formula);
  return [...names];
}
