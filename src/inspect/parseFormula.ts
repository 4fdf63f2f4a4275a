import { FormulaError, nearestName } from "../base/errors.js";
import { binary, type Formula, name, negative, number } from "./formula.js";
import { applied, formulaFunctions, formulaName } from "./formulaFunctions.js";

interface Token {
  readonly kind: "number" | "name" | "sign" | "end";
  readonly text: string;
  readonly position: number;
}

/** More would be deeper than the stack of the functions that walk the tree. */
const mostTokens = 2000;

/**
 * Reads a formula: numbers, names, `+ - * / ^`, minus, parentheses, functions. `^` binds strongest and is read from
 * the right, a minus binds more loosely than `^` (`-x^2` is `-(x^2)`), `*` and `/` before `+` and `-`, from the left.
 *
 * @param inputs the names that may occur; any where it is not given
 */
export function parseFormula(text: string, inputs?: readonly string[]): Formula {
  const tokens = tokenize(text);
  let next = 0;
  const peek = () => tokens[next]!;
  const isSign = (...signs: readonly string[]) => peek().kind === "sign" && signs.includes(peek().text);

  const sum = (): Formula => {
    let left = product();
    while (isSign("+", "-")) left = binary(tokens[next++]!.text as "+" | "-", left, product());
    return left;
  };
  const product = (): Formula => {
    let left = signed();
    while (isSign("*", "/")) left = binary(tokens[next++]!.text as "*" | "/", left, signed());
    return left;
  };
  const signed = (): Formula => {
    if (!isSign("-")) return power();
    next++;
    return negative(signed());
  };
  const power = (): Formula => {
    const base = atom();
    if (!isSign("^")) return base;
    next++;
    return binary("^", base, signed());
  };
  const atom = (): Formula => {
    const token = peek();
    if (token.kind === "number") {
      next++;
      const value = Number(token.text);
      if (Number.isFinite(value)) return number(value);
      throw fault(text, token.position, { expected: "a number below 1.8e308", received: token.text });
    }
    if (token.kind === "name") return named();
    if (!isSign("(")) throw unexpected(text, token, "a number, a name or (");
    next++;
    const inner = sum();
    close(token);
    return inner;
  };
  const named = (): Formula => {
    const token = tokens[next++]!;
    if (isSign("(")) return functionCall(token);
    if (inputs?.includes(token.text)) return name(token.text);
    if (token.text === "pi") return number(Math.PI);
    const fn = formulaName(token.text);
    if (formulaFunctions().has(fn)) {
      throw fault(text, peek().position, {
        expected: `( behind the function ${token.text}`,
        received: described(peek()),
        fix: `Write ${token.text}(…).`,
      });
    }
    if (inputs) throw unknown(text, token, "one of the inputs", inputs);
    return name(token.text);
  };
  const functionCall = (token: Token): Formula => {
    const fn = formulaName(token.text);
    const arity = formulaFunctions().get(fn);
    if (arity === undefined) throw unknown(text, token, "a function", [...formulaFunctions().keys()]);
    const open = tokens[next++]!;
    const operands: Formula[] = [];
    if (!isSign(")")) {
      operands.push(sum());
      while (isSign(",")) {
        next++;
        operands.push(sum());
      }
    }
    close(open);
    if (operands.length !== arity) {
      throw fault(text, token.position, {
        expected: `${arity} operand${arity === 1 ? "" : "s"} of ${token.text}`,
        received: String(operands.length),
      });
    }
    return applied(fn, operands);
  };
  const close = (open: Token): void => {
    if (isSign(")")) {
      next++;
      return;
    }
    if (peek().kind !== "end") throw unexpected(text, peek(), "an operator or )");
    throw fault(text, open.position, {
      expected: "a ) for each (",
      received: "a ( that is never closed",
      fix: "Close it.",
    });
  };

  const formula = sum();
  const rest = peek();
  if (rest.kind !== "end") throw unexpected(text, rest, "an operator");
  return formula;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{Nd}_]*)|([-+*/^(),]))/uy;
  let position = 0;
  while (text.slice(position).trim() !== "") {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (!match) {
      const at = position + text.slice(position).search(/\S/);
      const sign = String.fromCodePoint(text.codePointAt(at)!);
      throw fault(text, at, {
        expected: "numbers, names, + - * / ^ and parentheses",
        received: JSON.stringify(sign),
        fix: replacements[sign] ?? "",
      });
    }
    const [whole, digits, word] = match;
    const part = whole.trimStart();
    tokens.push({
      kind: digits !== undefined ? "number" : word !== undefined ? "name" : "sign",
      text: part,
      position: pattern.lastIndex - part.length,
    });
    position = pattern.lastIndex;
  }
  if (tokens.length > mostTokens) {
    throw fault(text.slice(0, 60), 0, {
      expected: `a formula of at most ${mostTokens} numbers, names and signs`,
      received: String(tokens.length),
      fix: "Write it as a function of tensors.",
    });
  }
  tokens.push({ kind: "end", text: "", position: text.trimEnd().length });
  return tokens;
}

/** What people write elsewhere. */
const replacements: Readonly<Record<string, string>> = {
  "·": "Write * for a product.",
  "×": "Write * for a product.",
  "÷": "Write / for a quotient.",
  "−": "Write - for a minus.",
  "²": "Write ^2 for a square.",
  "³": "Write ^3 for a cube.",
  "√": "Write sqrt(…) for a root.",
  "[": "Write parentheses ( ).",
  "{": "Write parentheses ( ).",
  "=": "Write one side only.",
};

function unexpected(text: string, token: Token, expected: string): FormulaError {
  const implicit = expected.startsWith("an operator") && (token.kind !== "sign" || token.text === "(");
  const before = text.slice(0, token.position).trimEnd().at(-1) ?? "";
  const fix = implicit
    ? "Products are written with *."
    : token.text === ")"
      ? expected === "an operator"
        ? "It closes nothing: leave it out, or open it."
        : ""
      : token.text === "*" && before === "*"
        ? "Powers are written with ^."
        : "";
  return fault(text, token.position, { expected, received: described(token), fix });
}

function unknown(text: string, token: Token, kind: string, known: readonly string[]): FormulaError {
  const near = nearestName(token.text, known);
  return fault(text, token.position, {
    expected: kind === "a function" ? "the name of a function before (" : `${kind} (${known.join(", ")})`,
    received: JSON.stringify(token.text),
    fix: [
      near ? `Did you mean ${JSON.stringify(near)}?` : "",
      kind === "a function" ? `A product is written ${token.text}*(…).` : "",
    ]
      .filter((part) => part)
      .join(" "),
  });
}

function described(token: Token): string {
  return token.kind === "end" ? "the end of the formula" : JSON.stringify(token.text);
}

/** The formula below the message, with a caret under the place. */
function fault(
  formula: string,
  position: number,
  parts: { readonly expected: string; readonly received: string; readonly fix?: string },
): FormulaError {
  return new FormulaError({ who: "expression", ...parts }, formula, position);
}
