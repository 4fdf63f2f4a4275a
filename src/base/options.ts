import { ConfigError, unknownName } from "./errors.js";

/**
 * The option names of a class, each once: `static readonly options: OptionNames<DenseOptions, LayerOptions>`. The type
 * makes the table complete; what a base class takes stands there.
 */
export type OptionNames<Options, Inherited = object> = {
  readonly [Name in Exclude<keyof Options, keyof Inherited>]-?: true;
};

/** A table of option names that subclasses may replace. */
export type OptionTable = Readonly<Record<string, true>>;

/** A class with a table of its option names. */
interface WithOptions {
  readonly options?: OptionTable;
}

/**
 * Throws for an option that nobody would read, with the nearest name. Checks objects whose own class has a table: a
 * subclass without one may take what it likes.
 *
 * @throws {ConfigError} for an unknown name
 */
export function checkOptionNames(who: string, object: object, config: object): void {
  const own = object.constructor as WithOptions;
  if (!Object.hasOwn(own, "options")) return;
  checkNames(who, config, optionNamesOf(own));
}

/**
 * Throws for a name that is not among the known ones, with the nearest.
 *
 * @throws {ConfigError} for an unknown name, or what is no record
 */
export function checkNames(who: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || Array.isArray(options)) {
    throw new ConfigError({
      who,
      expected: "options as a record",
      received: Array.isArray(options) ? "a list" : String(options),
      fix: `Name what it is for: { ${known[0] ?? "name"}: … }.`,
    });
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw unknownName(who, "an option", name, known);
  }
}

/** All option names of a class, those of its base classes last. */
export function optionNamesOf(start: WithOptions): string[] {
  const names: string[] = [];
  let at: unknown = start;
  while (typeof at === "function") {
    if (Object.hasOwn(at, "options")) names.push(...Object.keys((at as WithOptions).options ?? {}));
    at = Object.getPrototypeOf(at);
  }
  return names;
}
