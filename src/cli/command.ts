/** What a command is, and how its words on the command line become values. */

import { parseArgs } from "node:util";
import { ConfigError, nearestName } from "../base/errors.js";
import type { TextStream } from "../charts/index.js";

/** One option of a command; `--batch-size` is written `batchSize` in code. */
export type Option =
  | { readonly kind: "flag"; readonly help: string }
  | { readonly kind: "text"; readonly value: string; readonly help: string; readonly default?: string }
  | {
      readonly kind: "choice";
      readonly choices: readonly string[];
      readonly help: string;
      readonly default?: string;
    }
  | {
      readonly kind: "integer";
      readonly least: number;
      readonly help: string;
      readonly default?: number;
    };

export type Options = Readonly<Record<string, Option>>;

type Base<O extends Option> = O extends { kind: "flag" }
  ? boolean
  : O extends { kind: "integer" }
    ? number
    : O extends { choices: readonly (infer C)[] }
      ? C
      : string;

/** Values of options: flags are always there, others where given or with a default. */
export type Values<O extends Options> = {
  readonly [N in keyof O]: O[N] extends { kind: "flag" } | { default: string | number }
    ? Base<O[N]>
    : Base<O[N]> | undefined;
};

/** Where a command prints, and how it is told to stop. */
export interface Context {
  /** Results. */
  readonly stdout: TextStream;
  /** Progress bars, warnings, errors. */
  readonly stderr: TextStream;
  readonly signal: AbortSignal;
}

export interface Command<O extends Options = Options> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly options: O;
  /** Returns the exit status. */
  run(values: Values<O>, context: Context): Promise<number>;
}

/** Keeps the types of a command's options. */
export function defineCommand<const O extends Options>(command: Command<O>): Command<O> {
  return command;
}

/** Wrong words on the command line. */
export class UsageError extends ConfigError {}

/** Words after the command's name → values. */
export function parseOptions<O extends Options>(command: Command<O>, words: readonly string[]): Values<O> {
  const who = `myelin ${command.name}`;
  const names = Object.keys(command.options);
  const flags = names.map(flagOf);
  const { tokens } = parseArgs({
    args: [...words],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      names.map((name) => [
        flagOf(name),
        { type: command.options[name]!.kind === "flag" ? ("boolean" as const) : ("string" as const) },
      ]),
    ),
  });
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const option = command.options[name]!;
    values[name] = option.kind === "flag" ? false : option.default;
  }
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw new UsageError({
        who,
        expected: "options only",
        received: JSON.stringify(token.value),
        fix: `Run "${who} --help" to see them.`,
      });
    }
    const at = flags.indexOf(token.name);
    if (at < 0 || !token.rawName.startsWith("--")) {
      const near = nearestName(token.name, flags);
      throw new UsageError({
        who,
        expected: `an option (${flags.map((flag) => `--${flag}`).join(", ")})`,
        received: token.rawName,
        fix: near ? `Did you mean --${near}?` : `Run "${who} --help" to see them.`,
      });
    }
    const option = command.options[names[at]!]!;
    values[names[at]!] = valueOf(`${who} --${token.name}`, option, token.value);
  }
  return values as Values<O>;
}

function valueOf(who: string, option: Option, text: string | undefined): string | number | boolean {
  switch (option.kind) {
    case "flag":
      if (text === undefined) return true;
      throw new UsageError({ who, expected: "no value", received: JSON.stringify(text) });
    case "text":
      if (text) return text;
      throw new UsageError({ who, expected: option.value, received: "nothing" });
    case "choice": {
      if (text !== undefined && option.choices.includes(text)) return text;
      const near = text === undefined ? undefined : nearestName(text, option.choices);
      throw new UsageError({
        who,
        expected: `one of ${option.choices.join(", ")}`,
        received: text === undefined ? "nothing" : JSON.stringify(text),
        ...(near ? { fix: `Did you mean ${near}?` } : {}),
      });
    }
    case "integer": {
      const number = text?.trim() ? Number(text) : Number.NaN;
      if (Number.isSafeInteger(number) && number >= option.least) return number;
      const from = option.least === Number.MIN_SAFE_INTEGER ? "" : ` from ${option.least} on`;
      throw new UsageError({
        who,
        expected: `an integer${from}`,
        received: text === undefined ? "nothing" : JSON.stringify(text),
      });
    }
  }
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const rows = Object.entries(command.options).map(([name, option]): [string, string] => {
    const value =
      option.kind === "flag"
        ? ""
        : option.kind === "text"
          ? ` <${option.value}>`
          : ` <${placeholder(option)}>`;
    const standard = option.kind === "flag" || option.default === undefined ? "" : ` (${option.default})`;
    return [`--${flagOf(name)}${value}`, `${option.help}${standard}`];
  });
  rows.push(["--help", "this page"]);
  const summary = command.summary.charAt(0).toUpperCase() + command.summary.slice(1);
  return [`myelin ${command.name} [options]`, "", `${summary}.`, "", "Options", ...columns(rows)].join("\n");
}

function placeholder(option: Extract<Option, { kind: "choice" | "integer" }>): string {
  return option.kind === "choice" ? option.choices.join("|") : "n";
}

/** Two columns, the first as wide as it needs to be. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}

/** `batchSize` → `batch-size`. */
function flagOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
