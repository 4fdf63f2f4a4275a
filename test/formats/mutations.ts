import fc from "fast-check";
import { expect } from "vitest";
import { FormatError } from "../../src/base/errors.js";

export const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
export const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const textBytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A valid file with a few bytes replaced, cut short, or lengthened. */
export function mutationsOf(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 }));
  return fc
    .tuple(
      fc.array(change, { maxLength: 4 }),
      fc.nat({ max: valid.length }),
      fc.uint8Array({ maxLength: 12 }),
    )
    .map(([changes, cut, tail]) => {
      const copy = valid.slice();
      for (const [index, value] of changes) copy[index] = value;
      return concatBytes(
        cut % 3 === 0 ? copy.subarray(0, cut) : copy,
        cut % 5 === 0 ? tail : new Uint8Array(),
      );
    });
}

/**
 * Random bytes and mutations of valid files either parse or throw a `FormatError` that names the file. Results may
 * not be larger than what the bytes can hold, so a lying size field can't have been allocated.
 */
export async function expectSafeReader(
  read: (bytes: Uint8Array) => number | Promise<number>,
  valid: readonly Uint8Array[],
  bytesPerInputByte: number,
): Promise<void> {
  const inputs = fc.oneof(fc.uint8Array({ maxLength: 200 }), ...valid.map(mutationsOf));
  await fc.assert(
    fc.asyncProperty(inputs, async (bytes) => {
      let size: number;
      try {
        size = await read(bytes);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error.message).toContain("fuzz.bin");
        return;
      }
      expect(size).toBeLessThanOrEqual(bytes.length * bytesPerInputByte);
    }),
    { numRuns: 1000 },
  );
}
