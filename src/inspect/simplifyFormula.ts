/**
 * Formulas as one would write them after differentiating: numbers folded, like terms and equal factors gathered. As in
 * algebra, `x/x` is 1 and `0*x` is 0, whatever x is.
 */
import { binary, call, type Formula, negative, number, printFormula } from "./formula.js";

/** A product: `numerator / denominator · Π base^exponent`. */
interface Term {
  readonly numerator: number;
  readonly denominator: number;
  readonly factors: readonly Factor[];
}

interface Factor {
  readonly base: Formula;
  readonly exponent: number;
}

export function simplifyFormula(formula: Formula): Formula {
  const simple = simplified(formula);
  return isFinite(simple) ? simple : formula;
}

/** Numbers too large to be written are left as they were computed. */
function isFinite(formula: Formula): boolean {
  switch (formula.kind) {
    case "number":
      return Number.isFinite(formula.value);
    case "name":
      return true;
    case "negative":
      return isFinite(formula.operand);
    case "binary":
      return isFinite(formula.left) && isFinite(formula.right);
    case "call":
      return formula.operands.every(isFinite);
  }
}

function simplified(formula: Formula): Formula {
  switch (formula.kind) {
    case "number":
    case "name":
      return formula;
    case "call":
      return simplifyCall(formula.name, formula.operands.map(simplified));
    default:
      return fromTerms(termsOf(formula));
  }
}

/** The summands of a formula. */
function termsOf(formula: Formula): Term[] {
  switch (formula.kind) {
    case "number":
      return [opaque(formula)];
    case "negative":
      return termsOf(formula.operand).map((term) => scaled(term, -1));
    case "binary": {
      const { operator, left, right } = formula;
      if (operator === "+") return gathered([...termsOf(left), ...termsOf(right)]);
      if (operator === "-")
        return gathered([...termsOf(left), ...termsOf(right).map((term) => scaled(term, -1))]);
      if (operator === "^") return [powerTerm(simplified(left), simplified(right))];
      const [first, second] = [asProduct(left), asProduct(right)];
      return gathered([operator === "*" ? product(first, second) : product(first, inverse(second))]);
    }
    case "name":
      return [opaque(formula)];
    case "call": {
      const simple = simplified(formula);
      return simple.kind === "call" ? [opaque(simple)] : termsOf(simple); // a choice may be decided
    }
  }
}

/** One factor; π stays a name, so that it is still to be seen in the result. */
const opaque = (base: Formula): Term =>
  base.kind === "number" && base.value !== Math.PI
    ? { numerator: base.value, denominator: 1, factors: [] }
    : { numerator: 1, denominator: 1, factors: [{ base, exponent: 1 }] };

/** A formula as one product; a sum of several terms is a factor of its own. */
function asProduct(formula: Formula): Term {
  const terms = termsOf(formula);
  if (terms.length === 0) return { numerator: 0, denominator: 1, factors: [] };
  return terms.length === 1 ? terms[0]! : opaque(fromTerms(terms));
}

function powerTerm(base: Formula, exponent: Formula): Term {
  const whole: Term = opaque(binary("^", base, exponent));
  if (exponent.kind !== "number") return whole;
  const n = exponent.value;
  if (n === 0) return { numerator: 1, denominator: 1, factors: [] };
  if (base.kind === "number" && base.value !== Math.PI) {
    const value = base.value ** n;
    return Number.isFinite(value) && isShort(value)
      ? { numerator: value, denominator: 1, factors: [] }
      : whole;
  }
  const inner = asProduct(base);
  // (2 x)^2 = 4 x^2, but (x^2)^0.5 is not x, and (a b)^0.5 exists where a^0.5 need not.
  if (!Number.isInteger(n)) return { numerator: 1, denominator: 1, factors: [{ base, exponent: n }] };
  const raised = n > 0 ? inner : inverse(inner);
  const size = Math.abs(n);
  return {
    numerator: raised.numerator ** size,
    denominator: raised.denominator ** size,
    factors: raised.factors.map((factor) => ({ base: factor.base, exponent: factor.exponent * size })),
  };
}

function product(a: Term, b: Term): Term {
  const factors = new Map<string, Factor>();
  for (const { base, exponent } of [...a.factors, ...b.factors]) {
    const key = printFormula(base);
    factors.set(key, { base, exponent: (factors.get(key)?.exponent ?? 0) + exponent });
  }
  return reduced(a.numerator * b.numerator, a.denominator * b.denominator, [
    ...[...factors.values()].filter(({ exponent }) => exponent !== 0),
  ]);
}

function inverse({ numerator, denominator, factors }: Term): Term {
  return reduced(
    denominator,
    numerator,
    factors.map(({ base, exponent }) => ({ base, exponent: -exponent })),
  );
}

function scaled(term: Term, by: number): Term {
  return { ...term, numerator: term.numerator * by };
}

