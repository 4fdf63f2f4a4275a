import { ConfigError, unknownName } from "./errors.js";

/** Objects under names, as `loadModel` takes them: classes and functions that a configuration refers to. */
export type CustomObjects = Readonly<Record<string, unknown>>;

/** How an object with options travels through JSON. */
export interface Serialized {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** A name of a table, which editors offer, or any other: Keras's snake case and custom objects. */
export type NameIn<Table> = (keyof Table & string) | (string & Record<never, never>);

let customObjects: CustomObjects = {};

/** Runs `fn` while the given objects can be found by name beside the built-in ones. */
export function withCustomObjects<T>(objects: CustomObjects, fn: () => T): T {
  const before = customObjects;
  customObjects = { ...before, ...objects };
  try {
    return fn();
  } finally {
    customObjects = before;
  }
}

/** The custom object of that name, if one is in scope. */
export function customObject(name: string): unknown {
  return Object.hasOwn(customObjects, name) ? customObjects[name] : undefined;
}

/**
 * The entry of a table of names in camel case; Keras's snake case finds the same.
 *
 * @throws {ConfigError} where there is none, with the nearest name
 * @example lookUp("compile", "an optimizer", { adam, sgd }, "adam")
 */
export function lookUp<T>(who: string, kind: string, table: Readonly<Record<string, T>>, name: string): T {
  const key = Object.hasOwn(table, name) ? name : camelCase(name);
  if (Object.hasOwn(table, key)) return table[key]!;
  throw unknownName(who, kind, name, Object.keys(table));
}

/** `glorot_uniform` → `glorotUniform`. */
export function camelCase(name: string): string {
  return name.replace(/_+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

/** `BatchNormalization` → `batch_normalization`, as Keras names layers after their class. */
export function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

export function isSerialized(value: unknown): value is Serialized {
  return typeof value === "object" && value !== null && "className" in value && "config" in value;
}

/** A value as plain JSON: objects with a configuration become `{ className, config }`, functions their name. */
export function toConfigValue(who: string, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "function") {
    if (value.name) return value.name;
    throw new ConfigError({
      who,
      expected: "a function with a name, so that a configuration can refer to it",
      received: "a function without a name",
      fix: "Give it a name and pass it to loadModel in customObjects.",
    });
  }
  if (Array.isArray(value)) return value.map((item) => toConfigValue(who, item));
  if (isConfigurable(value)) return serialize(value);
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([key, item]) => [key, toConfigValue(who, item)]),
  );
}

interface Configurable {
  getConfig(): Readonly<Record<string, unknown>>;
}

function isConfigurable(value: unknown): value is Configurable {
  return typeof value === "object" && value !== null && "getConfig" in value;
}

/** `{ className, config }` of an object with a configuration. */
export function serialize(object: Configurable): Serialized {
  return { className: classNameOf(object), config: object.getConfig() };
}

/** The static `className` of an object's class, or the class's own name. */
export function classNameOf(object: object): string {
  const { className, name } = object.constructor as { className?: string; name: string };
  return className ?? name;
}

/** The function that makes such objects: `CosineDecay` → `cosineDecay`. */
export function factoryNameOf(object: object): string {
  const name = classNameOf(object);
  return name.charAt(0).toLowerCase() + name.slice(1);
}
