// Rows copied as bytes.
#pragma once
#include "../simd.h"

// Vectors, then the last one once more, overlapping.
static void copyBytes(uint8_t* to, const uint8_t* from, int64_t bytes) {
  const int64_t width = LANES * 4;
  if (bytes >= width) {
    int64_t i = 0;
    for (; i + width <= bytes; i += width) store((int32_t*)(void*)(to + i), load((const int32_t*)(const void*)(from + i)));
    if (i < bytes)
      store((int32_t*)(void*)(to + bytes - width), load((const int32_t*)(const void*)(from + bytes - width)));
    return;
  }
  int64_t i = 0;
  for (; i + 8 <= bytes; i += 8) __builtin_memcpy(to + i, from + i, 8);
  if (i + 4 <= bytes) __builtin_memcpy(to + i, from + i, 4), i += 4;
  for (; i < bytes; i++) to[i] = from[i];
}