/** Whole numbers stay a fraction in lowest terms; others are divided where that gives a short number. */
function reduced(numerator: number, denominator: number, factors: readonly Factor[]): Term {
  if (denominator === 0) return { numerator, denominator, factors };
  const sign = denominator < 0 ? -1 : 1;
  const quotient = numerator / denominator;
  if (Number.isInteger(quotient)) return { numerator: quotient, denominator: 1, factors };
  if (!Number.isInteger(numerator) || !Number.isInteger(denominator))
    return { numerator: quotient, denominator: 1, factors };
  const divisor = greatestCommonDivisor(Math.abs(numerator), Math.abs(denominator));
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor, factors };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Terms with equal factors are one. */
function gathered(terms: readonly Term[]): Term[] {
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = term.factors
      .map(({ base, exponent }) => `${printFormula(base)}^${exponent}`)
      .sort()
      .join("*");
    const before = sums.get(key);
    if (!before) sums.set(key, term);
    else {
      const { numerator: n, denominator: d } = before;
      sums.set(key, reduced(n * term.denominator + term.numerator * d, d * term.denominator, before.factors));
    }
  }
  return [...sums.values()].filter(({ numerator, denominator }) => numerator !== 0 || denominator === 0);
}

function fromTerms(terms: readonly Term[]): Formula {
  const [common, rest] = withoutCommonSums(terms);
  if (common.factors.length > 0) return fromTerm(product(common, opaque(fromTerms(rest))));
  const sorted = [...terms].sort((a, b) => degree(b) - degree(a) || compare(key(a), key(b)));
  // 1 - x^2 rather than -x^2 + 1
  const first = sorted.findIndex(({ numerator }) => numerator >= 0);
  if (first > 0) sorted.unshift(...sorted.splice(first, 1));
  let total: Formula | undefined;
  for (const term of sorted) {
    if (!total) total = fromTerm(term);
    else if (term.numerator < 0) total = binary("-", total, fromTerm(scaled(term, -1)));
    else total = binary("+", total, fromTerm(term));
  }
  return total ?? number(0);
}

/** `(x + y)*a + (x + y)*b` as `(x + y)` and `a + b`: a sum that is a factor of all terms, and the numbers with it. */
function withoutCommonSums(terms: readonly Term[]): [Term, readonly Term[]] {
  const none: Term = { numerator: 1, denominator: 1, factors: [] };
  const [first] = terms;
  if (!first || terms.length < 2) return [none, terms];
  const shared = first.factors.filter(
    ({ base, exponent }) =>
      base.kind === "binary" &&
      (base.operator === "+" || base.operator === "-") &&
      terms.every(({ factors }) =>
        factors.some((other) => other.exponent === exponent && same(other.base, base)),
      ),
  );
  const numbers = terms.map(({ numerator }) => Math.abs(numerator));
  const divisor = numbers.every(Number.isInteger) ? numbers.reduce(greatestCommonDivisor) : 1;
  const common = { numerator: divisor, denominator: 1, factors: shared };
  return [common, terms.map((term) => product(term, inverse(common)))];
}

const same = (a: Formula, b: Formula) => printFormula(a) === printFormula(b);
const degree = ({ factors }: Term) => factors.reduce((sum, { exponent }) => sum + Math.abs(exponent), 0);
const key = ({ factors }: Term) => factors.map(({ base }) => printFormula(base)).join("*");
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function fromTerm({ numerator, denominator, factors }: Term): Formula {
  const sorted = [...factors].sort(
    (a, b) => rank(a) - rank(b) || compare(printFormula(a.base), printFormula(b.base)),
  );
  const above = sorted.filter(({ exponent }) => exponent > 0).map(raise);
  const below = sorted.filter(({ exponent }) => exponent < 0).map((factor) => raise(inverted(factor)));
  const size = Math.abs(numerator);
  if (size !== 1 || above.length === 0) above.unshift(number(size));
  if (denominator !== 1) below.unshift(number(denominator));
  if (numerator < 0) above[0] = negative(above[0]!);
  const top = above.reduce((a, b) => binary("*", a, b));
  return below.length === 0
    ? top
    : binary(
        "/",
        top,
        below.reduce((a, b) => binary("*", a, b)),
      );
}

/** π, names, functions, sums. */
function rank({ base }: Factor): number {
  const rank = ["number", "name", "call"].indexOf(base.kind);
  return rank < 0 ? 3 : rank;
}

const inverted = ({ base, exponent }: Factor): Factor => ({ base, exponent: -exponent });

function raise({ base, exponent }: Factor): Formula {
  return exponent === 1 ? base : binary("^", base, number(exponent));
}

/** A power of numbers is worked out where the result is as short as what it replaces. */
function isShort(value: number): boolean {
  return String(value).length <= 8;
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  equal: (a, b) => a === b,
  notEqual: (a, b) => a !== b,
  less: (a, b) => a < b,
  lessEqual: (a, b) => a <= b,
  greater: (a, b) => a > b,
  greaterEqual: (a, b) => a >= b,
};

/** Comparisons of numbers are decided, and with them choices. */
function simplifyCall(fn: string, operands: readonly Formula[]): Formula {
  const [a, b, c] = operands;
  const decide = comparisons[fn];
  if (decide && a?.kind === "number" && b?.kind === "number") return number(Number(decide(a.value, b.value)));
  if (fn === "where") {
    if (a!.kind === "number") return a!.value !== 0 ? b! : c!;
    if (printFormula(b!) === printFormula(c!)) return b!;
  }
  return call(fn, ...operands);
}
