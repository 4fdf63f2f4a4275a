// Examples of docstrings: run as they stand, and what their comments say compared with what comes out.
import { format, inspect } from "node:util";
import { transformWithOxc } from "vite";

const AsyncFunction = (async () => {}).constructor;

/**
 * Runs an example with the names of `scope`. Gives what it shows: the values of the lines that end in a comment and
 * of the last one, and all that it logs; `faults` says where a comment and a value differ.
 */
export async function runExample(code, scope) {
  const shown = [];
  const faults = [];
  const show = async (value, comment) => {
    const text = await textOf(value);
    if (text !== undefined) shown.push(text);
    const fault = comment === undefined ? undefined : await difference(comment, value);
    if (fault) faults.push(fault);
  };
  const parts = partsOf(code);
  const body = (await Promise.all(parts.map(instrumented))).join("\n");
  const names = [...Object.keys(scope), "$show"];
  const { log } = console;
  console.log = (...values) => void shown.push(format(...values));
  try {
    // Names of the language are hidden from an example only where the package exports them (isNaN, isFinite).
    await new AsyncFunction(`{ ${names.join(", ")} }`, `{\n${body}\n}`)({ ...scope, $show: show });
  } finally {
    console.log = log;
  }
  return { shown, faults, comments: parts.filter(({ comment }) => comment !== undefined).length };
}

/** Pieces of an example, each up to a comment that says what its last statement gives. */
function partsOf(code) {
  const parts = [];
  let lines = [];
  for (const line of code.split("\n")) {
    const [, before, comment] = /^(|.*?\s)\/\/ (.*)$/.exec(line) ?? [];
    if (comment === undefined) {
      lines.push(line);
      continue;
    }
    if (before.trim() !== "") lines.push(before.trimEnd());
    parts.push({ lines, comment });
    lines = [];
  }
  if (lines.some((line) => line.trim() !== "")) parts.push({ lines, comment: undefined });
  return parts;
}

/** The statements of a part in JavaScript; the value of the last one is shown. */
async function instrumented({ lines, comment }) {
  const note = comment === undefined ? "undefined" : JSON.stringify(comment);
  for (let start = lines.length - 1; start >= 0; start--) {
    const before = await compiled(lines.slice(0, start).join("\n"));
    const last = lines.slice(start).join("\n").trim().replace(/;$/, "");
    const expression = await compiled(`(${last}\n);`);
    if (before !== undefined && expression !== undefined)
      return `${before}\nawait $show(${expression.trim().replace(/;$/, "")}, ${note});`;
  }
  const all = lines.join("\n");
  const named = [...all.matchAll(/^const (\w+) =/gm)].at(-1)?.[1];
  const value = comment !== undefined && named ? `\nawait $show(${named}, ${note});` : "";
  return `${(await compiled(all)) ?? all}${value}`;
}

/** JavaScript without types, or undefined where it does not parse. */
async function compiled(code) {
  if (code.trim() === "") return "";
  try {
    const { code: script } = await transformWithOxc(code, "example.ts", {
      sourcemap: false,
      target: "es2022",
    });
    new AsyncFunction(script);
    return script;
  } catch {
    return undefined;
  }
}

const isTensor = (value) => typeof value?.arraySync === "function";

async function textOf(value) {
  if (value === undefined || typeof value === "function") return undefined;
  if (isTensor(value)) {
    await value.data();
    return String(value);
  }
  if (typeof value === "string") return value;
  if (value !== null && typeof value[inspect.custom] === "function") return inspect(value);
  const plain = await plainOf(value);
  return plain === undefined ? undefined : inspect(plain, { depth: 6, breakLength: 100, maxArrayLength: 20 });
}

/** Numbers, strings, and arrays and records of such; undefined for whatever has a class of its own. */
async function plainOf(value) {
  if (isTensor(value)) return value.array();
  if (ArrayBuffer.isView(value)) return [...value];
  if (Array.isArray(value)) return Promise.all(value.map(plainOf));
  if (typeof value !== "object" || value === null) return typeof value === "function" ? undefined : value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const entries = Object.entries(value).map(async ([name, item]) => [name, await plainOf(item)]);
  return Object.fromEntries((await Promise.all(entries)).filter(([, item]) => item !== undefined));
}

const NUMBER = /-?(?:\d[\d_]*\.?\d*(?:e[+-]?\d+)?|Infinity)|NaN/g;

/** What is wrong with a comment, if it is a value at all; a note in words is none. */
async function difference(comment, value) {
  if (/^(?:float32|int32|uint8|bool) \[[\d, ]*\]$/.test(comment)) {
    const text = `${value.dtype} [${value.shape?.join(", ")}]`;
    return text === comment ? undefined : `says ${comment}, is ${text}`;
  }
  const expected = literal(comment);
  if (expected === undefined) return undefined;
  const actual = await plainOf(value);
  const says = comment.startsWith('"') ? [] : (comment.match(NUMBER) ?? []);
  return agree(expected.value, actual, says[Symbol.iterator]())
    ? undefined
    : `says ${comment}, is ${inspect(actual, { depth: 6, breakLength: 200 })}`;
}

/** The value of a comment that is a literal of numbers, booleans, strings and arrays. */
function literal(comment) {
  const tokens =
    /^(?:\s|[[\],]|"(?:[^"\\]|\\.)*"|-?(?:\d[\d_]*\.?\d*(?:e[+-]?\d+)?|Infinity)|NaN|true|false|null)+$/;
  if (!tokens.test(comment)) return undefined;
  try {
    return { value: Function(`"use strict"; return (${comment});`)() };
  } catch {
    return undefined;
  }
}

/** Numbers agree where they are the same as far as the comment's digits go. */
function agree(expected, actual, says) {
  if (typeof expected === "number") {
    const digits = says.next().value;
    if (typeof actual !== "number" || !Number.isFinite(expected)) return Object.is(expected, actual);
    const [mantissa, exponent = "0"] = digits.replaceAll("_", "").split("e");
    const places = mantissa.includes(".") ? mantissa.length - mantissa.indexOf(".") - 1 : 0;
    const step = 10 ** (Number(exponent) - places);
    const rounding = 2e-6 * Math.abs(expected); // a few units in the last place of a float32
    const isWhole = places === 0 && exponent === "0";
    return Math.abs(expected - actual) <= rounding + (isWhole ? 1e-6 : step * 0.51);
  }
  if (!Array.isArray(expected)) return expected === actual;
  if (!Array.isArray(actual) || actual.length !== expected.length) return false;
  return expected.every((item, i) => agree(item, actual[i], says));
}
