/** The notation of `einsum`: `"ij,jk->ik"` read into labels of axes. */
import { ConfigError, ShapeError } from "../base/errors.js";
import { formatShape, type Shape } from "../base/shape.js";

export interface Equation {
  /** The label of each axis of each operand. Axes of `...` have labels of their own, aligned at the last one. */
  readonly terms: readonly (readonly string[])[];
  /** The label of each axis of the result. */
  readonly output: readonly string[];
}

/** One character of the notation that counts, and where it stands. */
interface Sign {
  readonly text: string;
  readonly at: number;
}

const ELLIPSIS = "...";

/**
 * Reads the notation for operands of the given ranks.
 *
 * @throws {ConfigError} for a mistake in the notation, with its position marked
 * @throws {ShapeError} where a term does not fit the rank of its operand
 */
export function readEquation(equation: string, ranks: readonly number[]): Equation {
  const signs = signsOf(equation);
  const arrow = signs.findIndex(({ text }) => text === "->");
  const written = splitTerms(arrow < 0 ? signs : signs.slice(0, arrow));
  if (written.length !== ranks.length) {
    throw new ConfigError({
      who: "einsum",
      expected: `${written.length} ${written.length === 1 ? "operand" : "operands"} for "${equation}"`,
      received: String(ranks.length),
      fix: "A comma stands between the terms of two operands.",
    });
  }
  for (const term of written) checkOnceEllipsis(equation, term);
  const terms = written.map((term, i) => expand(term, ranks[i]!, i));
  const extra = Math.max(0, ...terms.map((labels) => labels.filter(isExtra).length));
  const extras = Array.from({ length: extra }, (_, i) => `.${extra - 1 - i}`);
  return {
    terms,
    output: arrow < 0 ? implicit(terms, extras) : explicit(equation, signs.slice(arrow + 1), terms, extras),
  };
}

/** Label of an axis that `...` stands for. */
const isExtra = (label: string) => label.startsWith(".");

function signsOf(equation: string): Sign[] {
  const signs: Sign[] = [];
  let arrows = 0;
  for (let at = 0; at < equation.length; ) {
    const rest = equation.slice(at);
    const text = /^(\s+|->|\.\.\.|[A-Za-z,])/.exec(rest)?.[0];
    if (!text) {
      throw mistake(equation, at, "letters, commas, ... and one ->", `"${rest[0]}"`);
    }
    if (text === "->" && ++arrows > 1) throw mistake(equation, at, "one ->", "a second one");
    if (text === "," && arrows > 0) throw mistake(equation, at, "one result behind ->", "a comma");
    if (text.trim() !== "") signs.push({ text, at });
    at += text.length;
  }
  return signs;
}

function splitTerms(signs: readonly Sign[]): Sign[][] {
  const terms: Sign[][] = [[]];
  for (const sign of signs) {
    if (sign.text === ",") terms.push([]);
    else terms.at(-1)!.push(sign);
  }
  return terms;
}

function checkOnceEllipsis(equation: string, term: readonly Sign[]): void {
  const second = term.filter(({ text }) => text === ELLIPSIS)[1];
  if (second) throw mistake(equation, second.at, "one ... in a term", "a second one");
}

/** A label for each axis of an operand. */
function expand(term: readonly Sign[], rank: number, operand: number): string[] {
  const named = term.filter(({ text }) => text !== ELLIPSIS).length;
  const hasEllipsis = named < term.length;
  if (hasEllipsis ? rank < named : rank !== named) {
    throw new ShapeError({
      who: "einsum",
      expected: `operand ${operand} of rank ${named}${hasEllipsis ? " or more" : ""} for "${term.map(({ text }) => text).join("")}"`,
      received: `rank ${rank}`,
      fix: hasEllipsis ? "" : "Name each axis by a letter, or the further ones by ....",
    });
  }
  const extra = rank - named;
  return term.flatMap(({ text }) =>
    text === ELLIPSIS ? Array.from({ length: extra }, (_, i) => `.${extra - 1 - i}`) : [text],
  );
}

/** Without `->`: the axes of `...`, then what occurs once, in alphabetical order. */
function implicit(terms: Equation["terms"], extras: readonly string[]): string[] {
  const all = terms.flat().filter((label) => !isExtra(label));
  const once = all.filter((label) => all.indexOf(label) === all.lastIndexOf(label));
  return [...extras, ...once.sort()];
}

function explicit(
  equation: string,
  signs: readonly Sign[],
  terms: Equation["terms"],
  extras: readonly string[],
): string[] {
  checkOnceEllipsis(equation, signs);
  if (extras.length > 0 && !signs.some(({ text }) => text === ELLIPSIS)) {
    throw mistake(equation, equation.length, "... in the result, as in the operands", "none");
  }
  signs.forEach(({ text, at }, i) => {
    if (text === ELLIPSIS) return;
    if (!terms.some((labels) => labels.includes(text))) {
      throw mistake(equation, at, "letters of the operands in the result", `"${text}", which no operand has`);
    }
    if (signs.findIndex((other) => other.text === text) !== i) {
      throw mistake(equation, at, "each letter once in the result", `"${text}" a second time`);
    }
  });
  return signs.flatMap(({ text }) => (text === ELLIPSIS ? extras : [text]));
}

/** The length each label stands for; length 1 goes with any. */
export function labelSizes(terms: Equation["terms"], shapes: readonly Shape[]): Map<string, number> {
  const sizes = new Map<string, number>();
  terms.forEach((labels, operand) => {
    const shape = shapes[operand]!;
    labels.forEach((label, axis) => {
      const length = shape[axis]!;
      const first = labels.indexOf(label);
      const known = first < axis ? shape[first]! : (sizes.get(label) ?? length);
      if (length === known || (first === axis && (length === 1 || known === 1))) {
        sizes.set(label, length === 1 ? known : length);
        return;
      }
      throw new ShapeError({
        who: "einsum",
        expected: `${isExtra(label) ? "axes of ... that broadcast" : `one length for "${label}"`}`,
        received: `${known} and ${length} (axis ${axis} of operand ${operand}, ${formatShape(shape)})`,
      });
    });
  });
  return sizes;
}

/** A mistake in the notation, which is shown with a mark under the position. */
function mistake(equation: string, at: number, expected: string, received: string): ConfigError {
  return new ConfigError({
    who: "einsum",
    expected,
    received: `${received} at position ${at}`,
    fix: `Here:\n  ${equation}\n  ${" ".repeat(at)}^`,
  });
}
