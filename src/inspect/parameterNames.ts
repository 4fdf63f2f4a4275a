/**
 * The names a function gives to its parameters, as its source says; a, b, c, … where the source does not say (a
 * pattern, a built-in function).
 */
export function parameterNames(fn: (...args: never[]) => unknown, count: number): string[] {
  const written = listOf(Function.prototype.toString.call(fn)).map(
    (part) => /^\s*([A-Za-z_$][\w$]*)\s*(?:=[^>]|$)/.exec(part)?.[1],
  );
  const taken = new Set(written);
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz", (letter) => letter).filter((c) => !taken.has(c));
  return Array.from({ length: count }, (_, i) => written[i] ?? letters.shift() ?? `x${i}`);
}

/** What stands between the first parentheses, at commas that no bracket encloses. */
function listOf(source: string): string[] {
  const single = /^(?:async\s+)?([A-Za-z_$][\w$]*)\s*=>/.exec(source);
  if (single) return [single[1]!];
  const start = source.indexOf("(");
  const parts: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let i = start; i >= 0 && i < source.length; i++) {
    const character = source[i]!;
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character)) depth--;
    if (depth === 0 || (depth === 1 && character === ",")) {
      parts.push(source.slice(from, i));
      from = i + 1;
      if (depth === 0) break;
    }
  }
  return parts;
}
