import { ConfigError } from "../base/errors.js";
import { snakeCase } from "../base/lookup.js";
import { foldIn, hashString } from "../base/prng.js";

let seed = 0;
/** How often a key was asked for under each path since the last `setSeed`. */
const keysTaken = new Map<string, number>();
/** How often a name was given after each class since the last `setSeed`. */
const namesTaken = new Map<string, number>();

/**
 * Sets the seed that everything random starts from where no seed of its own is given: initial weights, dropout, the
 * order of data. Automatic names start anew too, so the same program after it computes the same bits.
 *
 * Without a call the seed is 0.
 * @throws {ConfigError} where the seed is no integer
 * @example setSeed(42)
 */
export function setSeed(value: number): void {
  if (!Number.isSafeInteger(value)) {
    throw new ConfigError({ who: "setSeed", expected: "an integer", received: String(value) });
  }
  seed = value;
  keysTaken.clear();
  namesTaken.clear();
}

/**
 * The seed set last.
 *
 * @example setSeed(42);
 * globalSeed() // 42
 */
export function globalSeed(): number {
  return seed;
}

/** A seed as an int32 key; integers beyond 32 bits are hashed. */
export function seedKey(value: number): number {
  const low = value | 0;
  return low === value ? low : foldIn(low, Math.floor(value / 2 ** 32));
}

/**
 * The key of what stands at a path (`dense/kernel`): a function of the seed, the path, and how often that path came
 * up before, so that two layers of one name still differ.
 */
export function keyFor(path: string): number {
  const occurrence = keysTaken.get(path) ?? 0;
  keysTaken.set(path, occurrence + 1);
  const key = foldIn(seedKey(seed), hashString(path));
  return occurrence === 0 ? key : foldIn(key, occurrence);
}

/** A name after a class, as Keras gives them: `dense`, `dense_1`, … */
export function automaticName(className: string): string {
  const base = snakeCase(className);
  const taken = namesTaken.get(base) ?? 0;
  namesTaken.set(base, taken + 1);
  return taken === 0 ? base : `${base}_${taken}`;
}
