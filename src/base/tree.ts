/** A value, or arrays and records of values, nested: how arguments and results of functions travel. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** Leaves in order (record keys sorted, so that the order is a function of the content) and the structure as a key. */
export function flatten<T>(
  tree: Tree<T>,
  isLeaf: (value: unknown) => value is T,
): { leaves: T[]; structure: string } {
  const leaves: T[] = [];
  const walk = (value: Tree<T> | null | undefined): string => {
    if (value === null || value === undefined) return String(value);
    if (isLeaf(value)) {
      leaves.push(value);
      return "*";
    }
    if (Array.isArray(value)) return `[${value.map((item) => walk(item)).join(",")}]`;
    if (isPlainRecord(value)) {
      return `{${Object.keys(value)
        .sort()
        .map((key) => `${JSON.stringify(key)}:${walk((value as Record<string, Tree<T>>)[key]!)}`)
        .join(",")}}`;
    }
    return `#${staticKey(value)}`; // a static argument: part of the structure
  };
  return { leaves, structure: walk(tree) };
}

const numbers = new WeakMap<object, number>();
let objects = 0;

/** Equal for equal strings, booleans and bigints, and for the same object or function. */
function staticKey(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    return typeof value === "bigint" ? `${value}n` : String(value);
  }
  const number = numbers.get(value) ?? objects++;
  numbers.set(value, number);
  return `@${number}`;
}

/** The same tree with each leaf replaced; leaves are visited in the order of `flatten`. */
export function mapTree<T, R>(
  tree: Tree<T>,
  isLeaf: (value: unknown) => value is T,
  fn: (leaf: T) => R,
): Tree<R> {
  const walk = (value: Tree<T>): Tree<R> => {
    if (value === null || value === undefined) return value as never;
    if (isLeaf(value)) return fn(value);
    if (Array.isArray(value)) return value.map((item) => walk(item)) as Tree<R>;
    if (isPlainRecord(value)) {
      const record = value as Record<string, Tree<T>>;
      const mapped = new Map(
        Object.keys(record)
          .sort()
          .map((key) => [key, walk(record[key]!)] as const),
      );
      return Object.fromEntries(Object.keys(record).map((key) => [key, mapped.get(key)!])) as Tree<R>;
    }
    return value as never;
  };
  return walk(tree);
}

function isPlainRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
