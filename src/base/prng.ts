/**
 * Counter-based random numbers: a value is a function of (key, stream, index), so it does not matter who
 * computes it, in which order, or on which backend. Philox2x32-10 (Salmon et al. 2011, "Parallel random numbers:
 * as easy as 1, 2, 3").
 */

/** 32 random bits: word 0 of Philox2x32-10 with counter (index, stream) and the given key. */
export function randomBits(key: number, stream: number, index: number): number {
  let low = index | 0;
  let high = stream | 0;
  let k = key | 0;
  for (let round = 0; round < 10; round++) {
    const [productHigh, productLow] = multiplyWide(0xd256d193, low);
    low = productHigh ^ k ^ high;
    high = productLow;
    k = (k + 0x9e3779b9) | 0;
  }
  return low | 0;
}

/** [0, 1) from 32 random bits, 24 of them used. */
export function unitFloat(bits: number): number {
  return (bits >>> 8) * 2 ** -24;
}

/** A new key from a key and a word: keys for layers, steps, epochs are derived by folding in names and numbers. */
export function foldIn(key: number, word: number): number {
  return randomBits(key, 0x5bf03635, word);
}

/** A 32-bit hash of a string (FNV-1a), for folding names into keys. */
export function hashString(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/**
 * A keyed bijection of 0 … n−1: a balanced Feistel network of six rounds over the smallest even number of bits
 * that holds n, walked along its cycle until the value is below n. Row `permutedIndex(key, i, n)` for i = 0 … n−1
 * is a shuffle that needs no table.
 */
export function permutedIndex(key: number, position: number, n: number): number {
  if (n <= 1 || position < 0 || position >= n) return 0;
  let half = 1;
  while (2 ** (2 * half) < n) half++;
  const mask = 2 ** half - 1;
  let value = position >>> 0;
  do {
    let left = (value >>> half) & mask;
    let right = value & mask;
    for (let round = 0; round < 6; round++) {
      let mixed = Math.imul(right ^ (key + Math.imul(round, 0x9e3779b9)), 0xd256d193);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
      mixed ^= mixed >>> 13;
      const next = left ^ (mixed & mask);
      left = right;
      right = next;
    }
    value = ((left << half) | right) >>> 0;
  } while (value >= n);
  return value;
}

/** High and low 32-bit words of the unsigned product. */
function multiplyWide(a: number, b: number): [number, number] {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const lowLow = aLow * bLow;
  const middle1 = aHigh * bLow + (lowLow >>> 16) + 0; // < 2^32 + 2^16, exact in a double
  const middle2 = aLow * bHigh + (middle1 % 0x10000);
  const high = aHigh * bHigh + Math.floor(middle1 / 0x10000) + Math.floor(middle2 / 0x10000);
  return [high | 0, Math.imul(a, b)];
}
