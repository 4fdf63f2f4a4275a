// Order-preserving keys, and rows sorted by them.
//
// A key is an unsigned word that orders as the value does: the sign bit of an integer flipped, all bits of a negative float
// flipped. NaN has the largest key, whatever its sign. In descending order the keys are complemented, so that equal elements
// keep their order both ways. What is sorted is the key alone (uint32_t), or the key above its position (uint64_t).
#pragma once
#include "kernel.h"
#include "../simd.h"

namespace radix {

// FLOAT_VALUES: −0 before +0, so that a value can be made of its key again. FLOAT_PLACES: the zeros are equal.
enum Keys { FLOAT_VALUES, FLOAT_PLACES, INTEGERS, BYTES };

static const uint32_t NAN_KEY = 0xffffffff, SIGN = 0x80000000;

template <Keys keys>
INLINE int32_t keyBits() { return keys == BYTES ? 8 : 32; }
// Complements keys: descending.
template <Keys keys>
INLINE uint32_t flipOf(bool descending) { return !descending ? 0 : keys == BYTES ? 0xff : 0xffffffff; }

template <Keys keys>
INLINE uint32_t keyAt(const uint8_t* data, int64_t i, uint32_t flip) {
  if (keys == BYTES) return data[i] ^ flip;
  uint32_t bits;
  __builtin_memcpy(&bits, data + i * 4, 4);
  if (keys == INTEGERS) return bits ^ SIGN ^ flip;
  if (keys == FLOAT_PLACES && bits == SIGN) bits = 0;
  const uint32_t ordered = bits ^ ((uint32_t)((int32_t)bits >> 31) | SIGN);
  return ((bits & 0x7fffffff) > 0x7f800000 ? NAN_KEY : ordered) ^ flip;
}

template <Keys keys>
INLINE void valueTo(uint8_t* data, int64_t i, uint32_t key, uint32_t flip) {
  key ^= flip;
  if (keys == BYTES) {
    data[i] = (uint8_t)key;
    return;
  }
  const uint32_t bits = keys == INTEGERS || (key & SIGN) ? key ^ SIGN : ~key;
  __builtin_memcpy(data + i * 4, &bits, 4);
}

INLINE uint32_t keyOf(uint32_t element) { return element; }
INLINE uint32_t keyOf(uint64_t element) { return (uint32_t)(element >> 32); }
template <class Element>
INLINE Element elementOf(uint32_t key, int64_t position) {
  return sizeof(Element) == 4 ? (Element)key : (Element)((uint64_t)key << 32 | (uint64_t)position);
}

static const int64_t INSERTION_ROW = 40;
static const int32_t DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS;
static const int64_t COUNT_BYTES = 4 * DIGITS * 4;

// Whole elements are compared: positions, where there are any, ascend in the row.
template <class Element>
static void insertionSort(Element* row, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    const Element element = row[i];
    int64_t at = i;
    for (; at > 0 && row[at - 1] > element; at--) row[at] = row[at - 1];
    row[at] = element;
  }
}

// A row in cache, stable: least significant digit first, all digits counted in one read, those that are the same everywhere
// left out. The result stands in `row` or in `other`, as returned. `counts`: COUNT_BYTES.
template <class Element>
static Element* sortRow(Element* row, Element* other, int64_t n, int32_t bits, uint32_t* counts) {
  if (n <= INSERTION_ROW) {
    insertionSort(row, n);
    return row;
  }
  for (int32_t i = 0; i < bits / DIGIT_BITS * DIGITS; i++) counts[i] = 0;
  for (int64_t i = 0; i < n; i++) {
    const uint32_t key = keyOf(row[i]);
    counts[key & 255]++;
    if (bits == 8) continue;
    counts[DIGITS + (key >> 8 & 255)]++;
    counts[2 * DIGITS + (key >> 16 & 255)]++;
    counts[3 * DIGITS + (key >> 24)]++;
  }
  for (int32_t shift = 0; shift < bits; shift += DIGIT_BITS, counts += DIGITS) {
    if (counts[keyOf(row[0]) >> shift & 255] == n) continue;
    uint32_t next = 0;
    for (int32_t digit = 0; digit < DIGITS; digit++) {
      const uint32_t count = counts[digit];
      counts[digit] = next;
      next += count;
    }
    for (int64_t i = 0; i < n; i++) {
      const Element element = row[i];
      other[counts[keyOf(element) >> shift & 255]++] = element;
    }
    Element* sorted = other;
    other = row;
    row = sorted;
  }
  return row;
}

}  // namespace radix
