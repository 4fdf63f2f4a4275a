// What this machine can do, measured with a team of its own threads: for `myelin doctor`, profiles and the benchmarks.
#pragma once
#include "runtime/parallel.h"

enum MeasuredRate {
  PEAK_FLOPS,        // FLOP/s of fused multiply-adds
  MEMORY_BANDWIDTH,  // bytes/s of a triad over memory larger than the caches
  CACHE_BANDWIDTH,   // the same within the cache of a core
};

// All threads together; 0 where there is no memory for it.
double measureRate(Team* team, const KernelTable* table, int32_t threads, double seconds, MeasuredRate what);
