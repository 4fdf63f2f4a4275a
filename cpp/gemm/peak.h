// The multiply-add rate of one thread: the bound that matrix products and convolutions are measured against.
//
// Twelve independent accumulators (six where a multiply-add is two instructions) cover the latency on every target;
// nothing is loaded or stored in the loop.
#pragma once
#include "../simd.h"

// Runs `iterations` rounds of multiply-adds and returns the floating-point operations executed.
static __attribute__((noinline)) double fma_burst(int64_t iterations) {
  enum { CHAINS = 12 };
  vf sum[CHAINS];
#pragma GCC unroll 16
  for (int i = 0; i < CHAINS; i++) sum[i] = splat((float)i);
  volatile float opaque = 0.999f;  // unknown to the compiler, so that the loop is not folded
  vf factor = splat(opaque), term = splat(1.0f - opaque);
  for (int64_t n = 0; n < iterations; n++) {
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++) sum[i] = fma(sum[i], factor, term);
  }
  vf total = sum[0];
#pragma GCC unroll 16
  for (int i = 1; i < CHAINS; i++) total = total + sum[i];
  volatile float used = sumLanes(total);
  (void)used;
  return 2.0 * (double)(iterations * LANES * CHAINS);
}

// FLOP/s of the best of the bursts (about 50 µs each) that fit into `seconds`; `clock` gives seconds.
static double fma_peak(double seconds, double (*clock)()) {
  const int64_t iterations = 20000;
  double start = clock(), best = 0;
  do {
    double begin = clock(), operations = fma_burst(iterations), end = clock();
    if (end > begin && operations / (end - begin) > best) best = operations / (end - begin);
  } while (clock() - start < seconds);
  return best;
}
