// a = b + 3 · c, the yardstick of memory bandwidth. Arrays beyond the caches are written past them, as loops do it.
//
// Bound: memory, 12 bytes per element. `count` is a multiple of 16, the arrays are aligned.
#pragma once
#include "../simd.h"

static void triad(float* a, const float* b, const float* c, int64_t count, bool streams) {
  const vf factor = splat(3.0f);
  if (streams) {
    for (int64_t i = 0; i < count; i += LANES) stream(a + i, fma(factor, load(c + i), load(b + i)));
    streamFence();
  } else {
    for (int64_t i = 0; i < count; i += LANES) store(a + i, fma(factor, load(c + i), load(b + i)));
  }
}
