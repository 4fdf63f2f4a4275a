/** The machine-readable parts of an error: who complains, what was expected, what came, how to mend it. */
export interface ErrorParts {
  /** The function, operation or layer that complains, as the user wrote it: `conv2d`, `Dense "hidden"`. */
  readonly who: string;
  /** What was expected, a noun phrase: `input of rank 4 [batch, height, width, channels]`. */
  readonly expected: string;
  /** What came instead: `shape [32, 28, 28]`. */
  readonly received: string;
  /** One sentence that mends it. */
  readonly fix?: string;
}

/**
 * Base class of all errors Myelin throws on purpose.
 *
 * The message reads `[who] expected …, received …. Fix.`; the parts are fields.
 */
export abstract class MyelinError extends Error implements ErrorParts {
  readonly who: string;
  readonly expected: string;
  readonly received: string;
  readonly fix: string;

  constructor(parts: ErrorParts, options?: ErrorOptions) {
    const fix = parts.fix ?? "";
    super(
      `[${parts.who}] expected ${parts.expected}, received ${parts.received}.${fix ? ` ${fix}` : ""}`,
      options,
    );
    this.who = parts.who;
    this.expected = parts.expected;
    this.received = parts.received;
    this.fix = fix;
  }
}

/** A shape, rank or axis that does not fit. */
export class ShapeError extends MyelinError {
  override readonly name: string = "ShapeError"; // survives minifiers
}
/** A dtype that does not fit. */
export class DTypeError extends MyelinError {
  override readonly name: string = "DTypeError"; // survives minifiers
}
/** An argument or option that makes no sense: an unknown name, a negative size, a missing `compile`. */
export class ConfigError extends MyelinError {
  override readonly name: string = "ConfigError"; // survives minifiers
}
/**
 * A derivative that does not exist (on the way stands an operation whose result jumps or stays, like a comparison), or one
 * that a check finds wrong.
 */
export class GradientError extends MyelinError {
  override readonly name: string = "GradientError"; // survives minifiers
}
/** A formula that can't be read; the message shows it with a caret under the place. */
export class FormulaError extends MyelinError {
  override readonly name: string = "FormulaError"; // survives minifiers

  constructor(
    parts: ErrorParts,
    readonly formula: string,
    /** Index of the character that does not fit. */
    readonly position: number,
  ) {
    super(parts);
    this.message += `\n  ${formula.replace(/\s/g, " ")}\n  ${" ".repeat(position)}^`;
  }
}
/** A file or byte stream that is not what it claims to be. */
export class FormatError extends MyelinError {
  override readonly name: string = "FormatError"; // survives minifiers
}
/** Data that does not fit: a label out of range, empty data, mismatched lengths, NaN. */
export class DataError extends MyelinError {
  override readonly name: string = "DataError"; // survives minifiers
}
/** A value read where none can be: inside a trace, after disposal, a tracer that left its trace. */
export class TraceError extends MyelinError {
  override readonly name: string = "TraceError"; // survives minifiers
}
/** A backend that is missing, lacks an operation or failed. */
export class BackendError extends MyelinError {
  override readonly name: string = "BackendError"; // survives minifiers
}
/** A file that can't be read or written: a missing path, no permission, a full disk. */
export class FileError extends MyelinError {
  override readonly name: string = "FileError"; // survives minifiers
}
/** Long work ended by an `AbortSignal`; `cause` is the signal's reason. */
export class AbortedError extends MyelinError {
  override readonly name: string = "AbortedError"; // survives minifiers
}

/**
 * The name nearest to `name` among `known`, or undefined where none is near: for "Did you mean …?". A third of the
 * letters may differ, at least one, never all.
 *
 * @example nearestName("adm", ["adam", "sgd"]) // "adam"
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(Math.max(1, Math.ceil(name.length / 3)) + 1, name.length);
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (
      distance < bestDistance ||
      (best !== undefined &&
        distance === bestDistance &&
        sharedStart(name, candidate) > sharedStart(name, best))
    ) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function sharedStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/**
 * An error for a name that is not among the known ones; suggests the nearest.
 *
 * @example unknownName("compile", "an optimizer", "adm", ["adam", "sgd"]).message
 */
export function unknownName(who: string, kind: string, name: string, known: readonly string[]): ConfigError {
  const near = nearestName(name, known);
  return new ConfigError({
    who,
    expected: `the name of ${kind} (${known.join(", ")})`,
    received: JSON.stringify(name),
    ...(near ? { fix: `Did you mean ${JSON.stringify(near)}?` } : {}),
  });
}

/** Letters to insert, drop, replace or swap with their neighbour, at least (Damerau 1964, optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substitution, swap));
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
