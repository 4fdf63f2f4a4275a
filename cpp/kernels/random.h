// Counter-based random numbers on int32 lanes: every value is a function of (key, stream, index), never of an order.
//
// Bound: arithmetic (20 multiplications of 32 × 32 → 64 bits per value).
//
// randomBits is Philox2x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): key, counter =
// (low word index, high word stream), the result is word 0. permutedIndex is a bijection of 0 … n−1, a balanced Feistel
// network of 6 rounds over 2h bits, h ≥ 1 the smallest with 4^h ≥ n, repeated ("cycle walking") until the result is
// below n. A position outside 0 … n−1 gives 0. The same in TypeScript, bit by bit:
//
//   function randomBits(key: number, stream: number, index: number): number {
//     let low = index >>> 0, high = stream >>> 0, k = key >>> 0;
//     for (let round = 0; round < 10; round++) {
//       const product = BigInt(low) * 0xd256d193n;
//       low = (Number(product >> 32n) ^ k ^ high) >>> 0;
//       high = Number(product & 0xffffffffn);
//       k = (k + 0x9e3779b9) >>> 0;
//     }
//     return low | 0;
//   }
//   const unitFloat = (bits: number) => (bits >>> 8) * 2 ** -24;
//
//   function permutedIndex(key: number, position: number, n: number): number {
//     if (position < 0 || position >= n) return 0;
//     let h = 1;
//     while (4 ** h < n) h++;
//     const mask = 2 ** h - 1;
//     let x = position;
//     do {
//       let left = x >>> h, right = x & mask;
//       for (let round = 0; round < 6; round++) {
//         let t = Math.imul(right ^ (key + Math.imul(round, 0x9e3779b9)), 0xd256d193);
//         t = Math.imul(t ^ (t >>> 15), 0x85ebca6b);
//         t = (t ^ (t >>> 13)) & mask;
//         [left, right] = [right, left ^ t];
//       }
//       x = ((left << h) | right) >>> 0;
//     } while (x >= n);
//     return x;
//   }
#pragma once
#include "../simd.h"

static const int32_t PHILOX_MULTIPLIER = (int32_t)0xd256d193;
static const int32_t PHILOX_WEYL = (int32_t)0x9e3779b9;

// One half of the lanes, one 64-bit lane per value: only the low words count, the products bring their own high words.
INLINE vl philoxHalf(vl key, vl stream, vl index) {
  const vl multiplier = splatLong(0xd256d193);
  vl low = index, high = stream;
  for (int round = 0; round < 10; round++) {
    vl product = mulLowWords(low, multiplier);
    low = shiftRightLogical(product, 32) ^ key ^ high;
    high = product;
    key += splatLong(PHILOX_WEYL);  // a carry into the high word is harmless
  }
  return low;
}

INLINE vi randomBits(vi key, vi stream, vi index) {
  const vl word = splatLong(0xffffffff);
  vl even = philoxHalf((vl)key, (vl)stream, (vl)index);
  vl odd = philoxHalf(shiftRightLogical((vl)key, 32), shiftRightLogical((vl)stream, 32), shiftRightLogical((vl)index, 32));
  return (vi)((even & word) | (odd << splatLong(32)));
}

INLINE vf unitFloat(vi bits) { return toFloat(shiftRightLogical(bits, 8)) * splat(5.9604644775390625e-8f); }

INLINE vm lessUnsigned(vi a, vi b) {
  const vi sign = splat((int32_t)0x80000000);
  return less(a ^ sign, b ^ sign);
}

INLINE vi permutedIndex(vi key, vi position, vi n) {
  vm valid = maskAnd(lessUnsigned(position, n), less(zeroInt(), n));
  vi limit = select(valid, n, zeroInt());
  vi h = splat(1);
  for (;;) {
    // 4^h < n, written so that 4^16 does not overflow
    vm more = maskNot(equal(shiftRightLogical(sub(limit, splat(1)), add(h, h)), zeroInt()));
    more = maskAnd(more, maskAnd(less(h, splat(16)), valid));
    if (!any(more)) break;
    h = add(h, maskToInt(more));
  }
  vi mask = sub(shiftLeft(splat(1), h), splat(1));
  vi x = select(valid, position, zeroInt());
  vm walking = valid;
  while (any(walking)) {
    vi left = shiftRightLogical(x, h), right = x & mask;
    for (int round = 0; round < 6; round++) {
      vi t = mul(right ^ add(key, splat((int32_t)((uint32_t)round * 0x9e3779b9u))), splat(PHILOX_MULTIPLIER));
      t = mul(t ^ shiftRightLogical(t, 15), splat((int32_t)0x85ebca6b));
      t = (t ^ shiftRightLogical(t, 13)) & mask;
      vi previous = left;
      left = right;
      right = previous ^ t;
    }
    x = select(walking, shiftLeft(left, h) | right, x);
    walking = maskAnd(walking, maskNot(lessUnsigned(x, limit)));
  }
  return x;
}
